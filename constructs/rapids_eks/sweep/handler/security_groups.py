"""Security groups that Kubernetes' controllers made, and EKS itself."""

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from .deletion import attempt, refusal
from .ec2 import Tags, found

PROTOCOL_AND_PORTS = ("IpProtocol", "FromPort", "ToPort")


def security_groups(ec2: Any, vpc: str, tags: Tags) -> list[str]:  # noqa: ANN401 - boto3 makes its classes at run time
    """Delete the cluster's groups in the VPC, after their rules about groups, which may be about each other."""
    groups = list(found(ec2, "describe_security_groups", "SecurityGroups", tags, vpc_id=[vpc]))
    refused = [line for group in groups for line in revoke(ec2, group)]
    return refused + [
        attempt(
            f"security group {name}",
            partial(ec2.delete_security_group, GroupId=name),
            partial(users, ec2, name),
        )
        for group in groups
        for name in [group["GroupId"]]
    ]


def revoke(ec2: Any, group: Mapping[str, Any]) -> list[str]:  # noqa: ANN401 - boto3 makes its classes at run time
    """Revoke a group's rules that name groups; return those that stay."""
    kinds = (
        ("IpPermissions", ec2.revoke_security_group_ingress),
        ("IpPermissionsEgress", ec2.revoke_security_group_egress),
    )
    return [
        f"rules of {group['GroupId']} ({reason})"
        for member, call in kinds
        if (rules := list(about_groups(group[member])))
        if (reason := refusal(partial(call, GroupId=group["GroupId"], IpPermissions=rules)))
    ]


def about_groups(permissions: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the part of permissions that names security groups."""
    for permission in permissions:
        if pairs := permission.get("UserIdGroupPairs"):
            named = [{key: pair[key] for key in ("GroupId", "UserId") if key in pair} for pair in pairs]
            yield {key: permission[key] for key in PROTOCOL_AND_PORTS if key in permission} | {
                "UserIdGroupPairs": named
            }


def users(ec2: Any, group: str) -> list[str]:  # noqa: ANN401 - boto3 makes its classes at run time
    """Return the interfaces that carry a group, and the other groups whose rules name it."""
    carried = ec2.describe_network_interfaces(Filters=[{"Name": "group-id", "Values": [group]}])["NetworkInterfaces"]
    named = [
        each["GroupId"]
        for name in ("ip-permission.group-id", "egress.ip-permission.group-id")
        for each in ec2.describe_security_groups(Filters=[{"Name": name, "Values": [group]}])["SecurityGroups"]
        if each["GroupId"] != group
    ]
    return [f"carried by {each['NetworkInterfaceId']} {each.get('Description', '')}".strip() for each in carried] + [
        f"named by a rule of {name}" for name in named
    ]
