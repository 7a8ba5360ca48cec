"""What EKS refuses of a node group, and whether its nodes reach what they boot from.

https://docs.aws.amazon.com/eks/latest/userguide/launch-templates.html
https://docs.aws.amazon.com/eks/latest/userguide/private-clusters.html
"""

from collections.abc import Iterator, Mapping
from typing import Any

from moto.ec2.models import EC2Backend, ec2_backends

from rehearsal.functions.network import leads_out, table_of, works
from rehearsal.kubernetes.instance_types import instance_type
from rehearsal.services.eks.records import Record, launch_template
from rehearsal.world import World

BOOT = "ec2:DescribeInstances"  # what a node asks first: https://docs.aws.amazon.com/eks/latest/userguide/create-node-role.html
ENDPOINTS = ("ec2", "ecr.api", "ecr.dkr", "s3")  # without a way out
NOT_IN_TEMPLATES = {
    "IamInstanceProfile": "an instance profile. The noderole in your request will be used to construct one",
    "InstanceMarketOptions": "a market. Give the node group the capacity type SPOT",
    "HibernationOptions": "hibernation",
}


def problems(world: World, given: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the parameters of CreateNodegroup, whose instance types exist."""
    yield from _with_template(world, given) if "launchTemplate" in given else ()
    architecture = "arm64" if "_ARM_" in given.get("amiType", "") else "amd64"
    own_image = given.get("amiType") == "CUSTOM"
    for name in given.get("instanceTypes", []):
        if instance_type(name).architecture != architecture and not own_image:
            known = given.get("amiType", "AL2023_x86_64_STANDARD")
            yield f"[{name}] is not a valid instance type for requested amiType {known}"


def _with_template(world: World, given: Mapping[str, Any]) -> Iterator[str]:
    template = launch_template(world, given["launchTemplate"])
    inside = any("SubnetId" in each for each in template.get("NetworkInterfaces", []))
    wrong = {
        "Cannot specify instance types in launch template and API request": "InstanceType" in template
        and given.get("instanceTypes"),
        "Disk size must be specified within the launch template.": "diskSize" in given,
        "Remote access configuration cannot be specified with a launch template.": "remoteAccess" in given,
        "Launch template should not specify subnets. The subnets in your request will be used.": inside,
    }
    wrong |= {
        f"Launch template should not specify {NOT_IN_TEMPLATES[name]}.": template.get(name) for name in NOT_IN_TEMPLATES
    }
    yield from (problem for problem, holds in wrong.items() if holds)
    yield from _with_image(template, given)


def _with_image(template: Record, given: Mapping[str, Any]) -> Iterator[str]:
    if "ImageId" not in template:
        return
    if given.get("amiType", "CUSTOM") != "CUSTOM":
        yield "You cannot specify an AMI Type other than CUSTOM, when specifying an image id in your launch template."
    for name in ("version", "releaseVersion"):
        if name in given:
            yield f"You cannot specify the field {name} when using custom AMIs."


def lead_out(world: World, subnet_ids: list[str]) -> bool:
    """Return whether nodes in all of the subnets reach EKS and its images: by a route out, or by endpoints."""
    backend = ec2_backends[world.account][world.region]
    return all(_leads_out(backend, each) or _has_endpoints(backend, each) for each in subnet_ids)


def _leads_out(backend: EC2Backend, subnet_id: str) -> bool:
    subnet = backend.get_subnet(subnet_id)
    return any(_leads(backend, subnet, each) for each in leads_out(table_of(backend, subnet_id)))


def _leads(backend: EC2Backend, subnet: Any, route: Any) -> bool:  # noqa: ANN401 - moto's
    """Return whether a route takes what comes from a subnet: an internet gateway, only where there are addresses."""
    if route.nat_gateway:
        return works(backend, route)
    return route.gateway is None or str(subnet.map_public_ip_on_launch).lower() == "true"


def _has_endpoints(backend: EC2Backend, subnet_id: str) -> bool:
    vpc = backend.get_subnet(subnet_id).vpc_id
    there = [each.service_name for each in list(backend.vpc_end_points.values()) if each.vpc_id == vpc]
    return all(any(name.endswith(f".{wanted}") for name in there) for wanted in ENDPOINTS)
