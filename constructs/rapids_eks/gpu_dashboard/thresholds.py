"""Where alarms ring."""

from dataclasses import dataclass

PERIOD_MINUTES = 5  # of every alarm: metrics may come once in so many


@dataclass(frozen=True)
class Thresholds:
    """Where alarms ring. Memory nearly full is no trouble where RAPIDS runs, which takes it all: that alarm is off."""

    temperature_celsius: float = 85
    idle_percent: float = 50  # of a team's GPUs
    idle_minutes: int = 30  # a multiple of PERIOD_MINUTES
    lag_seconds: float = 600
    memory_percent: float = 95
    memory_alarm: bool = False
