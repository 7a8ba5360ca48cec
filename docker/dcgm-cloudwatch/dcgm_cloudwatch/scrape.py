"""Reads one closed window from Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from dcgm_cloudwatch.catalogue import Metric
from dcgm_cloudwatch.measures import ENGINE, MEMORY_USED, UTILIZATION, Measure
from dcgm_cloudwatch.prometheus import Prometheus
from dcgm_cloudwatch.readings import Labels, Readings, Window
from dcgm_cloudwatch.series import Slot, slot

BEFORE = 300  # seconds before a window that counters are looked back at, a few scrapes


def measures(metrics: Iterable[Metric]) -> list[Measure]:
    """Return what the metrics are made of, each once, in a fixed order."""
    found = {measure.key: measure for metric in metrics for measure in metric.needs}
    return [found[key] for key in sorted(found)]


def scrape(
    prometheus: Prometheus, window: Window, metrics: Iterable[Metric], labels: Labels, alive: Callable[[], None]
) -> Readings:
    """Return the samples of a window, one measure after another, so that no answer is large. Raises PrometheusError."""
    readings = Readings(window, labels)
    for measure in measures(metrics):
        alive()
        fields = [spelling.field for spelling in measure.spellings]
        start = window.start - BEFORE if measure.counter else window.start
        readings.add(measure, prometheus.samples(fields, start, window.end))
    if any(_begins(samples, window) for of in readings.counters.values() for samples in of.values()):
        readings.before = _seen_before(prometheus, window, labels)
    return readings


def is_gap(prometheus: Prometheus, window: Window) -> bool:
    """Return whether Prometheus itself has nothing of a window, not even that a target was down."""
    return not prometheus.vector(f"count(count_over_time(up[{window.length}s]))", window.end - 0.001)


def _begins(samples: dict[float, float], window: Window) -> bool:
    return bool(samples) and min(samples) >= window.start


def _seen_before(prometheus: Prometheus, window: Window, labels: Labels) -> frozenset[Slot]:
    names = "|".join(each.field for measure in (MEMORY_USED, UTILIZATION, ENGINE) for each in measure.spellings)
    found = prometheus.vector(f'{{__name__=~"{names}"}}', window.start - 0.001)
    about = (slot(series.labels, labels.ids, of_slices=False) for series in found)
    return frozenset(each for each in about if each)
