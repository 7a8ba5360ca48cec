"""Delivers windows: the newest first, then the backlog from its oldest; nothing is done twice that can be told."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from dcgm_cloudwatch.batch import Batch, batches, digest, halves, remaining
from dcgm_cloudwatch.counters import SELF, Counters
from dcgm_cloudwatch.instances import Instances
from dcgm_cloudwatch.pace import Pace
from dcgm_cloudwatch.prometheus import Prometheus
from dcgm_cloudwatch.publish import HeldError, Publisher, RefusedError
from dcgm_cloudwatch.readings import Window
from dcgm_cloudwatch.scrape import fitting, is_gap, scrape
from dcgm_cloudwatch.settings import Settings
from dcgm_cloudwatch.translate import Datum, Dimensions, translate
from dcgm_cloudwatch.watermark import ClockError, Progress, Store, StoreError, parse

log = logging.getLogger(__name__)
OLDEST = 14 * 24 * 3600 - 3600  # seconds; CloudWatch takes two weeks, and sending takes its time
PATIENCE = 10.0  # seconds that one window may keep the others waiting
KEEPING = 30.0  # seconds of pauses in which it is tried again to keep what is acknowledged
UNKEPT = (
    "what CloudWatch has taken cannot be kept, so nothing else is sent: {}; `dcgm-cloudwatch check` says what to do"
)
AHEAD = (
    "the watermark is {:.0f} s in the future, so nothing is sent: let NTP set the clocks of Prometheus and of this "
    "machine; where they are right, it was kept while one was ahead: end the exporter, remove {}, and start it again"
)
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
    _behind: float = 0.0  # seconds that Prometheus' clock was behind ours
    _oldest: float = field(default=float("-inf"))  # from where on what Prometheus has not is a gap
    _ahead: float = 0.0  # seconds that the watermark was in the future at most, since it last was not
    _owed: bool = False  # whether `progress` is more than what is kept

    def __post_init__(self) -> None:
        """Note when this began: until the watermark is read, that is since when nothing is delivered."""
        self._began = self.clock()

    def now(self) -> float:
        """Return the earlier of two clocks: Prometheus stamps the samples, and CloudWatch refuses the future."""
        own, theirs = self.clock(), self.prometheus.now()
        self._behind = max(0.0, own - theirs)
        return min(theirs, own)

    def late(self) -> None:
        """Tell the lag by our own clock: it must grow while Prometheus or the watermark is out of reach, too."""
        self._lag(self.clock() - self._behind, self.progress or self._kept())

    def _kept(self) -> Progress:
        try:
            text = self.store.read()
            return parse(text) if text else Progress(int(self._began))
        except StoreError:
            return Progress(int(self._began))

    def _lag(self, now: float, progress: Progress) -> None:
        """Tell the lag; where the watermark is in the future, by how much it was: until then nothing is delivered."""
        ahead = progress.ahead_of(now)
        self._ahead = max(self._ahead, ahead) if ahead else 0.0
        late = now - self.settings.settle - progress.through - self.settings.interval
        self.counters.lag(max(0.0, late, self._ahead))

    def begin(self, now: float) -> Progress:
        """Read what is delivered, or begin `FIRST_BACKFILL` seconds back; raises StoreError."""
        if self.progress is None:
            text = self.store.read()
            if text is None:  # what lies before all that Prometheus has is no gap, then
                self._oldest = float("inf")
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
        """Return the window to deliver now, and whether it is the newest one; None where all are delivered.

        Raises StoreError while what is acknowledged cannot be kept: nothing else is sent before; and ClockError while
        it lies in the future: to begin again from now would send twice what a clock that was set back has forgotten.
        """
        length, progress = self.settings.interval, self._ready(now)
        closed = _aligned(int(now - self.settings.settle), length)  # the end of the newest closed window
        if closed <= progress.through:
            return None
        if newest := progress.missing(closed - length, closed):
            return Window.between(*newest), True
        start = _aligned(progress.through, length)
        while start < closed:
            if oldest := progress.missing(start, start + length):
                return Window.between(*oldest), False
            start += length
        return None

    def _ready(self, now: float) -> Progress:
        progress = self.begin(now)
        if self._owed:
            self._keep(progress)
        self._lag(now, progress)
        if self._ahead:
            raise ClockError(AHEAD.format(self._ahead, self.settings.watermark))
        return progress

    def deliver(self, window: Window, *, newest: bool) -> None:
        """Send what is left of a window and keep that it is delivered; of one too large, of its beginning.

        An old one makes way for a newer one after each request. Raises PrometheusError, InstanceError, StoreError and
        HeldError, after which it is tried again, and OtherWriterError.
        """
        window = fitting(self.prometheus, window, self.settings.metrics)
        made = {digest(batch): batch for batch in self._batches(window)}
        known = self._reached(window).begun.get(window.start, ())
        whole = [name for name in made if name in known]
        pieces = set(known) - set(whole)  # of the first batch that is left
        left = [name for name in made if name not in known]
        for number, name in enumerate(left):
            if not self._delivered(window, made[name], pieces, newest=newest, first=number == 0):
                return
            whole, pieces = [*whole, name], set()
            if len(whole) < len(made):
                self._keep(self._reached(window).with_batches(window.start, tuple(whole)))
        self._keep(self._reached(window).with_window(window.start, window.end))
        self._prepared = None
        self.counters.add("WindowsDelivered")

    def _delivered(self, window: Window, batch: Batch, done: set[str], *, newest: bool, first: bool) -> bool:
        """Send what is left of a batch; return False where a newer window comes first.

        Whatever is acknowledged or set aside of a batch in pieces is kept, so that no throttling can send it again.
        """
        left = remaining(batch, done)
        while left:
            if not newest and self.wait(self._paced()):
                raise HeldError("the exporter is ending")
            if not newest and not first and self._newer():
                return False
            first, piece = False, left.pop(0)
            smaller = self._refused(piece)
            left = [*smaller, *left]
            if left and not smaller:
                self._keep(self._reached(window).with_batch(window.start, digest(piece)))
        return True

    def _refused(self, piece: Batch) -> list[Batch]:
        """Send a piece; return its halves where it is refused for good, and set it aside where it has none."""
        try:
            self.publisher.send(piece, PATIENCE)
        except RefusedError as error:
            if len(piece) > 1:
                return halves(piece)
            harmless = Datum("DatumsQuarantined", self._own(), piece[0].moment, (0.0,), (1,), "Count")
            self.publisher.set_aside(piece[0], error, harmless, PATIENCE)
        return []

    def _reached(self, window: Window) -> Progress:
        return self.progress or Progress(window.start)

    def _keep(self, progress: Progress) -> None:
        """Keep what is acknowledged before anything else is sent: at most one batch is ever sent twice.

        Raises StoreError where that fails for `KEEPING` seconds. It is acknowledged all the same, and not sent again
        by this process, which must keep it before it goes on.
        """
        self.progress, self._owed = progress, True
        pause, left = 0.1, KEEPING
        while problem := self._unkept(progress):
            log.warning("%s", problem)
            self.counters.unkept(str(problem))
            self.counters.alive()
            if left <= 0 or self.wait(pause):
                raise StoreError(UNKEPT.format(problem))
            left -= pause
            pause = min(2 * pause, 5.0)
        self._owed = False
        self.counters.unkept("")

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
        if hosts or not is_gap(self.prometheus, window):
            self._oldest = min(self._oldest, window.start)
        elif window.start > self._oldest:
            self.counters.add("ScrapeGapMinutes", window.length / MINUTE)
        ids = self.instances.resolve(hosts, window.end - 0.001)
        self.counters.add("UnresolvedInstanceIds", len(hosts - ids.keys()))
        self.counters.alive()
        made = list(batches(translate(readings, ids, settings.shape), self.publisher.protocol()))
        self._prepared = (window, made)
        return made

    def heartbeat(self) -> list[Datum]:
        """Return what the exporter tells CloudWatch of itself."""
        where = self._own()
        moment = int(self.clock()) // MINUTE * MINUTE
        return [
            Datum(name, where, moment, (value,), (1,), SELF[name][0]) for name, value in self.counters.since().items()
        ]

    def _own(self) -> Dimensions:
        cluster = self.settings.shape.cluster
        return (("ClusterName", cluster),) if cluster else ()

    def tell(self) -> None:
        """Tell CloudWatch of oneself; what it does not take now is told the next time."""
        told = self.counters.since()
        if self.publisher.attempt(self.heartbeat()) is None:
            self.counters.report(told)


def _aligned(second: int, length: int) -> int:
    return second // length * length
