"""The job runs of a resource: how they are named and found, and which of them a request means."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from botocore.exceptions import ClientError

LIVE = ("PENDING", "SUBMITTED", "RUNNING")
ENDING = "CANCEL_PENDING"
# Tags of a run: its name, the resource that started it, the request of CloudFormation in which it did, and the name of
# the state machine's execution that did it for the resource, if one did.
NAME, RESOURCE, REQUEST, EXECUTION = (f"spark-job-run:{tag}" for tag in ("name", "resource", "request", "execution"))
OWN = "spark-job-run/"  # with which our physical ids begin
_LONGEST = 47  # characters of a job's name in its runs' names, which may have 64


@dataclass(frozen=True)
class Run:
    """One run as EMR describes it; `seconds` is how long it took, None before its end. Without an id EMR has none."""

    id: str
    name: str
    state: str
    created: datetime
    resource: str = ""
    request: str = ""
    reason: str = ""
    details: str = ""
    seconds: int | None = None
    execution: str = ""

    @property
    def told(self) -> str:
        """How it is called where it is told of."""
        return f"job run {self.id}" if self.id else f"the job run of execution {self.execution}"

    @property
    def is_over(self) -> bool:
        """Whether nothing more happens in it."""
        return self.state not in (*LIVE, ENDING)


def run_name(job: str, physical_id: str) -> str:
    """Return the name of the runs of a physical id: the name of a folder, too, and EMR can look for it."""
    digest = hashlib.sha256(physical_id.encode()).hexdigest()[:16]
    return f"{re.sub(r'[^A-Za-z0-9.-]', '-', job)[:_LONGEST]}-{digest}"


def read(record: Mapping[str, Any]) -> Run:
    """Return the run of what DescribeJobRun tells."""
    tags, end = record.get("tags") or {}, record.get("finishedAt")
    return Run(
        id=record["id"],
        name=record.get("name", ""),
        state=record["state"],
        created=record["createdAt"],
        resource=tags.get(RESOURCE, ""),
        request=tags.get(REQUEST, ""),
        reason=record.get("failureReason", ""),
        details=record.get("stateDetails", ""),
        seconds=int((end - record["createdAt"]).total_seconds()) if end else None,
        execution=tags.get(EXECUTION, ""),
    )


def named(emr: Any, cluster: str, name: str) -> list[Run]:  # noqa: ANN401 - boto3 makes its classes at run time
    """Return the runs of a name that resources like this one have started, the newest first."""
    return [run for run in _described(emr, cluster, name=name) if run.name == name and run.resource]


def live(emr: Any, cluster: str, resource: str) -> list[Run]:  # noqa: ANN401 - the same
    """Return the runs of a resource that are not over, the newest first."""
    return [run for run in _described(emr, cluster, states=[*LIVE, ENDING]) if run.resource == resource]


def describe(emr: Any, cluster: str, run_id: str) -> Run | None:  # noqa: ANN401 - the same
    """Return a run, or None where EMR does not know it (any more)."""
    try:
        return read(emr.describe_job_run(virtualClusterId=cluster, id=run_id)["jobRun"])
    except emr.exceptions.ResourceNotFoundException:
        return None


def _described(emr: Any, cluster: str, **which: object) -> list[Run]:  # noqa: ANN401 - the same
    """Return runs with their tags, which a list need not have; none where the virtual cluster is gone."""
    found = [describe(emr, cluster, run_id) for run_id in _listed(emr, cluster, which)]
    return sorted((run for run in found if run), key=lambda run: run.created, reverse=True)


def _listed(emr: Any, cluster: str, which: Mapping[str, object]) -> Iterator[str]:  # noqa: ANN401 - the same
    try:
        for page in emr.get_paginator("list_job_runs").paginate(virtualClusterId=cluster, **which):
            yield from (each["id"] for each in page["jobRuns"])
    except ClientError as error:
        gone = re.search(r"(?i)virtual ?cluster.*(does ?n.t exist|not found|not exist)", str(error))
        if error.response["Error"]["Code"] != "ResourceNotFoundException" and not gone:
            raise


def cancel(emr: Any, cluster: str, runs: Iterable[Run]) -> None:  # noqa: ANN401 - the same
    """Have runs cancelled; those that are over, or about to be, are no error."""
    for run in runs:
        if run.id and run.state in LIVE:
            try:
                emr.cancel_job_run(virtualClusterId=cluster, id=run.id)
            except ClientError as error:
                if not _cannot_be_cancelled(error):
                    raise


def _cannot_be_cancelled(error: ClientError) -> bool:
    code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
    return code == "ResourceNotFoundException" or (code == "ValidationException" and "cancellable" in message)


Choice = Literal["take", "wait", "start"]


def choose(runs: Sequence[Run], request: str, resource: str, *, failed_too: bool) -> tuple[Choice, Run | None]:
    """Return what a request to have the runs' content run means: take a run, wait for one's end, or start one.

    What the same request has started is its own, however it ended. Else a run that has completed need not be repeated,
    and one that goes on is watched; one that is being cancelled writes to the same place until it is over. With
    `failed_too` a failed run of the resource itself counts as one that has completed.
    """
    own = [run for run in runs if run.request == request]
    done = [run for run in runs if run.state == "COMPLETED"]
    at_work = [run for run in runs if run.state in LIVE]
    failed = [run for run in runs if failed_too and run.state == "FAILED" and run.resource == resource]
    if taken := (*own, *done, *at_work):
        return "take", taken[0]
    if ending := [run for run in runs if run.state == ENDING]:
        return "wait", ending[0]
    return ("take", failed[0]) if failed else ("start", None)
