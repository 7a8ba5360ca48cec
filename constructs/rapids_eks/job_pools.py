"""The nodes that jobs run on, whoever makes them, and by which labels pods select nodes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

GPU = "nvidia.com/gpu"
MIG_LABEL = "nvidia.com/mig.config"  # by which the GPU Operator's MIG manager partitions a node's GPUs
CORE_LABELS = {"NodeGroupType": "core"}  # what submitters and controllers select
DRIVER_LABELS = {"NodeGroupType": "driver"}  # what drivers select
EXECUTOR_LABELS = {"NodeGroupType": "executor"}  # what executors select
# Pods that select nothing stay on the core nodes while there is room, and so keep no driver node from going. It keeps
# nobody away for good: drivers need no toleration.
DRIVER_TAINT = {"key": "NodeGroupType", "value": "driver", "effect": "PreferNoSchedule"}
GPU_TAINT = {"key": GPU, "value": "true", "effect": "NoSchedule"}  # EKS lets in whatever asks for GPUs


@dataclass(frozen=True)
class Pool:
    """Nodes of one kind: EC2 types, markets in which they may be bought, and the most of a resource of all together.

    `labels` are what pods select them by; `taints` keep others away. The encrypted root volume's size is in GiB.
    """

    name: str
    instance_types: Sequence[str]
    capacity_types: Sequence[str]
    limits: Mapping[str, int]
    root_volume_gib: int
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: Sequence[Mapping[str, str]] = ()


@dataclass(frozen=True)
class Lifetime:
    """How long nodes stay: after their last pod, at most, and once they must go while pods are still on them."""

    consolidate_after_minutes: int
    expire_after_hours: int | None  # None is for ever
    termination_grace_minutes: int


def driver_pool(instance_types: Sequence[str], *, max_vcpus: int, root_volume_gib: int) -> Pool:
    """Return on-demand nodes for drivers: a job does not survive the loss of its driver."""
    return Pool(
        name="driver",
        instance_types=instance_types,
        capacity_types=["on-demand"],
        limits={"cpu": max_vcpus},
        root_volume_gib=root_volume_gib,
        labels=DRIVER_LABELS,
        taints=[DRIVER_TAINT],
    )


def gpu_pool(
    instance_types: Sequence[str], *, max_gpus: int, root_volume_gib: int, spot: bool, mig_profile: str | None = None
) -> Pool:
    """Return GPU nodes for executors; with `spot` they are on-demand only where there is no Spot capacity.

    One pool for both markets: two would each have the limit to themselves. That is why no weights are needed either:
    docs/adr/0006-one-pool-for-both-markets.md.
    """
    return Pool(
        name="gpu",
        instance_types=instance_types,
        capacity_types=["spot", "on-demand"] if spot else ["on-demand"],
        limits={GPU: max_gpus},
        root_volume_gib=root_volume_gib,
        labels=EXECUTOR_LABELS | ({MIG_LABEL: mig_profile} if mig_profile else {}),
        taints=[GPU_TAINT],
    )
