"""Stored metrics, and their statistics over a range of time."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

MINUTE = 60
TWO_WEEKS = 14 * 24 * 3600
Counts = Mapping[float, float]  # a value, and how often it was observed
Key = tuple[str, str, frozenset[str]]  # namespace, name, names of the dimensions


class NotKnownError(ValueError):
    """A part of a query that is not rehearsed, or that CloudWatch would refuse."""


@dataclass(frozen=True)
class Series:
    """One metric: what identifies it, and by the second in which a minute begins what was observed in that minute."""

    namespace: str
    name: str
    dimensions: Mapping[str, str]
    points: Mapping[int, Counts]

    @property
    def label(self) -> str:
        """What a legend says of it."""
        return " ".join([*self.dimensions.values(), self.name])

    @cached_property
    def last(self) -> int:
        """The last minute with data."""
        return max(self.points)


@dataclass(frozen=True)
class Span:
    """A range of time in seconds, its end excluded, cut into periods."""

    start: int
    end: int
    period: int = MINUTE

    def __post_init__(self) -> None:
        """Refuse a period that custom metrics of standard resolution do not have."""
        if self.period % MINUTE or self.period <= 0:
            raise NotKnownError(f"a period of {self.period} s is no multiple of 60 s")

    def bucket(self, second: int) -> int:
        """Return when the period begins that a second lies in."""
        return self.start + (second - self.start) // self.period * self.period

    @property
    def buckets(self) -> range:
        """When each of its periods begins."""
        return range(self.start, self.end, self.period)


@dataclass(frozen=True)
class Line:
    """A line of a graph: its legend, and a value for each period that has one."""

    label: str
    values: Mapping[int, float]
    group: tuple[str, ...] = ()  # of a query that groups
    dimensions: Mapping[str, str] = field(default_factory=dict)  # of a metric that was found by a search


@dataclass(frozen=True)
class Archive:
    """All stored metrics."""

    series: tuple[Series, ...]
    _index: dict[Key, list[Series]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Sort them by what queries begin with."""
        for each in self.series:
            self._index.setdefault((each.namespace, each.name, frozenset(each.dimensions)), []).append(each)

    def exactly(self, namespace: str, name: str, dimensions: Iterable[str]) -> list[Series]:
        """Return the metrics of a name with exactly these dimensions, whatever their values."""
        return self._index.get((namespace, name, frozenset(dimensions)), [])

    def names(self, namespace: str, dimensions: Iterable[str]) -> list[str]:
        """Return the names of the metrics in a namespace with exactly these dimensions."""
        wanted = frozenset(dimensions)
        return sorted({name for space, name, names in self._index if (space, names) == (namespace, wanted)})

    def one(self, namespace: str, name: str, dimensions: Mapping[str, str]) -> Series | None:
        """Return one metric; None where nothing was ever stored under exactly these dimensions."""
        found = self.exactly(namespace, name, dimensions)
        return next((each for each in found if dict(each.dimensions) == dict(dimensions)), None)


def recent(series: Iterable[Series], span: Span) -> list[Series]:
    """Return the metrics with data in the two weeks before the end of a span."""
    return [each for each in series if each.last >= span.end - TWO_WEEKS]


def line(series: Series, statistic: str, span: Span) -> Line:
    """Return a statistic of a metric, period by period."""
    return Line(series.label, dict(_statistics([series], statistic, span)))


def together(series: Iterable[Series], statistic: str, span: Span) -> dict[int, float]:
    """Return a statistic over the observations of several metrics, as Metrics Insights reckons."""
    return dict(_statistics(series, statistic, span))


def _statistics(series: Iterable[Series], name: str, span: Span) -> Iterator[tuple[int, float]]:
    buckets: dict[int, dict[float, float]] = {}
    for each in series:
        for second, counts in each.points.items():
            if span.start <= second < span.end:
                bucket = buckets.setdefault(span.bucket(second), {})
                for value, count in counts.items():
                    bucket[value] = bucket.get(value, 0.0) + count
    for second in sorted(buckets):
        yield second, statistic_of(buckets[second], name)


def statistic_of(counts: Counts, name: str) -> float:
    """Return one statistic of observations: Average, Sum, Minimum, Maximum, SampleCount, or a percentile like p99."""
    total = sum(counts.values())
    if name == "Average":
        return sum(value * count for value, count in counts.items()) / total
    if name == "Sum":
        return sum(value * count for value, count in counts.items())
    simple: dict[str, float] = {"Minimum": min(counts), "Maximum": max(counts), "SampleCount": total}
    return simple[name] if name in simple else _percentile(counts, total, name)


def _percentile(counts: Counts, total: float, name: str) -> float:
    try:
        share = float(name.removeprefix("p")) / 100
    except ValueError:
        raise NotKnownError(f"the statistic {name!r} is not rehearsed") from None
    if not name.startswith("p") or not 0 <= share <= 1:
        raise NotKnownError(f"the statistic {name!r} is not rehearsed")
    seen = 0.0
    for value in sorted(counts):
        seen += counts[value]
        if seen >= share * total:
            return value
    return max(counts)
