import ast
from dataclasses import dataclass, field
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Template

from rapids_eks.closed_default_group.construct import HANDLER, ClosedDefaultGroup
from rapids_eks.closed_default_group.handler import index

EVENT = {
    "RequestType": "Create",
    "ResponseURL": "https://answers.test/1",
    "StackId": "stack",
    "RequestId": "request",
    "LogicalResourceId": "Group",
    "ResourceProperties": {"GroupId": "sg-1"},
}


@dataclass
class FakeEc2:
    """A security group's rules by id, and whether each is one of egress."""

    rules: dict[str, bool] = field(default_factory=lambda: {"sgr-in": False, "sgr-out": True})
    refuses: bool = False

    def describe_security_group_rules(self, Filters: list[Any]) -> dict[str, Any]:  # noqa: N803 - boto3's own
        assert Filters == [{"Name": "group-id", "Values": ["sg-1"]}]
        found = [{"SecurityGroupRuleId": name, "IsEgress": egress} for name, egress in self.rules.items()]
        return {"SecurityGroupRules": found}

    def revoke_security_group_ingress(self, GroupId: str, SecurityGroupRuleIds: list[str]) -> None:  # noqa: N803
        self._revoke(GroupId, SecurityGroupRuleIds, egress=False)

    def revoke_security_group_egress(self, GroupId: str, SecurityGroupRuleIds: list[str]) -> None:  # noqa: N803
        self._revoke(GroupId, SecurityGroupRuleIds, egress=True)

    def _revoke(self, group: str, ids: list[str], *, egress: bool) -> None:
        if self.refuses:
            raise PermissionError("not allowed")
        assert group == "sg-1"
        assert ids, "EC2 refuses an empty list"
        assert all(self.rules.pop(name) is egress for name in ids)


@pytest.fixture
def ec2(monkeypatch: pytest.MonkeyPatch) -> FakeEc2:
    fake = FakeEc2()
    monkeypatch.setattr("boto3.client", lambda _: fake)
    return fake


@pytest.mark.parametrize("kind", ["Create", "Update"])
def test_every_rule_goes_and_the_group_is_the_resource(kind: str, ec2: FakeEc2, answers: list[dict[str, Any]]) -> None:
    index.handler({**EVENT, "RequestType": kind}, None)
    assert not ec2.rules
    same = {name: EVENT[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
    assert answers == [{**same, "PhysicalResourceId": "sg-1", "Status": "SUCCESS"}]


def test_a_group_without_rules_is_closed_already(ec2: FakeEc2, answers: list[dict[str, Any]]) -> None:
    ec2.rules.clear()
    index.handler(EVENT, None)
    assert answers[0]["Status"] == "SUCCESS"


def test_deletion_asks_ec2_for_nothing(ec2: FakeEc2, answers: list[dict[str, Any]]) -> None:
    ec2.refuses = True
    index.handler({**EVENT, "RequestType": "Delete", "PhysicalResourceId": "sg-1"}, None)
    assert answers[0]["Status"] == "SUCCESS"
    assert len(ec2.rules) == 2


def test_a_refusal_is_told_at_once_and_names_the_group(ec2: FakeEc2, answers: list[dict[str, Any]]) -> None:
    """Guards against an exception that nobody hears of, for which a stack waits until its timeout."""
    ec2.refuses = True
    index.handler(EVENT, None)
    assert answers[0]["Status"] == "FAILED"
    assert answers[0]["Reason"] == "The rules of sg-1 could not be removed: not allowed"


def test_the_function_may_change_this_group_only_and_read_more() -> None:
    """Guards against a wildcard, which the acknowledged one of the description would hide from cdk-nag."""
    stack = cdk.Stack(cdk.App(), "Stack")
    ClosedDefaultGroup(stack, "Group", group_id="sg-1", log_retention_days=7)
    (role,) = Template.from_stack(stack).find_resources("AWS::IAM::Role").values()
    statements = role["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    unlimited = [statement["Action"] for statement in statements if statement["Resource"] == "*"]
    assert unlimited == ["ec2:DescribeSecurityGroupRules"]
    (revoking,) = [statement for statement in statements if "ec2:RevokeSecurityGroupEgress" in statement["Action"]]
    assert revoking["Resource"]["Fn::Join"][1][-1] == ":security-group/sg-1"


def test_the_function_fits_into_a_template_and_needs_only_what_lambda_brings() -> None:
    source = HANDLER.read_text()
    assert len(source.encode()) <= 4096
    imports = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {(node.module or "") if isinstance(node, ast.ImportFrom) else node.names[0].name for node in imports}
    assert {name.split(".")[0] for name in names} == {"boto3", "collections", "json", "typing", "urllib"}
