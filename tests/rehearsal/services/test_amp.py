"""Prometheus of AWS: what an alert manager, rules and a log group must be."""

from typing import Any

import pytest
import yaml
from moto.amp.models import amp_backends
from moto.logs.models import logs_backends

from rehearsal.clock import Clock
from rehearsal.services import amp
from rehearsal.wire.call import Call, Principal, Refused

ACCOUNT, REGION = "111122223333", "us-west-2"
TOLD: dict[str, Any] = {"topic_arn": f"arn:aws:sns:{REGION}:{ACCOUNT}:t", "sigv4": {"region": REGION}}


@pytest.fixture
def workspace() -> str:
    return str(amp_backends[ACCOUNT][REGION].create_workspace("w", {}).workspace_id)


def call(operation: str, **given: Any) -> Call:  # noqa: ANN401 - parameters
    principal = Principal(f"arn:aws:iam::{ACCOUNT}:role/r", "r")
    return Call("amp", operation, given, principal, "", REGION, ACCOUNT, "id")


def definition(receiver: dict[str, Any], route: str = "topic") -> bytes:
    config = {"route": {"receiver": route}, "receivers": [{"name": "topic", **receiver}]}
    return yaml.safe_dump({"alertmanager_config": yaml.safe_dump(config)}).encode()


def test_a_definition_that_is_taken_is_answered_until_it_is_deleted(workspace: str) -> None:
    handlers = amp.operations(Clock())
    data = definition({"sns_configs": [TOLD]})
    handlers["PutAlertManagerDefinition"](call("PutAlertManagerDefinition", workspaceId=workspace, data=data))
    asked = call("DescribeAlertManagerDefinition", workspaceId=workspace)
    assert handlers["DescribeAlertManagerDefinition"](asked)["alertManagerDefinition"]["data"] == data
    handlers["DeleteAlertManagerDefinition"](asked)
    with pytest.raises(Refused, match="No alert manager definition"):
        handlers["DescribeAlertManagerDefinition"](asked)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"receivers: []", "alertmanager_config is missing"),
        (b"a: [", "is no YAML"),
        (definition({"sns_configs": [TOLD]}, route="other"), "undefined receiver"),
        (definition({"email_configs": []}), "unsupported receivers email_configs"),
        (definition({"sns_configs": [{**TOLD, "sigv4": {}}]}), "need topic_arn and sigv4.region"),
    ],
)
def test_what_the_service_does_not_take_is_refused(workspace: str, data: bytes, words: str) -> None:
    handlers = amp.operations(Clock())
    with pytest.raises(Refused, match=words):
        handlers["CreateAlertManagerDefinition"](call("CreateAlertManagerDefinition", workspaceId=workspace, data=data))


def test_a_workspace_that_is_not_there_has_no_alert_manager() -> None:
    with pytest.raises(Refused, match="Workspace not found"):
        amp.operations(Clock())["DescribeAlertManagerDefinition"](
            call("DescribeAlertManagerDefinition", workspaceId="ws-none")
        )


def test_logs_need_a_group_that_exists_by_the_arn_of_its_streams() -> None:
    check = amp.refusals()["amp:CreateLoggingConfiguration"]
    group = logs_backends[ACCOUNT][REGION].create_log_group("/aws/vendedlogs/test-amp", {})
    arn = str(group.arn)
    check(call("CreateLoggingConfiguration", logGroupArn=f"{arn}:*"))
    for wrong in (arn, f"{arn}x:*"):
        with pytest.raises(Refused, match="no ARN of a log group"):
            check(call("CreateLoggingConfiguration", logGroupArn=wrong))


@pytest.mark.parametrize("text", ["groups: []", "groups: [{name: g}]", "rules: []", "["])
def test_rules_without_groups_are_refused(text: str) -> None:
    check = amp.refusals()["amp:CreateRuleGroupsNamespace"]
    with pytest.raises(Refused):
        check(call("CreateRuleGroupsNamespace", data=text.encode()))
    check(call("CreateRuleGroupsNamespace", data=b"groups: [{name: g, rules: [{record: a, expr: up}]}]"))
