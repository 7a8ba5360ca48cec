"""What it costs to keep series in Amazon Managed Service for Prometheus, and to evaluate the rules there."""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date

from rapids_eks import kept_series
from rapids_eks.gpu_metrics.alerts import alerts
from rapids_eks.gpu_metrics.expressions import SLICE
from rapids_eks.gpu_metrics.recordings import recordings
from rapids_eks.gpu_metrics.rules import INTERVAL
from rapids_eks.kept_series import Fleet

# https://aws.amazon.com/prometheus/pricing/: US dollars for a sample that comes in, up to so many of a month, and for
# one that a query reads. In us-east-1 and us-west-2; storage costs little beside it.
AS_OF = date(2026, 8, 15)
TIERS = ((2e9, 0.90e-7), (252e9, 0.35e-7), (float("inf"), 0.16e-7))
READ = 0.10e-9
MONTH = 730 * 3600.0  # seconds, as AWS reckons
UNITS = {"s": 1, "m": 60, "h": 3600}
# A metric that a rule reads, and for how long back; without a range it is the newest sample
SELECTED = re.compile(r"\b((?:DCGM|kube)_\w+|(?:gpu|team|cluster):\w+:\w+)(?:\{[^}]*\})?(?:\[(\w+)\])?")
# What rules make of each slice of a GPU, by the label that tells slices apart, and not of each GPU once
OF_SLICES = {each.name for each in recordings() if SLICE[-2] in each.expression}


def recorded(fleet: Fleet) -> float:
    """Return how many series the workspace's rules make of a fleet's, which are paid for as if they had been sent."""
    return sum(_series(each.name, fleet) for each in recordings()) if fleet.gpus else 0


def read(fleet: Fleet) -> float:
    """Return how many samples one evaluation of all rules reads, while no alert is new.

    Rules' queries are paid for too: https://docs.aws.amazon.com/prometheus/latest/userguide/query-insights-control.html
    """
    asked = [*(each.expression for each in recordings()), *(each.expression for each in alerts())]
    return sum(_series(name, fleet) * _samples_in(window) for text in asked for name, window in SELECTED.findall(text))


def _series(name: str, fleet: Fleet) -> float:
    """Return how many series a metric has, by what its name says that it is of; a team has one job at a time."""
    kind = re.split("[_:]", name)[0]
    if kind == "DCGM":
        return kept_series.series_of(name, fleet)
    gpus = fleet.devices if name in OF_SLICES else fleet.gpus
    return {"gpu": gpus, "kube": fleet.nodes, "team": fleet.applications, "cluster": 1}[kind]


def _samples_in(window: str) -> float:
    """Return how many samples of a recorded series, which alone are read by ranges, a range like 30m holds."""
    return seconds(window) / seconds(INTERVAL) if window else 1


def seconds(duration: str) -> float:
    """Return a duration like 30m in seconds."""
    return float(duration[:-1]) * UNITS[duration[-1]]


def samples(number_of_series: float, interval: float = kept_series.INTERVAL) -> float:
    """Return the samples of a month that so many series have, each with one every `interval` seconds."""
    return number_of_series * MONTH / interval


def price(number_of_samples: float, tiers: Iterable[tuple[float, float]] = TIERS) -> float:
    """Return what so many samples of a month cost in US dollars to be taken in."""
    return sum(_parts(number_of_samples, tiers))


def _parts(number: float, tiers: Iterable[tuple[float, float]]) -> Iterator[float]:
    below = 0.0
    for limit, each in tiers:
        yield max(0.0, min(number, limit) - below) * each
        below = limit


def told(fleets: Mapping[str, Fleet]) -> str:
    """Return the price of a month for each fleet, in a sentence for people."""
    parts = [_told(name, fleet) for name, fleet in fleets.items()]
    reckoned = (
        f"list prices of us-east-1 on {AS_OF}, estimated series, one sample in {kept_series.INTERVAL} s, "
        f"of rules one in {seconds(INTERVAL):.0f} s"
    )
    return f"Metrics kept in Amazon Managed Service for Prometheus, a month: {'; '.join(parts)} ({reckoned})."


def _told(name: str, fleet: Fleet) -> str:
    sent, made, every = kept_series.series(fleet), recorded(fleet), seconds(INTERVAL)
    taken, asked = samples(sent) + samples(made, every), samples(read(fleet), every)
    return (
        f"{name} {sent:,.0f} series and {made:,.0f} that rules make, {taken / 1e6:,.0f} million samples, and "
        f"{asked / 1e6:,.0f} million that rules read, about {price(taken) + asked * READ:,.2f} USD"
    )
