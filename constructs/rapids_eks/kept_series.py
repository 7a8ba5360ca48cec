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
    # https://docs.nvidia.com/datacenter/dcgm/latest/gpu-telemetry/dcgm-exporter.html; 22 fields, old names or new ones
    Kept(("DCGM_.+",), "gpus", 22),
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
