"""Time as the rehearsal sees it: AWS's minutes pass in seconds."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta


@dataclass
class _Pace:
    """Counts AWS's seconds at the clock's speed, at the wall's while real work goes on.

    One that is `lenient` counts fewer where more programs want to run than there are processors for.
    """

    speed: float
    lenient: bool = False
    at_work: int = 0
    _counted: float = 0.0
    _since: float = field(default_factory=time.monotonic)

    @property
    def rate(self) -> float:
        """Seconds that pass here in one of the wall's."""
        if self.at_work:
            return 1.0
        return self.speed / max(1.0, _crowd()) if self.lenient else self.speed

    def passed(self) -> float:
        """Return the seconds that have passed since the start."""
        self.count()
        return self._counted

    def count(self, seconds: float = 0.0, work: int = 0) -> None:
        """Add seconds, and pieces of work that begin or, negative, end."""
        now = time.monotonic()
        self._counted += (now - self._since) * self.rate + seconds
        self._since = now
        self.at_work += work


def _crowd() -> float:
    """Return how many programs want each processor, over the last minute."""
    return os.getloadavg()[0] / (os.cpu_count() or 1)


@dataclass
class Clock:
    """A clock that runs `speed` times as fast as the wall's; a test may also push it on with `advance`.

    Every delay of the rehearsal is given in AWS's own seconds and waited for here, so that none is left out and a
    job-start-timeout of 15 minutes takes 15 seconds at the default speed. Real work, a function or a Spark job, takes
    the wall's seconds: while it goes on (`at_work`), no patience runs out any faster than those. On a busy machine what
    is not counted as work takes longer, too, and so does patience: AWS's programs do not share two processors.
    """

    speed: float = 60.0
    _epoch: float = field(default_factory=time.time)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _passing: _Pace = field(init=False)  # at the clock's speed, whatever goes on
    _sleeping: _Pace = field(init=False)
    _waiting: _Pace = field(init=False)

    def __post_init__(self) -> None:
        """Start all paces at the clock's speed."""
        self._passing, self._sleeping = _Pace(self.speed), _Pace(self.speed)
        self._waiting = _Pace(self.speed, lenient=True)

    def time(self) -> float:
        """Return the seconds since 1970 that have passed here."""
        with self._changed:
            return self._epoch + self._passing.passed()

    def now(self) -> datetime:
        """Return the moment it is here, in UTC."""
        return datetime.fromtimestamp(self.time(), UTC)

    def advance(self, by: timedelta) -> None:
        """Push the clock on, and wake everything whose time has come."""
        with self._changed:
            for pace in (self._passing, self._sleeping, self._waiting):
                pace.count(by.total_seconds())
            self._changed.notify_all()

    def patience(self) -> float:
        """Return the seconds that have been counted against the patience of whoever waits: a deadline's own time."""
        with self._changed:
            return self._waiting.passed()

    @contextmanager
    def at_work(self, *, job: bool = False) -> Iterator[None]:
        """Say that real work goes on: `wait` then counts the wall's seconds, and while it is a job so does `sleep`."""
        self._count(1, job=job)
        try:
            yield
        finally:
            self._count(-1, job=job)

    def sleep(self, seconds: float) -> None:
        """Wait until `seconds` have passed here."""
        self._pass(self._sleeping, seconds, lambda: False, seconds)

    def wait(self, seconds: float, until: Callable[[], bool], every: float = 5.0) -> bool:
        """Wait at most `seconds` here for `until` to be true, looking each `every` seconds; return whether it was."""
        return self._pass(self._waiting, seconds, until, every)

    def _pass(self, pace: _Pace, seconds: float, until: Callable[[], bool], every: float) -> bool:
        with self._changed:
            end = pace.passed() + seconds
        while not (done := until()):
            with self._changed:
                if (left := end - pace.passed()) <= 0:
                    break
                self._changed.wait(max(0.01, min(every / self.speed, left / pace.rate)))
        return done

    def _count(self, work: int, *, job: bool) -> None:
        with self._changed:
            self._waiting.count(work=work)
            if job:
                self._sleeping.count(work=work)
