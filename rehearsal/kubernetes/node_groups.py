"""Managed node groups: machines that join, and that are drained before they leave."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rehearsal.clock import Clock
from rehearsal.kubernetes import nodes
from rehearsal.kubernetes.api import Api, Item
from rehearsal.kubernetes.fleet import Fleet, LaunchError, Order, Subnet
from rehearsal.kubernetes.nodes import Machine

LABEL = "eks.amazonaws.com/nodegroup"
# AWS's seconds after which a node is terminated with the pods that are still on it: when its group shrinks, and when it
# is deleted. https://docs.aws.amazon.com/eks/latest/userguide/managed-node-groups.html, delete-managed-node-group.html
DRAIN_TIMEOUT, DELETION_TIMEOUT = 15 * 60.0, 5 * 60.0
EFFECTS = {"NO_SCHEDULE": "NoSchedule", "NO_EXECUTE": "NoExecute", "PREFER_NO_SCHEDULE": "PreferNoSchedule"}


@dataclass(frozen=True)
class NodeGroup:
    """A managed node group in EKS's own words: capacity types ON_DEMAND and SPOT, effects NO_SCHEDULE and so on."""

    name: str
    instance_types: tuple[str, ...]
    subnets: tuple[Subnet, ...]
    size: int
    capacity_type: str = "ON_DEMAND"
    image: str = "ami-rehearsal"
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: Sequence[Mapping[str, str]] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    template: Mapping[str, str] = field(default_factory=dict)

    def machine(self, order: Order, instance_id: str) -> Machine:
        """Return the machine that an order brought."""
        own = {"capacityType": self.capacity_type, "nodegroup": self.name, "nodegroup-image": self.image}
        labels = {**{f"eks.amazonaws.com/{key}": value for key, value in own.items()}, **self.labels}
        taints = [{**taint, "effect": EFFECTS[taint["effect"]]} for taint in self.taints]
        return Machine(instance_id, order.type_name, order.subnet.zone, labels, taints)


class NodeGroups:
    """The managed node groups of one cluster; calls block for as long as EKS's own states last."""

    def __init__(self, api: Api, clock: Clock, fleet: Fleet) -> None:
        """Take the administrator's view of the cluster, the clock that delays go by, and where instances come from."""
        self._api, self._clock, self._fleet = api, clock, fleet

    def nodes(self, name: str) -> list[Item]:
        """Return the nodes of a group, the oldest first."""
        found = self._api.items(f"{nodes.NODES}?labelSelector={LABEL}%3D{name}")
        return sorted(found, key=lambda node: str(node["metadata"]["creationTimestamp"]))

    def scale(self, group: NodeGroup) -> None:
        """Make the group as large as it says: new nodes register, superfluous ones are drained and end.

        Labels and taints of the nodes that stay become the group's. Raises LaunchError where EC2 has none of its types.
        """
        present = self.nodes(group.name)
        for node in present[group.size :]:
            self._retire(node)
        for node in present[: group.size]:
            self._relabel(group, node)
        launched: list[Machine] = []
        try:
            for number in range(len(present), group.size):
                launched.append(self._launch(group, number))  # noqa: PERF401 - what was launched before a refusal joins
        finally:
            if launched:
                self._clock.sleep(nodes.JOINS_IN)
            for machine in launched:
                nodes.register(self._api, machine)

    def are_ready(self, name: str) -> bool:
        """Return whether all nodes of a group are ready."""
        return all(nodes.is_ready(node) for node in self.nodes(name))

    def remove(self, name: str) -> None:
        """Drain and end all nodes of a group."""
        for node in self.nodes(name):
            self._retire(node, DELETION_TIMEOUT)

    def retire(self, instance_id: str) -> None:
        """Drain and end the node of one instance; one that has gone is no error."""
        for node in self._api.items(nodes.NODES):
            if node["spec"].get("providerID", "").endswith(f"/{instance_id}"):
                self._retire(node)

    def _launch(self, group: NodeGroup, number: int) -> Machine:
        """Launch the group's machine `number`: the subnets take turns, and the first type that is to be had."""
        subnet = group.subnets[number % len(group.subnets)]
        tags = {**group.tags, "eks:nodegroup-name": group.name}
        for type_name in group.instance_types:
            order = Order(type_name, subnet, group.capacity_type == "SPOT", tags=tags, template=group.template)
            try:
                return group.machine(order, self._fleet.launch(order))
            except LaunchError as error:
                if not error.shortage or type_name == group.instance_types[-1]:
                    raise
        raise AssertionError(f"node group {group.name} has no instance type")

    def _relabel(self, group: NodeGroup, node: Item) -> None:
        wanted = group.machine(Order(group.instance_types[0], group.subnets[0]), "")
        change = {"metadata": {"labels": dict(wanted.labels)}, "spec": {"taints": list(wanted.taints)}}
        self._api.patch(f"{nodes.NODES}/{node['metadata']['name']}", change)

    def _retire(self, node: Item, patience: float = DRAIN_TIMEOUT) -> None:
        name = node["metadata"]["name"]
        self._clock.wait(patience, lambda: not nodes.drain(self._api, name), every=10.0)
        self._fleet.terminate(node["spec"]["providerID"].rpartition("/")[2])
        nodes.remove(self._api, name)
