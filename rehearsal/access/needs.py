"""All that one call needs: permissions for its own action, and for what it does besides."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from moto.iam.models import iam_backends

from rehearsal.access.actions import action as action_of
from rehearsal.access.actions import passed_roles
from rehearsal.access.arns import resources, role_arn
from rehearsal.access.conditions import Values
from rehearsal.access.encryption import Use, copy_source, uses
from rehearsal.wire.call import Call

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
_VERSIONED = ("s3:DeleteObject", "s3:GetObject")


@dataclass(frozen=True)
class Need:
    """One action on one resource; `keys` are condition keys, in lower case, that this need alone has."""

    action: str
    resource: str
    keys: Mapping[str, Values] = field(default_factory=dict)


def needs(call: Call) -> Iterator[Need]:
    """Yield what the caller must be allowed, the operation's own action first."""
    own = action_of(call)
    tagging = own == "sts:AssumeRole" and call.parameters.get("Tags")
    if call.service == "s3" and own in _VERSIONED:
        yield from _of_objects(call, own)
    else:
        for action in (own, "sts:TagSession") if tagging else (own,):
            yield from (Need(action, resource) for resource in resources(call, action))
    yield from _besides(call)
    for use in uses(call):
        yield from _of_key(call, use)
    for passed, service in passed_roles(call):
        arn = role_arn(call.account, _role_of_profile(call, passed))
        yield Need("iam:PassRole", arn, {"iam:passedtoservice": (service,)})


def _of_objects(call: Call, own: str) -> Iterator[Need]:
    """Yield what it takes for each object: a version that is named takes an action of its own."""
    given = call.parameters
    for each in given.get("Delete", {}).get("Objects") or [given]:
        yield Need(f"{own}Version" if each.get("VersionId") else own, f"arn:aws:s3:::{given['Bucket']}/{each['Key']}")


def _besides(call: Call) -> Iterator[Need]:
    if more := _MORE.get((call.service, call.operation)) or _MORE.get((call.service, "")):
        yield from more(call)


def _copied(call: Call) -> Iterator[Need]:
    bucket, key = copy_source(call)
    yield Need("s3:GetObject", f"arn:aws:s3:::{bucket}/{key}")


def _layers(call: Call) -> Iterator[Need]:
    # https://docs.aws.amazon.com/lambda/latest/dg/permissions-user-function.html
    yield from (Need("lambda:GetLayerVersion", layer) for layer in call.parameters.get("Layers", []))


def _tagged(call: Call) -> Iterator[Need]:
    # https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/supported-iam-actions-tagging.html
    for specification in call.parameters.get("TagSpecifications", []):
        arn = f"arn:aws:ec2:{call.region}:{call.account}:{specification.get('ResourceType', '*')}/*"
        yield Need("ec2:CreateTags", arn, {"ec2:createaction": (call.operation,)})


def _tagged_run(call: Call) -> Iterator[Need]:
    # of the resources of the action, only job runs are made by this call:
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonemroneksemrcontainers.html
    if call.parameters.get("tags"):
        runs = f"/virtualclusters/{call.parameters['virtualClusterId']}/jobruns/*"
        yield Need("emr-containers:TagResource", f"arn:aws:emr-containers:{call.region}:{call.account}:{runs}")


def _bearer(_: Call) -> Iterator[Need]:
    # https://docs.aws.amazon.com/AmazonECR/latest/public/public-registry-auth.html
    yield Need("sts:GetServiceBearerToken", "*")


# By service and operation; without the latter it is all of the service's.
_MORE: Mapping[tuple[str, str], Callable[[Call], Iterator[Need]]] = {
    ("s3", "CopyObject"): _copied,
    ("s3", "UploadPartCopy"): _copied,
    ("lambda", "CreateFunction"): _layers,
    ("lambda", "UpdateFunctionConfiguration"): _layers,
    ("ec2", ""): _tagged,
    ("emr-containers", "StartJobRun"): _tagged_run,
    ("ecr-public", "GetAuthorizationToken"): _bearer,
}


def _of_key(call: Call, use: Use) -> Iterator[Need]:
    """Yield what KMS asks of a caller in whose name another service uses a key."""
    keys: dict[str, Values] = {f"kms:encryptioncontext:{name}": (value,) for name, value in use.context.items()}
    keys["kms:viaservice"] = (f"{call.service}.{call.region}.amazonaws.com",)
    for operation in use.operations:
        asked = replace(call, service="kms", operation=operation, parameters={"KeyId": use.key})
        yield from (Need(f"kms:{operation}", arn, keys) for arn in resources(asked, f"kms:{operation}"))


def _role_of_profile(call: Call, passed: str) -> str:
    """Return the role in an instance profile, where one is passed instead of a role."""
    if call.operation != "RunInstances":
        return passed
    profiles = iam_backends[call.account]["aws"].instance_profiles.values()
    found = next((profile for profile in profiles if passed in (profile.arn, profile.name)), None)
    return str(found.roles[0].arn) if found and found.roles else passed
