"""What preflight finds, one fault of an account at a time."""

import json
import re
from datetime import date
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError, NoCredentialsError

import config
from operations.findings import Finding, as_json, as_text, failed
from operations.preflight.run import findings
from tests.operations.fake_aws import (
    TODAY,
    TYPES,
    ZONES,
    FakeAws,
    Refusal,
    blueprint,
    changed,
    offering,
    question,
    ready,
    refuses,
)

READS = re.compile(r"(Describe|Get|List)[A-Z]")


def found(aws: FakeAws, given: config.Blueprint | None = None, today: date = TODAY) -> list[Finding]:
    return findings(question(aws, given, today))


def told(aws: FakeAws, subject: str, given: config.Blueprint | None = None) -> list[tuple[str, str, str]]:
    return [(each.level, each.text, each.fix) for each in found(aws, given) if each.subject == subject]


def test_an_account_that_is_ready_has_nothing_to_fix_and_is_only_read() -> None:
    aws = ready()
    all_found = found(aws)
    assert {each.level for each in all_found} == {"ok"}, as_text(all_found)
    assert not [call for call in aws.calls if not READS.match(call.partition(".")[2])]
    assert len(set(aws.calls)) >= 9


@pytest.mark.parametrize("error", [NoCredentialsError(), refuses("ExpiredToken"), refuses("InvalidClientTokenId")])
def test_without_credentials_only_what_needs_none_is_looked_at(error: Any) -> None:  # noqa: ANN401
    aws = ready()

    def fail(_: dict[str, Any]) -> dict[str, Any]:
        raise error

    aws.answers["sts.GetCallerIdentity"] = fail if isinstance(error, Exception) else error
    aws.answers["ec2.DescribeSpotPriceHistory"] = aws.answers["sts.GetCallerIdentity"]
    all_found = found(aws)
    assert [each.subject for each in all_found if each.level == "problem"] == ["credentials"]
    assert {"EKS version", "idle cost", "run cost"} <= {each.subject for each in all_found}
    assert set(aws.calls) <= {"sts.GetCallerIdentity", "ec2.DescribeSpotPriceHistory"}


def test_credentials_of_another_account_than_the_blueprint_s_are_a_problem() -> None:
    given = blueprint().model_copy(update={"account": "444455556666"})
    ((level, text, _),) = told(ready(), "credentials", given)
    assert level == "problem"
    assert "444455556666" in text


@pytest.mark.parametrize(
    ("answer", "level"),
    [
        (refuses("ParameterNotFound"), "problem"),
        ({"Parameter": {"Value": "5"}}, "problem"),
        ({"Parameter": {"Value": "6"}}, "ok"),
    ],
)
def test_a_missing_or_old_bootstrap_is_a_problem(answer: Any, level: str) -> None:  # noqa: ANN401
    aws = ready()
    aws.answers["ssm.GetParameter"] = answer
    ((found_level, _, fix),) = told(aws, "CDK bootstrap")
    assert found_level == level
    assert level == "ok" or "node_modules/.bin/cdk bootstrap aws://111122223333/us-west-2" in fix


def without(kind: str, *zones: str) -> FakeAws:
    aws = ready()
    offered = {at: set(TYPES) - ({kind} if at in zones else set()) for at in ZONES.values()}
    aws.answers["ec2.DescribeInstanceTypeOfferings"] = offering(offered)
    return aws


def test_karpenter_does_with_one_zone_that_offers_the_gpus_and_node_groups_do_not() -> None:
    aws = without("g5.2xlarge", "usw2-az1")
    assert [level for level, _, _ in told(aws, "GPU instance types")] == ["warning"]
    groups = changed("capacity", mode="cluster-autoscaler")
    assert [level for level, _, _ in told(aws, "GPU instance types", groups)] == ["problem"]


def test_gpus_that_none_of_the_zones_offers_are_a_problem() -> None:
    ((level, text, _),) = told(without("g5.2xlarge", "usw2-az1", "usw2-az2"), "GPU instance types")
    assert level == "problem"
    assert "usw2-az1, usw2-az2" in text
    assert [level for level, _, _ in told(without("g5.2xlarge", "usw2-az4"), "GPU instance types")] == ["ok"]


def test_a_number_of_zones_means_the_first_by_their_names() -> None:
    ((level, text, _),) = told(without("g5.2xlarge", "usw2-az2"), "GPU instance types", changed("network", zones=2))
    assert level == "warning"
    assert "us-west-2a" in text


def test_a_zone_that_the_account_does_not_have_is_a_problem_and_the_others_are_named() -> None:
    ((level, text, fix),) = told(ready(), "zone", changed("network", zones=("usw2-az1", "usw2-az9")))
    assert (level, "usw2-az9" in text, "usw2-az3" in fix) == ("problem", True, True)


def test_roles_of_services_that_are_missing_are_no_problem() -> None:
    aws = ready()
    aws.answers["iam.GetRole"] = refuses("NoSuchEntity")
    all_told = told(aws, "service-linked role")
    assert {level for level, _, _ in all_told} == {"ok"}
    assert any("AWSServiceRoleForAmazonEMRContainers" in text and "EMR makes it" in text for _, text, _ in all_told)


@pytest.mark.parametrize(
    ("state", "level", "words"),
    [
        ("UPDATE_COMPLETE", "ok", ""),
        ("UPDATE_ROLLBACK_COMPLETE", "ok", ""),
        ("ROLLBACK_COMPLETE", "warning", "anew"),
        ("CREATE_IN_PROGRESS", "problem", "wait"),
        ("UPDATE_ROLLBACK_FAILED", "problem", "continue-update-rollback"),
        ("DELETE_FAILED", "problem", "delete-stack"),
        ("ROLLBACK_FAILED", "problem", "delete-stack"),
    ],
)
def test_a_stack_in_a_bad_state_comes_with_the_command_that_mends_it(state: str, level: str, words: str) -> None:
    aws = ready()
    aws.answers["cloudformation.DescribeStacks"] = lambda asked: {
        "Stacks": [{"StackName": asked["StackName"], "StackStatus": state, "StackStatusReason": "because"}]
    }
    group = f"/emr-on-eks-logs/{blueprint().name}/{blueprint().teams[0].name}"
    aws.answers["logs.DescribeLogGroups"] = {"logGroups": [{"logGroupName": group}]}
    all_told = told(aws, "stack")
    assert {each for each, _, _ in all_told} == {level}
    assert all(words in fix and "because" in text for _, text, fix in all_told)
    assert not told(aws, "cluster name") + told(aws, "log group"), (
        "what the stacks themselves have made is in nobody's way"
    )


def test_a_cluster_or_log_group_that_the_stacks_have_not_made_is_in_the_way() -> None:
    aws, given = ready(), blueprint()
    group = f"/emr-on-eks-logs/{given.name}/{given.teams[0].name}"
    aws.answers["eks.DescribeCluster"] = {"cluster": {"name": given.name}}
    aws.answers["logs.DescribeLogGroups"] = {"logGroups": [{"logGroupName": group}]}
    assert [level for level, _, _ in told(aws, "cluster name")] == ["problem"]
    ((level, text, fix),) = told(aws, "log group")
    assert (level, group in text, group in fix) == ("problem", True, True)


@pytest.mark.parametrize(
    ("answer", "level"),
    [
        ({"LocationConstraint": "us-west-2"}, "ok"),
        ({"LocationConstraint": None}, "problem"),
        (refuses("NoSuchBucket"), "problem"),
    ],
)
def test_an_existing_bucket_must_be_there_and_in_the_region(answer: Any, level: str) -> None:  # noqa: ANN401
    aws = ready()
    aws.answers["s3.GetBucketLocation"] = answer
    assert [each for each, _, _ in told(aws, "data bucket", changed("data", bucket="mine"))] == [level]


def test_a_version_of_an_add_on_that_eks_does_not_have_is_a_problem_with_those_that_there_are() -> None:
    wanted = blueprint().cluster.add_ons.model_copy(
        update={"coredns": "v1.0.0-eksbuild.1", "vpc_cni": "v9.9.9-eksbuild.9"}
    )
    cni, coredns = sorted(
        told(ready(), "EKS add-ons", changed("cluster", add_ons=wanted)), key=lambda each: each[1], reverse=True
    )
    assert cni[0] == coredns[0] == "problem"
    assert coredns[1] == "coredns v1.0.0-eksbuild.1 is none of EKS's for Kubernetes 1.35"
    assert coredns[2] == "give `cluster.add_ons.coredns` one of: v1.13.2-eksbuild.21"
    assert "`cluster.add_ons.vpc_cni`" in cni[2]


def test_the_add_on_for_secrets_is_looked_at_only_where_grafana_is_wanted() -> None:
    wanted = blueprint().cluster.add_ons.model_copy(
        update={"aws_secrets_store_csi_driver_provider": "v9.9.9-eksbuild.9"}
    )
    given = changed("cluster", add_ons=wanted)
    assert [level for level, _, _ in told(ready(), "EKS add-ons", given)] == ["problem"]
    without_grafana = given.model_copy(update={"observability": None})
    assert [level for level, _, _ in told(ready(), "EKS add-ons", without_grafana)] == ["ok"]


@pytest.mark.parametrize(
    ("today", "level"), [(date(2027, 1, 26), "ok"), (date(2027, 1, 27), "warning"), (date(2027, 3, 28), "warning")]
)
def test_the_end_of_support_is_told_two_months_before(today: date, level: str) -> None:
    all_found = found(ready(), today=today)
    assert [each.level for each in all_found if each.subject == "EKS version"] == [level]
    idle = next(each.text for each in all_found if each.subject == "idle cost")
    assert ("control plane 438.00" in idle) == (today > date(2027, 3, 27))


def test_what_may_not_be_asked_is_said_and_the_rest_is_looked_at() -> None:
    aws = ready()
    aws.answers["service-quotas.GetServiceQuota"] = refuses("AccessDeniedException", "no")
    aws.answers["iam.GetRole"] = refuses("AccessDenied", "no")
    all_found = found(aws)
    levels = {each.subject: each.level for each in all_found}
    assert not failed(all_found)
    assert levels["GPU quota"] == levels["service-linked roles"] == "warning"
    assert levels["CDK bootstrap"] == levels["GPU instance types"] == "ok"


def test_a_network_that_leads_nowhere_is_said_once_for_each_check() -> None:
    aws = ready()

    def fail(_: dict[str, Any]) -> dict[str, Any]:
        raise EndpointConnectionError(endpoint_url="https://sts.us-west-2.amazonaws.com")

    aws.answers = dict.fromkeys(aws.answers, fail)
    levels = [each.level for each in found(aws) if "Could not connect" in each.text]
    assert len(levels) >= 6
    assert set(levels) == {"warning"}


def test_findings_are_text_for_people_and_json_for_programs() -> None:
    aws = ready()
    aws.answers["ssm.GetParameter"] = refuses("ParameterNotFound")
    all_found = found(aws)
    text = as_text(all_found)
    assert re.search(r"^problem +CDK bootstrap: .*\n +-> run `PATH=.* \S+/cdk bootstrap", text, re.MULTILINE)
    assert text.endswith("1 problem, 0 warnings")
    read = json.loads(as_json(all_found))
    assert [each["subject"] for each in read if each["level"] == "problem"] == ["CDK bootstrap"]
    assert all(each["fix"] for each in read if each["level"] != "ok")


def test_a_refusal_of_the_fake_is_one_of_boto3() -> None:
    """The tests above would prove nothing if the fake's errors were not what boto3 raises."""
    iam = FakeAws({"iam.GetRole": refuses("NoSuchEntity")})("iam")
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_role(RoleName="a")
    assert issubclass(Refusal, Exception)
