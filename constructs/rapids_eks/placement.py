"""Whether pods fit on nodes: arithmetic over requests, no AWS and no luck."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass, replace
from math import ceil

from rapids_eks.instance_sizes import instance_size

# The share of memory that hypervisor and kernel keep; Karpenter reckons with the same one:
# https://karpenter.sh/docs/reference/settings/ (VM_MEMORY_OVERHEAD_PERCENT)
VM_OVERHEAD = 0.075
EVICTION_MIB = 100  # below which kubelet evicts pods
_UNITS = ("m CPU", " MiB", " GPU", " pods")


@dataclass(frozen=True)
class Size:
    """What a pod requests, or a node has for pods: milli-CPU, MiB, GPUs, and places for pods."""

    cpu: int
    memory: int
    gpus: int = 0
    pods: int = 1

    def __add__(self, other: "Size") -> "Size":
        """Return both together."""
        return Size(*(one + two for one, two in zip(astuple(self), astuple(other), strict=True)))

    def __sub__(self, other: "Size") -> "Size":
        """Return what is left; a negative number is what lacks."""
        return self + other.times(-1)

    def times(self, number: int) -> "Size":
        """Return so many of it."""
        return Size(*(number * amount for amount in astuple(self)))

    def __str__(self) -> str:
        """Return what is not zero, without the places."""
        parts = zip(astuple(self), _UNITS[:3], strict=False)
        return ", ".join(f"{amount}{unit}" for amount, unit in parts if amount) or "nothing"


NOTHING = Size(0, 0, pods=0)


@dataclass(frozen=True)
class Pod:
    """A pod by its name and what it requests; `replicas` of it, no two on one node if they are to be `apart`.

    A `critical` one, by its priority class, makes room for itself where others are that are not. A `zonal` one has a
    volume, with which it stays in the zone where it was placed first, whichever that is.
    """

    name: str
    size: Size
    replicas: int = 1
    apart: bool = False
    critical: bool = False
    zonal: bool = False

    @property
    def all(self) -> Size:
        """What all replicas request."""
        return self.size.times(self.replicas)


@dataclass(frozen=True)
class Nodes:
    """Nodes of a purpose, of any of these instance types; each runs one pod of every DaemonSet."""

    name: str
    instance_types: Sequence[str]
    daemons: Sequence[Pod]

    def free(self, instance_type: str) -> Size:
        """Return what a node of a type has left for other pods."""
        return allocatable(instance_type) - total(self.daemons)

    @property
    def surely_free(self) -> Size:
        """What is left on a node whichever of the types it is."""
        return smallest(map(self.free, self.instance_types))


def smallest(sizes: Iterable[Size]) -> Size:
    """Return the least of each amount in some sizes."""
    return Size(*map(min, zip(*map(astuple, sizes), strict=True)))


def total(pods: Sequence[Pod]) -> Size:
    """Return what pods request together."""
    return sum((pod.all for pod in pods), NOTHING)


def allocatable(instance_type: str) -> Size:
    """Return what the requests on a node of a type may add up to.

    The node's agent reserves 6 % of the first core, 1 % of the second, 0.5 % of the next two and 0.25 % of the others,
    and 255 MiB and 11 more for each pod that the instance has addresses for:
    https://github.com/awslabs/amazon-eks-ami/blob/main/nodeadm/internal/kubelet/config.go
    Raises ValueError where nothing is known of the type.
    """
    kind = instance_size(instance_type)
    reserved_cpu = sum([60, 10, 5, 5][: kind.vcpus]) + round(2.5 * max(0, kind.vcpus - 4))
    memory = ceil(round(kind.memory_gib * 1024) * (1 - VM_OVERHEAD)) - (11 * kind.pods + 255) - EVICTION_MIB
    return Size(1000 * kind.vcpus - reserved_cpu, memory, kind.gpus, kind.pods)


def alone(nodes: Nodes, pod: Pod) -> Iterator[str]:
    """Yield, for each type on which a pod would never be placed, what it lacks there and what to change.

    The node is one that has just been started for the pod, so it has the DaemonSets' pods only. Where it has GPUs, each
    of them is to be used: so many of the pods must fit as there are GPUs for.
    """
    for name in nodes.instance_types:
        free = nodes.free(name)
        number = max(1, free.gpus // pod.size.gpus) if pod.size.gpus else 1
        lacking = _lacking(free, pod.size.times(number))
        if not lacking:
            continue
        what = f"{pod.name} ({pod.size})" if number == 1 else f"{number} of {pod.name} ({pod.size} each), one to a GPU,"
        yield (
            f"{what} cannot be placed on a {nodes.name} node of type {name}: it lacks {lacking}. It has {free} beside "
            f"its DaemonSets ({total(nodes.daemons)}): lower what {pod.name} requests, or give the {nodes.name} nodes "
            "larger types"
        )


def together(nodes: Nodes, count: int, pods: Sequence[Pod], zones: int = 1) -> Iterator[str]:
    """Yield which of the pods may find no room on `count` nodes, depending on where the others are put.

    The nodes are spread evenly over so many zones. What the same change helps is told together.
    """
    told: dict[str, list[Pod]] = {}
    for pod in pods:
        if not _has_room(nodes, count // zones if pod.zonal else count, pod, pods):
            told.setdefault(_advice(nodes, count, pod, zones), []).append(pod)
    for advice, homeless in told.items():
        yield (
            f"{', '.join(f'{pod.name} ({pod.size})' for pod in homeless)} may find no room on the {count} "
            f"{nodes.name} nodes ({' or '.join(nodes.instance_types)}), each with {nodes.surely_free} beside its "
            f"DaemonSets, as all pods there request {total(pods)}: {advice}"
        )


def _has_room(nodes: Nodes, count: int, pod: Pod, pods: Sequence[Pod]) -> bool:
    """Return whether one of `count` nodes has room for a pod in whatever order and place the scheduler puts the others.

    A node turns a pod away when what the others ask of it leaves too little of something. So many nodes do, at most, as
    the others' requests can fill that far; with one node more there is room.
    """
    free = nodes.surely_free
    rivals = [each for each in pods if each.name != pod.name and (each.critical or not pod.critical)]
    others = total([replace(each, replicas=min(each.replicas, count)) if each.apart else each for each in rivals])
    others += NOTHING if pod.apart else pod.size.times(pod.replicas - 1)
    taken = pod.replicas - 1 if pod.apart else 0
    return not _lacking(free, pod.size) and _full(free, pod.size, others) + taken < count


def _advice(nodes: Nodes, count: int, pod: Pod, zones: int) -> str:
    if pod.zonal and count < zones:
        return (
            f"a volume ties a pod to one zone, and with fewer nodes than the {zones} zones that may have none: "
            f"give {zones} {nodes.name} nodes or more, or fewer zones"
        )
    if pod.apart and pod.replicas > count:
        return f"no two of its {pod.replicas} replicas share a node, so give {pod.replicas} {nodes.name} nodes or more"
    if pod.zonal and zones > 1:
        return (
            f"a volume ties a pod to one of the {zones} zones, which may have {count // zones} of them: give the "
            f"{nodes.name} nodes a larger type, or {zones * (count // zones + 1)} of them"
        )
    return f"give the {nodes.name} nodes a larger type, or more of them"


def _full(free: Size, wanted: Size, others: Size) -> int:
    """Return on how many nodes the others can leave less of something than is wanted, at most."""
    amounts = zip(astuple(free), astuple(wanted), astuple(others), strict=True)
    return sum(other // (has - asked + 1) for has, asked, other in amounts if asked)


def _lacking(free: Size, wanted: Size) -> str:
    """Return what is wanted beyond what is free, in words; nothing if all fits."""
    over = zip(astuple(wanted - free), _UNITS, strict=True)
    return ", ".join(f"{amount}{unit}" for amount, unit in over if amount > 0)
