"""Step Functions in memory: executions that are requests of CloudFormation, and those that start runs."""

import json
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError

from tests.constructs.rapids_eks.spark_job_run.clients import checked
from tests.constructs.rapids_eks.spark_job_run.emr import Emr, Pages

RUNS = "arn:aws:states:us-west-2:1:stateMachine:runs"  # the state machine that starts runs


class GoneError(Exception):
    """What Step Functions raises for a state machine or an execution that it does not know."""


class KnownError(Exception):
    """What it raises for the name of an execution that has ended."""


@dataclass
class Machine:
    """Executions of the resource's own state machine that are under way, each with its time; and the one of runs.

    An execution of the latter does in `begin` what StartJobRun does; a stopped one does not cancel its run, which is as
    bad as it may get, and with `hasty` starts even one.
    """

    emr: Emr
    running: dict[str, int] = field(default_factory=dict)
    executions: dict[str, dict[str, Any]] = field(default_factory=dict)
    stopped: list[str] = field(default_factory=list)
    hasty: bool = False
    delay: int = 0  # how often `begin` passes an execution over
    gone: str = ""  # a state machine
    exceptions = SimpleNamespace(
        ExecutionAlreadyExists=KnownError, ExecutionDoesNotExist=GoneError, StateMachineDoesNotExist=GoneError
    )

    def get_paginator(self, name: str) -> Pages:
        assert name == "list_executions"
        return Pages(self._listed)

    def _listed(self, stateMachineArn: str, statusFilter: str = "") -> dict[str, Any]:  # noqa: N803
        if stateMachineArn == self.gone:
            raise GoneError
        if stateMachineArn == RUNS:
            known = self.executions.values()
            return {"executions": [each for each in known if statusFilter in ("", each["status"])]}
        assert (stateMachineArn, statusFilter) == ("machine", "RUNNING")
        found = sorted(self.running.items(), key=lambda each: -each[1])
        return {"executions": [{"executionArn": name, "startDate": at} for name, at in found]}

    def start_execution(self, stateMachineArn: str, name: str, input: str) -> None:  # noqa: A002, N803
        assert stateMachineArn == RUNS
        assert len(name) <= 80
        if name in self.executions:
            assert self.executions[name]["input"] == input, "one name, two inputs"
            if self.executions[name]["status"] != "RUNNING":
                raise KnownError
            return
        arn = f"{stateMachineArn.replace(':stateMachine:', ':execution:')}:{name}"
        made = {"executionArn": arn, "name": name, "status": "RUNNING", "input": input, "startDate": self.emr.tick()}
        made["delay"] = self.delay
        self.executions[name] = made

    def describe_execution(self, executionArn: str) -> dict[str, Any]:  # noqa: N803
        return self._known(executionArn)

    def stop_execution(self, executionArn: str, cause: str) -> None:  # noqa: ARG002, N803
        found = self._known(executionArn)
        self.stopped.append(found["name"])
        if found["status"] == "RUNNING":
            found["status"] = "ABORTED"
            if self.hasty and not self.run_of(found):
                self._start(found)

    def _known(self, arn: str) -> dict[str, Any]:
        found = next((each for each in self.executions.values() if each["executionArn"] == arn), None)
        if found is None:
            raise GoneError
        return found

    def run_of(self, execution: dict[str, Any]) -> dict[str, Any] | None:
        """Return the run that an execution has started."""
        return next((each for each in self.emr.records if each["clientToken"] == execution["name"]), None)

    def waiting(self) -> list[dict[str, Any]]:
        """Return the executions that may start a run yet."""
        return [each for each in self.executions.values() if each["status"] == "RUNNING" and not self.run_of(each)]

    def begin(self) -> None:
        """Let executions start their runs."""
        for each in self.waiting():
            each["delay"] -= 1
            if each["delay"] < 0:
                self._start(each)

    def end(self) -> None:
        """Let executions see that their runs are over."""
        states = {"COMPLETED": "SUCCEEDED", "FAILED": "FAILED", "CANCELLED": "FAILED"}
        for each in self.executions.values():
            run = self.run_of(each)
            if run and each["status"] == "RUNNING":
                each["status"] = states.get(run["state"], "RUNNING")

    def _start(self, execution: dict[str, Any]) -> None:
        try:
            given = {**camel_case(json.loads(execution["input"])), "clientToken": execution["name"]}
            self.emr.start_job_run(**checked("emr-containers", "start_job_run", given))
        except ClientError as error:
            execution |= {"status": "FAILED", "error": "EMRContainers.Exception", "cause": str(error)}


def camel_case(parameters: Any) -> Any:  # noqa: ANN401 - JSON
    """Return what Step Functions passes on, which takes PascalCase only."""
    if isinstance(parameters, list):
        return [camel_case(each) for each in parameters]
    if not isinstance(parameters, dict):
        return parameters
    assert all(key[0].isupper() for key in parameters), parameters
    return {
        key[0].lower() + key[1:]: value if key in ("Properties", "Tags") else camel_case(value)
        for key, value in parameters.items()
    }
