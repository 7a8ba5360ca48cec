"""Which group the Cluster Autoscaler would grow for pods that fit nowhere: pure, from templates and pods to sizes."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import yaml

from rehearsal.kubernetes import nodes
from rehearsal.kubernetes.api import Item
from rehearsal.kubernetes.instance_types import GPU
from rehearsal.kubernetes.scheduling import Resources, add, affinity_terms, fits, quantities, requests, tolerates


@dataclass
class Room:
    """A node, or one to come: what pods may ask of it, and what keeps them off it."""

    labels: Mapping[str, str]
    taints: Sequence[Mapping[str, str]]
    free: dict[str, Decimal]

    def take(self, pod: Item) -> bool:
        """Place a pod here if it may be, and fits; return whether it was."""
        asked = requests(pod)
        if not fits(asked, self.free) or not tolerates(pod["spec"], self.taints):
            return False
        if not any(term.accept(self.labels) for term in affinity_terms(pod["spec"])):
            return False
        self.free = _less(self.free, asked)
        return True


@dataclass(frozen=True)
class Group:
    """A group of nodes as it is: its size, how large it may be, and what a new node of it would be like."""

    name: str
    desired: int
    most: int
    ready: int  # nodes that pods can use
    labels: Mapping[str, str]
    taints: Sequence[Mapping[str, str]]
    has: Resources
    daemons: Sequence[Item] = field(default_factory=tuple)

    def room(self) -> Room:
        """Return a new node of the group, with the pods of DaemonSets on it."""
        own = [pod for pod in self.daemons if Room(self.labels, self.taints, dict(self.has)).take(pod)]
        return Room(self.labels, self.taints, _less(self.has, add(*map(requests, own))))

    @property
    def gpus(self) -> Decimal:
        """GPUs of one of its nodes."""
        return self.has.get(GPU, Decimal(0))


def room_on(node: Item, pods: Iterable[Item]) -> Room:
    """Return what a node has left beside the pods that are on it."""
    name, spec = node["metadata"]["name"], node["spec"]
    on_it = [pod for pod in pods if pod["spec"].get("nodeName") == name]
    used = add(*(requests(pod) for pod in on_it if pod["status"]["phase"] not in ("Succeeded", "Failed")))
    free = {} if spec.get("unschedulable") else _less(quantities(node["status"]["allocatable"]), used)
    return Room(node["metadata"]["labels"], spec.get("taints", []), free)


def growth(
    pods: Sequence[Item], rooms: Sequence[Room], groups: Sequence[Group], order: Mapping[int, Sequence[str]], gpus: int
) -> tuple[Group, int] | None:
    """Return the group to grow and its new size, None where nothing is to be done or would help.

    Pods that fit on `rooms`, or on nodes that are on their way, need nothing. Of the groups that would hold some of the
    others, one of the highest priority is grown, the smallest first; all groups together have at most `gpus` GPUs.
    """
    coming = [group.room() for group in groups for _ in range(group.ready, group.desired)]
    places = [*rooms, *coming]
    waiting = [pod for pod in pods if not any(place.take(pod) for place in places)]
    spare = gpus - sum(int(group.gpus) * group.desired for group in groups)
    options = []
    for group in groups:
        most = group.most - group.desired
        most = min(most, spare // int(group.gpus)) if group.gpus else most
        if number := _needed(group, waiting, most):
            options.append((-priority(group.name, order), group.desired, group.name, group, group.desired + number))
    if not options:
        return None
    *_, group, size = min(options, key=lambda option: option[:3])
    return group, size


def _needed(group: Group, pods: Iterable[Item], most: int) -> int:
    """Return how many nodes of a group would hold as many of the pods as it may have nodes for."""
    made: list[Room] = []
    for pod in pods:
        if any(room.take(pod) for room in made) or len(made) >= most:
            continue
        room = group.room()
        made += [room] if room.take(pod) else []
    return len(made)


def priority(name: str, order: Mapping[int, Sequence[str]]) -> int:
    """Return the highest number under which a pattern matches the name; -1 where none does."""
    return max((number for number, patterns in order.items() if any(re.search(p, name) for p in patterns)), default=-1)


def order_of(text: str) -> dict[int, list[str]]:
    """Return the priority expander's settings; raise ValueError where the program would not read them.

    https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/expander/priority/priority.go
    """
    try:
        read: Any = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"Can't parse YAML with priorities in the configmap: {error}") from error
    wrong = [key for key in (read if isinstance(read, dict) else [read]) if not isinstance(key, int)]
    if wrong:
        raise ValueError(f"Can't parse YAML with priorities in the configmap: cannot unmarshal {wrong[0]!r} into int")
    return dict(read)


def idle(node: Item, pods: Iterable[Item]) -> bool:
    """Return whether nothing but pods of DaemonSets, and pods that have ended, is on a node."""
    name = node["metadata"]["name"]
    return not any(pod["spec"].get("nodeName") == name and nodes.holds_its_node(pod) for pod in pods)


def pairs(given: Iterable[Mapping[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield tags as Auto Scaling gives them."""
    yield from ((each["Key"], each.get("Value", "")) for each in given)


def _less(has: Resources, asked: Resources) -> dict[str, Decimal]:
    return {name: amount - asked.get(name, Decimal(0)) for name, amount in has.items()}
