"""All that one call needs: permissions for its own action, and for what it does besides."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from moto.iam.models import iam_backends

from rehearsal.access.actions import action as action_of
from rehearsal.access.actions import passed_roles
from rehearsal.access.arns import resources, role_arn
from rehearsal.access.conditions import Values
from rehearsal.wire.call import Call


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
    for action in (own, "sts:TagSession") if tagging else (own,):
        yield from (Need(action, resource) for resource in resources(call, action))
    yield from _besides(call)
    for passed, service in passed_roles(call):
        arn = role_arn(call.account, _role_of_profile(call, passed))
        yield Need("iam:PassRole", arn, {"iam:passedtoservice": (service,)})


def _besides(call: Call) -> Iterator[Need]:
    if call.service == "s3" and call.operation in ("CopyObject", "UploadPartCopy"):
        yield Need("s3:GetObject", "arn:aws:s3:::" + _copy_source(call.parameters["CopySource"]))
    if call.service == "lambda" and call.operation in ("CreateFunction", "UpdateFunctionConfiguration"):
        # https://docs.aws.amazon.com/lambda/latest/dg/permissions-user-function.html
        yield from (Need("lambda:GetLayerVersion", layer) for layer in call.parameters.get("Layers", []))
    if call.service == "ec2":
        # https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/supported-iam-actions-tagging.html
        for specification in call.parameters.get("TagSpecifications", []):
            arn = f"arn:aws:ec2:{call.region}:{call.account}:{specification.get('ResourceType', '*')}/*"
            yield Need("ec2:CreateTags", arn, {"ec2:createaction": (call.operation,)})


def _copy_source(source: str | Mapping[str, str]) -> str:
    if isinstance(source, str):
        return source.removeprefix("/").partition("?")[0]
    return f"{source['Bucket']}/{source['Key']}"


def _role_of_profile(call: Call, passed: str) -> str:
    """Return the role in an instance profile, where one is passed instead of a role."""
    if call.operation != "RunInstances":
        return passed
    profiles = iam_backends[call.account]["aws"].instance_profiles.values()
    found = next((profile for profile in profiles if passed in (profile.arn, profile.name)), None)
    return str(found.roles[0].arn) if found and found.roles else passed
