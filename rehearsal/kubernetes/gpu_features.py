"""What the GPU operator's pods tell of a node by labels, each step once the one before has been taken."""

import re
from collections.abc import Collection

from rehearsal.kubernetes.api import Item
from rehearsal.kubernetes.instance_types import InstanceType, instance_type

WORKER, MASTER, DISCOVERY = "node-feature-discovery-worker", "node-feature-discovery-master", "gpu-feature-discovery"
OPERATOR = re.compile(r"gpu-operator-\w+-\w{5}")  # a pod of the Deployment, none of a hook's Job
TYPE = "node.kubernetes.io/instance-type"
PRESENT = {"feature.node.kubernetes.io/pci-10de.present": "true"}  # 10de is NVIDIA among PCI's vendors
# What the operator selects its operands' nodes by:
# https://github.com/NVIDIA/gpu-operator/blob/main/controllers/state_manager.go
OPERANDS = (
    *("container-toolkit", "dcgm", "dcgm-exporter", "device-plugin", "driver", "gpu-feature-discovery"),
    *("node-status-exporter", "operator-validator"),
)
CONTAINERS = {"nvidia.com/gpu.present": "true", **{f"nvidia.com/gpu.deploy.{name}": "true" for name in OPERANDS}}
# Products as the driver calls them, by EC2's name; one that is not here is `NVIDIA` with that name.
PRODUCTS = {
    "a100": "NVIDIA-A100-SXM4-{gib}GB",
    "h100": "NVIDIA-H100-80GB-HBM3",
    "t4": "Tesla-T4",
    "v100": "Tesla-V100-SXM2-{gib}GB",
}
SLICEABLE = ("a100", "h100", "h200", "b200", "b300")


def missing_labels(node: Item, here: Collection[str], everywhere: Collection[str]) -> dict[str, str]:
    """Return the labels that are due on a node and not there; pods are given by name: those that run there, and all.

    A label that somebody else has set stays as it is, as the operator leaves it.
    """
    labels = node["metadata"].get("labels", {})
    kind = instance_type(labels[TYPE]) if TYPE in labels else None
    due: dict[str, str] = {}
    if kind and kind.gpus and _any(WORKER, here) and _any(MASTER, everywhere):
        due |= PRESENT | (_product(kind) if _any(DISCOVERY, here) else {})
    if PRESENT.items() <= labels.items() and any(OPERATOR.fullmatch(name) for name in everywhere):
        due |= CONTAINERS
    return {key: value for key, value in due.items() if key not in labels}


def _any(part: str, names: Collection[str]) -> bool:
    return any(part in name for name in names)


def _product(kind: InstanceType) -> dict[str, str]:
    """Return GPU feature discovery's labels, without those that a driver's version or its measurement decides.

    https://github.com/NVIDIA/k8s-device-plugin/blob/main/docs/gpu-feature-discovery/README.md
    """
    facts = {key.removeprefix("karpenter.k8s.aws/instance-gpu-"): value for key, value in kind.karpenter_labels.items()}
    product = PRODUCTS.get(facts["name"], f"NVIDIA-{facts['name'].upper()}").format(gib=int(facts["memory"]) // 1024)
    about = {"count": facts["count"], "machine": kind.name, "product": product}
    capable = {"nvidia.com/mig.capable": str(facts["name"] in SLICEABLE).lower()}
    return {f"nvidia.com/gpu.{key}": value for key, value in about.items()} | capable
