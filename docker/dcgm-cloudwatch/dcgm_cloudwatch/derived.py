"""Metrics that are no field of DCGM's: percent, new errors, throttling, allocation, how many."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from dcgm_cloudwatch.catalogue import IDLE_BELOW, Metric
from dcgm_cloudwatch.measures import ENGINE, HELD_BACK, MEMORY_USED, UTILIZATION
from dcgm_cloudwatch.readings import Readings, Samples, increase, merged
from dcgm_cloudwatch.series import Slot


class Observed(NamedTuple):
    """What a metric has of one slot: its values, one for each sample or one for the window, and by team the same."""

    slot: Slot
    values: list[float]
    teams: Mapping[str, list[float]]


def observed(metric: Metric, readings: Readings) -> Iterator[Observed]:
    """Yield what a metric has in a window, slot by slot."""
    of = _DERIVED.get(metric.name)
    if of:
        yield from of(metric, readings)
    else:
        yield from _samples(readings.gauges.get(metric.needs[0].key, {}), lambda value: value / metric.scale)


def _samples(of: Mapping[tuple[Slot, str], Samples], change: Callable[[float], float]) -> Iterator[Observed]:
    teams: dict[Slot, dict[str, list[float]]] = {}
    for (slot, team), samples in of.items():
        if team and samples:
            teams.setdefault(slot, {})[team] = [change(value) for value in samples.values()]
    for slot, samples in merged(of).items():
        if samples:
            yield Observed(slot, [change(value) for value in samples.values()], teams.get(slot, {}))


def _utilization(metric: Metric, readings: Readings) -> Iterator[Observed]:
    """Yield the utilization; DCGM has none of MIG instances, for which stands how busy their engine is."""
    own, engine = (readings.gauges.get(measure.key, {}) for measure in metric.needs)
    slices = {holder: samples for holder, samples in engine.items() if holder[0].mig}
    yield from _samples({**slices, **{holder: samples for holder, samples in own.items() if samples}}, float)


def _used_percent(metric: Metric, readings: Readings) -> Iterator[Observed]:
    used, free = (readings.gauges.get(measure.key, {}) for measure in metric.needs)
    percent = {
        holder: {
            moment: 100.0 * value / (value + free[holder][moment])
            for moment, value in samples.items()
            if moment in free[holder] and value + free[holder][moment] > 0
        }
        for holder, samples in used.items()
        if holder in free
    }
    yield from _samples(percent, lambda value: value)


def _throttled(metric: Metric, readings: Readings) -> Iterator[Observed]:
    of = readings.gauges.get(metric.needs[0].key, {})
    yield from _samples(of, lambda value: 1.0 if int(value) & HELD_BACK else 0.0)


def _new_errors(metric: Metric, readings: Readings) -> Iterator[Observed]:
    """One value for the window: all kinds of errors together, 0 where a GPU was seen and had none."""
    gained: dict[Slot, float] = {}
    seen = _first_seen(readings)
    for (slot, kind), samples in readings.counters.get(metric.needs[0].key, {}).items():
        # A series of one kind of error begins with the first of it, so that its first sample is no beginning.
        known = slot in readings.before or (bool(samples) and seen.get(slot, math.inf) < min(samples))
        new = increase(samples, readings.window, from_zero=bool(kind) and known)
        if new is not None:
            gained[slot] = gained.get(slot, 0.0) + new
    if metric.name == "GPUXidErrors":
        gained = {**dict.fromkeys((slot.whole for slot in readings.slots), 0.0), **gained}
    teams = _teams(readings, lambda slot: slot.whole)
    for slot, value in gained.items():
        yield Observed(slot, [value], {team: [value] for team in teams.get(slot, ())})


def _first_seen(readings: Readings) -> dict[Slot, float]:
    """Return when each whole GPU has its first sample in the window."""
    found: dict[Slot, float] = {}
    for of in readings.gauges.values():
        for (slot, _), samples in of.items():
            if samples:
                found[slot.whole] = min(found.get(slot.whole, math.inf), *samples)
    return found


def _allocated(_: Metric, readings: Readings) -> Iterator[Observed]:
    teams = _teams(readings, lambda slot: slot)
    for slot in _parts(readings):
        of = teams.get(slot, set())
        yield Observed(slot, [1.0 if of else 0.0], {team: [1.0] for team in of})


def _allocated_idle(_: Metric, readings: Readings) -> Iterator[Observed]:
    teams = _teams(readings, lambda slot: slot)
    engine, own = (merged(readings.gauges.get(measure.key, {})) for measure in (ENGINE, UTILIZATION))
    for slot in _parts(readings):
        of, samples = teams.get(slot, set()), own.get(slot) or engine.get(slot)
        if samples:  # of what cannot be told nothing is said
            value = 1.0 if of and sum(samples.values()) / len(samples) < IDLE_BELOW else 0.0
            yield Observed(slot, [value], {team: [value] for team in of})


def _count(_: Metric, readings: Readings) -> Iterator[Observed]:
    """Yield 1 for each whole GPU; roll-ups add these up."""
    teams = _teams(readings, lambda slot: slot.whole)
    for slot in {each.whole for each in readings.slots}:
        yield Observed(slot, [1.0], {team: [1.0] for team in teams.get(slot, ())})


def _teams(readings: Readings, part: Callable[[Slot], Slot]) -> dict[Slot, set[str]]:
    found: dict[Slot, set[str]] = {}
    for of in readings.gauges.values():
        for (slot, team), samples in of.items():
            if team and samples:
                found.setdefault(part(slot), set()).add(team)
    return found


def _parts(readings: Readings) -> Iterable[Slot]:
    """Return what can be allocated: MIG instances where there are some, else whole GPUs."""
    return sorted({slot for (slot, _), samples in readings.gauges.get(MEMORY_USED.key, {}).items() if samples})


_DERIVED: Mapping[str, Callable[[Metric, Readings], Iterator[Observed]]] = {
    "GPUUtilization": _utilization,
    "GPUMemoryUsedPercent": _used_percent,
    "GPUThrottled": _throttled,
    "GPUXidErrors": _new_errors,
    "GPUEccErrors": _new_errors,
    "GPUAllocated": _allocated,
    "GPUAllocatedIdle": _allocated_idle,
    "GPUCount": _count,
}
