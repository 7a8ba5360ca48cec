"""Delivers windows: the newest first, then the backlog from its oldest; nothing is done twice that can be told."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from dcgm_cloudwatch.batch import Batch, batches, digest
from dcgm_cloudwatch.counters import SELF, Counters
from dcgm_cloudwatch.instances import Instances
from dcgm_cloudwatch.pace import Pace
from dcgm_cloudwatch.prometheus import Prometheus
from dcgm_cloudwatch.publish import HeldError, Publisher
from dcgm_cloudwatch.readings import Window
from dcgm_cloudwatch.scrape import is_gap, scrape
from dcgm_cloudwatch.settings import Settings
from dcgm_cloudwatch.translate import Datum, translate
from dcgm_cloudwatch.watermark import Progress, Store, StoreError, parse

log = logging.getLogger(__name__)
OLDEST = 14 * 24 * 3600 - 3600  # seconds; CloudWatch takes two weeks, and sending takes its time
PATIENCE = 10.0  # seconds that one window may keep the others waiting
MINUTE = 60


@dataclass
class Exporter:
    """Everything that one exporter works with, and what it has delivered."""

    settings: Settings
    prometheus: Prometheus
    instances: Instances
    publisher: Publisher
    store: Store
    counters: Counters
    wait: Callable[[float], bool]
    clock: Callable[[], float] = time.time
    progress: Progress | None = None
    _pace: Pace | None = None
    _prepared: tuple[Window, list[Batch]] | None = None
    _fresh: bool = field(default=True)  # nothing was ever delivered: what lies before is no gap

    def now(self) -> float:
        """Return the earlier of two clocks: Prometheus stamps the samples, and CloudWatch refuses the future."""
        return min(self.prometheus.now(), self.clock())

    def begin(self, now: float) -> Progress:
        """Read what is delivered, or begin `FIRST_BACKFILL` seconds back; raises StoreError."""
        if self.progress is None:
            text = self.store.read()
            self._fresh = text is None
            first = int(now) - self.settings.first_backfill
            self.progress = parse(text) if text else Progress(_aligned(first, self.settings.interval))
        oldest = _aligned(int(now) - OLDEST, self.settings.interval)
        if self.progress.through < oldest:
            lost = (oldest - self.progress.through) / MINUTE
            log.error("%d minutes are older than CloudWatch takes: they are given up", lost)
            self.counters.add("ScrapeGapMinutes", lost)
            self.progress = self.progress.from_second(oldest)
        return self.progress

    def next(self, now: float) -> tuple[Window, bool] | None:
        """Return the window to deliver now, and whether it is the newest one; None where all are delivered."""
        length, progress = self.settings.interval, self.begin(now)
        closed = _aligned(int(now - self.settings.settle), length)  # the end of the newest closed window
        self.counters.lag(max(0.0, now - self.settings.settle - progress.through - length))
        newest = closed - length
        if closed <= progress.through:
            return None
        if not progress.done(newest, closed):
            return Window(newest, length), True
        start = _aligned(progress.through, length)
        while progress.done(start, start + length):
            start += length
        return (Window(start, length), False) if start < closed else None

    def deliver(self, window: Window, *, newest: bool) -> None:
        """Send what is left of a window and keep that it is delivered.

        An old one makes way for a newer one after each batch. Raises PrometheusError, StoreError and HeldError, after
        which it is tried again, and OtherWriterError.
        """
        progress = self.progress or Progress(window.start)
        known = progress.begun.get(window.start, ())
        left = [batch for batch in self._batches(window) if digest(batch) not in known]
        for number, batch in enumerate(left, 1):
            if not newest and self.wait(self._paced()):
                raise HeldError("the exporter is ending")
            if not newest and number > 1 and self._newer():
                return
            self.publisher.send(batch, PATIENCE)
            if number < len(left):
                progress = self._keep(progress.with_batch(window.start, digest(batch)))
        self._keep(progress.with_window(window.start, window.end))
        self._prepared, self._fresh = None, False
        self.counters.add("WindowsDelivered")

    def _keep(self, progress: Progress) -> Progress:
        """Keep what is acknowledged before anything else is sent: at most one batch is ever sent twice."""
        pause = 0.1
        while problem := self._unkept(progress):
            log.warning("%s", problem)
            self.counters.alive()
            if self.wait(pause):
                raise problem
            pause = min(2 * pause, 5.0)
        self.progress = progress
        return progress

    def _unkept(self, progress: Progress) -> StoreError | None:
        try:
            self.store.write(progress.text())
        except StoreError as error:
            return error
        return None

    def _newer(self) -> bool:
        following = self.next(self.now())
        return following is not None and following[1]

    def _paced(self) -> float:
        self._pace = self._pace or Pace(self.settings.backlog_rate)
        return self._pace.take()

    def _batches(self, window: Window) -> list[Batch]:
        """Return a window's batches; those of the last one are kept while CloudWatch does not take them."""
        if self._prepared and self._prepared[0] == window:
            return self._prepared[1]
        settings = self.settings
        readings = scrape(self.prometheus, window, settings.metrics, settings.labels, self.counters.alive)
        self.counters.add("BlankSamples", readings.blank)
        self.counters.add("UnidentifiedSeries", readings.unidentified)
        hosts = {slot.host for slot in readings.slots}
        if not hosts and not self._fresh and is_gap(self.prometheus, window):
            self.counters.add("ScrapeGapMinutes", window.length / MINUTE)
        ids = self.instances.resolve(hosts, window.end - 0.001)
        self.counters.add("UnresolvedInstanceIds", len(hosts - ids.keys()))
        self.counters.alive()
        made = list(batches(translate(readings, ids, settings.shape), self.publisher.protocol()))
        self._prepared = (window, made)
        return made

    def heartbeat(self) -> list[Datum]:
        """Return what the exporter tells CloudWatch of itself."""
        cluster = self.settings.shape.cluster
        where = (("ClusterName", cluster),) if cluster else ()
        moment = int(self.clock()) // MINUTE * MINUTE
        return [
            Datum(name, where, moment, (value,), (1,), SELF[name][0]) for name, value in self.counters.since().items()
        ]

    def tell(self) -> None:
        """Tell CloudWatch of oneself; what it does not take now is told the next time."""
        told = self.counters.since()
        if self.publisher.attempt(self.heartbeat()) is None:
            self.counters.report(told)


def _aligned(second: int, length: int) -> int:
    return second // length * length
