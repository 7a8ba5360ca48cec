"""Runs that a state machine starts and sees to their end: one execution for each start that is tried.

An execution that has no run yet, or had StartJobRun refused, stands for a run without an id. Step Functions carries out
each execution once, so that its name is what a client token is elsewhere: it takes the place of `REQUEST` and attempt.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from .runs import EXECUTION, LIVE, REQUEST, RESOURCE, Run

STATES = {"RUNNING": "PENDING", "FAILED": "FAILED", "TIMED_OUT": "FAILED", "ABORTED": "CANCELLED"}
BY_NAME = ("properties", "tags")  # maps whose keys are the user's own


def execution_name(run_name: str, request: str, attempt: int) -> str:
    """Return the name of the execution of an attempt to start a run; it has 80 characters at most."""
    digest = hashlib.sha256(f"{request}/{attempt}".encode()).hexdigest()[:12]
    return f"{run_name}-{digest}"


def execution_arn(machine_arn: str, name: str) -> str:
    """Return the ARN of an execution of a state machine, whatever has become of it; nothing where there is none."""
    return f"{machine_arn.replace(':stateMachine:', ':execution:')}:{name}" if machine_arn and name else ""


def start(machine: Any, arn: str, name: str, request: Mapping[str, Any]) -> None:  # noqa: ANN401 - boto3 makes its classes at run time
    """Start an execution with the parameters of StartJobRun, unless one of that name was started before."""
    with suppress(machine.exceptions.ExecutionAlreadyExists):
        machine.start_execution(stateMachineArn=arn, name=name, input=json.dumps(pascal_case(request), sort_keys=True))


def stop(machine: Any, arn: str, runs: Iterable[Run]) -> None:  # noqa: ANN401 - the same
    """Stop the executions of runs that are not over, which cancels the runs; one that is gone is no error."""
    for run in runs:
        if run.state in LIVE and (execution := execution_arn(arn, run.execution)):
            with suppress(machine.exceptions.ExecutionDoesNotExist):
                machine.stop_execution(executionArn=execution, cause="The stack's resource is deleted or replaced")


def named(machine: Any, arn: str, name: str, known: Sequence[Run]) -> list[Run]:  # noqa: ANN401 - the same
    """Return what stands for runs of a name that are not among the known ones."""
    return list(_without_run(machine, arn, known, name, {}))


def starting(machine: Any, arn: str) -> list[Run]:  # noqa: ANN401 - the same
    """Return what stands for the runs of all executions that go on, also where there is a run by now."""
    return list(_without_run(machine, arn, (), "", {"statusFilter": "RUNNING"}))


def _without_run(
    machine: Any,  # noqa: ANN401 - the same
    arn: str,
    known: Sequence[Run],
    name: str,
    which: Mapping[str, str],
) -> Iterator[Run]:
    started = {run.execution for run in known}
    for each in _listed(machine, arn, which):
        if each["name"].startswith(name) and each["name"] not in started and each["status"] in STATES:
            yield _read(machine.describe_execution(executionArn=each["executionArn"]))


def _listed(machine: Any, arn: str, which: Mapping[str, str]) -> list[Mapping[str, Any]]:  # noqa: ANN401 - the same
    if not arn:
        return []
    with suppress(machine.exceptions.StateMachineDoesNotExist):
        pages = machine.get_paginator("list_executions").paginate(stateMachineArn=arn, **which)
        return [each for page in pages for each in page["executions"]]
    return []


def _read(record: Mapping[str, Any]) -> Run:
    given = json.loads(record["input"])
    tags = given["Tags"]
    return Run(
        id="",
        name=given["Name"],
        state=STATES.get(record["status"], "PENDING"),
        created=record["startDate"],
        resource=tags[RESOURCE],
        request=tags[REQUEST],
        reason=record.get("error", ""),
        details=record.get("cause", ""),
        execution=tags[EXECUTION],
    )


def pascal_case(request: Any) -> Any:  # noqa: ANN401 - any value of JSON
    """Return parameters as a state machine wants them: names of fields begin with a capital letter.

    https://docs.aws.amazon.com/step-functions/latest/dg/connect-parameters.html
    """
    if isinstance(request, list):
        return [pascal_case(each) for each in request]
    if not isinstance(request, dict):
        return request
    return {
        key[:1].upper() + key[1:]: value if key in BY_NAME else pascal_case(value) for key, value in request.items()
    }
