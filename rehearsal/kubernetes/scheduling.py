"""The scheduler's arithmetic, for deciding what a node that is not there yet would hold: requests, labels, taints."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from kubernetes.utils.quantity import parse_quantity

from rehearsal.kubernetes.api import Item

Resources = Mapping[str, Decimal]


class Requirements:
    """What a set of label requirements, as in a node affinity or a NodePool, accepts."""

    def __init__(self, expressions: Iterable[Mapping[str, Any]]) -> None:
        """Take expressions of key, operator and values; `matchFields` and the like are for the scheduler alone."""
        self.expressions = [(each["key"], each["operator"], tuple(each.get("values") or ())) for each in expressions]

    def accept(self, labels: Mapping[str, str], ignoring: Iterable[str] = ()) -> bool:
        """Return whether labels meet every expression; those on keys in `ignoring` are passed over."""
        passed = set(ignoring)
        return all(key in passed or meets(labels.get(key), op, values) for key, op, values in self.expressions)


def meets(value: str | None, operator: str, values: tuple[str, ...]) -> bool:
    """Return whether one label's value (None: no such label) meets an operator of Kubernetes' or Karpenter's."""
    if operator in ("NotIn", "DoesNotExist"):
        return value is None or (operator == "NotIn" and value not in values)
    if value is None:
        return False
    if operator in ("In", "Exists"):
        return operator == "Exists" or value in values
    return _compares(value, operator, values)


def _compares(value: str, operator: str, values: tuple[str, ...]) -> bool:
    if not value.isdecimal() or len(values) != 1 or not values[0].isdecimal():
        return False
    left, right = int(value), int(values[0])
    outcomes = {"Gt": left > right, "Lt": left < right, "Gte": left >= right, "Lte": left <= right}
    return outcomes[operator]


def affinity_terms(spec: Mapping[str, Any]) -> list[Requirements]:
    """Return the alternatives of a pod's node selector and required node affinity; one of them must be met."""
    selector = [
        {"key": key, "operator": "In", "values": [value]} for key, value in spec.get("nodeSelector", {}).items()
    ]
    affinity = spec.get("affinity", {}).get("nodeAffinity", {})
    terms = affinity.get("requiredDuringSchedulingIgnoredDuringExecution", {}).get("nodeSelectorTerms", [{}])
    return [Requirements([*selector, *term.get("matchExpressions", [])]) for term in terms]


def tolerates(spec: Mapping[str, Any], taints: Iterable[Mapping[str, str]]) -> bool:
    """Return whether a pod may be placed in spite of the taints that keep pods away."""
    hard = [taint for taint in taints if taint["effect"] in ("NoSchedule", "NoExecute")]
    return all(any(_tolerated(taint, each) for each in spec.get("tolerations", [])) for taint in hard)


def _tolerated(taint: Mapping[str, str], toleration: Mapping[str, Any]) -> bool:
    if toleration.get("effect") not in (None, "", taint["effect"]):
        return False
    if toleration.get("operator") == "Exists":
        return toleration.get("key") in (None, "", taint["key"])
    return bool(toleration.get("key") == taint["key"] and toleration.get("value", "") == taint.get("value", ""))


def quantities(texts: Mapping[str, str]) -> Resources:
    """Return quantities such as `4Gi` as numbers of the base unit."""
    return {name: parse_quantity(text) for name, text in texts.items()}


def add(*parts: Resources) -> dict[str, Decimal]:
    """Return the sum by resource."""
    names = {name for part in parts for name in part}
    return {name: sum((part.get(name, Decimal(0)) for part in parts), Decimal(0)) for name in names}


def fits(asked: Resources, free: Resources) -> bool:
    """Return whether every resource asked for is free in that amount."""
    return all(amount <= free.get(name, Decimal(0)) for name, amount in asked.items() if amount)


def requests(pod: Item) -> dict[str, Decimal]:
    """Return what a pod asks of its node, and one place among its pods.

    Init containers run one after another before the others, except sidecars (restartPolicy Always), which stay.
    https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/#resource-sharing-within-containers
    """
    spec = pod["spec"]
    running = add(*(_asked(each) for each in spec["containers"]))
    sidecars: dict[str, Decimal] = {}
    peak: dict[str, Decimal] = {}
    for each in spec.get("initContainers", []):
        if each.get("restartPolicy") == "Always":
            sidecars = add(sidecars, _asked(each))
        peak = _larger(peak, add(sidecars, {} if each.get("restartPolicy") == "Always" else _asked(each)))
    overhead = quantities(spec.get("overhead", {}))
    return add(_larger(add(running, sidecars), peak), overhead, {"pods": Decimal(1)})


def _asked(container: Item) -> Resources:
    resources = container.get("resources", {})
    return quantities(resources.get("limits", {}) | resources.get("requests", {}))


def _larger(left: Resources, right: Resources) -> dict[str, Decimal]:
    return {name: max(left.get(name, Decimal(0)), right.get(name, Decimal(0))) for name in {*left, *right}}
