"""The proxy, the real helm behind it, and one cluster with two nodes for all tests of this folder."""

import os
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import control_plane
import leaving
import pytest

from rehearsal.charts import proxy
from rehearsal.kubernetes import build
from rehearsal.kubernetes.cluster import Cluster, Surroundings
from rehearsal.kubernetes.fleet import PaperFleet
from rehearsal.world import World

Helm = Callable[..., str]


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    opened = World(Path(tmp_path_factory.mktemp("world")), 0)
    proxy.serve(opened)
    yield opened
    opened.close()


@pytest.fixture
def helm(world: World, tmp_path: Path) -> Helm:
    """Run the real helm as someone who has never used it; with `fails` its complaint is returned instead."""

    def run(*arguments: str, fails: bool = False, config: Path | None = None) -> str:
        kept = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "KUBECONFIG": str(config or "/nowhere")}
        finished = subprocess.run(
            [str(build.tools() / "helm"), *arguments],
            env=kept | dict(proxy.environment(world)),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert (finished.returncode != 0) == fails, finished.stdout + finished.stderr
        return finished.stderr if fails else finished.stdout

    return run


@pytest.fixture(scope="session")
def cluster(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    control_plane.required()
    fleet = PaperFleet()
    around = Surroundings(world.clock, fleet, lambda _: fleet, network_plugin=None)
    started = Cluster.start(tmp_path_factory.mktemp("cluster"), around)
    end = leaving.until_left(leaving.below(Path(__file__).parent), started.stop)
    yield started
    end()


@pytest.fixture(scope="session")
def nodes(cluster: Cluster, world: World) -> list[str]:
    """Two groups: `system`, two nodes that tolerate only what is critical, and `gpu`, one tainted node with a GPU."""
    critical = {"key": "CriticalAddonsOnly", "value": "true", "effect": "NO_SCHEDULE"}
    cluster.add_node_group(_group("system", 2, "m5.large", critical))
    cluster.add_node_group(_group("gpu", 1, "g4dn.xlarge", {"key": "nvidia.com/gpu", "effect": "NO_SCHEDULE"}))
    assert world.clock.wait(1200, lambda: cluster.nodes_ready("system") and cluster.nodes_ready("gpu"))
    return ["system", "gpu"]


def _group(name: str, size: int, type_name: str, taint: dict[str, str]) -> dict[str, Any]:
    """Return a node group as DescribeNodegroup answers it."""
    return {
        "nodegroupName": name,
        "instanceTypes": [type_name],
        "subnets": ["subnet-1"],
        "scalingConfig": {"minSize": 0, "maxSize": 5, "desiredSize": size},
        "labels": {"role": name},
        "taints": [taint],
    }


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    name = f"test-{uuid.uuid4().hex[:8]}"
    cluster.api.create("/api/v1/namespaces", {"metadata": {"name": name}})
    yield name
    cluster.api.delete(f"/api/v1/namespaces/{name}")
