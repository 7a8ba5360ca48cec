"""The decision on every call, in the order IAM takes it.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html
"""

from collections.abc import Mapping

from rehearsal.access.conditions import Values
from rehearsal.access.context import CallContext
from rehearsal.access.denial import denied
from rehearsal.access.identities import Identity, identities, resource_policy, role
from rehearsal.access.needs import needs
from rehearsal.access.policy import Caller, Verdict, used, verdict
from rehearsal.wire.call import Call, Principal
from rehearsal.world import World

_OPEN = {("sts", "GetCallerIdentity")}  # needs no permission, and no Deny takes it away
_ASSUMING = {"sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"}


class Guard:
    """Checks calls against the policies that the rehearsal's IAM holds at that moment."""

    def __init__(self, world: World) -> None:
        """Guard the calls of this world, by its clock."""
        self._world = world

    def check(self, call: Call) -> None:
        """Raise Refused, worded as the service words it, unless the caller may do all that the call takes."""
        if (call.service, call.operation) in _OPEN:
            return
        for need in needs(call):
            self.demand(call, need.action, need.resource, need.keys)

    def demand(self, call: Call, action: str, resource: str, extra: Mapping[str, Values] | None = None) -> None:
        """Raise Refused unless the caller of `call` may do `action` on `resource`; `extra` are more condition keys."""
        reason = self.reason_against(call, action, resource, extra or {})
        if reason:
            raise denied(call, action, resource, reason)

    def reason_against(self, call: Call, action: str, resource: str, extra: Mapping[str, Values]) -> str | None:
        """Return why the caller may not, in IAM's words, or None if it may."""
        seen = identities(call.account, call.principal, call.access_key)
        reasons = [self._reason_against(own, call, action, resource, extra) for own in seen]
        if call.principal.role:
            self._note(seen[0], reasons[0], CallContext(call, resource, self._world.clock.now(), extra), action)
        return next((reason for reason in reasons if reason), None)

    def _note(self, own: Identity, reason: str | None, context: CallContext, action: str) -> None:
        """Note what a role as it is now was asked for; what is only not seen everywhere yet was not denied."""
        call = context.call
        role_name = str(call.principal.role)
        if reason:
            self._world.grants.deny(role_name, f"{action} on {context.resource} {reason}")
        else:
            self._world.grants.use(role_name, used(own.documents, action, context.resource, context))

    def _reason_against(
        self, own: Identity, call: Call, action: str, resource: str, extra: Mapping[str, Values]
    ) -> str | None:
        context = CallContext(call, resource, self._world.clock.now(), extra)
        caller = _caller(call)

        def ask(*documents: str) -> Verdict:
            return verdict(documents, action, resource, context, caller)

        # a role's own policy is about who may become it, not about who may change it
        policy = None if action.startswith("iam:") else resource_policy(call, resource)
        limits = {"permissions boundary": own.boundary, "session policy": own.session}
        limited = {kind: ask(document) for kind, document in limits.items() if document is not None}
        by_policy = action in _ASSUMING or (action.startswith("kms:") and ":key/" in resource)
        return _reason(action, ask(*own.documents), limited, ask(policy) if policy else "silent", by_policy=by_policy)

    def service_may(self, service: str, action: str, resource: str, call: Call, extra: Mapping[str, Values]) -> bool:
        """Return whether an AWS service may do `action`, which only the resource's own policy can allow it.

        For a service that acts by itself: SNS invoking a function, Lambda assuming its role. `extra` are condition keys
        in lower case, such as `aws:sourcearn`; `call` tells account and region.
        """
        policy = resource_policy(call, resource)
        context = CallContext(call, resource, self._world.clock.now(), extra)
        caller = Caller(frozenset({service}), call.account, service=True)
        return policy is not None and verdict([policy], action, resource, context, caller) == "allow"

    def policy_lets(self, call: Call, policy: str, action: str, resource: str) -> bool:
        """Return whether a policy that `resource` is yet to get leaves `action` to the caller or its account."""
        context = CallContext(call, resource, self._world.clock.now(), {})
        return verdict([policy], action, resource, context, _caller(call)) in ("allow", "delegate")


def role_may(world: World, role_arn: str, action: str, resource: str = "*") -> bool:
    """Return whether a role may do something by its own policies, whoever uses it."""
    service, _, operation = action.partition(":")
    principal = Principal(role_arn, role_arn.rsplit("/", 1)[-1])
    call = Call(service, operation, {}, principal, "", world.region, world.account, "")
    return Guard(world).reason_against(call, action, resource, {}) is None


def _reason(
    action: str, identity_says: Verdict, limited: Mapping[str, Verdict], resource_says: Verdict, *, by_policy: bool
) -> str | None:
    """Return IAM's words for a denial; keys and roles, which exist, decide `by_policy` of their own."""
    for kind, said in {
        "identity-based policy": identity_says,
        **limited,
        "resource-based policy": resource_says,
    }.items():
        if said == "deny":
            article = "an" if kind.startswith("i") else "a"
            return f"with an explicit deny in {article} {kind}"
    if not _granted(identity_says, resource_says, by_policy=by_policy):
        own_policy = by_policy and (action in _ASSUMING or resource_says == "silent")
        kind = "resource-based policy" if own_policy else "identity-based policy"
        return f"because no {kind} allows the {action} action"
    short = next((kind for kind, said in limited.items() if said != "allow"), None)
    return f"because no {short} allows the {action} action" if short else None


def _granted(identity_says: Verdict, resource_says: Verdict, *, by_policy: bool) -> bool:
    """Where its own policy decides, it may leave that to the account's; all else takes either."""
    if resource_says == "allow":
        return True
    return identity_says == "allow" and (not by_policy or resource_says == "delegate")


def _caller(call: Call) -> Caller:
    names = {call.principal.arn}
    if call.principal.role:
        found = role(call.account, call.principal.role)
        names |= {found.arn, found.id} if found else set()
    return Caller(frozenset(names), call.account)
