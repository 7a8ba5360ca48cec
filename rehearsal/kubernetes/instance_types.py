"""What a node of an EC2 instance type has: labels, capacity, and what is left of it for pods."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from math import ceil
from typing import Any

from moto.ec2.models.instance_types import INSTANCE_TYPES

GPU = "nvidia.com/gpu"
ARCHITECTURES = {"x86_64": "amd64", "arm64": "arm64"}
# The share of memory that the hypervisor and the kernel keep: what Karpenter takes off by default.
# https://karpenter.sh/docs/reference/settings/ (VM_MEMORY_OVERHEAD_PERCENT)
VM_OVERHEAD = 0.075
EVICTION_MIB = 100  # kubelet's memory.available<100Mi
DISK_GIB = 20  # root volume where nothing else is said: AL2023 and Karpenter's default


class UnknownInstanceType(ValueError):  # noqa: N818 - EC2's own word is InvalidInstanceType
    """EC2 has no such type."""


@dataclass(frozen=True)
class InstanceType:
    """One EC2 instance type as Kubernetes sees it; memory in MiB, cpu in milli-CPU."""

    name: str
    cpu: int
    memory: int
    pods: int
    gpus: int
    architecture: str
    labels: dict[str, str]  # those that its kubelet gives a node
    karpenter_labels: dict[str, str]  # those that Karpenter adds to its own nodes, and no one else to any
    spot: bool

    @property
    def kube_reserved(self) -> tuple[int, int]:
        """Return milli-CPU and MiB that nodeadm reserves for kubelet and runtime.

        https://github.com/awslabs/amazon-eks-ami/blob/main/nodeadm/internal/kubelet/config.go: 6 % of the first core,
        1 % of the second, 0.5 % of the next two, 0.25 % of the rest; 11 MiB for each pod and 255 more.
        """
        cores = self.cpu // 1000
        steps = [60, 10, 5, 5][:cores]
        return round(sum(steps) + 2.5 * max(0, cores - 4)), 11 * self.pods + 255

    def capacity(self, *, gpus: bool = True) -> dict[str, str]:
        """Return the node's `status.capacity`; GPUs count only once a device plugin runs there."""
        usable = ceil(self.memory * (1 - VM_OVERHEAD))
        return self._resources(self.cpu, usable, gpus=gpus)

    def allocatable(self, *, gpus: bool = True) -> dict[str, str]:
        """Return the node's `status.allocatable`: what requests may add up to."""
        cpu, memory = self.kube_reserved
        usable = ceil(self.memory * (1 - VM_OVERHEAD))
        return self._resources(self.cpu - cpu, usable - memory - EVICTION_MIB, gpus=gpus)

    def _resources(self, cpu: int, memory: int, *, gpus: bool) -> dict[str, str]:
        found = {"cpu": f"{cpu}m", "memory": f"{memory}Mi", "pods": str(self.pods)}
        found["ephemeral-storage"] = f"{DISK_GIB}Gi"
        return found | ({GPU: str(self.gpus)} if gpus and self.gpus else {})


def _karpenter_labels(name: str, facts: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield Karpenter's labels of a type: https://karpenter.sh/docs/concepts/scheduling/#well-known-labels."""
    family, _, size = name.partition(".")
    parts = re.match(r"([a-z-]+?)(\d+)", family)
    yield "instance-family", family
    yield "instance-size", size
    if parts:
        yield "instance-category", parts[1]
        yield "instance-generation", parts[2]
    yield "instance-cpu", str(facts["VCpuInfo"]["DefaultVCpus"])
    yield "instance-memory", str(facts["MemoryInfo"]["SizeInMiB"])
    yield "instance-cpu-manufacturer", facts["ProcessorInfo"].get("Manufacturer", "").lower().split(" ")[0]
    yield "instance-hypervisor", facts.get("Hypervisor", "")
    if disks := facts.get("InstanceStorageInfo"):
        yield "instance-local-nvme", str(disks["TotalSizeInGB"])
    yield from _gpu_labels(facts)


def _gpu_labels(facts: dict[str, Any]) -> Iterator[tuple[str, str]]:
    gpus = facts.get("GpuInfo", {}).get("Gpus", [])
    if len(gpus) == 1 and gpus[0].get("Manufacturer") == "NVIDIA":
        yield "instance-gpu-name", gpus[0]["Name"].lower().replace(" ", "-")
        yield "instance-gpu-manufacturer", "nvidia"
        yield "instance-gpu-count", str(gpus[0]["Count"])
        yield "instance-gpu-memory", str(gpus[0]["MemoryInfo"]["SizeInMiB"])


@cache
def instance_type(name: str) -> InstanceType:
    """Return what is known of an instance type; raise UnknownInstanceType."""
    facts = INSTANCE_TYPES.get(name)
    if facts is None:
        raise UnknownInstanceType(f"The instance type '{name}' is not known to EC2; correct its name")
    network = facts["NetworkInfo"]
    architecture = ARCHITECTURES.get(facts["ProcessorInfo"]["SupportedArchitectures"][-1], "amd64")
    labels = {f"karpenter.k8s.aws/{key}": value for key, value in _karpenter_labels(name, facts) if value}
    general = {
        "kubernetes.io/arch": architecture,
        "kubernetes.io/os": "linux",
        "node.kubernetes.io/instance-type": name,
    }
    return InstanceType(
        name=name,
        cpu=facts["VCpuInfo"]["DefaultVCpus"] * 1000,
        memory=facts["MemoryInfo"]["SizeInMiB"],
        # Each interface has an address of its own, and two pods use the host's: the CNI's limit without prefixes.
        pods=network["MaximumNetworkInterfaces"] * (network["Ipv4AddressesPerInterface"] - 1) + 2,
        gpus=int(labels.get("karpenter.k8s.aws/instance-gpu-count", "0")),
        architecture=architecture,
        labels=general,
        karpenter_labels=labels,
        spot="spot" in facts.get("SupportedUsageClasses", ["spot"]),
    )


def _can_be_node(facts: dict[str, Any]) -> bool:
    """Return whether Karpenter would consider a type: virtualised by hardware, and of an architecture it knows."""
    architectures = facts["ProcessorInfo"]["SupportedArchitectures"]
    return "hvm" in facts["SupportedVirtualizationTypes"] and bool(ARCHITECTURES.keys() & set(architectures))


@cache
def all_types() -> tuple[InstanceType, ...]:
    """Return every type that a node may be of, the small ones first.

    Without a price list, GPUs, then processors, then memory stand for the price that Karpenter orders by.
    """
    names = [name for name, facts in INSTANCE_TYPES.items() if _can_be_node(facts)]
    return tuple(sorted(map(instance_type, names), key=lambda each: (each.gpus, each.cpu, each.memory, each.name)))
