"""A run, watched to its end."""

import time
from collections.abc import Mapping
from typing import Any

from operations.runs.logs import RunLog, Say
from operations.runs.records import COMPLETED, ENDED, Runs, reason, seconds


def watch(runs: Runs, run_id: str, say: Say, every: float) -> bool:
    """Say each change of a run's state, and what its driver prints, until it has ended; return whether it completed."""
    run, state = runs.run(run_id), ""
    log = RunLog(runs.client, run, outputs=("stdout",))
    while state not in ENDED:
        if state:
            time.sleep(every)
            run = runs.run(run_id)
        if run["state"] != state:
            state = run["state"]
            say(f"{_clock(run)} {run_id} is {state}{_attempt(run)}")
        for line in log.new() if log.has_group else ():
            say(f"  {line}")
    if state != COMPLETED:
        say(f"{run_id} has ended as {state}: {reason(run) or 'EMR gives no reason'}")
        say(f"its log: python -m operations logs --team {runs.team} {run_id}")
    return state == COMPLETED


def _clock(run: Mapping[str, Any]) -> str:
    """Return how long a run lasts, as hours, minutes and seconds."""
    total = max(0, round(seconds(run)))
    return f"{total // 3600}:{total // 60 % 60:02}:{total % 60:02}"


def _attempt(run: Mapping[str, Any]) -> str:
    count = run.get("retryPolicyExecution", {}).get("currentAttemptCount", 0)
    return f", attempt {count}" if count > 1 else ""
