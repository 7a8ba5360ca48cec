"""What CloudWatch charges a month, in US dollars of us-east-1 without taxes and discounts, as of 2026-08.

https://aws.amazon.com/cloudwatch/pricing/
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from dcgm_cloudwatch.batch import MOST_DATA
from dcgm_cloudwatch.counters import SELF
from dcgm_cloudwatch.settings import Settings

TIERS = ((10_000, 0.30), (240_000, 0.10), (750_000, 0.05), (math.inf, 0.02))  # a metric and month
REQUEST = 0.01 / 1000  # of PutMetricData
POINT = 250  # bytes of one point by OTLP with its labels, estimated: docs/adr/0005-cloudwatch-put-metric-data.md
SECONDS = 730 * 3600  # of a month, as AWS reckons


@dataclass(frozen=True)
class Fleet:
    """What there is on an average hour of the month; a metric costs for the hours in which it is sent."""

    gpus: int
    nodes: int
    teams: int


@dataclass(frozen=True)
class Cost:
    """Metrics by level, and dollars a month."""

    metrics: dict[str, int]
    requests: int
    otlp_gb: float  # of every GPU's points, of which roll-ups could be reckoned
    for_metrics: float
    for_requests: float

    @property
    def total(self) -> float:
        """All together."""
        return self.for_metrics + self.for_requests


def monthly(settings: Settings, fleet: Fleet) -> Cost:
    """Return what the chosen metrics and levels cost for a fleet."""
    each = {"gpu": fleet.gpus, "node": fleet.nodes, "team": fleet.teams, "cluster": min(1, fleet.gpus)}
    metrics = {
        level: sum(level in metric.levels for metric in settings.metrics) * each[level]
        for level in settings.shape.levels
    }
    metrics["exporter"] = len(SELF)
    windows = SECONDS // settings.interval
    requests = windows * math.ceil((sum(metrics.values()) - len(SELF)) / MOST_DATA) + SECONDS // 60
    points = windows * fleet.gpus * sum("gpu" in metric.levels for metric in settings.metrics)
    return Cost(metrics, requests, points * POINT / 1e9, tiered(sum(metrics.values())), requests * REQUEST)


def tiered(metrics: int) -> float:
    """Return what so many metrics cost a month."""
    dollars, left = 0.0, float(metrics)
    for width, price in TIERS:
        dollars += min(left, width) * price
        left = max(0.0, left - width)
    return dollars


def text(cost: Cost, fleet: Fleet) -> str:
    """Return a cost for people."""
    lines = [f"a month of {fleet.gpus} GPUs on {fleet.nodes} nodes of {fleet.teams} teams:"]
    lines += [f"  {count:>9,} metrics of {level}" for level, count in cost.metrics.items()]
    lines += [f"  ${cost.for_metrics:,.2f} for metrics, ${cost.for_requests:,.2f} for {cost.requests:,} requests"]
    lines += [f"  ${cost.total:,.2f} in all (us-east-1, list prices, for metrics sent all month)"]
    if cost.otlp_gb:
        per_gb = cost.total / cost.otlp_gb
        lines += [f"  by OTLP every GPU's points are about {cost.otlp_gb:,.1f} GB: cheaper below ${per_gb:,.2f} a GB"]
    return "\n".join(lines)
