"""The clock of a Prometheus that a test moves."""

import time

HOUR = 3600


class Clock:
    """Prometheus' clock, which a test moves; it begins some hours back, where history can lie."""

    def __init__(self) -> None:
        self.start = int(time.time()) // HOUR * HOUR - 12 * HOUR
        self.now = float(self.start)

    def __call__(self) -> float:
        """Return the time."""
        return self.now
