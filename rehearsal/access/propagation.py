"""IAM's eventual consistency: what changes of a role is seen by the rest of AWS some seconds later.

https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency
"""

from collections.abc import Iterator
from contextlib import contextmanager

from rehearsal.access.identities import Earlier, Identity, earlier, of_role, own_documents, role
from rehearsal.access.policy import grants
from rehearsal.wire.call import Call
from rehearsal.world import World

PROPAGATION = 5.0  # seconds; IAM promises none, and CloudFormation waits before it calls a role or policy complete
_CHANGES = {
    "AttachRolePolicy",
    "CreateRole",
    "DeleteRolePermissionsBoundary",
    "DeleteRolePolicy",
    "DetachRolePolicy",
    "PutRolePermissionsBoundary",
    "PutRolePolicy",
    "UpdateAssumeRolePolicy",
}


@contextmanager
def propagating(call: Call, world: World) -> Iterator[None]:
    """Carry out a call; what it changes of a role is noted, and pending for a while."""
    if call.service != "iam" or call.operation not in _CHANGES:
        yield
        return
    name = call.parameters["RoleName"]
    before = _as_seen(call.account, name)
    yield
    until = world.clock.patience() + PROPAGATION
    if found := role(call.account, name):
        found.earlier = Earlier(lambda: world.clock.patience() < until, *before)
        world.grants.grant(name, grants(own_documents(found)))


def _as_seen(account: str, name: str) -> tuple[Identity | None, str | None]:
    found = role(account, name)
    if found is None:
        return None, None
    before = earlier(found)
    if before:
        return before.identity, before.trust
    return of_role(account, found), found.assume_role_policy_document
