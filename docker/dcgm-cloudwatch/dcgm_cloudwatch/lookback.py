"""What Prometheus knew before a window, where the window alone does not tell what its numbers mean."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from dcgm_cloudwatch.measures import ENGINE, MEMORY_USED, UTILIZATION, Measure
from dcgm_cloudwatch.prometheus import Prometheus
from dcgm_cloudwatch.readings import Labels, Readings
from dcgm_cloudwatch.series import Host, Series, Slot, slot

DAY = 24 * 3600
SPANS = ((0, 3600), (3600, 6 * 3600), (6 * 3600, DAY))  # how far back counters are followed, part by part
STEP = 300  # seconds: an instant selector sees the last sample of so many
NAMED = 50  # GPUs that a query names one by one; more, and it asks for all
UUID = re.compile(r"[A-Za-z0-9-]+")


def count(prometheus: Prometheus, readings: Readings, measure: Measure, near: int) -> None:
    """Read a counter: its samples in the window, and the last one before that, however long ago.

    What begins while its GPU was there before is a kind of error that is new; where the GPU was not there in the `near`
    seconds before, Prometheus lacks them, and errors may have come meanwhile. Raises PrometheusError.
    """
    start = readings.window.start
    found = list(prometheus.samples(measure.fields, start - near, readings.window.end))
    readings.add(measure, found)
    begun = [each for each in found if readings.begins(measure, each)]
    if not begun:
        return
    readings.before |= _seen(prometheus, start, 0, begun, readings.labels)
    lost = [each for each in begun if not (each.labels.get("xid") and _slot(each, readings.labels) in readings.before)]
    if lost:
        readings.add(measure, _last(prometheus, start - near, measure, lost, readings.labels))
    if any(each.labels.get("xid") and readings.begins(measure, each) for each in lost):
        readings.before |= _seen(prometheus, start, DAY, lost, readings.labels)


def unclear(found: Iterable[Series], measure: Measure, labels: Labels) -> list[Series]:
    """Return the series of hosts on which 1 is a percent or the whole, with no other number to tell which."""
    ratios = {each.field for each in measure.spellings if each.ratio}
    by_host: dict[Host, list[Series]] = {}
    for each in found:
        about = _slot(each, labels)
        if about and each.name in ratios:
            by_host.setdefault(about.host, []).append(each)
    return [each for of in by_host.values() for each in of if _numbers(of) in ({1.0}, {0.0, 1.0})]


def highest(prometheus: Prometheus, second: int, of: Sequence[Series]) -> list[Series]:
    """Return the highest values of some series in the hour before a second. Raises PrometheusError."""
    found = []
    for field in sorted({each.name for each in of}):
        answer = prometheus.known([field], second, _named(of), "max_over_time(%s[1h])")  # which takes the name away
        found += [Series({**each.labels, "__name__": field}, each.samples) for each in answer]
    return found


class _Like(NamedTuple):
    """What two series have in common that are the same counter, whoever had the GPU: it, and the kind of error."""

    slot: Slot | None
    uuid: str
    xid: str


def _last(
    prometheus: Prometheus, second: int, measure: Measure, begun: Sequence[Series], labels: Labels
) -> list[Series]:
    """Return the last sample before a second of each counter that begins later."""
    wanted = {_like(each, labels) for each in begun}
    found: list[Series] = []
    for near, far in SPANS:
        latest: dict[_Like, Series] = {}
        for each in prometheus.steps(measure.fields, (second - far, second - near, STEP), _named(begun)):
            like = _like(each, labels)
            if like in wanted and each.samples and (like not in latest or each.samples[-1] > latest[like].samples[-1]):
                latest[like] = Series(each.labels, each.samples[-1:])
        found += latest.values()
        wanted -= latest.keys()
        if not wanted:
            break
    return found


def _seen(
    prometheus: Prometheus, second: int, seconds: int, about: Sequence[Series], labels: Labels
) -> frozenset[Slot]:
    """Return the GPUs that had samples some seconds before: at least those that an instant selector sees."""
    fields = [field for each in (MEMORY_USED, UTILIZATION, ENGINE) for field in each.fields]
    shape = f"last_over_time(%s[{seconds}s:{STEP}s])" if seconds else "%s"
    known = (_slot(each, labels) for each in prometheus.known(fields, second, _named(about), shape))
    return frozenset(each for each in known if each)


def _numbers(of: Iterable[Series]) -> set[float]:
    return {number for each in of for _, number in each.samples if 0.0 <= number <= 100.0}  # noqa: PLR2004 - percent


def _like(series: Series, labels: Labels) -> _Like:
    return _Like(_slot(series, labels), series.labels.get("UUID", ""), series.labels.get("xid", ""))


def _slot(series: Series, labels: Labels) -> Slot | None:
    return slot(series.labels, labels.ids, of_slices=False)


def _named(about: Iterable[Series]) -> str:
    """Return the matcher of their GPUs; none where that would be too long, or one has no such label."""
    uuids = {each.labels.get("UUID", "") for each in about}
    plain = len(uuids) <= NAMED and all(map(UUID.fullmatch, uuids))
    return f',UUID=~"{"|".join(sorted(uuids))}"' if plain else ""
