"""Which group would be grown: pure, without a cluster."""

from decimal import Decimal
from typing import Any

import pytest

from rehearsal.kubernetes.group_planning import Group, Room, growth, order_of, priority
from rehearsal.kubernetes.instance_types import GPU
from rehearsal.kubernetes.scheduling import quantities

TAINT = {"key": GPU, "value": "true", "effect": "NoSchedule"}
TOLERATED = [{"key": GPU, "operator": "Exists"}]
ORDER = {20: ["^eks-spot"], 10: [".*"]}
PLENTY = 1000


def group(name: str, desired: int = 0, most: int = 8, ready: int = 0, **has: str) -> Group:
    size = quantities({"cpu": "8", "memory": "29Gi", "pods": "58", GPU: "1"} | has)
    return Group(name, desired, most, ready, {"kind": "gpu"}, [TAINT], size)


def pod(cpu: str = "4", gpus: str = "1", **spec: Any) -> dict[str, Any]:  # noqa: ANN401 - any member of a pod's spec
    container = {"name": "c", "resources": {"requests": {"cpu": cpu, GPU: gpus}}}
    return {"metadata": {}, "spec": {"containers": [container], "tolerations": TOLERATED, **spec}}


def test_a_group_grows_by_as_many_nodes_as_the_pods_need_at_once() -> None:
    grown = growth([pod(), pod(), pod()], [], [group("eks-spot", desired=1, ready=1)], ORDER, PLENTY)
    assert grown
    assert (grown[0].name, grown[1]) == ("eks-spot", 4)


def test_of_the_groups_that_would_help_the_preferred_one_grows() -> None:
    groups = [group("eks-ondemand"), group("eks-spot")]
    grown = growth([pod()], [], groups, ORDER, PLENTY)
    assert grown
    assert grown[0].name == "eks-spot"
    instead = growth([pod()], [], [groups[0], group("eks-spot", desired=8, ready=8)], ORDER, PLENTY)
    assert instead
    assert instead[0].name == "eks-ondemand"


def test_of_groups_alike_the_smallest_grows() -> None:
    grown = growth([pod()], [], [group("eks-spot-1", desired=2, ready=2), group("eks-spot-2")], ORDER, PLENTY)
    assert grown
    assert grown[0].name == "eks-spot-2"


def test_nodes_that_are_on_their_way_are_counted() -> None:
    """Guards against one node after another while the first one boots."""
    assert growth([pod(), pod()], [], [group("eks-spot", desired=2)], ORDER, PLENTY) is None


def test_pods_that_have_room_where_they_are_need_nothing() -> None:
    room = Room({}, [], quantities({"cpu": "8", "pods": "10", GPU: "2"}))  # type: ignore[arg-type]
    assert growth([pod(), pod()], [room], [group("eks-spot")], ORDER, PLENTY) is None


@pytest.mark.parametrize(
    "hopeless",
    [
        pod(cpu="9"),
        pod(gpus="2"),
        pod(tolerations=[]),
        pod(nodeSelector={"kind": "driver"}),
    ],
    ids=["cpu", "gpus", "taint", "label"],
)
def test_no_group_grows_for_a_pod_that_its_nodes_would_not_hold(hopeless: dict[str, Any]) -> None:
    assert growth([hopeless], [], [group("eks-spot")], ORDER, PLENTY) is None


def test_what_daemon_sets_take_of_a_node_is_not_there_for_others() -> None:
    daemon = {
        "spec": {"containers": [{"name": "d", "resources": {"requests": {"cpu": "5"}}}], "tolerations": TOLERATED}
    }
    made = Group("eks-spot", 0, 8, 0, {}, [TAINT], group("x").has, [daemon])
    assert made.room().free["cpu"] == Decimal(3)
    assert growth([pod()], [], [made], ORDER, PLENTY) is None


def test_all_groups_together_have_no_more_gpus_than_they_may() -> None:
    groups = [group("eks-spot", desired=2, ready=2), group("eks-ondemand", desired=1, ready=1)]
    grown = growth([pod(), pod()], [], groups, ORDER, 4)
    assert grown
    assert grown[1] == 3
    assert growth([pod()], [], groups, ORDER, 3) is None


def test_the_highest_pattern_that_matches_counts() -> None:
    assert priority("eks-spot-1", ORDER) == 20
    assert priority("eks-other", ORDER) == 10
    assert priority("eks-other", {20: ["spot"]}) == -1


def test_numbers_in_quotes_are_no_priorities() -> None:
    assert order_of("20:\n  - spot\n") == {20: ["spot"]}
    with pytest.raises(ValueError, match="cannot unmarshal '20' into int"):
        order_of('"20":\n  - spot\n')
