"""Nodes for pods that fit nowhere: made as NodePools say, for the pods they are for, and taken away in order."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import yaml

from rehearsal.clock import Clock
from rehearsal.kubernetes.cluster import Cluster
from rehearsal.kubernetes.fleet import PaperFleet
from rehearsal.kubernetes.node_claims import CLAIMS
from rehearsal.kubernetes.nodes import NODES

Kubectl = Callable[..., str]
GPU_TAINT = {"key": "nvidia.com/gpu", "value": "true", "effect": "NoSchedule"}
MESSAGES = ("get", "events", "-o", "jsonpath={.items[*].message}")
OWN_TAINT = {"key": "team", "value": "a", "effect": "NoSchedule"}
TOLERATION = {"key": "team", "operator": "Exists"}


@pytest.fixture
def gpu_pool(cluster: Cluster, kubectl: Kubectl, karpenter: str) -> Iterator[str]:
    """Give a class and a pool of up to two small GPU nodes; remove both, and see them go with their nodes."""
    kubectl("apply", "-f", "-", given=[node_class(), pool()])
    kubectl("wait", "--for=condition=Ready", "nodepool/gpu", "--timeout=110s")
    yield karpenter
    kubectl("delete", "nodepool", "gpu", "--ignore-not-found", "--timeout=110s")
    kubectl("delete", "ec2nodeclass", "gpu", "--timeout=110s")
    assert cluster.api.items(CLAIMS) == []


def node_class() -> dict[str, Any]:
    spec = {
        "amiSelectorTerms": [{"alias": "al2023@latest"}],
        "role": "NodeRole",
        "subnetSelectorTerms": [{"tags": {"karpenter.sh/discovery": "test"}}],
        "securityGroupSelectorTerms": [{"tags": {"karpenter.sh/discovery": "test"}}],
    }
    return {"apiVersion": "karpenter.k8s.aws/v1", "kind": "EC2NodeClass", "metadata": {"name": "gpu"}, "spec": spec}


def pool() -> dict[str, Any]:
    requirements = [
        {"key": "karpenter.sh/capacity-type", "operator": "In", "values": ["spot", "on-demand"]},
        {"key": "karpenter.k8s.aws/instance-family", "operator": "In", "values": ["g5", "g6"]},
    ]
    template = {
        "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "gpu"},
        "requirements": requirements,
        "taints": [GPU_TAINT, OWN_TAINT],
        "terminationGracePeriod": "10m",
    }
    spec = {
        "template": {"metadata": {"labels": {"team": "a"}}, "spec": template},
        "limits": {"nvidia.com/gpu": "2"},
        "disruption": {"consolidationPolicy": "WhenEmpty", "consolidateAfter": "60s"},
    }
    return {"apiVersion": "karpenter.sh/v1", "kind": "NodePool", "metadata": {"name": "gpu"}, "spec": spec}


def gpu_pod(name: str, gpus: int = 1, **spec: Any) -> dict[str, Any]:  # noqa: ANN401 - any member of a pod's spec
    container = {"name": "main", "image": "x", "resources": {"limits": {"nvidia.com/gpu": str(gpus), "cpu": "3"}}}
    whole = {"containers": [container], "tolerations": [TOLERATION], "terminationGracePeriodSeconds": 1} | spec
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": whole}


@pytest.mark.usefixtures("gpu_pool")
def test_a_pending_pod_gets_the_cheapest_spot_node_that_holds_it(
    cluster: Cluster, kubectl: Kubectl, namespace: str, fleet: PaperFleet, clock: Clock
) -> None:
    kubectl("-n", namespace, "apply", "-f", "-", given=[gpu_pod("a")])
    kubectl("-n", namespace, "wait", "--for=condition=Ready", "pod/a", "--timeout=110s")
    [claim] = cluster.api.items(CLAIMS)
    node = cluster.api.get(f"{NODES}/{claim['status']['nodeName']}")
    assert node
    assert node["metadata"]["labels"]["karpenter.sh/capacity-type"] == "spot"
    assert node["metadata"]["labels"]["node.kubernetes.io/instance-type"] in ("g5.xlarge", "g6.xlarge")
    assert node["metadata"]["labels"]["team"] == "a"
    assert GPU_TAINT in node["spec"]["taints"]
    assert node["metadata"]["labels"]["karpenter.k8s.aws/instance-gpu-manufacturer"] == "nvidia"
    kubectl("wait", "--for=condition=Ready", f"nodeclaim/{claim['metadata']['name']}", "--timeout=110s")
    kubectl("-n", namespace, "delete", "pod", "a")
    assert clock.wait(3600, lambda: not cluster.api.items(CLAIMS)), "an empty node goes after consolidateAfter"
    assert not [order for order in fleet.running.values() if order.type_name.startswith("g")]


@pytest.fixture
def no_device_plugin(cluster: Cluster, gpu_pool: str) -> Iterator[Callable[[], object]]:
    """Keep the device plugin off every node until the test, or its end, lets it in."""
    path = "/apis/apps/v1/namespaces/kube-system/daemonsets/nvidia-device-plugin"

    def keep(value: str | None) -> object:
        return cluster.api.patch(path, {"spec": {"template": {"spec": {"nodeSelector": {"plugin": value}}}}})

    del gpu_pool
    keep("yes")
    yield lambda: keep(None)
    keep(None)


def test_a_node_is_not_initialised_before_its_gpus_can_be_had(
    cluster: Cluster, kubectl: Kubectl, namespace: str, clock: Clock, no_device_plugin: Callable[[], object]
) -> None:
    """Guards against nodes that have their GPUs from the start: on EKS no image brings the device plugin."""
    kubectl("-n", namespace, "apply", "-f", "-", given=[gpu_pod("a")])

    def said() -> list[str]:
        found = [each for claim in cluster.api.items(CLAIMS) for each in claim.get("status", {}).get("conditions", [])]
        return [each["message"] for each in found if each["type"] == "Initialized"]

    assert clock.wait(1200, lambda: said() == ['Resource "nvidia.com/gpu" was requested but not registered'])
    [claim] = cluster.api.items(CLAIMS)
    node = cluster.api.get(f"{NODES}/{claim['status']['nodeName']}")
    assert node
    assert "nvidia.com/gpu" not in node["status"]["allocatable"]
    assert "karpenter.sh/initialized" not in node["metadata"]["labels"]
    no_device_plugin()
    kubectl("-n", namespace, "wait", "--for=condition=Ready", "pod/a", "--timeout=110s")
    kubectl("wait", "--for=condition=Initialized", f"nodeclaim/{claim['metadata']['name']}", "--timeout=110s")


@pytest.mark.usefixtures("gpu_pool")
def test_on_demand_is_bought_where_there_is_no_spot(
    cluster: Cluster, kubectl: Kubectl, namespace: str, fleet: PaperFleet
) -> None:
    fleet.short_of.add("spot")
    try:
        kubectl("-n", namespace, "apply", "-f", "-", given=[gpu_pod("a")])
        kubectl("-n", namespace, "wait", "--for=condition=Ready", "pod/a", "--timeout=110s")
    finally:
        fleet.short_of.clear()
    [claim] = cluster.api.items(CLAIMS)
    assert claim["metadata"]["labels"]["karpenter.sh/capacity-type"] == "on-demand"


@pytest.mark.usefixtures("gpu_pool")
def test_a_pod_that_new_nodes_do_not_help_buys_fewer_and_fewer(
    cluster: Cluster, kubectl: Kubectl, namespace: str, clock: Clock, fleet: PaperFleet
) -> None:
    # What the stand-in does not see: the scheduler finds no pod that this one must be beside.
    affinity = [{"labelSelector": {"matchLabels": {"no": "such"}}, "topologyKey": "kubernetes.io/hostname"}]
    rule = {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": affinity}}
    kubectl("patch", "nodepool", "gpu", "--type=merge", "-p", '{"spec": {"limits": null}}')
    before = fleet.launched
    kubectl("-n", namespace, "apply", "-f", "-", given=[gpu_pod("alone", affinity=rule)])
    assert clock.wait(3600, lambda: fleet.launched - before == 2)
    assert not clock.wait(230, lambda: fleet.launched - before > 2)
    assert cluster.api.items(CLAIMS) != []


@pytest.mark.usefixtures("gpu_pool")
def test_limits_bind_and_the_pod_is_told(cluster: Cluster, kubectl: Kubectl, namespace: str, clock: Clock) -> None:
    kubectl("-n", namespace, "apply", "-f", "-", given=[gpu_pod("big", gpus=4)])

    assert clock.wait(3600, lambda: "exceed limits for nodepool" in kubectl("-n", namespace, *MESSAGES))
    assert cluster.api.items(CLAIMS) == []


def test_the_toleration_of_a_gpu_is_given_by_admission_as_on_eks(kubectl: Kubectl, namespace: str) -> None:
    kubectl("-n", namespace, "apply", "-f", "-", given=[gpu_pod("a")])
    pod = yaml.safe_load(kubectl("-n", namespace, "get", "pod", "a", "-o", "yaml"))
    assert {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"} in pod["spec"]["tolerations"]


@pytest.mark.usefixtures("gpu_pool")
def test_a_pod_without_the_toleration_stays_pending_for_that_reason(
    kubectl: Kubectl, namespace: str, clock: Clock
) -> None:
    kubectl("-n", namespace, "apply", "-f", "-", given=[gpu_pod("a", tolerations=[])])

    assert clock.wait(3600, lambda: "did not tolerate taint" in kubectl("-n", namespace, *MESSAGES))
    status = yaml.safe_load(kubectl("-n", namespace, "get", "pod", "a", "-o", "yaml"))["status"]
    assert "Insufficient nvidia.com/gpu" in status["conditions"][0]["message"]


@pytest.mark.usefixtures("gpu_pool")
def test_a_deleted_pool_takes_its_nodes_and_waits_for_a_pod_that_must_not_be_disturbed(
    cluster: Cluster, kubectl: Kubectl, namespace: str, clock: Clock
) -> None:
    held = gpu_pod("held")
    held["metadata"]["annotations"] = {"karpenter.sh/do-not-disrupt": "true"}
    kubectl("-n", namespace, "apply", "-f", "-", given=[held])
    kubectl("-n", namespace, "wait", "--for=condition=Ready", "pod/held", "--timeout=110s")
    kubectl("delete", "nodepool", "gpu", "--wait=false")
    [claim] = cluster.api.items(CLAIMS)
    assert not clock.wait(60, lambda: cluster.api.get(f"{CLAIMS}/{claim['metadata']['name']}") is None)
    clock.advance(timedelta(minutes=10))
    assert clock.wait(3600, lambda: not cluster.api.items(CLAIMS)), "terminationGracePeriod is 10 minutes"


@pytest.mark.usefixtures("karpenter")
def test_the_real_definitions_refuse_a_misspelt_requirement(kubectl: Kubectl) -> None:
    broken = pool()
    broken["spec"]["template"]["spec"]["requirements"][0]["operator"] = "OneOf"
    assert "Unsupported value" in kubectl("apply", "-f", "-", given=[broken], fails=True)
