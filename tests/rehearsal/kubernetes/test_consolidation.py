"""Tests of how Karpenter's stand-in ends empty nodes: never under a pod that has just come."""

from typing import Any

import pytest

from rehearsal.clock import Clock
from rehearsal.kubernetes.api import Api
from rehearsal.kubernetes.consolidation import Consolidation
from rehearsal.kubernetes.node_claims import CLAIMS, DISRUPTED
from rehearsal.kubernetes.nodes import NODES

CLAIM = {
    "metadata": {"name": "gpu-1", "labels": {"karpenter.sh/nodepool": "gpu"}},
    "status": {"nodeName": "node", "conditions": [{"type": "Initialized", "status": "True"}]},
}
POOL = {"metadata": {"name": "gpu"}, "spec": {"disruption": {"consolidateAfter": "0s"}}}
POD = {"metadata": {"uid": "1"}, "spec": {"nodeName": "node"}, "status": {"phase": "Pending"}}


class OneNode(Api):
    """An API server with one node, which keeps what is done to it."""

    def __init__(self) -> None:
        """Start with no taint and nothing deleted."""
        self.taints: list[dict[str, str]] = []
        self.deleted: list[str] = []

    def get(self, path: str) -> dict[str, Any] | None:
        return {"metadata": {"name": "node"}, "spec": {"taints": self.taints}} if path == f"{NODES}/node" else None

    def patch(self, path: str, body: dict[str, Any], content_type: str = "") -> dict[str, Any] | None:
        assert (path, content_type) == (f"{NODES}/node", "")
        self.taints = body["spec"]["taints"]
        return None

    def delete(self, path: str, **options: object) -> None:
        assert not options
        self.deleted.append(path)


@pytest.fixture
def api() -> OneNode:
    return OneNode()


@pytest.fixture
def consolidation(api: OneNode) -> Consolidation:
    return Consolidation(api, Clock())


def test_an_empty_node_is_closed_and_looked_at_once_more_before_it_ends(
    api: OneNode, consolidation: Consolidation
) -> None:
    consolidation.turn([], [POOL], [CLAIM])
    assert (api.taints, api.deleted) == ([DISRUPTED], [])
    consolidation.turn([], [POOL], [CLAIM])
    assert api.deleted == [f"{CLAIMS}/gpu-1"]


def test_a_pod_that_came_before_the_node_was_closed_keeps_it(api: OneNode, consolidation: Consolidation) -> None:
    consolidation.turn([], [POOL], [CLAIM])
    consolidation.turn([POD], [POOL], [CLAIM])
    assert (api.taints, api.deleted) == ([], [])
