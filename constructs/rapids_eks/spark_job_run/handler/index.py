"""One look at a job run: has it started, watched or cancelled, as CloudFormation's request wants it."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from . import results, runs
from .executions import newer_and_older
from .failure import LogPlace, last_error, reason
from .runs import Run
from .submission import Clients, Wanted, given_up, lacks_access, problem, put_in_place, start

PATIENT = Config(retries={"mode": "adaptive", "max_attempts": 10})
SERVICES = ("emr-containers", "s3", "logs", "service-quotas", "stepfunctions", "cloudformation")
NEW_SECONDS = 900  # for so long EMR's access to a namespace may be too new
LONG_SECONDS = 2400  # after which it is told how not to wait
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
    emr, found = clients.emr, event["found"]
    if event["id"].startswith(runs.OWN):
        known = [run for run in runs.named(emr, wanted.cluster, wanted.name) if run.resource == wanted.resource]
    else:
        known = runs.live(emr, wanted.cluster, wanted.resource)
    if not known and "looked" not in found:
        return _left(["one more look for a job run, as one that has just begun may not be listed yet"], {"looked": 1})
    at_work = [run for run in known if not run.is_over]
    runs.cancel(emr, wanted.cluster, at_work)
    return _left([f"job run {run.id}, which was {run.state} and is cancelled" for run in at_work], found)


def _there(clients: Clients, event: Event, wanted: Wanted) -> Found:
    """Have the content run: take up a run that there is, or start one, and tell how it stands."""
    emr, run_id = clients.emr, event["found"].get("run")
    if run_id:
        known = runs.describe(emr, wanted.cluster, run_id)
        return _seen(clients, event, wanted, known) if known else _failed(f"Job run {run_id} is gone from EMR's list")
    # What was reported, or not waited for, is as good as completed when CloudFormation goes back to it.
    failed_too = event["type"] == "Update" and (wanted.reports or not wanted.waits)
    listed = _with_results(clients, wanted, runs.named(emr, wanted.cluster, wanted.name), event["request"])
    choice, run = runs.choose(listed, event["request"], wanted.resource, failed_too=failed_too)
    _cancel_given_up(clients, event, wanted, run)
    if run is None:
        return _begun(clients, event, wanted, 1)
    if choice == "wait":
        return _left([f"job run {run.id} of the same content is {run.state}"], event["found"])
    return _seen(clients, event, wanted, run)


def _with_results(clients: Clients, wanted: Wanted, known: Sequence[Run], request: str) -> list[Run]:
    """Return the runs without those that completed for an earlier request and whose results were deleted since."""
    if any(run.state == "COMPLETED" for run in known) and results.metrics(clients.s3, wanted.output) is None:
        return [run for run in known if run.state != "COMPLETED" or run.request == request]
    return list(known)


def _cancel_given_up(clients: Clients, event: Event, wanted: Wanted, run: Run | None) -> None:
    """Cancel what requests have started that CloudFormation gave up: it will not ask for the deletion of what they ran.

    That is, what those did that this one has taken the place of; and, as it may have done so just before they ended,
    what an update that is being undone has started since the run that it goes back to.
    """
    theirs = event["found"].get("given_up", [])
    if event["type"] == "Update" or theirs:
        at_work = runs.live(clients.emr, wanted.cluster, wanted.resource)
        since = run.created if run and event["type"] == "Update" else None
        undone = [each for each in at_work if each.request in theirs or (since and each.created > since)]
        runs.cancel(clients.emr, wanted.cluster, [each for each in undone if each.name != wanted.name])


def _begun(clients: Clients, event: Event, wanted: Wanted, attempt: int) -> Found:
    """Start a run, unless that would be in vain."""
    if attempt == 1 and (text := problem(clients, wanted)):
        return _failed(f"No job run was started: {text}")
    put_in_place(clients.s3, wanted)
    if status := given_up(clients.stacks, wanted, event["type"]):
        return _failed(f"No job run was started: the stack is {status}")
    try:
        run_id = start(clients.emr, wanted, event["request"], attempt)
    except ClientError as error:
        if not lacks_access(str(error)) or event["waited"] >= NEW_SECONDS:
            raise
        return _left([f"EMR's access to the namespace, which is not in force yet: {error}"], event["found"])
    return _left([f"job run {run_id}, which has just been started"], {"run": run_id})


def _seen(clients: Clients, event: Event, wanted: Wanted, run: Run) -> Found:
    """Tell how a run stands. That EMR is let in is waited for, too, where the run itself is not."""
    if run.state == "PENDING" or (wanted.waits and not run.is_over):
        return _left([f"job run {run.id}, which is {run.state}{_advice(event)}"], {"run": run.id})
    if run.state not in ("FAILED", "CANCELLED"):
        return _done(clients, wanted, run)
    own = run.request == event["request"]
    if own and lacks_access(run.details) and event["waited"] < NEW_SECONDS:
        mine = [each for each in runs.named(clients.emr, wanted.cluster, wanted.name) if each.request == run.request]
        return _begun(clients, event, wanted, max(2, len(mine) + 1))
    if wanted.reports or not (own or wanted.waits):
        return _done(clients, wanted, run)
    log = LogPlace(wanted.log_group, wanted.streams(run.id), clients.region)
    return _failed(reason(run, last_error(clients.logs, log), log))


def _advice(event: Event) -> str:
    return " (what takes longer than 50 minutes is not to be waited for)" if event["waited"] >= LONG_SECONDS else ""


def _done(clients: Clients, wanted: Wanted, run: Run) -> Found:
    told = results.metrics(clients.s3, wanted.output) if run.state == "COMPLETED" else None
    data = results.attributes(run, wanted.output, wanted.request_uri, told)
    return {"done": True, "left": [], "data": data}


def _left(lines: Sequence[str], found: Mapping[str, Any]) -> Found:
    return {"done": not lines, "left": list(lines), **{name: found[name] for name in KEPT if name in found}}


def _failed(text: str) -> Found:
    return {"done": True, "left": [], "failed": text}
