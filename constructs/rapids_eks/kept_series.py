"""Which series go on from the cluster to Amazon Managed Service for Prometheus, and what they cost there."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

# https://aws.amazon.com/prometheus/pricing/: US dollars for a sample, up to so many of a month. In us-east-1 and
# us-west-2; storage and queries cost little beside it.
AS_OF = date(2026, 8, 15)
TIERS = ((2e9, 0.90e-7), (252e9, 0.35e-7), (float("inf"), 0.16e-7))
MONTH = 730 * 3600.0  # seconds, as AWS reckons
INTERVAL = 30  # seconds between two looks at a target


@dataclass(frozen=True)
class Fleet:
    """What is measured: GPUs, nodes, their vCPUs, pods, Spark applications, and the types that nodes may have."""

    gpus: int
    nodes: int
    vcpus: int
    pods: int
    applications: int
    types: int


@dataclass(frozen=True)
class Kept:
    """Metrics by their names, as regular expressions, and how many series each has: for every `per` of the fleet."""

    names: tuple[str, ...]
    per: str  # a field of Fleet; "cluster" is once
    series: float = 1  # of each name


# An estimate: how many series a name has was counted in the exporters' own documentation, not on a cluster.
KEPT = (
    Kept(("up",), "nodes", 4),
    Kept(("scrape_samples_scraped",), "nodes", 4),
    # https://docs.nvidia.com/datacenter/dcgm/latest/gpu-telemetry/dcgm-exporter.html; 22 fields, old names or new ones
    Kept(("DCGM_.+",), "gpus", 22),
    # https://github.com/prometheus/node_exporter: one mode of node_cpu_seconds_total, three file systems, four devices
    Kept(("node_cpu_seconds_total",), "vcpus"),
    Kept(("node_load1", "node_memory_MemAvailable_bytes", "node_memory_MemTotal_bytes"), "nodes"),
    Kept(("node_filesystem_avail_bytes", "node_filesystem_size_bytes"), "nodes", 3),
    Kept(("node_network_receive_bytes_total", "node_network_transmit_bytes_total"), "nodes", 4),
    # https://github.com/kubernetes/kube-state-metrics/tree/main/docs/metrics
    Kept(("kube_node_info", "kube_node_labels", "kube_node_created"), "nodes"),
    Kept(("kube_node_status_allocatable", "kube_node_status_capacity"), "nodes", 7),
    Kept(("kube_node_status_condition",), "nodes", 15),
    Kept(("kube_pod_info", "kube_pod_labels", "kube_pod_status_ready"), "pods"),
    Kept(("kube_pod_status_phase",), "pods", 5),
    Kept(("kube_pod_container_resource_requests", "kube_pod_container_status_restarts_total"), "pods", 2),
    Kept(("kube_resourcequota",), "cluster", 120),
    # https://karpenter.sh/docs/reference/metrics/
    Kept(("karpenter_interruption_received_messages_total",), "cluster", 6),
    Kept(("karpenter_node(?:s|claims)_(?:created|terminated|disrupted)_total",), "cluster", 60),
    Kept(("karpenter_nodepools_(?:limit|usage)",), "cluster", 24),
    # Of a driver with eight executors: https://spark.apache.org/docs/3.5.6/monitoring.html
    Kept(("metrics_.+", "spark_info"), "applications", 200),
)
# Karpenter's estimate of every type's price in every zone: thousands of series, of which those of our types are kept.
ESTIMATE = "karpenter_cloudprovider_instance_type_offering_price_estimate"
OFFERS = 6  # of a type: two markets in three zones
# Time that a CPU is not idle says no more than time that it is.
BUSY = ("iowait", "irq", "nice", "softirq", "steal", "system", "user")


def relabelings(instance_types: Iterable[str], kept: Iterable[Kept] = KEPT) -> list[dict[str, object]]:
    """Return what a remote write does to each series: keep those by name, then drop what says nothing new."""
    names = "|".join(name for each in kept for name in each.names)
    ours = "|".join(each.replace(".", r"\.") for each in instance_types)
    modes = f"node_cpu_seconds_total;(?:{'|'.join(BUSY)})"
    return [
        {
            "sourceLabels": ["__name__", "instance_type"],
            "regex": f"(?:{names});.*|{ESTIMATE};(?:{ours})",
            "action": "keep",
        },
        {"sourceLabels": ["__name__", "mode"], "regex": modes, "action": "drop"},
    ]


def series(fleet: Fleet, kept: Iterable[Kept] = KEPT) -> float:
    """Return how many series a fleet has that are kept."""
    named = sum(len(each.names) * each.series * _count(fleet, each.per) for each in kept)
    return named + OFFERS * fleet.types


def _count(fleet: Fleet, per: str) -> float:
    return 1 if per == "cluster" else float(getattr(fleet, per))


def samples(number_of_series: float, interval: float = INTERVAL) -> float:
    """Return the samples of a month that so many series have, each with one every `interval` seconds."""
    return number_of_series * MONTH / interval


def price(number_of_samples: float, tiers: Iterable[tuple[float, float]] = TIERS) -> float:
    """Return what so many samples of a month cost in US dollars."""
    return sum(_parts(number_of_samples, tiers))


def _parts(number: float, tiers: Iterable[tuple[float, float]]) -> Iterator[float]:
    below = 0.0
    for limit, each in tiers:
        yield max(0.0, min(number, limit) - below) * each
        below = limit


def told(fleets: Mapping[str, Fleet]) -> str:
    """Return the price of a month for each fleet, in a sentence for people."""
    parts = [_told(name, series(fleet)) for name, fleet in fleets.items()]
    reckoned = f"list prices of us-east-1 on {AS_OF}, estimated series, one sample in {INTERVAL} s"
    return f"Metrics kept in Amazon Managed Service for Prometheus, a month: {'; '.join(parts)} ({reckoned})."


def _told(name: str, number: float) -> str:
    many = samples(number)
    return f"{name} {number:,.0f} series, {many / 1e6:,.0f} million samples, about {price(many):,.2f} USD"
