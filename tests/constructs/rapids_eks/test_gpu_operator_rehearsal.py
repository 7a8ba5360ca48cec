"""The GPU Operator in the rehearsal, and the arithmetic of placement against the real scheduler."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import control_plane
import pytest

from rapids_eks.gpu_operator import NAMESPACE, TAINT
from rapids_eks.placement import Nodes, Pod, Size, allocatable
from rapids_eks.system_pods import DRIVER, EXECUTOR, KARPENTER, ON_EVERY_NODE, ON_GPU_NODES, SUBMITTER
from rehearsal.kubernetes.api import Api
from tests.constructs.rapids_eks.gpu_stacks import (
    ADMIN,
    CORE_TYPE,
    DRIVER_TYPE,
    DRIVERS,
    EXECUTORS,
    GPU_TYPE,
    NAME,
    synthesized,
)
from tests.rehearsal.live.account import Account, Outcome
from tests.stacks.eks_access import api, role

PODS = "/api/v1/namespaces/default/pods"
CORE = {"NodeGroupType": "core"}
TOLERATED = [{"key": TAINT, "operator": "Exists", "effect": "NoSchedule"}]
WITHOUT_STAND_IN = {"nvidia-operator-validator"}  # the rehearsal's chart has none of it


@dataclass(frozen=True)
class Lab:
    """A cluster with the operator, as its administrator sees it."""

    kubernetes: Api
    operator: Outcome
    before: list[str]

    def nodes(self) -> dict[str, dict[str, Any]]:
        """Return the nodes by name."""
        return {each["metadata"]["name"]: each for each in self.kubernetes.items("/api/v1/nodes")}

    def kind(self, node: str) -> str:
        return str(self.nodes()[node]["metadata"]["labels"]["NodeGroupType"])

    def pods(self) -> dict[str, str]:
        """Return the nodes of the operator's pods by the pods' names."""
        found = self.kubernetes.items(f"/api/v1/namespaces/{NAMESPACE}/pods")
        return {each["metadata"]["name"]: each["spec"].get("nodeName", "") for each in found}


@pytest.fixture(scope="module")
def lab(account: Account, gpu_quotas: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    del gpu_quotas
    control_plane.required()
    role(account, ADMIN.rsplit("/", 1)[-1])
    assembly = synthesized(tmp_path_factory.mktemp("gpu"))
    made: list[Outcome] = []
    before: list[str] = []
    for stack in ("GpuNetwork", "GpuCluster", "GpuOperator"):
        assembly.publish(account, stack)
        before = account.left()
        made.append(assembly.deploy(account, stack))
        assert made[-1].status == "CREATE_COMPLETE", made[-1].reasons
    kubernetes = api(account, NAME, ADMIN, tmp_path_factory.mktemp("admin"))
    account.waits(lambda: _gpus(kubernetes) == ["1"])
    yield Lab(kubernetes, made[-1], before)
    for outcome in reversed(made):
        account.discard(outcome)


def _gpus(kubernetes: Api) -> list[str]:
    found = [each["status"]["allocatable"].get(TAINT) for each in kubernetes.items("/api/v1/nodes")]
    return [each for each in found if each]


def pod(name: str, size: Size, labels: dict[str, str], **spec: object) -> dict[str, Any]:
    amounts = {"cpu": f"{size.cpu}m", "memory": f"{size.memory}Mi"} | ({TAINT: str(size.gpus)} if size.gpus else {})
    container = {"name": "main", "image": "x", "resources": {"requests": amounts, "limits": amounts}}
    meta = {"name": name, "labels": {"app": name.rstrip("0123456789")}}
    return {"metadata": meta, "spec": {"containers": [container], "nodeSelector": labels, **spec}}


def phases(kubernetes: Api) -> dict[str, str]:
    return {each["metadata"]["name"]: each["status"]["phase"] for each in kubernetes.items(PODS)}


@pytest.fixture
def empty(account: Account, lab: Lab) -> Iterator[Api]:
    """The API; what a test has put into the namespace `default` is gone afterwards."""
    yield lab.kubernetes
    for name in phases(lab.kubernetes):
        lab.kubernetes.delete(f"{PODS}/{name}", gracePeriodSeconds=0)
    account.waits(lambda: phases(lab.kubernetes) == {})


def test_gpus_are_offered_and_told_of_by_labels(account: Account, lab: Lab) -> None:
    def told() -> list[str | None]:
        offering = [each for each in lab.nodes().values() if TAINT in each["status"]["allocatable"]]
        return [each["metadata"]["labels"].get("nvidia.com/gpu.product") for each in offering]

    account.waits(lambda: told() == ["NVIDIA-A10G"])


def test_operands_run_on_gpu_nodes_and_the_operator_on_core_nodes(lab: Lab) -> None:
    sets = lab.kubernetes.items(f"/apis/apps/v1/namespaces/{NAMESPACE}/daemonsets")
    names = tuple(each["metadata"]["name"] for each in sets)
    kinds = {name: lab.kind(node) for name, node in lab.pods().items()}
    assert {kind for name, kind in kinds.items() if name.startswith(names)} == {"executor"}
    assert {kind for name, kind in kinds.items() if not name.startswith(names)} == {"core"}
    assert not [name for name in names if "driver" in name or "toolkit" in name]


@pytest.mark.parametrize(
    ("kind", "labels", "daemons"),
    [
        (CORE_TYPE, CORE, ON_EVERY_NODE),
        (DRIVER_TYPE, DRIVERS, ON_EVERY_NODE),
        (GPU_TYPE, EXECUTORS, ON_GPU_NODES),
    ],
)
def test_nodes_have_what_is_counted_and_run_the_daemons_that_are_counted(
    lab: Lab, kind: str, labels: dict[str, str], daemons: tuple[Pod, ...]
) -> None:
    node = next(each for each in lab.nodes().values() if labels.items() <= each["metadata"]["labels"].items())
    told, counted = node["status"]["allocatable"], allocatable(kind)
    assert told["cpu"] in (f"{counted.cpu}m", str(counted.cpu // 1000))
    assert told["memory"] == f"{counted.memory}Mi"
    found = lab.kubernetes.items(f"/api/v1/pods?fieldSelector=spec.nodeName%3D{node['metadata']['name']}")
    running = [each["metadata"]["name"] for each in found if _of_daemon_set(each)]
    uncounted = [name for name in running if not any(each.name in name for each in daemons)]
    absent = {each.name for each in daemons if not any(each.name in name for name in running)}
    assert uncounted == []
    assert absent <= WITHOUT_STAND_IN


def _of_daemon_set(item: dict[str, Any]) -> bool:
    return any(owner["kind"] == "DaemonSet" for owner in item["metadata"].get("ownerReferences", []))


def test_a_driver_and_an_executor_are_placed(account: Account, empty: Api) -> None:
    empty.create(PODS, pod("driver", DRIVER.size, DRIVERS))
    empty.create(PODS, pod("executor", EXECUTOR.size, EXECUTORS, tolerations=TOLERATED))
    account.waits(lambda: phases(empty) == {"driver": "Running", "executor": "Running"})


def test_an_executor_of_all_that_is_free_is_placed_and_of_a_mebibyte_more_is_not(account: Account, empty: Api) -> None:
    """The scheduler's arithmetic is ours."""
    daemons = [each for each in ON_GPU_NODES if each.name not in WITHOUT_STAND_IN]
    free = Nodes("gpu", [GPU_TYPE], daemons).free(GPU_TYPE)
    beyond = pod("beyond", free + Size(0, 1), EXECUTORS, tolerations=TOLERATED)
    empty.create(PODS, beyond)
    account.waits(lambda: "Insufficient memory" in _refusal(empty, "beyond"))
    empty.create(PODS, pod("all", free, EXECUTORS, tolerations=TOLERATED))
    account.waits(lambda: phases(empty) == {"beyond": "Pending", "all": "Running"})


def _refusal(kubernetes: Api, name: str) -> str:
    conditions = (kubernetes.get(f"{PODS}/{name}") or {}).get("status", {}).get("conditions", [])
    return "".join(each.get("message", "") for each in conditions)


def test_karpenter_and_a_submitter_find_room_on_small_core_nodes(account: Account, empty: Api) -> None:
    apart = {"labelSelector": {"matchLabels": {"app": "karpenter"}}, "topologyKey": "kubernetes.io/hostname"}
    affinity = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [apart]}}
    for number in range(KARPENTER.replicas):
        empty.create(PODS, pod(f"karpenter{number}", KARPENTER.size, CORE, affinity=affinity))
    account.waits(lambda: set(phases(empty).values()) == {"Running"})
    empty.create(PODS, pod("submitter", SUBMITTER.size, CORE))
    account.waits(lambda: phases(empty).get("submitter") == "Running")


def test_the_operator_goes_by_its_hooks_even_from_core_nodes_with_a_taint(account: Account, lab: Lab) -> None:
    """Guards against Jobs of an uninstall that find no node: the release would stay, and nobody would say so."""
    critical = {"key": "CriticalAddonsOnly", "value": "true", "effect": "NoSchedule"}
    for name in lab.nodes():
        if lab.kind(name) == "core":
            lab.kubernetes.patch(f"/api/v1/nodes/{name}", {"spec": {"taints": [critical]}})
    gone = account.delete(lab.operator)
    assert gone.status == "DELETE_COMPLETE", gone.reasons
    assert lab.kubernetes.items("/apis/nvidia.com/v1/clusterpolicies") == []
    assert lab.kubernetes.get(f"/api/v1/namespaces/{NAMESPACE}") is None
    assert account.left() == lab.before
