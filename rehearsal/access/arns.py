"""Which resources a call touches, as the ARNs that policies are matched against."""

import re
from collections.abc import Callable, Iterator
from functools import cache
from itertools import product

from moto.autoscaling.models import autoscaling_backends
from moto.kms.models import kms_backends
from moto.secretsmanager.models import secretsmanager_backends

from rehearsal.access import identities, service_linked
from rehearsal.access.actions import definition, resource_formats
from rehearsal.wire.call import Call

# Parameters that fill a placeholder of an ARN format but do not bear its name.
_NAMES: dict[tuple[str, str], tuple[str, ...]] = {
    ("aps", "Namespace"): ("name",),
    ("cloudformation", "StackName"): ("StackName", "StackId"),
    ("cloudwatch", "AlarmName"): ("AlarmName", "AlarmNames"),
    ("cloudwatch", "DashboardName"): ("DashboardName", "DashboardNames"),
    ("codebuild", "ProjectName"): ("projectName", "name", "names"),
    ("ec2", "SecurityGroupId"): ("GroupId",),
    ("eks", "ClusterName"): ("clusterName", "name"),
    ("emr-containers", "JobRunId"): ("id",),
    ("emr-containers", "VirtualClusterId"): ("virtualClusterId", "id"),
    ("emr-containers", "JobTemplateId"): ("id", "jobTemplateId"),
    ("events", "RuleName"): ("Rule", "Name"),
    ("iam", "GroupNameWithPath"): ("GroupName",),
    ("iam", "InstanceProfileNameWithPath"): ("InstanceProfileName",),
    ("iam", "PolicyNameWithPath"): ("PolicyName",),
    ("iam", "RoleNameWithPath"): ("RoleName",),
    ("iam", "UserNameWithPath"): ("UserName",),
    ("secretsmanager", "SecretId"): ("SecretId", "Name"),
    ("sns", "TopicName"): ("TopicArn", "Name"),
    ("sqs", "QueueName"): ("QueueUrl", "QueueName"),
    ("ssm", "ParameterNameWithoutLeadingSlash"): ("Name", "Names", "Path"),
    ("states", "StateMachineName"): ("stateMachineArn", "name"),
    ("sts", "RoleNameWithPath"): ("RoleArn",),
}
_MAY_HOLD_SLASHES = re.compile(r"WithPath$|^Object|^Parameter|^LogGroup|^LogStream|^Repository|^Secret")
_MAKES = re.compile(r"(Create|Run|Allocate|Register|Request|Publish)[A-Z]")


def resources(call: Call, action: str) -> tuple[str, ...]:
    """Return the ARNs that `action` of this call is checked against; `*` alone where it is about no resource.

    A part of an ARN that AWS has yet to make up (the id of a VPC to be created) is `*`, as it is in AWS.
    """
    service, _, name = action.partition(":")
    special = _SPECIAL.get(service)
    found = special(call, name) if special else None
    return tuple(dict.fromkeys(found if found is not None else _by_reference(call, service, name))) or ("*",)


def role_arn(account: str, role: str) -> str:
    """Return the ARN of a role that is given by ARN or by name, with the path it was created under."""
    if role.startswith("arn:"):
        return role
    known = identities.role(account, role)
    return str(known.arn) if known else f"arn:aws:iam::{account}:role/{role}"


def _by_reference(call: Call, service: str, action: str) -> Iterator[str]:
    formats = resource_formats(service)
    for name, entry in definition(service, action)["resource_types"].items():
        if name in formats:
            found = list(_filled(call, service, formats[name]))
            whole = [arn for arn in found if "*" not in arn.split(":", 5)[5]]
            yield from whole or (found if entry["required"] else [])


def _filled(call: Call, service: str, form: str) -> Iterator[str]:
    """Yield the ARNs of one format: given whole, or put together from parameters, `*` for what they do not tell."""
    given = [text for value in call.parameters.values() for text in _texts(value) if _pattern(form).fullmatch(text)]
    if given:
        yield from given
        return
    known = {"Partition": ["aws"], "Region": [call.region], "Account": [call.account]}
    names = re.findall(r"\$\{(\w+)\}", form)
    options = [known.get(name) or _values(call, service, name) for name in names]
    if all(name in known or option == ["*"] for name, option in zip(names, options, strict=True)):
        if _MAKES.match(call.operation):
            yield re.sub(r"\$\{(\w+)\}", lambda m: known.get(m.group(1), ["*"])[0], form)
        return
    for chosen in product(*options):
        values = iter(chosen)
        yield re.sub(r"\$\{\w+\}", lambda _, values=values: next(values), form)  # type: ignore[misc]


def _values(call: Call, service: str, placeholder: str) -> list[str]:
    lowered = {key.lower(): value for key, value in call.parameters.items()}
    for name in (*_NAMES.get((service, placeholder), ()), placeholder, placeholder + "s"):
        if values := [_bare(text) for text in _texts(lowered.get(name.lower()))]:
            return values
    return ["*"]


def _bare(text: str) -> str:
    """Return the name in an ARN or a queue's URL; parameters' names lose their leading slash."""
    if text.startswith("arn:"):
        return re.split(r"[:/]", text)[-1]
    return text.rpartition("/")[2] if "://" in text else text.removeprefix("/")


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


@cache
def _pattern(form: str) -> re.Pattern[str]:
    parts = re.split(r"\$\{(\w+)\}", form)
    free = [r"[^:]+" if _MAY_HOLD_SLASHES.search(name) else r"[^:/]*" for name in parts[1::2]]
    return re.compile("".join(re.escape(text) + tail for text, tail in zip(parts[::2], [*free, ""], strict=True)))


def _s3(call: Call, action: str) -> list[str] | None:
    bucket = call.parameters.get("Bucket")
    if not bucket:
        return ["*"] if action == "ListAllMyBuckets" else None
    about_objects = any("object" in name for name in definition("s3", action)["resource_types"])
    if not about_objects:
        return [f"arn:aws:s3:::{bucket}"]
    listed = call.parameters.get("Delete", {}).get("Objects") or [{"Key": call.parameters.get("Key", "")}]
    return [f"arn:aws:s3:::{bucket}/{entry['Key']}" for entry in listed]


def _logs(call: Call, action: str) -> list[str] | None:
    """Return a group's ARN with the `:log-stream:` that all calls but those about tags put after it.

    A policy for `log-group:NAME:*` matches it, one for `log-group:NAME` does not.
    """
    types = definition("logs", action)["resource_types"]
    given = call.parameters
    group = given.get("logGroupName") or given.get("logGroupIdentifier") or ""
    if group.startswith("arn:"):
        group = group.split(":")[6]
    base = f"arn:aws:logs:{call.region}:{call.account}:log-group:{group}"
    if action != "DescribeLogGroups" and (not group or not {"log-group", "log-stream"} & set(types)):
        return None
    return [f"{base}:log-stream:{given.get('logStreamName', '') if 'log-stream' in types else ''}"]


def _lambda(call: Call, action: str) -> list[str] | None:
    name = call.parameters.get("FunctionName")
    if not name or not any(kind.startswith("function") for kind in definition("lambda", action)["resource_types"]):
        return None
    function, _, version = re.sub(r"^(arn:aws:lambda:[^:]+:)?(\d{12}:)?(function:)?", "", name).partition(":")
    qualifier = call.parameters.get("Qualifier") or version
    base = f"arn:aws:lambda:{call.region}:{call.account}:function:{function}"
    return [f"{base}:{qualifier}" if qualifier else base]


def _kms(call: Call, _action: str) -> list[str] | None:
    key = call.parameters.get("KeyId") or call.parameters.get("TargetKeyId")
    if not key or ":key/" in key:
        return [key] if key else None
    backend = kms_backends[call.account][call.region]
    found = backend.get_key_id_from_alias(key.split(":")[-1]) if "alias/" in key else key
    return [f"arn:aws:kms:{call.region}:{call.account}:key/{found}"] if found else None


def _secret(call: Call, _action: str) -> list[str] | None:
    """Return the ARN of a secret that is called by its name: it ends in letters that AWS has made up."""
    wanted = call.parameters.get("SecretId", "")
    found = secretsmanager_backends[call.account][call.region].secrets.get(wanted) if wanted else None
    return [str(found.arn)] if found else None


def _iam_paths(call: Call, action: str) -> list[str] | None:
    """Return the ARN with the path that it was created under, which later calls do not name."""
    if "role" in definition("iam", action)["resource_types"] and (role := call.parameters.get("RoleName")):
        if call.operation == "CreateRole":
            return [f"arn:aws:iam::{call.account}:role{call.parameters.get('Path', '/')}{role}"]
        return [role_arn(call.account, role)]
    if action == "CreateServiceLinkedRole":
        return [service_linked.arn(call.account, call.parameters["AWSServiceName"])]
    if action == "CreatePolicy":
        path = call.parameters.get("Path", "/")
        return [f"arn:aws:iam::{call.account}:policy{path}{call.parameters['PolicyName']}"]
    return None


_EC2_KINDS = {
    "acl": "network-acl", "ami": "image", "dopt": "dhcp-options", "eipalloc": "elastic-ip", "eni": "network-interface",
    "fl": "vpc-flow-log", "i": "instance", "igw": "internet-gateway", "lt": "launch-template", "nat": "natgateway",
    "rtb": "route-table", "sg": "security-group", "sgr": "security-group-rule", "snap": "snapshot", "subnet": "subnet",
    "vol": "volume", "vpc": "vpc", "vpce": "vpc-endpoint",
}  # fmt: skip


def _ec2(call: Call, action: str) -> list[str] | None:
    """Return the ARNs of what is tagged, of any kind, which its id tells; and of the template that starts name."""
    if action == "RunInstances":
        own = f"arn:aws:ec2:{call.region}:{call.account}:"
        used = call.parameters.get("LaunchTemplate", {}).get("LaunchTemplateId")
        template = [f"{own}launch-template/{used}"] if used else []
        return [*_by_reference(call, "ec2", action), f"{own}volume/*", *template]
    if action not in ("CreateTags", "DeleteTags"):
        return None
    ids = [(text.split("-")[0], text) for text in _texts(call.parameters.get("Resources"))]
    return [f"arn:aws:ec2:{call.region}:{call.account}:{_EC2_KINDS.get(kind, '*')}/{text}" for kind, text in ids]


def _autoscaling(call: Call, _action: str) -> list[str] | None:
    """Return the ARN of a group that is given by its name, or by one of its instances."""
    name, instance = call.parameters.get("AutoScalingGroupName"), call.parameters.get("InstanceId")
    groups = autoscaling_backends[call.account][call.region].autoscaling_groups.values()
    found = (
        each for each in groups if each.name == name or instance in [one.instance_id for one in each.instance_states]
    )
    return [each.arn for each in found] or None


def _codebuild(call: Call, _action: str) -> list[str] | None:
    """Return the projects of builds, whose ids begin with their names: there is no permission for a single build."""
    builds = [*_texts(call.parameters.get("ids")), *_texts([call.parameters.get("id")])]
    project = f"arn:aws:codebuild:{call.region}:{call.account}:project/"
    return [project + each.rpartition("/")[2].rpartition(":")[0] for each in builds] or None


def _ssm(call: Call, _action: str) -> list[str] | None:
    """Return the ARNs of AWS's own public parameters, which are of no account.

    https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-public-parameters.html
    """
    names = [*_texts(call.parameters.get("Name")), *_texts(call.parameters.get("Names"))]
    if not names or not all(name.startswith("/aws/service/") for name in names):
        return None
    return [f"arn:aws:ssm:{call.region}::parameter{name}" for name in names]


def _states(call: Call, action: str) -> list[str] | None:
    """Return the machine whose executions are listed; only those of a map run are asked for by another ARN.

    https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListExecutions.html
    """
    named = (
        (call.parameters.get("stateMachineArn") or call.parameters.get("mapRunArn"))
        if action == "ListExecutions"
        else None
    )
    return [named] if named else None


_SPECIAL: dict[str, Callable[[Call, str], list[str] | None]] = {
    "autoscaling": _autoscaling,
    "codebuild": _codebuild,
    "ec2": _ec2,
    "iam": _iam_paths,
    "kms": _kms,
    "lambda": _lambda,
    "logs": _logs,
    "s3": _s3,
    "secretsmanager": _secret,
    "ssm": _ssm,
    "states": _states,
}
