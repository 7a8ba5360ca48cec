from dataclasses import dataclass, field
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Template

from rapids_eks.spot_role.construct import ROLE, SERVICE, SpotRole
from rapids_eks.spot_role.handler import index

EVENT = {
    "RequestType": "Create",
    "ResponseURL": "https://answers.test/1",
    "StackId": "stack",
    "RequestId": "request",
    "LogicalResourceId": "Spot",
    "ResourceProperties": {},
}
TAKEN = "Service role name AWSServiceRoleForEC2Spot has been taken in this account, please try a different suffix."


class InvalidInputException(Exception):  # noqa: N818 - IAM's own name
    """What IAM answers to wrong input, and to a role that is there."""


class Exceptions:
    """The exceptions of a client of boto3."""

    InvalidInputException = InvalidInputException


@dataclass
class FakeIam:
    """An account with or without the role."""

    refusal: Exception | None = None
    made: list[str] = field(default_factory=list)
    exceptions: type[Exceptions] = Exceptions

    def create_service_linked_role(self, AWSServiceName: str) -> None:  # noqa: N803 - boto3's own
        if self.refusal:
            raise self.refusal
        self.made.append(AWSServiceName)


@pytest.fixture
def iam(monkeypatch: pytest.MonkeyPatch) -> FakeIam:
    fake = FakeIam()
    monkeypatch.setattr("boto3.client", lambda _: fake)
    return fake


def test_the_role_is_made_where_there_is_none(iam: FakeIam, answers: list[dict[str, Any]]) -> None:
    index.handler(EVENT, None)
    assert iam.made == ["spot.amazonaws.com"]
    assert [each["Status"] for each in answers] == ["SUCCESS"]


def test_a_role_that_is_there_is_no_failure(iam: FakeIam, answers: list[dict[str, Any]]) -> None:
    iam.refusal = InvalidInputException(TAKEN)
    index.handler(EVENT, None)
    assert [each["Status"] for each in answers] == ["SUCCESS"]


@pytest.mark.parametrize("refusal", [InvalidInputException("no such service"), PermissionError("not allowed")])
def test_what_cannot_be_made_fails_with_its_reason(
    refusal: Exception, iam: FakeIam, answers: list[dict[str, Any]]
) -> None:
    iam.refusal = refusal
    index.handler(EVENT, None)
    (answer,) = answers
    assert answer["Status"] == "FAILED"
    assert str(refusal) in answer["Reason"]


def test_the_role_stays_when_the_stack_goes(iam: FakeIam, answers: list[dict[str, Any]]) -> None:
    iam.refusal = AssertionError("IAM is asked for nothing")
    index.handler({**EVENT, "RequestType": "Delete"}, None)
    assert [each["Status"] for each in answers] == ["SUCCESS"]


def test_a_resource_keeps_its_id_from_request_to_request(iam: FakeIam, answers: list[dict[str, Any]]) -> None:
    """Guards against an update that CloudFormation takes for a replacement, with a deletion after it."""
    assert iam.refusal is None
    for kind in ("Create", "Update", "Delete"):
        index.handler({**EVENT, "RequestType": kind}, None)
    assert len({each["PhysicalResourceId"] for each in answers}) == 1


def test_the_function_fits_into_the_template_and_may_make_this_one_role() -> None:
    stack = cdk.Stack(cdk.App(), "Stack")
    SpotRole(stack, "Spot", log_retention_days=1)
    template = Template.from_stack(stack)
    (function,) = template.find_resources("AWS::Lambda::Function").values()
    assert len(function["Properties"]["Code"]["ZipFile"]) <= 4096
    (role,) = template.find_resources("AWS::IAM::Role").values()
    statements = role["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    (make,) = [each for each in statements if "iam" in each["Action"]]
    assert (index.SERVICE, index.ROLE) == (SERVICE, ROLE)
    assert f"role/aws-service-role/{SERVICE}/{ROLE}" in str(make["Resource"])
    assert make["Condition"] == {"StringEquals": {"iam:AWSServiceName": SERVICE}}
