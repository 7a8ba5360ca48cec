"""What the exporter tells of itself, on /metrics and in CloudWatch."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

# CloudWatch's name -> unit and text; all but the first grow
SELF = {
    "LagSeconds": ("Seconds", "how late the oldest undelivered window is"),
    "DatumsSent": ("Count", "data that CloudWatch has acknowledged"),
    "DatumsQuarantined": ("Count", "data that CloudWatch refuses for good"),
    "Retries": ("Count", "requests that were sent again"),
    "ThrottledRequests": ("Count", "requests that CloudWatch throttled"),
    "UnresolvedInstanceIds": ("Count", "hosts that went by their own name, for want of an instance id"),
    "ScrapeGapMinutes": (
        "Count",
        "minutes that Prometheus itself lacks, or that are too old for CloudWatch",
    ),
}
# on /metrics only
LOCAL = {
    "WindowsDelivered": "windows that are acknowledged whole",
    "BlankSamples": "samples that were none: not a number, DCGM's blanks, impossible values",
    "UnidentifiedSeries": "series that name no GPU, or no host of its own",
    "WatermarkFailures": "times that what is delivered could not be kept",
}


@dataclass
class Counters:
    """Counts since the start, for any thread.

    `beat` is when the loop was last seen alive, `trouble` why what is delivered cannot be kept, empty where it can.
    """

    counts: dict[str, float] = field(default_factory=lambda: dict.fromkeys([*SELF, *LOCAL], 0.0))
    reported: dict[str, float] = field(default_factory=dict)
    beat: float = field(default_factory=time.monotonic)
    trouble: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, name: str, by: float = 1.0) -> None:
        """Count."""
        with self._lock:
            self.counts[name] += by

    def lag(self, seconds: float) -> None:
        """Set how late the oldest undelivered window is."""
        with self._lock:
            self.counts["LagSeconds"] = seconds

    def alive(self) -> None:
        """Say that the loop goes on."""
        self.beat = time.monotonic()

    def unkept(self, why: str) -> None:
        """Say why what is delivered cannot be kept, and count that; an empty text says that it is."""
        self.trouble = why
        if why:
            self.add("WatermarkFailures")

    def since(self) -> dict[str, float]:
        """Return the lag, and what was counted since `report` was last told."""
        with self._lock:
            return {name: self.counts[name] - self.reported.get(name, 0.0) for name in SELF}

    def report(self, sent: dict[str, float]) -> None:
        """Take what `since` returned as told."""
        with self._lock:
            for name, value in sent.items():
                if name != "LagSeconds":
                    self.reported[name] = self.reported.get(name, 0.0) + value

    def text(self) -> str:
        """Return all in Prometheus' text format."""
        texts = {**{name: text for name, (_, text) in SELF.items()}, **LOCAL}
        lines = []
        with self._lock:
            for name, value in self.counts.items():
                gauge = name == "LagSeconds"
                shown = f"dcgm_cloudwatch_{_snake(name)}{'' if gauge else '_total'}"
                kind = "gauge" if gauge else "counter"
                lines += [f"# HELP {shown} {texts[name]}", f"# TYPE {shown} {kind}", f"{shown} {value:g}"]
        return "\n".join(lines) + "\n"


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")
