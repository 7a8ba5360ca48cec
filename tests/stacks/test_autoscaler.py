"""The cluster's stack with the Cluster Autoscaler: nodes from zero, Spot first, back to zero, and over to Karpenter."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import control_plane
import pytest

import config
from rapids_eks.job_pools import CORE_LABELS, DRIVER_LABELS, EXECUTOR_LABELS, GPU
from rehearsal.kubernetes.api import Api
from tests.rehearsal.live.account import Account, Outcome
from tests.stacks.assembly import ACCOUNT, NAME, synthesized
from tests.stacks.eks_access import api, role
from tests.stacks.karpenter_access import instances_with

ADMIN = f"arn:aws:iam::{ACCOUNT}:role/ScalingAdmin"
CAPACITY = config.Capacity(mode="cluster-autoscaler", operating_system="ubuntu", consolidate_after_minutes=5)
AMAZONS = config.Capacity(mode="cluster-autoscaler", consolidate_after_minutes=5)
KARPENTERS = config.Capacity(consolidate_after_minutes=5)
PODS = "/api/v1/namespaces/default/pods"
KIND = "NodeGroupType"


@pytest.fixture(scope="module")
def deployed(
    account: Account, gpu_quotas: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Outcome, Outcome, list[str]]]:
    """The stacks of network and cluster as they were made, and what was there before."""
    del gpu_quotas
    control_plane.required()
    role(account, "ScalingAdmin")
    assembly = synthesized(tmp_path_factory.mktemp("scaled"), config.Cluster(admins=(ADMIN,)), capacity=CAPACITY)
    assembly.publish(account, "StackedCluster")
    before = account.left()
    network = assembly.deploy(account, "StackedNetwork")
    assert network.status == "CREATE_COMPLETE", network.reasons
    cluster = assembly.deploy(account, "StackedCluster")
    assert cluster.status == "CREATE_COMPLETE", cluster.reasons
    yield network, cluster, before
    for stack in (cluster, network):
        account.discard(stack)


@pytest.fixture(scope="module")
def kubernetes(account: Account, deployed: object, tmp_path_factory: pytest.TempPathFactory) -> Api:
    assert deployed
    made = api(account, NAME, ADMIN, tmp_path_factory.mktemp("admin"))
    made.create("/apis/apps/v1/namespaces/kube-system/daemonsets", _device_plugin())
    return made


def _device_plugin() -> dict[str, Any]:
    """Return a DaemonSet that announces the GPUs, as the GPU Operator's does."""
    labels = {"app": "nvidia-device-plugin"}
    spec = {
        "containers": [{"name": "main", "image": "example.com/plugin"}],
        "tolerations": [{"operator": "Exists"}],
        "nodeSelector": EXECUTOR_LABELS,
    }
    template = {"metadata": {"labels": labels}, "spec": spec}
    return {"metadata": {"name": labels["app"]}, "spec": {"selector": {"matchLabels": labels}, "template": template}}


def _pod(name: str, labels: dict[str, str], requests: dict[str, str]) -> dict[str, Any]:
    """Return a pod as Spark makes it: it selects nodes by label, and tolerates what EKS adds for GPUs."""
    container = {"name": "main", "image": "example.com/main", "resources": {"requests": requests, "limits": requests}}
    tolerations = [{"key": GPU, "operator": "Exists", "effect": "NoSchedule"}]
    spec = {"containers": [container], "nodeSelector": labels, "tolerations": tolerations}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def _run(account: Account, kubernetes: Api, *pods: dict[str, Any]) -> None:
    for pod in pods:
        kubernetes.create(PODS, pod)
    account.waits(lambda: all(pod["status"]["phase"] == "Running" for pod in kubernetes.items(PODS)))


def _end(account: Account, kubernetes: Api) -> None:
    for pod in kubernetes.items(PODS):
        kubernetes.call("DELETE", f"{PODS}/{pod['metadata']['name']}")
    account.waits(lambda: not kubernetes.items(PODS))


def _groups(account: Account, market: str, labels: dict[str, str]) -> list[dict[str, Any]]:
    """Return the Auto Scaling groups of node groups of a market, and with labels."""
    found, scaling = _node_groups(account), account.client("autoscaling")
    chosen = [each for each in found if each["capacityType"] == market and labels.items() <= each["labels"].items()]
    behind = [each["resources"]["autoScalingGroups"][0]["name"] for each in chosen]
    return list(scaling.describe_auto_scaling_groups(AutoScalingGroupNames=behind)["AutoScalingGroups"])


def _size(account: Account, market: str, labels: dict[str, str]) -> int:
    return sum(each["DesiredCapacity"] for each in _groups(account, market, labels))


def _running(account: Account) -> list[dict[str, Any]]:
    filters = [{"Name": "instance-state-name", "Values": ["running"]}]
    found = account.client("ec2").describe_instances(Filters=filters)["Reservations"]
    return [instance for each in found for instance in each["Instances"]]


def _nodes(kubernetes: Api) -> list[dict[str, Any]]:
    return [node for node in kubernetes.items("/api/v1/nodes") if node["metadata"]["labels"][KIND] != "core"]


def test_groups_stand_at_zero_until_there_are_pods(account: Account, kubernetes: Api) -> None:
    assert _nodes(kubernetes) == []
    assert len(_groups(account, "SPOT", EXECUTOR_LABELS)) == 2
    assert _size(account, "SPOT", {}) == 0


def test_a_driver_and_executors_get_nodes_from_zero_and_leave_none_behind(account: Account, kubernetes: Api) -> None:
    driver = _pod("driver", DRIVER_LABELS, {"cpu": "2", "memory": "10Gi"})
    executors = [_pod(f"executor{n}", EXECUTOR_LABELS, {"cpu": "4", "memory": "27Gi", GPU: "1"}) for n in range(2)]
    _run(account, kubernetes, driver, *executors)
    assert (_size(account, "SPOT", EXECUTOR_LABELS), _size(account, "ON_DEMAND", EXECUTOR_LABELS)) == (2, 0)
    assert _size(account, "ON_DEMAND", DRIVER_LABELS) == 1
    bought = [each["InstanceType"] for each in _running(account) if each.get("InstanceLifecycle") == "spot"]
    assert bought == ["g5.2xlarge"] * 2
    _end(account, kubernetes)
    account.waits(lambda: not _nodes(kubernetes))
    assert _size(account, "SPOT", {}) + _size(account, "ON_DEMAND", DRIVER_LABELS) == 0


def test_where_there_is_no_spot_capacity_on_demand_takes_over(
    account: Account, kubernetes: Api, plant: Callable[..., None]
) -> None:
    plant("shortage", "spot", always=True)
    _run(account, kubernetes, _pod("executor", EXECUTOR_LABELS, {"cpu": "4", GPU: "1"}))
    assert (_size(account, "SPOT", EXECUTOR_LABELS), _size(account, "ON_DEMAND", EXECUTOR_LABELS)) == (0, 1)
    _end(account, kubernetes)


def test_a_pod_that_fits_on_no_node_starts_none(account: Account, kubernetes: Api) -> None:
    """Guards against nodes that come and go for ever: the instance has 32 GiB, a node less."""
    account.waits(lambda: not _nodes(kubernetes))
    kubernetes.create(PODS, _pod("large", EXECUTOR_LABELS, {"memory": "31Gi", GPU: "1"}))
    account.waits(lambda: "Unschedulable" in str(kubernetes.items(PODS)))
    kubernetes.create(PODS, _pod("small", EXECUTOR_LABELS, {"memory": "1Gi", GPU: "1"}))
    account.waits(lambda: [pod["status"]["phase"] for pod in kubernetes.items(PODS)] == ["Pending", "Running"])
    assert len(_nodes(kubernetes)) == 1


def becomes(account: Account, cluster: Outcome, capacity: config.Capacity, into: Path) -> None:
    """Update the cluster's stack to another way of making nodes."""
    assembly = synthesized(into, config.Cluster(admins=(ADMIN,)), capacity=capacity)
    assembly.publish(account, "StackedCluster")
    updated = assembly.update(account, "StackedCluster", cluster)
    assert updated.status == "UPDATE_COMPLETE", updated.reasons


def test_groups_become_ones_of_amazon_s_own_image(
    account: Account, deployed: tuple[Outcome, Outcome, list[str]], kubernetes: Api, tmp_path: Path
) -> None:
    _end(account, kubernetes)
    becomes(account, deployed[1], AMAZONS, tmp_path)
    kinds = {each["labels"][KIND]: each["amiType"] for each in _node_groups(account)}
    assert kinds == {
        CORE_LABELS[KIND]: "AL2023_x86_64_STANDARD",
        DRIVER_LABELS[KIND]: "AL2023_x86_64_STANDARD",
        EXECUTOR_LABELS[KIND]: "AL2023_x86_64_NVIDIA",
    }
    assert len(_node_groups(account)) == 1 + 2 + 2 * 2, "and nothing is left of those before"
    _run(account, kubernetes, _pod("executor", EXECUTOR_LABELS, {"cpu": "4", "memory": "27Gi", GPU: "1"}))
    assert _size(account, "SPOT", EXECUTOR_LABELS) == 1
    _end(account, kubernetes)
    account.waits(lambda: not _nodes(kubernetes))
    assert _size(account, "SPOT", EXECUTOR_LABELS) == 0


def test_karpenter_takes_over_and_leaves_again_and_each_ends_what_runs_on_the_other_s_nodes(
    account: Account, deployed: tuple[Outcome, Outcome, list[str]], kubernetes: Api, tmp_path: Path
) -> None:
    """Guards against nodes of which nobody knows any more: they would cost money until the cluster goes."""
    driver = _pod("driver", DRIVER_LABELS, {"cpu": "2", "memory": "10Gi"})
    _run(account, kubernetes, driver)
    becomes(account, deployed[1], KARPENTERS, tmp_path / "there")
    assert [each["labels"][KIND] for each in _node_groups(account)] == [CORE_LABELS[KIND]]
    kubernetes = api(account, NAME, ADMIN, tmp_path)  # with a token of its own: one lasts 15 minutes
    assert "cluster-autoscaler" not in _programs(kubernetes)
    account.waits(lambda: not kubernetes.items(PODS))
    _run(account, kubernetes, driver)
    (node,) = instances_with(account, "karpenter.sh/nodepool")

    becomes(account, deployed[1], AMAZONS, tmp_path / "back")
    assert instances_with(account, "karpenter.sh/nodepool") == []
    assert node["InstanceId"] not in {each["InstanceId"] for each in _running(account)}
    kubernetes = api(account, NAME, ADMIN, tmp_path)
    assert "karpenter" not in _programs(kubernetes)
    account.waits(lambda: not kubernetes.items(PODS))
    _run(account, kubernetes, driver)
    assert _size(account, "ON_DEMAND", DRIVER_LABELS) >= 1


def _node_groups(account: Account) -> list[dict[str, Any]]:
    eks = account.client("eks")
    names = eks.list_nodegroups(clusterName=NAME)["nodegroups"]
    return [eks.describe_nodegroup(clusterName=NAME, nodegroupName=name)["nodegroup"] for name in names]


def _programs(kubernetes: Api) -> set[str]:
    return {each["metadata"]["name"] for each in kubernetes.items("/apis/apps/v1/namespaces/kube-system/deployments")}


def test_the_whole_goes_without_a_trace_while_a_node_runs(
    account: Account, deployed: tuple[Outcome, Outcome, list[str]]
) -> None:
    network, cluster, before = deployed
    for stack in (cluster, network):
        gone = account.delete(stack)
        assert gone.status == "DELETE_COMPLETE", gone.reasons
    assert account.left() == before
