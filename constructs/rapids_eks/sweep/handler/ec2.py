"""What controllers leave in EC2: instances, network interfaces, volumes, launch templates."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from .deletion import attempt, tag_filters

Tags = Mapping[str, str]
ALIVE = ["pending", "running", "stopping", "stopped", "shutting-down"]


def found(ec2: Any, operation: str, member: str, tags: Tags, **filters: list[str]) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - boto3 makes its classes at run time
    """Yield what has at least one of the tags and passes all filters, each once."""
    seen: list[dict[str, Any]] = []
    more = [{"Name": name.replace("_", "-"), "Values": values} for name, values in filters.items()]
    for tag in tag_filters(tags):
        for page in ec2.get_paginator(operation).paginate(Filters=[tag, *more]):
            seen += [each for each in page[member] if each not in seen]
    yield from seen


def instances(ec2: Any, vpc: str, tags: Tags) -> list[str]:  # noqa: ANN401 - boto3 makes its classes at run time
    """Terminate the cluster's instances in the VPC."""
    reservations = found(ec2, "describe_instances", "Reservations", tags, vpc_id=[vpc], instance_state_name=ALIVE)
    machines = {each["InstanceId"]: each["State"]["Name"] for one in reservations for each in one["Instances"]}
    return [
        f"instance {name} (shutting down)"
        if state == "shutting-down"
        else attempt(f"instance {name}", partial(ec2.terminate_instances, InstanceIds=[name]))
        for name, state in machines.items()
    ]


def interfaces(ec2: Any, vpc: str, tags: Tags) -> list[str]:  # noqa: ANN401 - boto3 makes its classes at run time
    """Delete the network interfaces that nothing uses, and tell what uses the others."""
    return [
        attempt(f"network interface {name}", partial(ec2.delete_network_interface, NetworkInterfaceId=name))
        if each["Status"] == "available"
        else f"network interface {name} ({used_by(each)})"
        for each in found(ec2, "describe_network_interfaces", "NetworkInterfaces", tags, vpc_id=[vpc])
        for name in [each["NetworkInterfaceId"]]
    ]


def used_by(interface: Mapping[str, Any]) -> str:
    """Return what an interface is attached to, as far as EC2 tells."""
    attached = interface.get("Attachment", {})
    user = attached.get("InstanceId") or attached.get("InstanceOwnerId") or interface.get("Description") or "AWS"
    return f"{interface['Status']}, used by {user}"


def volumes(ec2: Any, tags: Tags) -> list[str]:  # noqa: ANN401 - boto3 makes its classes at run time
    """Delete the volumes that no instance uses, and tell which ones use the others."""
    return [
        attempt(f"volume {name}", partial(ec2.delete_volume, VolumeId=name))
        if each["State"] in ("available", "error")
        else f"volume {name} ({each['State']}{''.join(' by ' + at['InstanceId'] for at in each['Attachments'])})"
        for each in found(ec2, "describe_volumes", "Volumes", tags)
        for name in [each["VolumeId"]]
    ]


def launch_templates(ec2: Any, tags: Tags) -> list[str]:  # noqa: ANN401 - boto3 makes its classes at run time
    """Delete Karpenter's launch templates."""
    return [
        attempt(f"launch template {name}", partial(ec2.delete_launch_template, LaunchTemplateId=name))
        for each in found(ec2, "describe_launch_templates", "LaunchTemplates", tags)
        for name in [each["LaunchTemplateId"]]
    ]
