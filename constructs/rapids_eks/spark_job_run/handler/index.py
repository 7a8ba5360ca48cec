"""One look at a job run: has it started, watched or cancelled, as CloudFormation's request wants it."""

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from . import known, results, runs, workflow
from .executions import newer_and_older
from .failure import LogPlace, last_error, reason, unstarted
from .runs import Run
from .submission import Clients, Wanted, given_up, lacks_access, problem, put_in_place, start

PATIENT = Config(retries={"mode": "adaptive", "max_attempts": 10})
SERVICES = ("emr-containers", "s3", "logs", "service-quotas", "stepfunctions", "cloudformation")
NEW_SECONDS = 900  # for so long EMR's access to a namespace may be too new
REFUSED_SECONDS = 120  # for so long a state machine's calls may be throttled, or its permissions too new
LONG_SECONDS = 2400  # after which a run is no longer waited for
LAST_SECONDS = 600  # before the deadline: as long as a look may take that is tried again to the last
GOING_BACK = ("Update", "UPDATE_ROLLBACK_IN_PROGRESS")
KEPT = ("run", "looked", "given_up")
Found = dict[str, Any]
Event = Mapping[str, Any]


def handler(event: Event, _context: object) -> Found:
    """Look once, with clients of AWS."""
    emr, s3, logs, quotas, machine, stacks = (boto3.client(name, config=PATIENT) for name in SERVICES)
    found = look(Clients(emr, s3, logs, quotas, machine, stacks, os.environ["AWS_REGION"]), event)
    for line in (*found["left"], *filter(None, [found.get("failed")])):
        print(line)  # noqa: T201 - the function's log
    return found


def look(clients: Clients, event: Event) -> Found:
    """Do what can be done now for a request; return what the state machine is told."""
    newer, older = newer_and_older(clients.machine, event["machine"], event["execution"])
    if newer:
        return _failed("CloudFormation has sent another request for this resource, which takes this one's place")
    if older:
        theirs = sorted({*event["found"].get("given_up", []), *older})
        return _left(["an earlier request of CloudFormation, which is about to end"], {"given_up": theirs})
    wanted = Wanted(event["properties"], event["id"])
    if event["type"] == "Delete":
        return _gone(clients, event, wanted)
    return _there(clients, event, wanted)


def _gone(clients: Clients, event: Event, wanted: Wanted) -> Found:
    """Have the runs of a physical id cancelled; done is when all are over.

    An id that is none of ours was made up by CloudFormation, which had no answer to a creation yet.
    """
    found = event["found"]
    if event["id"].startswith(runs.OWN):
        there = [run for run in known.of_content(clients, wanted) if run.resource == wanted.resource]
    else:
        there = known.live(clients, wanted)
    at_work = [run for run in there if not run.is_over]
    if not at_work and not any(run.id for run in there) and "looked" not in found:
        return _left(["one more look for a job run, as one that has just begun may not be listed yet"], {"looked": 1})
    known.cancel(clients, wanted, at_work)
    return _left([f"{run.told}, which was {run.state} and is cancelled" for run in at_work], found)


def _there(clients: Clients, event: Event, wanted: Wanted) -> Found:
    """Have the content run: take up a run that there is, or start one, and tell how it stands."""
    if run_id := event["found"].get("run"):
        run = runs.describe(clients.emr, wanted.cluster, run_id)
        return _seen(clients, event, wanted, run) if run else _failed(f"Job run {run_id} is gone from EMR's list")
    # What was reported, or not waited for, is as good as completed when CloudFormation goes back to it.
    failed_too = event["type"] == "Update" and (wanted.reports or not wanted.waits)
    listed = _with_results(clients, wanted, known.of_content(clients, wanted), event["request"])
    choice, run = runs.choose(listed, event["request"], wanted.resource, failed_too=failed_too)
    undone = _cancel_given_up(clients, event, wanted, run)
    if stopped := [each for each in undone if not each.id]:  # which may have a run that nobody knows yet
        return _left([f"{each.told}, which is stopped" for each in stopped], event["found"])
    if run is None:
        return _first(clients, event, wanted)
    if choice == "wait":
        return _left([f"{run.told} of the same content is {run.state}"], event["found"])
    return _seen(clients, event, wanted, run)


def _with_results(clients: Clients, wanted: Wanted, there: Sequence[Run], request: str) -> list[Run]:
    """Return the runs without those that completed for an earlier request and whose results were deleted since."""
    if any(run.state == "COMPLETED" for run in there) and results.metrics(clients.s3, wanted.output) is None:
        return [run for run in there if run.state != "COMPLETED" or run.request == request]
    return list(there)


def _cancel_given_up(clients: Clients, event: Event, wanted: Wanted, run: Run | None) -> list[Run]:
    """Cancel what requests have started that CloudFormation gave up: it will not ask for the deletion of what they ran.

    That is, what those did that this one has taken the place of; and, as it may have done so just before they ended,
    what an update that is being undone has started since the run that it goes back to.
    """
    theirs = event["found"].get("given_up", [])
    if event["type"] != "Update" and not theirs:
        return []
    since = run.created if run and event["type"] == "Update" else None
    others = [each for each in known.live(clients, wanted) if each.name != wanted.name]
    undone = [each for each in others if each.request in theirs or (since and each.created > since)]
    known.cancel(clients, wanted, undone)
    return undone


def _first(clients: Clients, event: Event, wanted: Wanted) -> Found:
    """Start a run, unless that would be in vain, or only what CloudFormation goes back to: that was paid for once."""
    if (event["type"], given_up(clients.stacks, wanted, event["type"])) == GOING_BACK:
        return _done(clients, wanted, Run("", wanted.name, results.UNKNOWN, datetime.now(UTC)))
    if text := problem(clients, wanted):
        return _failed(f"No job run was started: {text}")
    return _begun(clients, event, wanted, 1)


def _begun(clients: Clients, event: Event, wanted: Wanted, attempt: int) -> Found:
    """Start a run, if the stack still wants one."""
    put_in_place(clients.s3, wanted)
    if status := given_up(clients.stacks, wanted, event["type"]):
        return _failed(f"No job run was started: the stack is {status}")
    try:
        run_id = start(clients, wanted, event["request"], attempt)
    except ClientError as error:
        if not lacks_access(str(error)) or event["waited"] >= NEW_SECONDS:
            raise
        return _left([f"EMR's access to the namespace, which is not in force yet: {error}"], event["found"])
    if not run_id:
        return _left(["an execution that starts a job run, which has just been started"], event["found"])
    return _left([f"job run {run_id}, which has just been started"], {"run": run_id})


def _seen(clients: Clients, event: Event, wanted: Wanted, run: Run) -> Found:
    """Tell how a run stands. That EMR is let in is waited for, too, where the run itself is not."""
    patient = wanted.waits and not _is_late(event)
    if run.state == "PENDING" or (patient and not run.is_over):
        found = {"run": run.id} if run.id else event["found"]
        return _left([f"{run.told}, which is {run.state}"], found)
    if run.state not in ("FAILED", "CANCELLED"):
        return _done(clients, wanted, run)
    own = run.request == event["request"]
    if own and event["waited"] < _patience(run):
        mine = [each for each in known.of_content(clients, wanted) if each.request == run.request]
        return _begun(clients, event, wanted, max(2, len(mine) + 1))
    if wanted.reports or not (own or wanted.waits):
        return _done(clients, wanted, run)
    if not run.id:
        return _failed(unstarted(run, workflow.execution_arn(wanted.workflow, run.execution)))
    log = LogPlace(wanted.log_group, wanted.streams(run.id), clients.region)
    return _failed(reason(run, last_error(clients.logs, log), log))


def _is_late(event: Event) -> bool:
    """Return whether there is time for few more looks; to fail for want of it would cancel what was paid for."""
    left = datetime.fromisoformat(event["deadline"]) - datetime.fromisoformat(event["now"])
    return event["waited"] >= LONG_SECONDS or left.total_seconds() < LAST_SECONDS


def _patience(run: Run) -> int:
    """Return for how many seconds of a request a run that failed like this one is started again."""
    if lacks_access(run.details):
        return NEW_SECONDS
    return REFUSED_SECONDS if run.state == "FAILED" and not run.id else 0


def _done(clients: Clients, wanted: Wanted, run: Run) -> Found:
    told = results.metrics(clients.s3, wanted.output) if run.state == "COMPLETED" else None
    execution = workflow.execution_arn(wanted.workflow, run.execution)
    place = {"Output": wanted.output, "Request": wanted.request_uri, "Execution": execution}
    data = results.attributes(run, place, told)
    return {"done": True, "left": [], "data": data}


def _left(lines: Sequence[str], found: Mapping[str, Any]) -> Found:
    return {"done": not lines, "left": list(lines), **{name: found[name] for name in KEPT if name in found}}


def _failed(text: str) -> Found:
    return {"done": True, "left": [], "failed": text}
