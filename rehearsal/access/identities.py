"""The policies that bear on a call: those of its role, its session, and the resource it touches."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace

from moto.awslambda.models import lambda_backends
from moto.ecr.models import ecr_backends
from moto.iam.models import ManagedPolicy, Role, iam_backends
from moto.kms.models import kms_backends
from moto.s3.models import s3_backends
from moto.secretsmanager.models import secretsmanager_backends
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends
from moto.sts.models import sts_backends

from rehearsal.wire.call import Call, Principal

_EVERYTHING = '{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}'


@dataclass(frozen=True)
class Identity:
    """A caller's policies as JSON documents; `boundary` and `session` are None where there is none."""

    documents: tuple[str, ...]
    boundary: str | None = None
    session: str | None = None


@dataclass(frozen=True)
class Earlier:
    """What a role was before its last change, as long as that is `pending`; no identity and trust: it was not there."""

    pending: Callable[[], bool]
    identity: Identity | None
    trust: str | None


def earlier(found: Role) -> Earlier | None:
    """Return what most of AWS still takes a role for; None where its last change is seen everywhere."""
    noted: Earlier | None = getattr(found, "earlier", None)  # kept on moto's record, so that it goes with the role
    return noted if noted and noted.pending() else None


def role(account: str, name: str | None) -> Role | None:
    """Return moto's record of a role by its name, None where there is none."""
    return next((entry for entry in roles(account) if entry.name == name), None)


def roles(account: str) -> list[Role]:
    """Return moto's records of all roles, as they are now: others come and go while one looks."""
    return list(iam_backends[account]["aws"].roles.values())


def identities(account: str, principal: Principal, access_key: str) -> list[Identity]:
    """Return the policies of the caller; the account's own user may do everything, a deleted role nothing.

    While a change of the role is pending there are two, and what the caller does must be allowed by both.
    """
    if principal.role is None:
        return [Identity((_EVERYTHING,))]
    found = role(account, principal.role)
    if found is None:
        return [Identity(())]
    session, before = _session_policy(account, access_key), earlier(found)
    seen = [of_role(account, found), *([before.identity or Identity(())] if before else [])]
    return [replace(each, session=session) for each in seen]


def of_role(account: str, found: Role) -> Identity:
    """Return the policies of a role."""
    documents = (*found.policies.values(), *(_default(policy) for policy in found.managed_policies.values()))
    return Identity(documents, _boundary(account, found))


def own_documents(found: Role) -> tuple[str, ...]:
    """Return the policies of a role that somebody in this account has written."""
    attached = [each for arn, each in found.managed_policies.items() if not arn.startswith("arn:aws:iam::aws:")]
    return (*found.policies.values(), *map(_default, attached))


def resource_policy(call: Call, arn: str) -> str | None:
    """Return the policy of the resource of this ARN, None where it has none or its kind carries none."""
    read = _POLICIES.get(arn.split(":")[2] if arn.startswith("arn:") else "")
    return read(call, arn.split(":", 5)[5]) if read else None


def _default(policy: ManagedPolicy) -> str:
    version = next(entry for entry in policy.versions if entry.version_id == policy.default_version_id)
    document: str = version.document
    return document


def _boundary(account: str, found: Role) -> str | None:
    if found.permissions_boundary_arn is None:
        return None
    policy = iam_backends[account]["aws"].managed_policies.get(found.permissions_boundary_arn)
    return _default(policy) if policy else '{"Statement": []}'


def _session_policy(account: str, access_key: str) -> str | None:
    session = sts_backends[account]["aws"].get_assumed_role_from_access_key(access_key)
    return session.policy or None if session else None


def _of_bucket(call: Call, resource: str) -> str | None:
    bucket = s3_backends[call.account]["aws"].buckets.get(resource.partition("/")[0])
    return bucket.policy.decode() if bucket and bucket.policy else None


def _of_key(call: Call, resource: str) -> str | None:
    key = kms_backends[call.account][call.region].keys.get(resource.removeprefix("key/"))
    return key.policy if key else None


def _of_function(call: Call, resource: str) -> str | None:
    found = lambda_backends[call.account][call.region].get_function_by_arn(
        f"arn:aws:lambda:{call.region}:{call.account}:{resource}"
    )
    return json.dumps({"Statement": found.policy.statements}, default=str) if found else None


def _of_topic(call: Call, resource: str) -> str | None:
    topic = sns_backends[call.account][call.region].topics.get(f"arn:aws:sns:{call.region}:{call.account}:{resource}")
    return topic.policy if topic else None


def _of_queue(call: Call, resource: str) -> str | None:
    queue = sqs_backends[call.account][call.region].queues.get(resource)
    return queue.policy or None if queue else None


def _of_repository(call: Call, resource: str) -> str | None:
    repository = ecr_backends[call.account][call.region].repositories.get(resource.removeprefix("repository/"))
    return repository.policy or None if repository else None


def _of_secret(call: Call, resource: str) -> str | None:
    secrets = secretsmanager_backends[call.account][call.region].secrets
    named = secrets.get(resource.removeprefix("secret:"))
    found = named or next((each for each in list(secrets.values()) if each.arn.endswith(f":{resource}")), None)
    return getattr(found, "policy", None)


def _of_role(call: Call, resource: str) -> str | None:
    found = role(call.account, resource.rpartition("/")[2]) if resource.startswith("role/") else None
    if found is None:
        return None
    before = earlier(found)
    return before.trust if before else found.assume_role_policy_document


_POLICIES: dict[str, Callable[[Call, str], str | None]] = {
    "ecr": _of_repository,
    "iam": _of_role,
    "kms": _of_key,
    "lambda": _of_function,
    "s3": _of_bucket,
    "secretsmanager": _of_secret,
    "sns": _of_topic,
    "sqs": _of_queue,
}
