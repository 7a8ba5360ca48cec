"""What PutMetricData has stored: for each metric and minute how often each value was observed."""

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

MINUTE = 60
Metric = tuple[str, str, tuple[tuple[str, str], ...]]  # namespace, name, dimensions in order of their names


@dataclass(frozen=True)
class Stored:
    """A metric's observations in one minute: their sum and number, the lowest and the highest."""

    sum: float
    count: float
    lowest: float
    highest: float


@dataclass
class Store:
    """All metrics; a datum that comes twice is stored twice, as CloudWatch has no idempotency."""

    points: dict[Metric, dict[int, Counter[float]]] = field(default_factory=dict)
    units: dict[Metric, set[str]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, metric: Metric, second: float, observed: Mapping[float, float], unit: str) -> None:
        """Add observations, each value with its count, to the minute that `second` lies in."""
        minute = int(second // MINUTE) * MINUTE
        with self._lock:
            counts = self.points.setdefault(metric, {}).setdefault(minute, Counter())
            for value, count in observed.items():
                counts[value] += count  # type: ignore[assignment]  # counts are doubles in the API
            self.units.setdefault(metric, set()).add(unit)

    def table(self) -> dict[tuple[Metric, int], Stored]:
        """Return what is stored by metric and minute, a minute being the second in which it begins."""
        with self._lock:
            return {
                (metric, minute): Stored(
                    sum(value * count for value, count in counts.items()),
                    sum(counts.values()),
                    min(counts),
                    max(counts),
                )
                for metric, minutes in self.points.items()
                for minute, counts in minutes.items()
            }

    def series(self) -> Iterator[tuple[str, str, dict[str, str], dict[int, dict[float, float]]]]:
        """Yield each metric's namespace, name, dimensions, and its values with their counts by minute."""
        with self._lock:
            copied = {metric: {minute: dict(each) for minute, each in of.items()} for metric, of in self.points.items()}
        for (namespace, name, dimensions), minutes in copied.items():
            yield namespace, name, dict(dimensions), {at: {**counts} for at, counts in minutes.items()}
