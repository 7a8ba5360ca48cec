"""What the sweep's role may do, and the template."""

import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2
from cdk_nag import AwsSolutionsChecks
from cfnlint.api import lint
from cfnlint.config import ManualArgs
from policy_sentry.querying.actions import get_action_data

from rapids_eks.sweep.construct import Sweep
from tests.stacks.assembly import Assembly

CHANGING = ("Delete", "Remove", "Revoke", "Terminate")


def synthesized(into: Path, region: str = "us-west-2", **more: Any) -> Assembly:  # noqa: ANN401 - the construct's own
    app = cdk.App(outdir=str(into))
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    stack = cdk.Stack(app, "Swept", env=cdk.Environment(region=region))
    vpc = ec2.Vpc.from_vpc_attributes(stack, "Vpc", vpc_id="vpc-0123456789abcdef0", availability_zones=["a"])
    Sweep(stack, "Sweep", **{"vpc": vpc, "cluster_name": "demo", "log_groups": ["/aws/lambda/Demo-*"], **more})
    app.synth()
    return Assembly(into)


def statements(assembly: Assembly) -> list[dict[str, Any]]:
    """Return what the function's role is allowed, with lists throughout."""
    roles = [each["Properties"] for each in assembly.resources("Swept").values() if each["Type"] == "AWS::IAM::Role"]
    found = [
        one for role in roles for policy in role.get("Policies", []) for one in policy["PolicyDocument"]["Statement"]
    ]
    return [{**one, "Action": one["Action"] if isinstance(one["Action"], list) else [one["Action"]]} for one in found]


def changing(assembly: Assembly) -> list[tuple[str, dict[str, Any]]]:
    pairs = [(action, one) for one in statements(assembly) for action in one["Action"]]
    return [(action, one) for action, one in pairs if action.split(":")[1].startswith(CHANGING)]


@pytest.mark.parametrize("region", ["us-west-2", "us-gov-west-1"])
def test_the_template_is_valid_in_both_partitions_and_of_none(region: str, tmp_path: Path) -> None:
    text = synthesized(tmp_path, region).text("Swept")
    # W3005: CDK's own functions name their roles twice.
    found = lint(text, config=ManualArgs(regions=[region], ignore_checks=["W3005"]))
    assert [str(each) for each in found] == []
    assert "arn:aws" not in text


def test_two_synths_are_the_same_bytes(tmp_path: Path) -> None:
    one, two = (synthesized(tmp_path / name) for name in ("one", "two"))
    assert one.text("Swept") == two.text("Swept")


def test_nothing_of_the_construct_itself_is_uploaded(tmp_path: Path) -> None:
    (asset,) = [each for each in synthesized(tmp_path).folder.iterdir() if each.name.startswith("asset.")]
    assert {each.name for each in asset.iterdir()} == {"handler"}


def test_whatever_has_tags_is_deleted_only_by_the_clusters(tmp_path: Path) -> None:
    """Guards against a permission that reaches what belongs to others, and a condition that AWS does not know."""
    named = {"iam:DeleteInstanceProfile", "iam:RemoveRoleFromInstanceProfile", "logs:DeleteLogGroup"}
    by_tag = [(action, one) for action, one in changing(synthesized(tmp_path)) if action not in named]
    assert len(by_tag) > 10
    for action, statement in by_tag:
        ((key, value),) = statement["Condition"]["StringEquals"].items()
        assert key.startswith("aws:ResourceTag/")
        assert "demo" in f"{key} {value}"
        service, _, name = action.partition(":")
        rows = [row for row in get_action_data(service, name)[service] if row["resource_arn_format"] != "*"]
        assert any("aws:ResourceTag/${TagKey}" in row["condition_keys"] for row in rows)


def test_what_goes_by_name_is_limited_to_the_clusters_names(tmp_path: Path) -> None:
    for action, statement in changing(synthesized(tmp_path)):
        if "Condition" not in statement:
            text = json.dumps(statement["Resource"])
            assert any(name in text for name in ("/demo/*", "/aws/eks/demo/cluster:*", "/aws/lambda/Demo-*")), action


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"log_groups": ["*"]}, "would match others' too"),
        ({"log_groups": ["/aws/lambda/*"]}, "would match others' too"),
        ({"log_groups": ["/aws/*/demo"]}, "would match others' too"),
        ({"log_groups": [cdk.Aws.STACK_NAME]}, "known only when the stack is deployed"),
        ({"cluster_name": cdk.Aws.STACK_NAME}, "known only when the stack is deployed"),
    ],
)
def test_names_that_would_match_too_much_or_come_too_late_are_refused(
    more: dict[str, Any], says: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=says):
        synthesized(tmp_path, **more)
