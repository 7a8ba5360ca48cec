"""The nodes of jobs before a real API server with Karpenter's definitions, and made by its stand-in."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from rapids_eks.job_pools import DRIVER_LABELS, EXECUTOR_LABELS, GPU, Lifetime, driver_pool, gpu_pool
from rapids_eks.karpenter.node_pools import Place, node_class, node_pool
from rehearsal.clock import Clock
from rehearsal.kubernetes.cluster import Cluster
from rehearsal.kubernetes.fleet import PaperFleet
from rehearsal.kubernetes.node_claims import CLAIMS
from rehearsal.kubernetes.nodes import NODES

Kubectl = Callable[..., str]
LIFETIME = Lifetime(consolidate_after_minutes=1, expire_after_hours=720, termination_grace_minutes=10)
PLACE = Place(
    subnet_ids=["subnet-0123456789abcdef0"],
    security_group_id="sg-0123456789abcdef0",
    instance_profile="nodes",
    image_release="v20261112",
    tags={"project": "spark"},
)
DRIVER = driver_pool(["m5.xlarge", "m6i.xlarge"], max_vcpus=8, root_volume_gib=100)
GPUS = gpu_pool(["g5.2xlarge", "g6.2xlarge"], max_gpus=2, root_volume_gib=100, spot=True)
MESSAGES = ("get", "events", "-o", "jsonpath={.items[*].message}")


@pytest.fixture
def pools(cluster: Cluster, kubectl: Kubectl, karpenter: str) -> Iterator[None]:
    """Both pools, as the blueprint's capacity gives them; they go with their nodes."""
    assert karpenter
    kubectl("apply", "-f", "-", given=[node_class(each, PLACE) for each in (DRIVER, GPUS)])
    kubectl("apply", "-f", "-", given=[node_pool(each, LIFETIME) for each in (DRIVER, GPUS)])
    kubectl("wait", "--for=condition=Ready", "nodepool", "--all", "--timeout=110s")
    yield
    kubectl("delete", "nodepool", "driver", "gpu", "--timeout=110s")
    kubectl("delete", "ec2nodeclass", "driver", "gpu", "--timeout=110s")
    assert cluster.api.items(CLAIMS) == []


def pod(name: str, labels: dict[str, str], gpus: int = 0, cpu: str = "3") -> dict[str, Any]:
    """Return a pod as Spark makes it: it selects its nodes and tolerates nothing by itself."""
    resources = {"cpu": cpu, **({GPU: str(gpus)} if gpus else {})}
    spec = {
        "containers": [{"name": "main", "image": "x", "resources": {"limits": resources}}],
        "nodeSelector": labels,
        "terminationGracePeriodSeconds": 1,
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def run(kubectl: Kubectl, namespace: str, *pods: dict[str, Any]) -> None:
    kubectl("-n", namespace, "apply", "-f", "-", given=list(pods))
    names = [f"pod/{each['metadata']['name']}" for each in pods]
    kubectl("-n", namespace, "wait", "--for=condition=Ready", *names, "--timeout=110s")


def node_of(cluster: Cluster, namespace: str, name: str) -> dict[str, Any]:
    """Return the labels of the node that a pod runs on."""
    found = cluster.api.get(f"/api/v1/namespaces/{namespace}/pods/{name}")
    assert found
    node = cluster.api.get(f"{NODES}/{found['spec']['nodeName']}")
    assert node
    return dict(node["metadata"]["labels"])


@pytest.mark.usefixtures("pools")
def test_a_driver_gets_an_on_demand_node_and_an_executor_spot_and_both_nodes_go_with_their_pods(
    cluster: Cluster, kubectl: Kubectl, namespace: str, clock: Clock
) -> None:
    run(kubectl, namespace, pod("driver", DRIVER_LABELS), pod("executor", EXECUTOR_LABELS, gpus=1))
    driver, executor = (node_of(cluster, namespace, name) for name in ("driver", "executor"))
    assert driver["node.kubernetes.io/instance-type"] in DRIVER.instance_types
    assert driver["karpenter.sh/capacity-type"] == "on-demand"
    assert executor["node.kubernetes.io/instance-type"] in GPUS.instance_types
    assert executor["karpenter.sh/capacity-type"] == "spot"
    kubectl("-n", namespace, "delete", "pod", "driver", "executor")
    assert clock.wait(1200, lambda: not cluster.api.items(CLAIMS))


@pytest.mark.usefixtures("pools")
def test_an_executor_gets_an_on_demand_node_where_there_is_no_spot_and_both_count_against_one_limit(
    cluster: Cluster, kubectl: Kubectl, namespace: str, fleet: PaperFleet, clock: Clock
) -> None:
    run(kubectl, namespace, pod("a", EXECUTOR_LABELS, gpus=1))
    fleet.short_of.add("spot")
    try:
        run(kubectl, namespace, pod("b", EXECUTOR_LABELS, gpus=1))
    finally:
        fleet.short_of.clear()
    markets = [node_of(cluster, namespace, name)["karpenter.sh/capacity-type"] for name in "ab"]
    assert markets == ["spot", "on-demand"]
    kubectl("-n", namespace, "apply", "-f", "-", given=[pod("c", EXECUTOR_LABELS, gpus=1)])
    assert clock.wait(3600, lambda: "exceed limits for nodepool" in kubectl("-n", namespace, *MESSAGES))


@pytest.mark.usefixtures("pools")
def test_a_pod_that_selects_nothing_leaves_the_driver_s_node_alone(
    cluster: Cluster, kubectl: Kubectl, namespace: str
) -> None:
    """Guards against system pods that keep a node of a finished job; the core nodes are the fuller ones here."""
    fillers = [pod(f"filler{number}", {"role": "system"}, cpu="1200m") for number in range(2)]
    run(kubectl, namespace, pod("driver", DRIVER_LABELS, cpu="100m"), *fillers)
    small = [pod(f"small{number}", {}, cpu="10m") for number in range(3)]
    run(kubectl, namespace, *small)
    assert not any("karpenter.sh/nodepool" in node_of(cluster, namespace, f"small{number}") for number in range(3))


def test_gpu_nodes_take_no_pod_that_asks_for_no_gpu(
    cluster: Cluster, kubectl: Kubectl, namespace: str, clock: Clock, pools: None
) -> None:
    del pools
    kubectl("-n", namespace, "apply", "-f", "-", given=[pod("plain", EXECUTOR_LABELS)])
    assert clock.wait(3600, lambda: "did not tolerate taint" in kubectl("-n", namespace, *MESSAGES))
    assert cluster.api.items(CLAIMS) == []


WRONG = {
    "an image without its date": (node_class(DRIVER, replace(PLACE, image_release="")), "improperly formatted"),
    "no instance profile": (node_class(DRIVER, replace(PLACE, instance_profile="")), "instanceProfile cannot be empty"),
    "no subnets": (node_class(DRIVER, replace(PLACE, subnet_ids=[])), "subnetSelectorTerms cannot be empty"),
    "no security group": (node_class(DRIVER, replace(PLACE, security_group_id="")), "should match"),
    "a tag of the cluster": (
        node_class(DRIVER, replace(PLACE, tags={"kubernetes.io/cluster/other": "owned"})),
        "restricted tag",
    ),
    "no instance types": (
        node_pool(replace(DRIVER, instance_types=[]), LIFETIME),
        "operator 'In' must have a value defined",
    ),
    "a label of Karpenter": (
        node_pool(replace(DRIVER, labels={"karpenter.sh/kind": "driver"}), LIFETIME),
        "is restricted",
    ),
    "an unknown effect": (
        node_pool(replace(DRIVER, taints=[{"key": "a", "effect": "Never"}]), LIFETIME),
        "Unsupported value",
    ),
    "a negative expiry": (node_pool(DRIVER, replace(LIFETIME, expire_after_hours=-1)), "should match"),
    "a negative delay": (node_pool(DRIVER, replace(LIFETIME, consolidate_after_minutes=-1)), "should match"),
    "a negative grace": (node_pool(DRIVER, replace(LIFETIME, termination_grace_minutes=-1)), "should match"),
}


@pytest.mark.usefixtures("karpenter")
@pytest.mark.parametrize("what", WRONG)
def test_the_real_definitions_refuse(what: str, kubectl: Kubectl) -> None:
    manifest, reason = WRONG[what]
    assert reason in kubectl("create", "--dry-run=server", "-f", "-", given=[manifest], fails=True)


@pytest.mark.usefixtures("karpenter")
def test_the_real_definitions_know_every_field(kubectl: Kubectl) -> None:
    """Guards against misspelt fields, of which only a strict API server complains."""
    right = [
        *(node_class(each, PLACE) for each in (DRIVER, GPUS)),
        *(node_pool(each, LIFETIME) for each in (DRIVER, GPUS)),
    ]
    kubectl("create", "--dry-run=server", "--validate=strict", "-f", "-", given=right)
