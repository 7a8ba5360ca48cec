"""Reads one closed window from Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from dcgm_cloudwatch.catalogue import Metric
from dcgm_cloudwatch.lookback import count, highest, unclear
from dcgm_cloudwatch.measures import Measure
from dcgm_cloudwatch.prometheus import Prometheus
from dcgm_cloudwatch.readings import Labels, Readings, Window

BEFORE = 300  # seconds before a window that counters are always looked back at, a few scrapes
MINUTE = 60
MOST_SAMPLES = 600_000  # of a window; a minute is held at once however many there are


def measures(metrics: Iterable[Metric]) -> list[Measure]:
    """Return what the metrics are made of, each once, in a fixed order."""
    found = {measure.key: measure for metric in metrics for measure in metric.needs}
    return [found[key] for key in sorted(found)]


def fitting(prometheus: Prometheus, window: Window, metrics: Iterable[Metric]) -> Window:
    """Return a window, or as many minutes of its beginning as fit in memory. Raises PrometheusError."""
    if window.length <= MINUTE:
        return window
    held = 0.0
    for field in (field for measure in measures(metrics) for field in measure.fields):
        query = f"sum(count_over_time({field}[{window.length}s]))"  # which takes the names away, so one after another
        held += sum(number for each in prometheus.vector(query, window.end - 0.001) for _, number in each.samples)
    if held <= MOST_SAMPLES:
        return window
    return Window(window.start, MINUTE * max(1, int(window.length * MOST_SAMPLES / held) // MINUTE))


def scrape(
    prometheus: Prometheus, window: Window, metrics: Iterable[Metric], labels: Labels, alive: Callable[[], None]
) -> Readings:
    """Return the samples of a window, one measure after another, so that no answer is large. Raises PrometheusError."""
    readings = Readings(window, labels)
    for measure in measures(metrics):
        alive()
        if measure.counter:
            count(prometheus, readings, measure, BEFORE)
        elif any(each.ratio for each in measure.spellings):
            found = list(prometheus.samples(measure.fields, window.start, window.end))
            either = unclear(found, measure, labels)
            readings.add(measure, found, highest(prometheus, window.end, either) if either else ())
        else:
            readings.add(measure, prometheus.samples(measure.fields, window.start, window.end))
    return readings


def is_gap(prometheus: Prometheus, window: Window) -> bool:
    """Return whether Prometheus itself has nothing of a window, not even that a target was down.

    It may scrape less often than once a window: then it must have had nothing for longer than it usually has.
    """
    if _up(prometheus, window.length, window.end):
        return False
    # How often a target was scraped at most in any five minutes of the last hour
    often = prometheus.vector("max(max_over_time(count_over_time(up[5m])[1h:5m]))", window.end - 0.001)
    usual = max((300.0 / number for each in often for _, number in each.samples if number > 0), default=0.0)
    longer = int(1.5 * usual)
    return longer <= window.length or not _up(prometheus, longer, window.end)


def _up(prometheus: Prometheus, seconds: int, end: int) -> bool:
    return bool(prometheus.vector(f"count(count_over_time(up[{seconds}s]))", end - 0.001))
