"""From a window's readings to what CloudWatch is told: pure, and the same for the same samples in whatever order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from dcgm_cloudwatch.catalogue import Metric
from dcgm_cloudwatch.derived import Observed, observed
from dcgm_cloudwatch.readings import Readings
from dcgm_cloudwatch.series import Host, Slot

MOST_VALUES = 150  # of a datum: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html
Dimensions = tuple[tuple[str, str], ...]
Key = tuple[str, Dimensions]


class Datum(NamedTuple):
    """One metric's observations in one window; CloudWatch adds up several of the same metric and minute."""

    name: str
    dimensions: Dimensions
    moment: int
    values: tuple[float, ...]
    counts: tuple[int, ...]
    unit: str


@dataclass(frozen=True)
class Shape:
    """Which metrics at which levels, and with which dimension before all others; None is without."""

    metrics: tuple[Metric, ...]
    levels: tuple[str, ...]
    cluster: str | None


def translate(readings: Readings, ids: Mapping[Host, str], shape: Shape) -> list[Datum]:
    """Return all data of a window, sorted; a host without an id in `ids` goes by its own name."""
    found: list[Datum] = []
    for metric in shape.metrics:
        gathered = _gathered(metric, readings, ids, shape)
        if metric.name == "GPUCount":
            gathered = {where: {float(sum(counts.values())): 1} for where, counts in gathered.items()}
        for dimensions, counts in gathered.items():
            found.extend(_data(metric, dimensions, readings.window.start, counts))
    return sorted(found)


def _gathered(
    metric: Metric, readings: Readings, ids: Mapping[Host, str], shape: Shape
) -> dict[Dimensions, dict[float, int]]:
    """Return how often each value was observed, by dimensions: roll-ups hold the samples of all their GPUs."""
    levels = [level for level in shape.levels if level in metric.levels]
    gathered: dict[Dimensions, dict[float, int]] = {}
    for each in observed(metric, readings):
        for dimensions, values in _placed(each, levels, ids, shape.cluster):
            counts = gathered.setdefault(dimensions, {})
            for value in values:
                counts[value] = counts.get(value, 0) + 1
    return gathered


def _placed(
    each: Observed, levels: Iterable[str], ids: Mapping[Host, str], cluster: str | None
) -> Iterator[tuple[Dimensions, Iterable[float]]]:
    root: Dimensions = (("ClusterName", cluster),) if cluster else ()
    for level in levels:
        if level == "gpu":
            yield (*root, *_of(each.slot, ids)), each.values
        elif level == "node":
            yield (*root, ("InstanceId", _id(each.slot.host, ids))), each.values
        elif level == "cluster":
            yield root, each.values
        else:
            for team, values in each.teams.items():
                yield (*root, ("Team", team)), values


def _id(host: Host, ids: Mapping[Host, str]) -> str:
    return ids.get(host) or host.name


def _of(slot: Slot, ids: Mapping[Host, str]) -> Dimensions:
    whole: Dimensions = (("InstanceId", _id(slot.host, ids)), ("GPU", slot.gpu))
    return (*whole, ("MIG", slot.mig)) if slot.mig else whole


def _data(metric: Metric, dimensions: Dimensions, moment: int, counts: Mapping[float, int]) -> Iterator[Datum]:
    values = sorted(counts)
    for first in range(0, len(values), MOST_VALUES):
        some = tuple(values[first : first + MOST_VALUES])
        yield Datum(metric.name, dimensions, moment, some, tuple(counts[value] for value in some), metric.unit)
