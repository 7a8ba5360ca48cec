"""Requests, labels and taints, as the scheduler counts them."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rehearsal.kubernetes.scheduling import Requirements, add, affinity_terms, fits, meets, requests, tolerates

TAINT = {"key": "gpu", "value": "yes", "effect": "NoSchedule"}


def container(cpu: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - any member of a container
    return {"name": "c", "resources": {"requests": {"cpu": cpu}}} | more


@pytest.mark.parametrize(
    ("value", "operator", "values", "outcome"),
    [
        ("a", "In", ("a", "b"), True),
        (None, "In", ("a",), False),
        (None, "NotIn", ("a",), True),
        ("a", "NotIn", ("a",), False),
        (None, "DoesNotExist", (), True),
        ("a", "DoesNotExist", (), False),
        ("a", "Exists", (), True),
        ("5", "Gt", ("4",), True),
        ("10", "Gt", ("9",), True),
        ("4", "Gt", ("4",), False),
        ("4", "Gte", ("4",), True),
        ("4", "Lt", ("5",), True),
        ("x", "Lt", ("5",), False),
    ],
)
def test_operators(value: str | None, operator: str, values: tuple[str, ...], outcome: bool) -> None:
    assert meets(value, operator, values) == outcome


@given(st.dictionaries(st.sampled_from("abc"), st.sampled_from("xyz")), st.sampled_from("abc"), st.sampled_from("xyz"))
def test_in_and_not_in_are_opposites(labels: dict[str, str], key: str, value: str) -> None:
    outcomes = [
        Requirements([{"key": key, "operator": operator, "values": [value]}]).accept(labels)
        for operator in ("In", "NotIn")
    ]
    assert sorted(outcomes) == [False, True]


@pytest.mark.parametrize(
    ("toleration", "outcome"),
    [
        ({"operator": "Exists"}, True),
        ({"key": "gpu", "operator": "Exists"}, True),
        ({"key": "gpu", "value": "yes"}, True),
        ({"key": "gpu", "value": "no"}, False),
        ({"key": "other", "operator": "Exists"}, False),
        ({"key": "gpu", "operator": "Exists", "effect": "NoExecute"}, False),
    ],
)
def test_tolerations(toleration: dict[str, str], outcome: bool) -> None:
    assert tolerates({"tolerations": [toleration]}, [TAINT]) == outcome


def test_a_preference_is_no_obstacle() -> None:
    assert tolerates({}, [TAINT | {"effect": "PreferNoSchedule"}])


def test_selector_and_affinity_bind_together() -> None:
    expression = {"key": "zone", "operator": "In", "values": ["a"]}
    terms = {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}
    affinity = {"requiredDuringSchedulingIgnoredDuringExecution": terms}
    [term] = affinity_terms({"nodeSelector": {"disk": "ssd"}, "affinity": {"nodeAffinity": affinity}})
    assert term.accept({"zone": "a", "disk": "ssd"})
    assert not term.accept({"zone": "a"})
    assert not term.accept({"disk": "ssd"})


def test_an_init_container_counts_only_where_it_is_larger_and_a_sidecar_always() -> None:
    spec = {
        "containers": [container("1"), container("500m")],
        "initContainers": [container("250m", restartPolicy="Always"), container("2")],
    }
    assert requests({"spec": spec})["cpu"] == Decimal("2.25")
    spec["initContainers"] = [container("250m", restartPolicy="Always"), container("1")]
    assert requests({"spec": spec})["cpu"] == Decimal("1.75")


def test_a_limit_is_a_request_where_none_is_given() -> None:
    only_limit = {"name": "c", "resources": {"limits": {"nvidia.com/gpu": "1"}}}
    assert requests({"spec": {"containers": [only_limit]}})["nvidia.com/gpu"] == 1


AMOUNTS = st.dictionaries(st.sampled_from(["cpu", "memory", "gpu"]), st.decimals(0, 99, places=2))


@given(AMOUNTS, AMOUNTS)
def test_what_fits_alone_fits_into_the_sum(one: dict[str, Decimal], two: dict[str, Decimal]) -> None:
    assert fits(one, add(one, two))
    assert fits(add(one, two), add(two, one))
