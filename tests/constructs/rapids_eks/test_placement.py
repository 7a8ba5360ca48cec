"""The arithmetic of placement, against nodes that are filled in every order."""

import random
import re
from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto.ec2.models.instance_types import INSTANCE_TYPES
from pydantic import TypeAdapter, ValidationError

from config.instance_types import GPUS, GeneralType
from rapids_eks.instance_sizes import instance_size
from rapids_eks.placement import NOTHING, Nodes, Pod, Size, allocatable, alone, together, total
from rehearsal.kubernetes.instance_types import instance_type

DAEMON = Pod("agent", Size(100, 64))
GENERAL: TypeAdapter[str] = TypeAdapter(GeneralType)


def is_allowed(name: str) -> bool:
    try:
        return name in GPUS or bool(GENERAL.validate_python(name))
    except ValidationError:
        return False


ALLOWED = [name for name in INSTANCE_TYPES if is_allowed(name)]


def test_every_type_that_the_settings_allow_is_known() -> None:
    assert GPUS.keys() <= set(ALLOWED)
    assert len(ALLOWED) > 600


def test_nodes_have_what_the_rehearsal_s_nodes_have() -> None:
    """Guards against a table of types that EC2's own contradicts."""
    assert {name: counted(name) for name in ALLOWED} == {name: instance_type(name).allocatable() for name in ALLOWED}


def counted(name: str) -> dict[str, str]:
    """Return what is counted for a type as a node tells it."""
    size = allocatable(name)
    gpus = {"nvidia.com/gpu": str(size.gpus)} if size.gpus else {}
    told = {"cpu": f"{size.cpu}m", "memory": f"{size.memory}Mi", "pods": str(size.pods)}
    return {**told, "ephemeral-storage": "20Gi", **gpus}


def test_the_figures_of_one_type_by_hand() -> None:
    # 32 GiB less 7.5 %, 255 MiB and 11 for each of 58 pods, and 100: 8 cores less 60, 10, 5, 5 and four times 2.5
    assert allocatable("g5.2xlarge") == Size(8000 - 90, 30311 - 893 - 100, gpus=1, pods=58)


@pytest.mark.parametrize("name", ["g5.3xlarge", "m5", "m5.small", "trn1.2xlarge", ""])
def test_an_unknown_type_is_refused_by_its_name(name: str) -> None:
    with pytest.raises(ValueError, match=f'"{name}".*like m5.xlarge'):
        instance_size(name)


def test_daemons_are_taken_off_once_per_node_and_the_poorest_type_decides() -> None:
    nodes = Nodes("core", ("m5.xlarge", "m5.large"), [DAEMON])
    assert nodes.free("m5.large") == allocatable("m5.large") - DAEMON.size
    assert nodes.surely_free == nodes.free("m5.large")


def test_a_pod_may_take_all_that_is_left_and_nothing_beyond() -> None:
    nodes = Nodes("driver", ("m5.large",), [DAEMON])
    free = nodes.free("m5.large")
    assert list(alone(nodes, Pod("driver", Size(free.cpu, free.memory)))) == []
    (told,) = alone(nodes, Pod("driver", Size(free.cpu, free.memory + 1)))
    assert "driver" in told
    assert "m5.large" in told
    assert "lacks 1 MiB" in told


def test_each_type_that_is_too_small_is_told_with_what_lacks() -> None:
    nodes = Nodes("gpu", ("g5.xlarge", "g5.2xlarge", "m5.2xlarge"), [])
    small, without = alone(nodes, Pod("executor", Size(4000, 20000, gpus=1)))
    assert "g5.xlarge" in small
    assert "80m CPU, 5837 MiB" in small
    assert "m5.2xlarge: it lacks 1 GPU" in without


def test_no_gpu_of_a_node_may_stay_idle() -> None:
    nodes = Nodes("gpu", ("g5.12xlarge",), [])
    quarter = allocatable("g5.12xlarge").memory // 4
    assert list(alone(nodes, Pod("executor", Size(4000, quarter, gpus=1)))) == []
    (told,) = alone(nodes, Pod("executor", Size(4000, quarter + 1, gpus=1)))
    assert "4 of executor" in told


def test_pods_that_fill_nodes_unevenly_are_told() -> None:
    """Two nodes have 1900m each for 3 pods of 1000m: the third never fits, however little it lacks in sum."""
    nodes = Nodes("core", ("m5.large",), [])
    (told,) = together(nodes, 2, [Pod("web", Size(1000, 1), replicas=3)])
    assert "web" in told
    assert "2 core nodes" in told
    assert list(together(nodes, 3, [Pod("web", Size(1000, 1), replicas=3)])) == []


def test_replicas_that_must_be_apart_need_as_many_nodes() -> None:
    nodes, pod = Nodes("core", ("m5.large",), []), Pod("karpenter", Size(10, 10), replicas=3, apart=True)
    assert len(list(together(nodes, 2, [pod]))) == 1
    assert list(together(nodes, 3, [pod])) == []


def test_only_pods_that_are_critical_too_are_in_the_way_of_a_critical_one() -> None:
    nodes, job = Nodes("core", ("m5.large",), []), Pod("job", Size(1500, 10))
    usual, critical = (Pod("system", Size(500, 10), critical=critical) for critical in (False, True))
    assert named(together(nodes, 1, [job, usual])) == {"job", "system"}
    assert named(together(nodes, 1, [job, critical])) == {"job"}


def test_one_node_may_lack_processors_and_the_other_memory() -> None:
    nodes = Nodes("core", ("m5.large",), [])
    others = [Pod("busy", Size(1500, 10)), Pod("cache", Size(10, 6000))]
    told = list(together(nodes, 2, [*others, Pod("web", Size(500, 1000))]))
    assert "web" in named(told)


def named(told: Iterable[str]) -> set[str]:
    """Return the pods that are told."""
    return {name for text in told for name in re.findall(r"([\w-]+) \(", text.split(" may find ")[0])}


def test_what_one_change_helps_is_told_once() -> None:
    (told,) = together(Nodes("core", ("m5.large",), []), 1, [Pod(name, Size(1200, 1)) for name in ("web", "store")])
    assert told.startswith("web (1200m CPU, 1 MiB), store (1200m CPU, 1 MiB) may find no room on the 1 core nodes")


def test_a_pod_with_a_volume_needs_room_in_the_zone_of_that() -> None:
    """Guards against a pod that the only node of its zone has no room for while others have."""
    nodes, job, store = Nodes("core", ("m5.large",), []), Pod("job", Size(1500, 10)), Pod("store", Size(500, 10))
    assert list(together(nodes, 2, [job, store], zones=2)) == []
    (told,) = together(nodes, 2, [job, replace(store, zonal=True)], zones=2)
    assert named([told]) == {"store"}
    assert "larger type, or 4 of them" in told
    assert list(together(nodes, 4, [job, replace(store, zonal=True)], zones=2)) == []


def test_a_zone_without_a_node_has_no_room_for_a_volume_s_pod() -> None:
    nodes, store = Nodes("core", ("m5.large",), []), Pod("store", Size(10, 10), zonal=True)
    (told,) = together(nodes, 2, [store], zones=3)
    assert "give 3 core nodes or more, or fewer zones" in told
    assert list(together(nodes, 3, [store], zones=3)) == []


def test_no_more_of_pods_that_are_apart_are_in_the_way_than_there_are_nodes() -> None:
    nodes, spread = Nodes("core", ("m5.large",), []), Pod("spread", Size(900, 10), replicas=2, apart=True)
    assert list(together(nodes, 2, [spread, Pod("store", Size(900, 10), zonal=True)], zones=2)) == []


# Of processors much and of memory little, the other way round, or of both little: so nodes get full in different ways.
SIZES = st.one_of(
    st.builds(Size, st.integers(600, 1800), st.integers(0, 100)),
    st.builds(Size, st.integers(0, 50), st.integers(2000, 6700)),
    st.builds(Size, st.integers(0, 300), st.integers(0, 1000)),
)
PODS = st.lists(
    st.builds(Pod, st.uuids().map(str), SIZES, st.integers(1, 3), st.booleans(), zonal=st.booleans()), max_size=5
)


@given(PODS, st.integers(1, 6), st.integers(1, 3), st.randoms(use_true_random=False))
def test_what_is_said_to_fit_fits_in_whatever_order_and_place(
    pods: list[Pod], count: int, zones: int, choice: random.Random
) -> None:
    nodes = Nodes("core", ("m5.large",), [DAEMON])
    if any(together(nodes, count, pods, zones)):
        return
    free = [nodes.surely_free] * count
    homes: dict[str, set[int]] = {pod.name: set() for pod in pods}
    waiting = [pod for pod in pods for _ in range(pod.replicas)]
    choice.shuffle(waiting)
    for pod in waiting:
        taken = homes[pod.name] if pod.apart else set()
        zone = choice.randrange(zones) if pod.zonal else None  # wherever its volume is
        within = [i for i in range(count) if zone in (None, i % zones)]
        possible = [i for i in within if i not in taken and _fits(pod.size, free[i])]
        assert possible, f"{pod} found no room in {free}"
        home = choice.choice(possible)
        free[home] -= pod.size
        homes[pod.name].add(home)


def _fits(size: Size, free: Size) -> bool:
    left = free - size
    return min(left.cpu, left.memory, left.gpus, left.pods) >= 0


@given(PODS)
def test_the_total_counts_every_replica(pods: list[Pod]) -> None:
    each = [pod.size for pod in pods for _ in range(pod.replicas)]
    assert total(pods) == sum(each, NOTHING)
