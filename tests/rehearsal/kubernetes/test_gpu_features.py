"""Which labels the GPU operator's pods bring: pure, without a cluster."""

import pytest

from rehearsal.kubernetes.api import Item
from rehearsal.kubernetes.gpu_features import missing_labels

PCI, DEPLOY = "feature.node.kubernetes.io/pci-10de.present", "nvidia.com/gpu.deploy.device-plugin"
WORKER, MASTER = "r-node-feature-discovery-worker-5xk2p", "r-node-feature-discovery-master-6d9c7b5f4-zx8wq"
OPERATOR, DISCOVERY = "gpu-operator-7c9f6d5b8-w4kqz", "gpu-feature-discovery-x2k4p"


def node(kind: str = "g6.xlarge", **labels: str) -> Item:
    """Return a node; the names of labels are those of the constants above in lower case."""
    known = {"pci": PCI, "deploy": DEPLOY}
    given = {known[name]: value for name, value in labels.items()}
    return {"metadata": {"name": "n", "labels": {"node.kubernetes.io/instance-type": kind, **given}}}


def test_discovery_needs_its_worker_on_the_node_and_its_master_anywhere() -> None:
    assert missing_labels(node(), {WORKER}, {WORKER, MASTER}) == {PCI: "true"}
    assert missing_labels(node(), set(), {WORKER, MASTER}) == {}
    assert missing_labels(node(), {WORKER}, {WORKER}) == {}


def test_a_node_without_gpus_has_none_of_nvidias_labels() -> None:
    assert missing_labels(node("m5.large"), {WORKER, DISCOVERY}, {MASTER, OPERATOR}) == {}


def test_the_operator_labels_what_was_discovered_for_its_operands() -> None:
    found = missing_labels(node(pci="true"), set(), {OPERATOR})
    assert found[DEPLOY] == found["nvidia.com/gpu.present"] == "true"
    assert missing_labels(node(), set(), {OPERATOR}) == {}


@pytest.mark.parametrize(
    "other", [WORKER, "gpu-operator-cleanup-crd-w4kqz", "gpu-operator-node-feature-discovery-gc-1"]
)
def test_no_other_pod_of_the_chart_passes_for_the_operator(other: str) -> None:
    assert missing_labels(node(pci="true"), set(), {other}) == {}


def test_a_label_that_somebody_else_has_set_stays() -> None:
    assert DEPLOY not in missing_labels(node(pci="true", deploy="false"), set(), {OPERATOR})


@pytest.mark.parametrize(
    ("kind", "product", "count", "capable"),
    [
        ("g4dn.12xlarge", "Tesla-T4", "4", "false"),
        ("g5.xlarge", "NVIDIA-A10G", "1", "false"),
        ("g6e.2xlarge", "NVIDIA-L40S", "1", "false"),
        ("p4d.24xlarge", "NVIDIA-A100-SXM4-40GB", "8", "true"),
    ],
)
def test_feature_discovery_names_the_gpus(kind: str, product: str, count: str, capable: str) -> None:
    found = missing_labels(node(kind, pci="true"), {WORKER, DISCOVERY}, {MASTER})
    assert found["nvidia.com/gpu.product"] == product
    assert found["nvidia.com/gpu.count"] == count
    assert found["nvidia.com/mig.capable"] == capable
