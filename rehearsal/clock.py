"""Time as the rehearsal sees it: AWS's minutes pass in seconds."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta


@dataclass
class Clock:
    """A clock that runs `speed` times as fast as the wall's; a test may also push it on with `advance`.

    Every delay of the rehearsal is given in AWS's own seconds and waited for here, so that none is left out and a
    job-start-timeout of 15 minutes takes 15 seconds at the default speed. Real work, a function or a Spark job, takes
    the wall's seconds: while it goes on (`at_work`), no patience runs out any faster than those.
    """

    speed: float = 60.0
    _started: float = field(default_factory=time.monotonic)
    _epoch: float = field(default_factory=time.time)
    _pushed: float = 0.0
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _functions: int = 0
    _jobs: int = 0

    def time(self) -> float:
        """Return the seconds since 1970 that have passed here."""
        return self._epoch + (time.monotonic() - self._started) * self.speed + self._pushed

    def now(self) -> datetime:
        """Return the moment it is here, in UTC."""
        return datetime.fromtimestamp(self.time(), UTC)

    def advance(self, by: timedelta) -> None:
        """Push the clock on, and wake everything whose time has come."""
        with self._changed:
            self._pushed += by.total_seconds()
            self._changed.notify_all()

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
        self._pass(seconds, lambda: False, seconds, lambda: self._jobs)

    def wait(self, seconds: float, until: Callable[[], bool], every: float = 5.0) -> bool:
        """Wait at most `seconds` here for `until` to be true, looking each `every` seconds; return whether it was."""
        return self._pass(seconds, until, every, lambda: self._jobs + self._functions)

    def _pass(self, seconds: float, until: Callable[[], bool], every: float, at_work: Callable[[], int]) -> bool:
        left, pushed, seen = seconds, self._pushed, time.monotonic()
        with self._changed:
            while not (done := until()) and left > 0:
                rate = 1.0 if at_work() else self.speed
                self._changed.wait(max(0.01, min(every / self.speed, left / rate)))
                now = time.monotonic()
                left -= (now - seen) * rate + self._pushed - pushed
                pushed, seen = self._pushed, now
        return done

    def _count(self, by: int, *, job: bool) -> None:
        with self._changed:
            if job:
                self._jobs += by
            else:
                self._functions += by
