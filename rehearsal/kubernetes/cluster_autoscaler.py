"""A stand-in for the Cluster Autoscaler: larger groups for pods that fit nowhere, and an end to nodes that are empty.

It reads its Deployment's arguments, asks AWS as its pod, and looks at empty nodes only, not at those merely underused.
"""

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from rehearsal.clock import Clock
from rehearsal.kubernetes import nodes
from rehearsal.kubernetes.api import Api, Item
from rehearsal.kubernetes.group_planning import Group, growth, idle, order_of, pairs, room_on
from rehearsal.kubernetes.instance_types import GPU, instance_type
from rehearsal.kubernetes.loop import repeat
from rehearsal.kubernetes.node_claims import holds, seconds
from rehearsal.kubernetes.node_groups import EFFECTS, LABEL
from rehearsal.kubernetes.scheduling import quantities

CONTROLLER = "app.kubernetes.io/name=aws-cluster-autoscaler"  # the pods without which nothing happens here
ORDER = "cluster-autoscaler-priority-expander"  # the ConfigMap with the priorities
ACCELERATOR = "k8s.amazonaws.com/accelerator"
TEMPLATE = "k8s.io/cluster-autoscaler/node-template/resources/"
TICK = 0.3  # wall seconds
ZONE = "topology.kubernetes.io/zone"
BACKOFF = 300.0  # AWS's seconds for which a group that could not grow is left alone
UNLIMITED = 6_400_000  # the program's own limit of GPUs
DEFAULTS = {"scale-down-unneeded-time": "10m", "scale-down-delay-after-add": "10m", "expander": "least-waste"}


@dataclass(frozen=True)
class Clients:
    """AWS as the program's pod reaches it."""

    scaling: Any
    eks: Any
    ec2: Any


@dataclass(frozen=True)
class Seen:
    """What there was at the beginning of a turn: Auto Scaling groups, nodes, pods."""

    groups: list[Item]
    nodes: list[Item]
    pods: list[Item]


@dataclass
class ClusterAutoscaler:
    """The autoscaler of one cluster: it works while its pod is Ready, by the AWS clients that `client_of` gives it."""

    api: Api
    clock: Clock
    client_of: Callable[[Item, str], Any]
    stopped: threading.Event
    _backed_off: dict[str, float] = field(default_factory=dict)  # group -> until when
    _grown: float = 0.0  # when a group was last made larger
    _empty: dict[str, float] = field(default_factory=dict)  # instance -> since when

    def start(self) -> None:
        """Work in the background until `stopped`."""
        repeat("cluster-autoscaler", TICK, self.stopped, self.turn)

    def turn(self) -> None:
        """Look at everything once and do what is due, if the program runs and may ask AWS."""
        found = [pod for pod in self.api.items(f"{nodes.PODS}?labelSelector={CONTROLLER}") if holds(pod, "Ready")]
        if not found:
            return
        told = _arguments(found[0])
        try:
            aws = Clients(*(self.client_of(found[0], service) for service in ("autoscaling", "eks", "ec2")))
        except BotoCoreError:
            return  # without credentials the program ends, and starts again
        there = aws.scaling.describe_auto_scaling_groups()["AutoScalingGroups"]
        own = [each for each in there if _discovered(each, told)]
        seen = Seen(own, self.api.items(nodes.NODES), self.api.items(nodes.PODS))
        for each in own:
            self._give_up(aws, each)
        self._grow(aws, seen, found[0]["metadata"]["namespace"], told)
        self._shrink(aws, seen, told)

    def _give_up(self, aws: Clients, group: Item) -> None:
        """Make a group whose last activity failed as small as it is, and leave it alone for a while."""
        name, there = group["AutoScalingGroupName"], len(group["Instances"])
        if group["DesiredCapacity"] <= there:
            return
        activities = aws.scaling.describe_scaling_activities(AutoScalingGroupName=name)["Activities"]
        if activities and activities[0]["StatusCode"] == "Failed":
            aws.scaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=there)
            group["DesiredCapacity"] = there
            self._backed_off[name] = self.clock.time() + BACKOFF

    def _grow(self, aws: Clients, seen: Seen, namespace: str, told: Mapping[str, str]) -> None:
        waiting = [pod for pod in seen.pods if nodes.is_unschedulable(pod)]
        if not waiting:
            return
        daemons = [{"spec": each["spec"]["template"]["spec"]} for each in self.api.items("/apis/apps/v1/daemonsets")]
        groups = [_group(each, aws, seen, daemons) for each in seen.groups]
        now = self.clock.time()
        usable = [group for group in groups if self._backed_off.get(group.name, 0.0) <= now]
        rooms = [room_on(node, seen.pods) for node in seen.nodes if _is_usable(node)]
        order = self._order(namespace) if told["expander"] == "priority" else {}
        if grown := growth(waiting, rooms, usable, order, _most_gpus(told)):
            aws.scaling.set_desired_capacity(AutoScalingGroupName=grown[0].name, DesiredCapacity=grown[1])
            self._grown = now

    def _order(self, namespace: str) -> dict[int, list[str]]:
        found = self.api.get(f"/api/v1/namespaces/{namespace}/configmaps/{ORDER}") or {}
        try:
            return order_of(found.get("data", {}).get("priorities", "{}"))
        except ValueError:
            return {}  # all alike, as the program falls back to chance

    def _shrink(self, aws: Clients, seen: Seen, told: Mapping[str, str]) -> None:
        """End nodes that have been empty for the time that is set."""
        now, patience = self.clock.time(), seconds(told["scale-down-unneeded-time"])
        settled = now - self._grown >= seconds(told["scale-down-delay-after-add"])
        by_id = {each["spec"].get("providerID", "").rpartition("/")[2]: each for each in seen.nodes}
        for group in seen.groups:
            spare = [each["InstanceId"] for each in group["Instances"]][: group["DesiredCapacity"] - group["MinSize"]]
            for instance in spare:
                node = by_id.get(instance)
                if node is None or not _is_usable(node) or not idle(node, seen.pods):
                    self._empty.pop(instance, None)
                elif now - self._empty.setdefault(instance, now) >= patience and settled:
                    self._empty.pop(instance)
                    aws.scaling.terminate_instance_in_auto_scaling_group(
                        InstanceId=instance, ShouldDecrementDesiredCapacity=True
                    )


def _group(found: Item, aws: Clients, seen: Seen, daemons: list[Item]) -> Group:
    """Return a group with what the program makes of its launch template and of EKS's description of it."""
    tags = dict(pairs(found["Tags"]))
    used = {"LaunchTemplateId": found["LaunchTemplate"]["LaunchTemplateId"], "Versions": ["$Latest"]}
    version = aws.ec2.describe_launch_template_versions(**used)["LaunchTemplateVersions"][0]
    kind = instance_type(version["LaunchTemplateData"]["InstanceType"])
    has = {"cpu": f"{kind.cpu}m", "memory": f"{kind.memory}Mi", "pods": "110", GPU: str(kind.gpus)}
    name, own = tags.get("eks:nodegroup-name", ""), _described(aws.eks, tags)
    has |= {key.removeprefix(TEMPLATE): each for key, each in own.get("tags", {}).items() if key.startswith(TEMPLATE)}
    return Group(
        name=found["AutoScalingGroupName"],
        desired=found["DesiredCapacity"],
        most=found["MaxSize"],
        ready=sum(_is_usable(each) for each in seen.nodes if each["metadata"]["labels"].get(LABEL) == name),
        labels={**kind.labels, ZONE: found["AvailabilityZones"][0], **own.get("labels", {})},
        taints=[{**each, "effect": EFFECTS[each["effect"]]} for each in own.get("taints", [])],
        has=quantities(has),
        daemons=daemons,
    )


def _described(eks: Any, tags: Mapping[str, str]) -> Item:  # noqa: ANN401 - boto3 makes its classes at run time
    """Return EKS's description of a node group; nothing where it may not be read, which the program only logs."""
    try:
        named = {"clusterName": tags["eks:cluster-name"], "nodegroupName": tags["eks:nodegroup-name"]}
        return dict(eks.describe_nodegroup(**named)["nodegroup"])
    except (KeyError, ClientError):
        return {}


def _arguments(pod: Item) -> dict[str, str]:
    given = [each for container in pod["spec"]["containers"] for each in container.get("args", [])]
    return DEFAULTS | dict(each.removeprefix("--").split("=", 1) for each in given if "=" in each)


def _discovered(found: Item, told: Mapping[str, str]) -> bool:
    """Return whether a group has every tag by which the program looks for groups; without any it finds none."""
    match = re.fullmatch(r"asg:tag=(.+)", told.get("node-group-auto-discovery", ""))
    wanted = {part.split("=")[0] for part in match[1].split(",")} if match else set()
    return bool(wanted) and wanted <= dict(pairs(found["Tags"])).keys()


def _most_gpus(told: Mapping[str, str]) -> int:
    return int(told["gpu-total"].rpartition(":")[2]) if "gpu-total" in told else UNLIMITED


def _is_usable(node: Item) -> bool:
    """Return whether a node is ready; one that is to have GPUs only once they are announced."""
    lacks = ACCELERATOR in node["metadata"]["labels"] and node["status"].get("allocatable", {}).get(GPU, "0") == "0"
    return nodes.is_ready(node) and not lacks
