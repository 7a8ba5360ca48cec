"""What is said to CloudFormation, and to the state machine."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from rapids_eks.awaited_resource.handler import index

EVENT: dict[str, Any] = {
    "RequestType": "Delete",
    "ResponseURL": "https://answers.test/1",
    "StackId": "stack",
    "RequestId": "request",
    "LogicalResourceId": "Sweep",
    "PhysicalResourceId": "what demo leaves",
    "ResourceProperties": {"PhysicalId": "what demo leaves", "StateMachine": "arn:machine", "Awaited": ["Delete"]}
    | {"LimitSeconds": "1800"},
}
SAME = {name: EVENT[name] for name in ("StackId", "RequestId", "LogicalResourceId", "PhysicalResourceId")}
Answers = list[dict[str, Any]]


class AlreadyExistsError(Exception):
    """Stands for what Step Functions raises for a name that it knows."""


@dataclass
class Machine:
    """Step Functions with one state machine."""

    started: list[dict[str, Any]] = field(default_factory=list)
    raises: type[Exception] | None = None
    exceptions: Any = field(default_factory=lambda: SimpleNamespace(ExecutionAlreadyExists=AlreadyExistsError))

    def start_execution(self, **given: str) -> None:
        if self.raises:
            raise self.raises("not allowed")
        self.started.append({**given, "input": json.loads(given["input"])})


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine()
    monkeypatch.setattr("boto3.client", lambda _: made)
    return made


def ended(**how: object) -> Mapping[str, Any]:
    """Return what the state machine ends with."""
    request = {name: EVENT[name] for name in index.KEPT}
    return {"request": request, "properties": {"LimitSeconds": "1800"}, "waited": 600, **how}


@pytest.mark.parametrize("kind", ["Create", "Update"])
def test_a_request_that_is_not_awaited_succeeds_at_once(kind: str, machine: Machine, answers: Answers) -> None:
    event = {**EVENT, "RequestType": kind, "PhysicalResourceId": "what old leaves"}
    index.handler(event, None)
    assert answers == [{**SAME, "Status": "SUCCESS"}]
    assert not machine.started


def test_deletion_starts_the_machine_once_and_leaves_the_answer_to_it(machine: Machine, answers: Answers) -> None:
    index.handler(EVENT, None)
    (started,) = machine.started
    assert (started["stateMachineArn"], started["name"]) == ("arn:machine", "Delete-request")
    assert started["input"]["request"] == {name: EVENT[name] for name in index.KEPT}
    assert started["input"]["properties"] == EVENT["ResourceProperties"]
    assert started["input"]["waited"] == 0
    left = datetime.fromisoformat(started["input"]["deadline"]) - datetime.now(UTC)
    assert timedelta(minutes=29) < left <= timedelta(minutes=30)
    assert not answers
    machine.raises = AlreadyExistsError
    index.handler(EVENT, None)
    assert not answers, "Lambda delivers some events twice"


@pytest.mark.parametrize("kind", ["Create", "Update"])
def test_the_id_of_what_is_made_is_known_before_anything_is_done(kind: str, machine: Machine, answers: Answers) -> None:
    """Guards against a run that fails and is never cancelled, as CloudFormation would delete an id of its own."""
    properties = {**EVENT["ResourceProperties"], "PhysicalId": "new", "Awaited": ["Create", "Update"]}
    index.handler({**EVENT, "RequestType": kind, "ResourceProperties": properties}, None)
    assert machine.started[0]["input"]["request"]["PhysicalResourceId"] == "new"
    assert machine.started[0]["name"] == f"{kind}-request"
    machine.raises = PermissionError
    index.handler({**EVENT, "RequestType": kind, "ResourceProperties": properties}, None)
    assert (answers[0]["Status"], answers[0]["PhysicalResourceId"]) == ("FAILED", "new")


def test_an_update_that_changes_no_id_is_known_by_its_name(machine: Machine) -> None:
    """Guards against an update that is undone before it has given its id, whose undoing might come first."""
    properties = {**EVENT["ResourceProperties"], "Awaited": ["Update"]}
    index.handler({**EVENT, "RequestType": "Update", "ResourceProperties": properties}, None)
    assert machine.started[0]["name"] == "Same-request"


def test_a_machine_that_cannot_be_started_is_told_at_once(machine: Machine, answers: Answers) -> None:
    machine.raises = PermissionError
    index.handler(EVENT, None)
    assert answers == [{**SAME, "Status": "FAILED", "Reason": "The work could not be started: not allowed"}]


def test_an_end_with_nothing_left_is_a_success(answers: Answers) -> None:
    index.handler(ended(found={"done": True, "left": []}), None)
    assert answers == [{**SAME, "Status": "SUCCESS"}]


def test_what_a_success_has_made_becomes_attributes(answers: Answers) -> None:
    index.handler(ended(found={"done": True, "left": [], "data": {"Digest": "sha256:1"}}), None)
    assert answers == [{**SAME, "Status": "SUCCESS", "Data": {"Digest": "sha256:1"}}]


def test_what_was_done_in_vain_fails_with_its_reason(answers: Answers) -> None:
    index.handler(ended(found={"done": True, "left": [], "failed": "no space", "data": {"Digest": ""}}), None)
    assert answers == [{**SAME, "Status": "FAILED", "Reason": "no space"}]


def test_what_is_left_when_time_is_over_is_the_reason(answers: Answers) -> None:
    index.handler(ended(found={"done": False, "left": ["eni-1 (in use)", "vol-1 (in use)"]}), None)
    assert answers[0]["Status"] == "FAILED"
    assert answers[0]["Reason"] == "After 30 minutes there is still: eni-1 (in use); vol-1 (in use)"


@pytest.mark.parametrize(
    ("error", "says"),
    [
        ({"Error": "ClientError", "Cause": json.dumps({"errorMessage": "not allowed"})}, "not allowed"),
        ({"Error": "States.Timeout", "Cause": "too long"}, "States.Timeout: too long"),
        ({"Error": "States.Timeout"}, "States.Timeout: None"),
    ],
)
def test_an_error_is_told_in_its_own_words(error: dict[str, str], says: str, answers: Answers) -> None:
    index.handler(ended(error=error, found={"done": False, "left": ["x"]}), None)
    assert (answers[0]["Status"], answers[0]["Reason"]) == ("FAILED", says)


@pytest.mark.parametrize("letter", ["x", "é", "\N{SNOWMAN}"])
def test_a_long_reason_is_cut_to_what_cloudformation_takes(letter: str, answers: Answers) -> None:
    index.handler(ended(found={"done": False, "left": [letter * 5000]}), None)
    assert answers[0]["Status"] == "FAILED"
