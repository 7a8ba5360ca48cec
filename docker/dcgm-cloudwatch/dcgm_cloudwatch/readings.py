"""What a window's samples say, by measure, by GPU or slice, and by team; every duplicate counted once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from dcgm_cloudwatch.measures import PERCENT, Measure, Spelling
from dcgm_cloudwatch.series import Host, Series, Slot, shared, slot

Samples = dict[float, float]  # by their time
Holder = tuple[Slot, str]  # what is measured, and whose it then was; "" for nobody's


@dataclass(frozen=True)
class Window:
    """Some seconds: from `start`, the end excluded; both are since the epoch."""

    start: int
    length: int

    @classmethod
    def between(cls, start: int, end: int) -> Window:
        """Return the window from `start` to `end`."""
        return cls(start, end - start)

    @property
    def end(self) -> int:
        """Where the next one begins."""
        return self.start + self.length


@dataclass(frozen=True)
class Labels:
    """Which labels tell the instance's id and the team."""

    ids: tuple[str, ...] = ("InstanceId", "instance_id")
    team: str = "exported_namespace"


@dataclass
class Readings:
    """The samples of a window.

    `unidentified` counts series that name no GPU or no host of its own, `blank` dropped samples.
    """

    window: Window
    labels: Labels = field(default_factory=Labels)
    gauges: dict[str, dict[Holder, Samples]] = field(default_factory=dict)
    counters: dict[str, dict[tuple[Slot, str], Samples]] = field(default_factory=dict)  # by slot and kind of error
    before: frozenset[Slot] = frozenset()  # GPUs that had samples before the window
    shared: set[Host] = field(default_factory=set)  # names that several hosts go by
    unidentified: int = 0
    blank: int = 0

    def add(self, measure: Measure, found: Iterable[Series], earlier: Sequence[Series] = ()) -> None:
        """Take in the series of a measure, under whichever of its names they came.

        `earlier` are older ones that only tell whether a host's numbers are percent.
        """
        spellings = {each.field: each for each in measure.spellings}
        listed = [each for each in found if each.name in spellings]
        self.shared |= shared(listed, self.labels.ids)
        percents = _in_percent([*listed, *earlier], spellings, self.labels)
        for series in listed:
            spelling = spellings[series.name]
            about = slot(series.labels, self.labels.ids, of_slices=measure.of_slices)
            if about is None or about.host in self.shared:
                self.unidentified += 1
                continue
            factor = 1.0 if (about.host, series.name) in percents else spelling.factor
            if measure.counter:
                self._count(measure, about, series, factor)
            else:
                self._gauge(measure, about, series, factor)

    def _gauge(self, measure: Measure, about: Slot, series: Series, factor: float) -> None:
        team = series.labels.get(self.labels.team, "")
        into = self.gauges.setdefault(measure.key, {}).setdefault((about, team), {})
        for moment, number in series.samples:
            if self.window.start <= moment < self.window.end:
                self._keep(into, moment, measure.value(number, factor))

    def _count(self, measure: Measure, about: Slot, series: Series, factor: float) -> None:
        """Keep a counter's samples before the window, too: it is their difference that counts."""
        into = self.counters.setdefault(measure.key, {}).setdefault((about, series.labels.get("xid", "")), {})
        for moment, number in series.samples:
            if moment < self.window.end:
                self._keep(into, moment, measure.value(number, factor))

    def begins(self, measure: Measure, series: Series) -> bool:
        """Return whether a counter that was added has samples in the window, and none before."""
        about = slot(series.labels, self.labels.ids, of_slices=measure.of_slices)
        known = self.counters.get(measure.key, {}).get((about, series.labels.get("xid", "")), {}) if about else {}
        return bool(known) and min(known) >= self.window.start

    def _keep(self, into: Samples, moment: float, value: float | None) -> None:
        if value is None:
            self.blank += 1
        else:  # of two that claim the same moment the higher, so that their order does not matter
            into[moment] = max(value, into.get(moment, value))

    @property
    def slots(self) -> set[Slot]:
        """Everything that has a sample in the window."""
        return {about for of in self.gauges.values() for (about, _), samples in of.items() if samples}


def merged(of: Mapping[Holder, Samples]) -> dict[Slot, Samples]:
    """Return the samples of each slot, whoever had it: several pods share a GPU in time slices."""
    found: dict[Slot, Samples] = {}
    for (about, _), samples in of.items():
        into = found.setdefault(about, {})
        for moment, value in samples.items():
            into[moment] = max(value, into.get(moment, value))
    return found


def increase(samples: Samples, window: Window, *, from_zero: bool) -> float | None:
    """Return what a counter has gained in a window, None where that cannot be told.

    A fall is a restart, after which all is new. Where there is no sample before the window, the first one is all new
    if `from_zero`, else it is what the counter began with.
    """
    moments = sorted(samples)
    inside = [moment for moment in moments if moment >= window.start]
    earlier = [moment for moment in moments if moment < window.start]
    if not inside:
        return None
    last, gained = (samples[earlier[-1]] if earlier else 0.0 if from_zero else samples[inside[0]]), 0.0
    for moment in inside:
        value = samples[moment]
        gained += value - last if value >= last else value
        last = value
    return gained


def _in_percent(found: Iterable[Series], spellings: Mapping[str, Spelling], labels: Labels) -> set[tuple[object, str]]:
    """Return the hosts whose DCGM gives percent, in whole numbers, under a ratio's name, as releases before 4.7 did."""
    hosts: set[tuple[object, str]] = set()
    for series in found:
        if spellings[series.name].ratio and any(
            1.0 < number <= PERCENT and number.is_integer() for _, number in series.samples
        ):
            about = slot(series.labels, labels.ids, of_slices=False)
            hosts.add((about.host if about else None, series.name))
    return hosts
