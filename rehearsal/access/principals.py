"""Who a policy names: AWS refuses a policy that names a role or user which is not there, or not yet seen.

https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_policies.html and
https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-bucket-user-policy-specifying-principal-intro.html
"""

from collections.abc import Iterator
from functools import cache

import botocore.session
from moto.iam.models import iam_backends

from rehearsal.access.actions import prefixes
from rehearsal.access.identities import earlier, role
from rehearsal.access.policy import Statement, parse

SERVICE = ".amazonaws.com"
# services that act under a name which is neither IAM's prefix nor botocore's name of them
OTHERS = {
    *("ec2fleet", "ecs-tasks", "edgelambda", "eks-fargate-pods", "eks-nodegroup", "k8s", "monitoring", "spot"),
    *("spotfleet", "vpc-flow-logs"),
}
# keys whose fixed values end a policy's being public:
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
NARROWING = {
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceip",
    "aws:sourceorgid",
    "aws:sourceorgpaths",
    "aws:sourceowner",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:userid",
    "s3:dataaccesspointaccount",
    "s3:dataaccesspointarn",
}


def unknown(document: str | None, account: str) -> str | None:
    """Return the first principal of this account, or service, that a policy names and nobody knows."""
    statements = _statements(document or "{}")
    named = (name for statement in statements for name in _named(statement, "AWS"))
    strangers = (name for name in named if _is_of(account, name) and not _known(account, name))
    services = (name for statement in statements for name in _named(statement, "Service"))
    return next(strangers, None) or next((name for name in services if not _is_service(name)), None)


def public(document: str) -> bool:
    """Return whether a bucket's policy lets in everybody, as Block Public Access reads it."""
    return any(_lets_all_in(statement) for statement in _statements(document))


def _statements(document: str) -> tuple[Statement, ...]:
    """Return a policy's statements; none of one that cannot be read, which the emulator refuses."""
    try:
        return parse(document)
    except (LookupError, TypeError, ValueError):
        return ()


def _named(statement: Statement, kind: str) -> Iterator[str]:
    yield from (statement.principals or {}).get(kind, ())


def _is_service(name: str) -> bool:
    """Return whether a part of a name, `pods.eks.amazonaws.com` or `logs.us-west-2.amazonaws.com`, is a service's.

    Whether AWS knows the other parts nobody tells offline; what does not end as AWS's names do is left to AWS.
    """
    return not name.endswith(SERVICE) or not _services().isdisjoint(name.removesuffix(SERVICE).split("."))


@cache
def _services() -> frozenset[str]:
    return prefixes() | OTHERS | frozenset(botocore.session.Session().get_available_services())


def _is_of(account: str, name: str) -> bool:
    return name.startswith("arn:") and name.split(":")[4:5] == [account]


def _known(account: str, name: str) -> bool:
    kind, _, path = name.split(":", 5)[5].partition("/")
    if kind == "user":
        return path.rpartition("/")[2] in iam_backends[account]["aws"].users
    if kind not in ("role", "assumed-role"):
        return True  # the account itself, or what the rehearsal does not make
    found = role(account, path.partition("/")[0] if kind == "assumed-role" else path.rpartition("/")[2])
    before = earlier(found) if found else None
    return found is not None and not (before and before.identity is None)


def _lets_all_in(statement: Statement) -> bool:
    principals = statement.principals or {}
    everybody = "*" in principals.get("*", ()) or "*" in principals.get("AWS", ())
    keys = {key.lower(): values for block in statement.conditions.values() for key, values in block.items()}
    narrowed = any(key in NARROWING and not any(set(value) <= {"*"} for value in keys[key]) for key in keys)
    return statement.effect == "allow" and everybody and not narrowed
