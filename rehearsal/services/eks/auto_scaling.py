"""The Auto Scaling groups behind managed node groups: EKS makes and removes them, whoever may resizes them.

They are the emulator's, so that their tags and instances are where it looks for them; it starts and ends nothing.
"""

import threading
from dataclasses import dataclass, field

from moto.autoscaling.models import AutoScalingBackend, FakeAutoScalingGroup, InstanceState, autoscaling_backends
from moto.ec2.models import EC2Backend, ec2_backends

from rehearsal.services.eks.records import Cluster, Eks, Record, short_id
from rehearsal.wire.call import Call, Handler, Refused

NODE_GROUP = "eks.amazonaws.com/nodegroup"


@dataclass
class Scaling:
    """One Auto Scaling group with the node group that it belongs to, and what has been done in it, the newest first."""

    cluster: Cluster
    record: Record
    group: FakeAutoScalingGroup
    activities: list[Record] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)  # held while nodes come or go


def operations(eks: Eks) -> dict[str, Handler]:
    """Return the operations in which the emulator would start and end instances itself."""
    return {
        "DescribeScalingActivities": lambda call: {"Activities": _named(eks, call).activities},
        "SetDesiredCapacity": lambda call: _set_desired_capacity(eks, call),
        "TerminateInstanceInAutoScalingGroup": lambda call: _terminate(eks, call),
    }


def make(eks: Eks, cluster: Cluster, record: Record) -> None:
    """Make the group of a new node group, with the tags that EKS gives it and a launch template of EKS's own.

    https://docs.aws.amazon.com/eks/latest/userguide/managed-node-groups.html
    """
    name, sizes = record["resources"]["autoScalingGroups"][0]["name"], record["scalingConfig"]
    own = {"eks:cluster-name": cluster.name, "eks:nodegroup-name": record["nodegroupName"]}
    discovery = {"enabled": "true", cluster.name: "owned"}
    tags = {**own, f"kubernetes.io/cluster/{cluster.name}": "owned"}
    tags |= {f"k8s.io/cluster-autoscaler/{key}": value for key, value in discovery.items()}
    data = {"InstanceType": next(iter(record["instanceTypes"]), "t3.medium")}
    specification = {"ResourceType": "launch-template", "Tag": [{"Key": k, "Value": v} for k, v in own.items()]}
    template = _ec2(eks).create_launch_template(f"eks-{short_id()}", "", data, specification)
    group = _backend(eks).create_auto_scaling_group(
        name=name,
        availability_zones=[],
        desired_capacity=0,
        max_size=sizes["maxSize"],
        min_size=sizes["minSize"],
        launch_config_name="",
        launch_template={"LaunchTemplateId": template.id, "Version": "1"},
        vpc_zone_identifier=",".join(record["subnets"]),
        default_cooldown=None,
        health_check_period=None,
        health_check_type="EC2",
        load_balancers=[],
        target_group_arns=[],
        placement_group=None,
        termination_policies=[],
        tags=[{"Key": key, "Value": value} for key, value in tags.items()],
    )
    eks.scaling[name] = Scaling(cluster, record, group)


def follow(eks: Eks, record: Record) -> None:
    """Make the group what its node group is now: its sizes and, once no nodes come or go, those that have joined."""
    scaling = eks.scaling[record["resources"]["autoScalingGroups"][0]["name"]]
    group, sizes = scaling.group, record["scalingConfig"]
    group.min_size, group.max_size = sizes["minSize"], sizes["maxSize"]
    group.desired_capacity = sizes["desiredSize"]
    with scaling.lock:
        there = scaling.cluster.ready.api.items("/api/v1/nodes")
        own = [each for each in there if each["metadata"]["labels"].get(NODE_GROUP) == record["nodegroupName"]]
        ids = sorted(each["spec"]["providerID"].rpartition("/")[2] for each in own)
        group.instance_states = [InstanceState(_ec2(eks).get_instance(each), autoscaling_group=group) for each in ids]


def remove(eks: Eks, record: Record) -> None:
    """Remove the group of a node group that has gone, with EKS's launch template."""
    scaling = eks.scaling.pop(record["resources"]["autoScalingGroups"][0]["name"])
    _backend(eks).autoscaling_groups.pop(scaling.group.name)
    _ec2(eks).delete_launch_template(None, scaling.group.ec2_launch_template.id)


def _set_desired_capacity(eks: Eks, call: Call) -> Record:
    scaling, wanted = _named(eks, call), call.parameters["DesiredCapacity"]
    sizes = scaling.record["scalingConfig"]
    side = "above max" if wanted > sizes["maxSize"] else "below min" if wanted < sizes["minSize"] else ""
    if side:
        message = f"New SetDesiredCapacity value {wanted} is {side} value {sizes[f'{side[-3:]}Size']}"
        raise Refused("ValidationError", f"{message} for the AutoScalingGroup.")
    _resize(eks, scaling, wanted)
    return {}


def _resize(eks: Eks, scaling: Scaling, wanted: int) -> None:
    scaling.record["scalingConfig"]["desiredSize"] = scaling.group.desired_capacity = wanted

    def work() -> None:
        with scaling.lock:
            activity = _activity(eks, scaling, f"a user request set the desired capacity to {wanted}")
            try:
                scaling.cluster.ready.add_node_group(scaling.record)
            except Exception as error:  # noqa: BLE001 - whatever it is, the activity failed, and says why
                activity |= {"StatusCode": "Failed", "StatusMessage": str(error)}
            else:
                activity |= {"StatusCode": "Successful"}
            follow(eks, scaling.record)

    eks.later(f"scale {scaling.group.name}", work)


def _terminate(eks: Eks, call: Call) -> Record:
    """End one instance once its node is drained; the desired capacity shrinks with it, or another one takes over."""
    wanted = call.parameters["InstanceId"]
    found = (each for each in list(eks.scaling.values()) if wanted in _ids(each.group))
    scaling = next(found, None)
    if scaling is None:
        raise Refused("ValidationError", f"Instance Id not found - No managed instance found for instance ID: {wanted}")
    sizes = scaling.record["scalingConfig"]
    if call.parameters["ShouldDecrementDesiredCapacity"]:
        if sizes["desiredSize"] <= sizes["minSize"]:
            message = f"Currently, desiredSize equals minSize ({sizes['minSize']}). Terminating instance without"
            raise Refused("ValidationError", f"{message} replacement will violate group's min size constraint.")
        sizes["desiredSize"] -= 1
        scaling.group.desired_capacity = sizes["desiredSize"]
    activity = _activity(eks, scaling, f"instance {wanted} was taken out of service in response to a user request")

    def work() -> None:
        with scaling.lock:
            scaling.cluster.ready.retire_instance(wanted)
            scaling.cluster.ready.add_node_group(scaling.record)
            follow(eks, scaling.record)
            activity["StatusCode"] = "Successful"

    eks.later(f"end {wanted}", work)
    return {"Activity": activity}


def _activity(eks: Eks, scaling: Scaling, cause: str) -> Record:
    made: Record = {
        "ActivityId": short_id(),
        "AutoScalingGroupName": scaling.group.name,
        "Cause": cause,
        "StartTime": eks.now(),
        "StatusCode": "InProgress",
    }
    scaling.activities.insert(0, made)
    return made


def _ids(group: FakeAutoScalingGroup) -> list[str]:
    return [each.instance_id for each in group.instance_states]


def _named(eks: Eks, call: Call) -> Scaling:
    name = call.parameters.get("AutoScalingGroupName", "")
    found: Scaling | None = eks.scaling.get(name)
    if found is None:
        raise Refused("ValidationError", "AutoScalingGroup name not found - null")
    return found


def _backend(eks: Eks) -> AutoScalingBackend:
    return autoscaling_backends[eks.world.account][eks.world.region]


def _ec2(eks: Eks) -> EC2Backend:
    return ec2_backends[eks.world.account][eks.world.region]
