"""Which series go on from the cluster to Amazon Managed Service for Prometheus, and how many they are."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from rapids_eks.gpu_metrics.alerts import alerts
from rapids_eks.gpu_metrics.counters import RENAMED
from rapids_eks.gpu_metrics.recordings import recordings
from rapids_eks.grafana_dashboards.dashboards import dashboards, metrics

INTERVAL = 30  # seconds between two looks at a target
READ = re.compile(r"\b(?:DCGM|kube)_\w+")  # by a rule, of what is not a rule's own
# Karpenter's estimate of every type's price in every zone: thousands of series, of which those of our types are kept.
ESTIMATE = "karpenter_cloudprovider_instance_type_offering_price_estimate"
OFFERS = 6  # of a type: two markets in three zones
NEW_NAMES = {each.field for each in RENAMED.values()}  # an exporter has these or the old ones
OF_WHOLE_GPUS = {"DCGM_FI_DEV_GPU_UTIL", "DCGM_FI_DEV_MEM_COPY_UTIL"}  # NVML measures them of no MIG instance


@dataclass(frozen=True)
class Fleet:
    """What is measured: GPUs, nodes, Spark applications, and the types that nodes may have.

    A GPU is cut up by MIG into `slices`, each with an executor of its own, as has a GPU that is whole.
    """

    gpus: int
    nodes: int
    applications: int
    types: int
    slices: int = 1

    @property
    def devices(self) -> int:
        """What pods can have: GPUs, or instances of MIG, each of which repeats the GPU's temperature and power."""
        return self.gpus * self.slices

    @property
    def executors(self) -> int:
        """How many Spark's drivers tell of: they count themselves among them."""
        return self.applications + (self.devices if self.applications else 0)


def kept() -> frozenset[str]:
    """Return the metrics that a panel shows or a rule reads, by old and new names: nothing else is paid for."""
    asked = [*(each.expression for each in recordings()), *(each.expression for each in alerts())]
    read = {name for text in asked for name in READ.findall(text)}
    return metrics(dashboards()) | read


def relabelings(instance_types: Iterable[str]) -> list[dict[str, object]]:
    """Return what a remote write does to each series: keep those by name, and prices of these types."""
    names = "|".join(sorted(kept() - {ESTIMATE}))
    ours = "|".join(each.replace(".", r"\.") for each in instance_types)
    wanted = f"(?:{names});.*|{ESTIMATE};(?:{ours})"
    return [{"sourceLabels": ["__name__", "instance_type"], "regex": wanted, "action": "keep"}]


def series(fleet: Fleet) -> int:
    """Return how many series a fleet has that are kept; a GPU that has all fields, and an error."""
    return sum(series_of(name, fleet) for name in kept())


def series_of(name: str, fleet: Fleet) -> int:
    """Return how many series a metric has, as the exporters' own documentation tells what each is of."""
    if name in NEW_NAMES or (name in OF_WHOLE_GPUS and fleet.slices > 1):
        return 0
    # Of https://github.com/kubernetes/kube-state-metrics/tree/main/docs/metrics, https://karpenter.sh/docs/reference/metrics/
    # and https://spark.apache.org/docs/3.5.6/monitoring.html
    of = {
        "DCGM": fleet.devices,
        "kube_node_labels": fleet.nodes,
        "kube_node_status_capacity": 7 * fleet.nodes,  # one for each resource
        ESTIMATE: OFFERS * fleet.types,
        "karpenter_interruption": 6,  # one for each kind of message
        "metrics_executor": fleet.executors,
        "metrics_spark_driver": fleet.applications,
    }
    return next(number for prefix, number in of.items() if name.startswith(prefix))
