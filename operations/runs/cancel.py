"""Runs, ended before their time."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from operations.runs.logs import Say
from operations.runs.records import ENDED, Runs

ENDING = "CANCEL_PENDING"
AT_WORK = ("PENDING", "SUBMITTED", "RUNNING", ENDING)  # with such a run EMR deletes no virtual cluster


def cancel(runs: Runs, run_id: str, say: Say) -> None:
    """Have a run cancelled; one that has ended already is no error."""
    run, emr = runs.run(run_id), runs.client("emr-containers")
    try:
        emr.cancel_job_run(id=run["id"], virtualClusterId=runs.virtual_cluster)
    except emr.exceptions.ValidationException:
        run = runs.run(run_id)
        if run["state"] == ENDING:
            say(f"{run['id']} is being cancelled already")
        elif run["state"] in ENDED:
            say(f"{run['id']} has ended before, as {run['state']}")
        else:
            raise
    else:
        say(f"{run['id']} is being cancelled")


def cancel_all(teams: Sequence[Runs], say: Say, every: float) -> None:
    """Cancel all runs of the teams and wait for their ends; look `every` so many seconds."""
    there = list(at_work(teams))
    for runs, run in there:
        cancel(runs, str(run["id"]), say)
    while there:
        time.sleep(every)
        there = list(at_work(teams))
    say("no run goes on")


def at_work(teams: Sequence[Runs]) -> Iterator[tuple[Runs, Mapping[str, Any]]]:
    """Yield the runs of teams that have not ended, each with its team's."""
    for runs in teams:
        yield from ((runs, run) for run in runs.newest(AT_WORK))
