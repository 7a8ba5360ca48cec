"""What is published: the metrics by name, with their units and what they are made of."""

from __future__ import annotations

from dataclasses import dataclass

from dcgm_cloudwatch.measures import (
    ECC,
    ENGINE,
    MEMORY_FREE,
    MEMORY_USED,
    MEMORY_UTILIZATION,
    POWER,
    REASONS,
    TEMPERATURE,
    UTILIZATION,
    XID,
    Measure,
)

LEVELS = ("gpu", "node", "team", "cluster")
MEGABYTE = 1_000_000.0
IDLE_BELOW = 5.0  # percent of utilisation


@dataclass(frozen=True)
class Metric:
    """A metric of CloudWatch. `needs` are the measures it is made of, the first one its samples unless it is derived.

    `scale` is what the measure's unit is divided by; `slices` says whether MIG instances have their own.
    """

    name: str
    unit: str
    needs: tuple[Measure, ...]
    scale: float = 1.0
    levels: tuple[str, ...] = LEVELS

    @property
    def slices(self) -> bool:
        """Whether MIG instances have their own."""
        return self.needs[0].of_slices


@dataclass(frozen=True)
class Preset:
    """Names and defaults of one of the two places. `roots` names the dimensions that every metric has."""

    name: str
    namespace: str
    metrics: tuple[Metric, ...]
    chosen: tuple[str, ...]
    levels: tuple[str, ...]
    watermark: str
    cluster_dimension: bool


def _documented(memory: str, scale: float) -> tuple[Metric, ...]:
    return (
        Metric("GPUUtilization", "Percent", (UTILIZATION, ENGINE)),  # the latter of MIG instances
        Metric("GPUMemoryUtilization", "Percent", (MEMORY_UTILIZATION,)),
        Metric("GPUTemperature", "None", (TEMPERATURE,)),
        Metric("GPUPowerUsage", "None", (POWER,)),
        Metric("GPUMemoryUsed", memory, (MEMORY_USED,), scale),
        Metric("GPUMemoryFree", memory, (MEMORY_FREE,), scale),
    )


MEMORY_PERCENT = Metric("GPUMemoryUsedPercent", "Percent", (MEMORY_USED, MEMORY_FREE))
XID_ERRORS = Metric("GPUXidErrors", "Count", (XID,))
ECC_ERRORS = Metric("GPUEccErrors", "Count", (ECC,))
THROTTLED = Metric("GPUThrottled", "None", (REASONS,))
ALLOCATED = Metric("GPUAllocated", "None", (MEMORY_USED,))
ALLOCATED_IDLE = Metric("GPUAllocatedIdle", "None", (MEMORY_USED, UTILIZATION, ENGINE))
COUNT = Metric("GPUCount", "Count", (MEMORY_USED,), levels=("node", "team", "cluster"))
SHARED = (MEMORY_PERCENT, XID_ERRORS, ECC_ERRORS, THROTTLED, COUNT)

DOCUMENTED = tuple(each.name for each in _documented("Bytes", 1.0))
_EKS = (*_documented("Bytes", 1.0), *SHARED, ALLOCATED, ALLOCATED_IDLE)
# CloudWatch's Megabytes are of a million bytes; DCGM's MiB under that unit would be 4.9 % too few.
_HEAD_NODE = (*_documented("Megabytes", MEGABYTE), *SHARED)
PRESETS = {
    "eks": Preset(
        "eks",
        "EKS/{cluster}/GPU",
        _EKS,
        tuple(each.name for each in _EKS),
        LEVELS,
        "configmap:dcgm-cloudwatch",
        cluster_dimension=True,
    ),
    "parallelcluster": Preset(
        "parallelcluster",
        "ParallelCluster/{cluster}/GPU",
        _HEAD_NODE,
        DOCUMENTED,
        ("gpu",),
        "file:/var/lib/dcgm-cloudwatch/watermark.json",
        cluster_dimension=False,
    ),
}
