"""A token bucket: how fast old windows may be sent."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


@dataclass
class Pace:
    """Lets `rate` requests a second through, and as many at once."""

    rate: float
    _tokens: float = field(init=False)
    _since: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        """Begin full."""
        self._tokens = max(1.0, self.rate)

    def take(self) -> float:
        """Take one request; return the seconds to wait before it is sent."""
        now = time.monotonic()
        self._tokens = min(max(1.0, self.rate), self._tokens + (now - self._since) * self.rate) - 1.0
        self._since = now
        return max(0.0, -self._tokens / self.rate)
