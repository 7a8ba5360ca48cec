"""One cluster for all tests of this folder; each test works in a namespace of its own."""

import json
import subprocess
import threading
import uuid
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import control_plane
import leaving
import pytest
import yaml

from rehearsal.clock import Clock
from rehearsal.kubernetes import build
from rehearsal.kubernetes.access_policies import Association
from rehearsal.kubernetes.cluster import Cluster, Surroundings
from rehearsal.kubernetes.fleet import PaperFleet
from rehearsal.kubernetes.pod_status import Trouble
from rehearsal.kubernetes.tokens import Caller, Entry, review

Kubectl = Callable[..., str]


class Roles(NamedTuple):
    """ARNs of roles, without their names."""

    sts: str = "arn:aws:sts::111122223333:assumed-role"
    iam: str = "arn:aws:iam::111122223333:role"


ROLES = Roles()
REFUSED_IMAGE = "registry.example/none"


@pytest.fixture(scope="session")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def fleet() -> PaperFleet:
    return PaperFleet()


@pytest.fixture(scope="session")
def associations() -> list[Association]:
    return []


def _pull(_: dict[str, Any], image: str) -> Trouble | None:
    return Trouble("ErrImagePull", f"{image}: not found") if image == REFUSED_IMAGE else None


@pytest.fixture(scope="session")
def entries() -> dict[str, Entry]:
    """Access entries of the cluster; tests add their own."""
    return {}


@pytest.fixture(scope="session")
def review_url(entries: dict[str, Entry]) -> Iterator[str]:
    """Answer token reviews as EKS does: the caller's role is named by its access key, the secret is the key again."""

    def identify(key: str, _: str | None) -> Caller | None:
        role = key.removeprefix("AKIA").lower()
        known = key.startswith("AKIA")
        return Caller(f"{ROLES.sts}/{role}/session", f"{ROLES.iam}/{role}", key) if known else None

    class Review(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # noqa: N802 - the library's name
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            answer = json.dumps(review(body, "test", identify, entries)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Review) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="session")
def cluster(
    tmp_path_factory: pytest.TempPathFactory,
    clock: Clock,
    fleet: PaperFleet,
    associations: list[Association],
    review_url: str,
) -> Iterator[Cluster]:
    control_plane.required()
    around = Surroundings(
        clock, fleet, lambda _: fleet, token_review_url=review_url, associations=lambda: associations, pull=_pull
    )
    started = Cluster.start(tmp_path_factory.mktemp("cluster"), around)
    end = leaving.until_left(leaving.below(Path(__file__).parent), started.stop)
    yield started
    end()


@pytest.fixture(scope="session")
def kubectl(cluster: Cluster) -> Kubectl:
    """Run the real kubectl as administrator; with `fails` its complaint is returned instead."""

    def run(*arguments: str, given: list[Any] | None = None, fails: bool = False) -> str:
        command = [str(build.tools() / "kubectl"), "--kubeconfig", str(cluster.plane.kubeconfig), *arguments]
        text = yaml.safe_dump_all(given) if given is not None else None
        finished = subprocess.run(command, input=text, capture_output=True, text=True, check=False, timeout=120)
        assert (finished.returncode != 0) == fails, finished.stdout + finished.stderr
        return str(finished.stderr if fails else finished.stdout)

    return run


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    name = f"test-{uuid.uuid4().hex[:8]}"
    cluster.api.create("/api/v1/namespaces", {"metadata": {"name": name}})
    yield name
    cluster.api.call("DELETE", f"/api/v1/namespaces/{name}/pods", {"gracePeriodSeconds": 0})
    cluster.api.delete(f"/api/v1/namespaces/{name}")


@pytest.fixture(scope="session")
def daemon_set() -> Callable[..., dict[str, Any]]:
    """Return a maker of DaemonSets."""
    return _daemon_set


def _daemon_set(name: str, selector: dict[str, str] | None = None) -> dict[str, Any]:
    """Return a DaemonSet of kube-system that tolerates everything and asks for nothing."""
    labels = {"app": name}
    spec = {
        "containers": [{"name": "main", "image": "x"}],
        "tolerations": [{"operator": "Exists"}],
        "hostNetwork": True,
        "nodeSelector": selector or {},
    }
    template = {"metadata": {"labels": labels}, "spec": spec}
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": name, "namespace": "kube-system"},
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }


@pytest.fixture(scope="session")
def nodes(cluster: Cluster, clock: Clock) -> str:
    """Two ready nodes of a managed node group, with the network plugin that they need; return the group's name."""
    cluster.api.create("/apis/apps/v1/namespaces/kube-system/daemonsets", _daemon_set("aws-node"))
    cluster.add_node_group(_group_record("system", 2))
    assert clock.wait(1200, lambda: cluster.nodes_ready("system"))
    return "system"


@pytest.fixture(scope="session")
def group_record() -> Callable[[str, int], dict[str, Any]]:
    """Return a maker of node groups."""
    return _group_record


def _group_record(name: str, size: int) -> dict[str, Any]:
    """Return a node group as DescribeNodegroup answers it."""
    return {
        "nodegroupName": name,
        "clusterName": "test",
        "instanceTypes": ["m5.large"],
        "subnets": ["subnet-1"],
        "scalingConfig": {"minSize": 0, "maxSize": 5, "desiredSize": size},
        "capacityType": "ON_DEMAND",
        "labels": {"role": name},
        "taints": [] if name == "system" else [{"key": "role", "value": name, "effect": "NO_SCHEDULE"}],
    }


@pytest.fixture(scope="session")
def karpenter(kubectl: Kubectl, nodes: str) -> str:
    """Install the CRDs, the controller's pods (which do nothing but be there) and the GPUs' device plugin."""
    for path in build.kubebox().crds:
        kubectl("apply", "--server-side", "-f", str(path))
    kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=110s")
    labels = {"app.kubernetes.io/name": "karpenter"}
    spec = {"containers": [{"name": "controller", "image": "karpenter"}]}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "karpenter", "namespace": "kube-system"},
        "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": spec}},
    }
    plugin = _daemon_set("nvidia-device-plugin", {"karpenter.k8s.aws/instance-gpu-manufacturer": "nvidia"})
    kubectl("apply", "-f", "-", given=[deployment, plugin])
    kubectl("-n", "kube-system", "rollout", "status", "deployment/karpenter", "--timeout=110s")
    return nodes
