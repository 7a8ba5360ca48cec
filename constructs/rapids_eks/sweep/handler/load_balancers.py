"""Load balancers of Services and Ingresses, classic ones and those with target groups."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from .deletion import attempt, is_tagged
from .ec2 import Tags

AT_ONCE = 20  # so many can be asked for their tags at a time


def classic(elb: Any, vpc: str, tags: Tags) -> list[str]:  # noqa: ANN401 - boto3 makes its classes at run time
    """Delete the cluster's classic load balancers in the VPC."""
    pages = elb.get_paginator("describe_load_balancers").paginate()
    names = [
        each["LoadBalancerName"] for page in pages for each in page["LoadBalancerDescriptions"] if each["VPCId"] == vpc
    ]

    def described(some: Sequence[str]) -> list[dict[str, Any]]:
        return list(elb.describe_tags(LoadBalancerNames=list(some))["TagDescriptions"])

    return [
        attempt(f"load balancer {name}", partial(elb.delete_load_balancer, LoadBalancerName=name))
        for name in _tagged(names, described, "LoadBalancerName", tags)
    ]


def modern(elbv2: Any, vpc: str, tags: Tags) -> list[str]:  # noqa: ANN401 - boto3 makes its classes at run time
    """Delete the cluster's application and network load balancers in the VPC, and its target groups."""
    balancers = _of_cluster(elbv2, "describe_load_balancers", "LoadBalancers", "LoadBalancerArn", vpc, tags)
    groups = _of_cluster(elbv2, "describe_target_groups", "TargetGroups", "TargetGroupArn", vpc, tags)
    return [
        attempt(f"load balancer {arn}", partial(elbv2.delete_load_balancer, LoadBalancerArn=arn)) for arn in balancers
    ] + [attempt(f"target group {arn}", partial(elbv2.delete_target_group, TargetGroupArn=arn)) for arn in groups]


def _of_cluster(elbv2: Any, operation: str, member: str, key: str, vpc: str, tags: Tags) -> list[str]:  # noqa: ANN401
    pages = elbv2.get_paginator(operation).paginate()
    arns = [each[key] for page in pages for each in page[member] if each.get("VpcId") == vpc]

    def described(some: Sequence[str]) -> list[dict[str, Any]]:
        return list(elbv2.describe_tags(ResourceArns=list(some))["TagDescriptions"])

    return list(_tagged(arns, described, "ResourceArn", tags))


def _tagged(
    names: Sequence[str], described: Callable[[Sequence[str]], list[dict[str, Any]]], key: str, tags: Tags
) -> Iterator[str]:
    for start in range(0, len(names), AT_ONCE):
        for each in described(names[start : start + AT_ONCE]):
            if is_tagged(each["Tags"], tags):
                yield each[key]


def vanishing(ec2: Any, elb: Any, elbv2: Any, vpc: str) -> list[str]:  # noqa: ANN401 - boto3 makes its classes at run time
    """Tell which interfaces of load balancers that are gone AWS has not removed yet; they carry no tags."""
    filters = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "description", "Values": ["ELB *"]}]
    pages = list(ec2.get_paginator("describe_network_interfaces").paginate(Filters=filters))
    interfaces = {
        each["NetworkInterfaceId"]: each["Description"] for page in pages for each in page["NetworkInterfaces"]
    }
    there = _descriptions(elb, elbv2) if interfaces else set()
    return [f"network interface {name} ({said})" for name, said in interfaces.items() if said not in there]


def _descriptions(elb: Any, elbv2: Any) -> set[str]:  # noqa: ANN401 - boto3 makes its classes at run time
    """Return the descriptions of the interfaces of all load balancers that there are."""
    old = elb.get_paginator("describe_load_balancers").paginate()
    new = elbv2.get_paginator("describe_load_balancers").paginate()
    names = {f"ELB {each['LoadBalancerName']}" for page in old for each in page["LoadBalancerDescriptions"]}
    arns = [each["LoadBalancerArn"] for page in new for each in page["LoadBalancers"]]
    return names | {f"ELB {arn.partition(':loadbalancer/')[2]}" for arn in arns}
