"""Why a node is still there: the pods on it that may not be evicted."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from .kubernetes import Item, Objects

DO_NOT_DISRUPT = "karpenter.sh/do-not-disrupt"
ENDED = ("Succeeded", "Failed")


def claim_line(api: Objects, claim: Item) -> str:
    """Return a claim with its node and what holds that."""
    name, node = claim["metadata"]["name"], claim.get("status", {}).get("nodeName")
    if not node:
        return f"NodeClaim {name} (no node{_complaint(claim)})"
    reasons = list(holders(api, node))
    return f"NodeClaim {name} (node {node}{', held by ' + ', '.join(reasons) if reasons else ''}{_complaint(claim)})"


def _complaint(claim: Item) -> str:
    """Return what Karpenter says of a claim that it cannot do at present."""
    found = claim.get("status", {}).get("conditions", [])
    told = [each["message"] for each in found if each["status"] != "True" and each.get("message")]
    return f", Karpenter says: {told[0]}" if told else ""


def holders(api: Objects, node: str) -> Iterator[str]:
    """Yield the pods on a node that must not be disturbed or whose budget allows no eviction."""
    pods = api.items(f"/api/v1/pods?fieldSelector=spec.nodeName%3D{node}") or []
    budgets = api.items("/apis/policy/v1/poddisruptionbudgets") or []
    for pod in pods:
        if pod["status"].get("phase") not in ENDED and (reason := _reason(pod, budgets)):
            yield f"pod {pod['metadata']['namespace']}/{pod['metadata']['name']} ({reason})"


def _reason(pod: Item, budgets: Sequence[Item]) -> str:
    if pod["metadata"].get("annotations", {}).get(DO_NOT_DISRUPT) == "true":
        return DO_NOT_DISRUPT
    exhausted = [each["metadata"]["name"] for each in budgets if _is_exhausted(each) and _covers(each, pod)]
    return f"PodDisruptionBudget {', '.join(exhausted)} allows no eviction" if exhausted else ""


def _is_exhausted(budget: Item) -> bool:
    return bool(budget.get("status", {}).get("disruptionsAllowed", 0) == 0)


def _covers(budget: Item, pod: Item) -> bool:
    selector = budget["spec"].get("selector")
    same_place = budget["metadata"]["namespace"] == pod["metadata"]["namespace"]
    return same_place and selector is not None and _matches(selector, pod["metadata"].get("labels", {}))


def _matches(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Return whether labels are what a selector of Kubernetes asks for."""
    equal = all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())
    return equal and all(_meets(each, labels) for each in selector.get("matchExpressions", []))


def _meets(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    value, values = labels.get(expression["key"]), expression.get("values") or []
    outcomes = {
        "In": value in values,
        "NotIn": value not in values,
        "Exists": value is not None,
        "DoesNotExist": value is None,
    }
    return outcomes[expression["operator"]]


def instance_lines(reservations: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the instances of DescribeInstances' answer, each with its state."""
    machines = [each for one in reservations for each in one["Instances"]]
    return [f"instance {each['InstanceId']} ({each['State']['Name']})" for each in machines]
