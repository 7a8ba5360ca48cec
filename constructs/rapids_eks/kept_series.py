"""Which series go on from the cluster to Amazon Managed Service for Prometheus, and how many they are."""

from collections.abc import Iterable
from dataclasses import dataclass

from rapids_eks.gpu_metrics.counters import COUNTERS

INTERVAL = 30  # seconds between two looks at a target


@dataclass(frozen=True)
class Fleet:
    """What is measured: GPUs, nodes, Spark applications, and the types that nodes may have."""

    gpus: int
    nodes: int
    applications: int
    types: int


@dataclass(frozen=True)
class Kept:
    """Metrics by their names, as regular expressions, and how many series each has: for every `per` of the fleet."""

    names: tuple[str, ...]
    per: str  # a field of Fleet; "cluster" is once
    series: float = 1  # of each name


# What a panel shows or a rule reads, and nothing else. An estimate: how many series a name has was counted in the
# exporters' own documentation, not on a cluster.
KEPT = (
    Kept(("up",), "nodes", 4),  # so that it can be told from a gap who was down
    # By its old name or by its new one; a GPU that has all, and an error. The driver's version is a label of each.
    Kept(("DCGM_.+",), "gpus", sum(each.kind != "label" for each in COUNTERS)),
    # https://github.com/kubernetes/kube-state-metrics/tree/main/docs/metrics
    Kept(("kube_node_labels",), "nodes"),
    Kept(("kube_node_status_capacity",), "nodes", 7),
    # https://karpenter.sh/docs/reference/metrics/
    Kept(("karpenter_interruption_received_messages_total",), "cluster", 6),
    # Of a driver with eight executors: https://spark.apache.org/docs/3.5.6/monitoring.html
    Kept(("metrics_.+",), "applications", 200),
)
# Karpenter's estimate of every type's price in every zone: thousands of series, of which those of our types are kept.
ESTIMATE = "karpenter_cloudprovider_instance_type_offering_price_estimate"
OFFERS = 6  # of a type: two markets in three zones


def relabelings(instance_types: Iterable[str], kept: Iterable[Kept] = KEPT) -> list[dict[str, object]]:
    """Return what a remote write does to each series: keep those by name, and prices of these types."""
    names = "|".join(name for each in kept for name in each.names)
    ours = "|".join(each.replace(".", r"\.") for each in instance_types)
    wanted = f"(?:{names});.*|{ESTIMATE};(?:{ours})"
    return [{"sourceLabels": ["__name__", "instance_type"], "regex": wanted, "action": "keep"}]


def series(fleet: Fleet, kept: Iterable[Kept] = KEPT) -> float:
    """Return how many series a fleet has that are kept."""
    named = sum(len(each.names) * each.series * _count(fleet, each.per) for each in kept)
    return named + OFFERS * fleet.types


def _count(fleet: Fleet, per: str) -> float:
    return 1 if per == "cluster" else float(getattr(fleet, per))
