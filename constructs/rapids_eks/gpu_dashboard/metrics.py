"""The names of the GPU metrics in CloudWatch, as the exporter publishes them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, get_args

Level = Literal["gpu", "node", "team", "cluster"]
LEVELS: tuple[Level, ...] = ("gpu", "node", "team", "cluster")
CLUSTER, TEAM, INSTANCE, GPU, MIG = "ClusterName", "Team", "InstanceId", "GPU", "MIG"
MetricName = Literal[
    "GPUUtilization",
    "GPUMemoryUtilization",
    "GPUTemperature",
    "GPUPowerUsage",
    "GPUMemoryUsed",
    "GPUMemoryFree",
    "GPUMemoryUsedPercent",
    "GPUXidErrors",
    "GPUEccErrors",
    "GPUThrottled",
    "GPUAllocated",
    "GPUAllocatedIdle",
    "GPUCount",
]
METRICS: tuple[MetricName, ...] = get_args(MetricName)
OF_ROLL_UPS = ("GPUCount",)  # which a single GPU has not
# What the parts have of their own where a GPU is cut up by MIG; the rest is the whole GPU's.
OF_PARTS = (
    *("GPUUtilization", "GPUMemoryUsed", "GPUMemoryFree", "GPUMemoryUsedPercent"),
    *("GPUAllocated", "GPUAllocatedIdle"),
)
NOT_OF_PARTS = ("GPUMemoryUtilization",)  # which then nothing has, parts or whole
# Of the exporter itself, by the cluster alone.
OF_EXPORTER = (
    *("LagSeconds", "DatumsSent", "DatumsQuarantined", "Retries", "ThrottledRequests", "UnresolvedInstanceIds"),
    "ScrapeGapMinutes",
)


@dataclass(frozen=True)
class Source:
    """Where metrics lie: a namespace, and the names of each level's dimensions, no more and no less.

    `known` are the dimensions whose value is the same everywhere, which a roll-up of all is found by.
    """

    namespace: str
    dimensions: Mapping[Level, Sequence[str]]
    known: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    mig: bool = False

    def dimensions_of(self, level: Level, metric: str) -> Sequence[str]:
        """Return the names of a metric's dimensions at a level."""
        parts = self.mig and level == "gpu" and metric in OF_PARTS
        return [*self.dimensions[level], *([MIG] if parts else [])]

    def of(self, metric: str) -> list[str]:
        """Return a metric of the whole cluster as a dashboard names it."""
        return [self.namespace, metric, *(part for pair in self.known.items() for part in pair)]


def published(chosen: Sequence[MetricName], *, mig: bool) -> tuple[MetricName, ...]:
    """Return what is published of the chosen metrics; with `mig` GPUs are cut up, and not all can be measured."""
    return tuple(name for name in chosen if not (mig and name in NOT_OF_PARTS))


def of_cluster(name: str, levels: Sequence[Level] = LEVELS, *, mig: bool = False) -> Source:
    """Return the source of an EKS cluster; with `mig` its GPUs are cut up, and each part is measured."""
    every: dict[Level, tuple[str, ...]] = {
        "gpu": (CLUSTER, INSTANCE, GPU),
        "node": (CLUSTER, INSTANCE),
        "team": (CLUSTER, TEAM),
        "cluster": (CLUSTER,),
    }
    return Source(namespace(name), {level: every[level] for level in levels}, {CLUSTER: name}, mig)


def namespace(cluster: str) -> str:
    """Return the namespace of an EKS cluster's GPU metrics."""
    return f"EKS/{cluster}/GPU"


def of_parallel_cluster(name: str) -> Source:
    """Return the source of a cluster of AWS ParallelCluster, whose GPUs are measured and nothing above."""
    return Source(f"ParallelCluster/{name}/GPU", {"gpu": (INSTANCE, GPU)})


def parallel_cluster_dashboard(name: str) -> str:
    """Return the name of the dashboard of a cluster of AWS ParallelCluster."""
    return f"{name}-parallelcluster-gpu"
