"""Karpenter's end of empty nodes: looked at twice, so that none goes under a pod that has just come."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from rehearsal.clock import Clock
from rehearsal.kubernetes import nodes
from rehearsal.kubernetes.api import Api, Item
from rehearsal.kubernetes.node_claims import CLAIMS, DISRUPTED, NEVER, disrupt, holds, seconds
from rehearsal.kubernetes.provisioning import POOL


@dataclass
class Consolidation:
    """What is known of the empty nodes of one cluster."""

    api: Api
    clock: Clock
    _empty: dict[str, float] = field(default_factory=dict)  # claim's name -> since when
    _closed: set[str] = field(default_factory=set)  # names of claims whose nodes take no pods any more

    def turn(self, pods: Iterable[Item], pools: Iterable[Item], claims: Iterable[Item]) -> None:
        """Close the nodes that have been empty for their pool's time; end those that were closed and still are."""
        busy = {pod["spec"].get("nodeName") for pod in pods if nodes.holds_its_node(pod)}
        patience = {pool["metadata"]["name"]: _patience(pool) for pool in pools}
        for claim in claims:
            waits = patience.get(claim["metadata"]["labels"].get(POOL, ""), NEVER)
            empty = holds(claim, "Initialized") and claim["status"]["nodeName"] not in busy
            self._tend(claim, empty=empty and waits != NEVER, waits=waits)

    def _tend(self, claim: Item, *, empty: bool, waits: float) -> None:
        name, now = claim["metadata"]["name"], self.clock.time()
        if not empty:
            self._empty.pop(name, None)
            if name in self._closed:
                self._closed.discard(name)
                self._open(claim)
        elif name in self._closed:
            self._closed.discard(name)
            self.api.delete(f"{CLAIMS}/{name}")
        elif now - self._empty.setdefault(name, now) >= waits:
            self._closed.add(name)
            if node := self._node(claim):
                disrupt(self.api, node)

    def _open(self, claim: Item) -> None:
        if node := self._node(claim):
            kept = [each for each in node["spec"].get("taints", []) if each != DISRUPTED]
            self.api.patch(f"{nodes.NODES}/{node['metadata']['name']}", {"spec": {"taints": kept}})

    def _node(self, claim: Item) -> Item | None:
        return self.api.get(f"{nodes.NODES}/{claim['status']['nodeName']}")


def _is_about_empty_nodes(budget: Item) -> bool:
    return "schedule" not in budget and "Empty" in budget.get("reasons", ["Empty"])


def _patience(pool: Item) -> float:
    """Return how long, in AWS's seconds, a node of a pool may stand empty."""
    disruption = pool["spec"].get("disruption", {})
    budgets = [each["nodes"] for each in disruption.get("budgets", []) if _is_about_empty_nodes(each)]
    return NEVER if {"0", "0%"} & set(budgets) else seconds(disruption.get("consolidateAfter", "0s"))
