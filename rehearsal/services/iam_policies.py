"""IAM: policies that AWS refuses for their size, their number or a principal, and the emulator would keep.

The quotas are AWS's defaults: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
"""

from collections.abc import Callable

from rehearsal.access import principals
from rehearsal.access.identities import role
from rehearsal.wire.call import Call, Refused

# characters, white space not counted
TRUST = 2048
INLINE = 10240  # all policies in a role together
MANAGED = 6144
ATTACHED = 10  # managed policies of a role


def refusals() -> dict[str, Callable[[Call], None]]:
    """Return the checks that come before the emulator."""
    return {
        "iam:AttachRolePolicy": _attached,
        "iam:CreatePolicy": _managed,
        "iam:CreatePolicyVersion": _managed,
        "iam:CreateRole": lambda call: _trust(call, call.parameters["AssumeRolePolicyDocument"]),
        "iam:PutRolePolicy": _inline,
        "iam:UpdateAssumeRolePolicy": lambda call: _trust(call, call.parameters["PolicyDocument"]),
    }


def _trust(call: Call, document: str) -> None:
    if _size(document) > TRUST:
        raise Refused("LimitExceeded", f"Cannot exceed quota for ACLSizePerRole: {TRUST}", 409)
    if stranger := principals.unknown(document, call.account):
        kind = "AWS" if stranger.startswith("arn:") else "SERVICE"
        raise Refused("MalformedPolicyDocument", f'Invalid principal in policy: "{kind}":"{stranger}"')


def _managed(call: Call) -> None:
    if _size(call.parameters["PolicyDocument"]) > MANAGED:
        raise Refused("LimitExceeded", f"Cannot exceed quota for PolicySize: {MANAGED}", 409)


def _inline(call: Call) -> None:
    given = call.parameters
    found = role(call.account, given["RoleName"])
    documents = {**(found.policies if found else {}), given["PolicyName"]: given["PolicyDocument"]}
    if sum(map(_size, documents.values())) > INLINE:
        message = f"Maximum policy size of {INLINE} bytes exceeded for role {given['RoleName']}"
        raise Refused("LimitExceeded", message, 409)


def _attached(call: Call) -> None:
    given = call.parameters
    found = role(call.account, given["RoleName"])
    if found and len({*found.managed_policies, given["PolicyArn"]}) > ATTACHED:
        raise Refused("LimitExceeded", f"Cannot exceed quota for PoliciesPerRole: {ATTACHED}", 409)


def _size(document: str) -> int:
    return len("".join(document.split()))
