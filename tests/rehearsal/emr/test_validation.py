"""What EMR refuses, at once or before the first pod."""

import json
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rehearsal.access.propagation import PROPAGATION

LOOK = {"Effect": "Allow", "Action": "logs:DescribeLogGroups", "Resource": "*"}
READ = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
JOB = "print('hello')"


def failure(team: Any, started: str) -> str:  # noqa: ANN401 - the conftest's Team
    run = team.until(started, "FAILED", "SUBMITTED", "RUNNING")
    assert (run["state"], run["failureReason"]) == ("FAILED", "VALIDATION_ERROR")
    return str(run["stateDetails"])


@pytest.mark.parametrize(
    ("given", "code", "message"),
    [
        ({"virtualClusterId": "nosuch"}, "ResourceNotFoundException", "Virtual cluster nosuch doesn't exist"),
        ({"releaseLabel": "emr-99"}, "ResourceNotFoundException", "Release emr-99 doesn't exist"),
        ({"releaseLabel": "emr-7.99.0-latest"}, "ResourceNotFoundException", "doesn't exist. The newest one"),
        ({"releaseLabel": "emr-7.13.0-cuda-latest"}, "ResourceNotFoundException", "doesn't exist"),
        ({"releaseLabel": "emr-6.10.0-latest"}, "ValidationException", "no EKS Pod Identity"),
        ({"jobTemplateId": "t"}, "ValidationException", "jobTemplateId is not rehearsed"),
        ({"jobDriver": {"sparkSqlJobDriver": {}}}, "ValidationException", "sparkSubmitJobDriver is the one"),
        ({"retryPolicyConfiguration": {"maxAttempts": 0}}, "ValidationException", "at least 1"),
        ({"tags": {str(n): "x" for n in range(51)}}, "ValidationException", "less than or equal to 50"),
        (
            {"configurationOverrides": {"monitoringConfiguration": {"s3MonitoringConfiguration": {"logUri": "x"}}}},
            "ValidationException",
            "logUri failed to satisfy constraint",
        ),
        ({"executionRoleArn": "arn:aws:iam::999999999999:role/r"}, "AccessDeniedException", "not of this account"),
    ],
)
def test_a_request_that_cannot_be_a_run_is_refused(team: Any, given: dict[str, Any], code: str, message: str) -> None:  # noqa: ANN401
    with pytest.raises(ClientError, match=message) as refused:
        team.start(JOB, **given)
    assert refused.value.response["Error"]["Code"] == code


def test_a_token_means_the_same_run_again(team: Any) -> None:  # noqa: ANN401
    role = "arn:aws:iam::111122223333:role/nosuch"  # a run that ends at once
    first = team.start(JOB, clientToken="t", executionRoleArn=role)
    assert team.start(JOB, clientToken="t", executionRoleArn=role) == first
    with pytest.raises(team.emr.exceptions.ValidationException, match="client token t was used before"):
        team.start(JOB, "other", clientToken="t", executionRoleArn=role)
    assert "nosuch does not exist" in failure(team, first)
    listed = team.emr.list_job_runs(virtualClusterId=team.virtual_cluster, states=["FAILED"])["jobRuns"]
    assert [run["id"] for run in listed] == [first]


def test_a_run_keeps_its_tags_and_is_found_page_by_page(team: Any) -> None:  # noqa: ANN401
    made = [team.start(JOB, executionRoleArn="arn:aws:iam::111122223333:role/no", tags={"n": str(n)}) for n in range(3)]
    pages = team.emr.get_paginator("list_job_runs").paginate(
        virtualClusterId=team.virtual_cluster, PaginationConfig={"PageSize": 2}
    )
    listed = [run for page in pages for run in page["jobRuns"]]
    assert [run["id"] for run in listed] == made[::-1]
    assert [run["tags"] for run in listed] == [{"n": "2"}, {"n": "1"}, {"n": "0"}]
    after, virtual = listed[0]["createdAt"] + timedelta(seconds=1), {"virtualClusterId": team.virtual_cluster}
    assert team.emr.list_job_runs(createdAfter=after, **virtual)["jobRuns"] == []
    team.emr.tag_resource(resourceArn=listed[0]["arn"], tags={"more": "x"})
    team.emr.untag_resource(resourceArn=listed[0]["arn"], tagKeys=["n"])
    assert team.emr.list_tags_for_resource(resourceArn=listed[0]["arn"])["tags"] == {"more": "x"}
    arn = team.emr.describe_virtual_cluster(id=team.virtual_cluster)["virtualCluster"]["arn"]
    assert team.emr.list_tags_for_resource(resourceArn=arn)["tags"] == {}


def test_the_role_must_be_associated_in_the_namespace(site: Any) -> None:  # noqa: ANN401
    team = site.team(associated=False)
    assert "No pod identity association" in failure(team, team.start(JOB))


def test_without_the_agent_no_pod_has_credentials(site: Any, team: Any) -> None:  # noqa: ANN401
    """A naive app has the associations, and forgets the add-on that serves them."""
    eks, agent = team.world.client("eks"), {"clusterName": site.cluster, "addonName": "eks-pod-identity-agent"}
    eks.delete_addon(**agent)
    run = team.until(team.start(JOB), "FAILED", "RUNNING")
    assert run["failureReason"] == "USER_ERROR"
    assert "the add-on eks-pod-identity-agent is not ACTIVE" in run["stateDetails"]
    team.eventually(lambda: "eks-pod-identity-agent" not in eks.list_addons(clusterName=site.cluster)["addons"])
    eks.create_addon(**agent)
    team.eventually(lambda: eks.describe_addon(**agent)["addon"]["status"] == "ACTIVE")


def test_the_role_must_trust_pod_identity(team: Any) -> None:  # noqa: ANN401
    trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    text = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    team.world.client("iam").update_assume_role_policy(RoleName=team.name, PolicyDocument=text)
    team.world.clock.advance(timedelta(seconds=PROPAGATION))
    assert "does not allow pods.eks.amazonaws.com sts:AssumeRole" in failure(team, team.start(JOB))


@pytest.mark.parametrize("scope", [[], ["arn:aws:logs:us-west-2:111122223333:log-group:/emr/x:*"]])
def test_the_role_must_see_all_log_groups(site: Any, scope: list[str]) -> None:  # noqa: ANN401
    team = site.team(statements=(READ, *({**LOOK, "Resource": arn} for arn in scope)))
    details = failure(team, team.start(JOB))
    assert "is not authorized to perform: logs:DescribeLogGroups" in details


def test_the_log_group_must_be_there(team: Any) -> None:  # noqa: ANN401
    team.world.client("logs").delete_log_group(logGroupName=team.group)
    assert f"Log group {team.group} does not exist" in failure(team, team.start(JOB))


def test_the_program_must_be_readable(site: Any, team: Any) -> None:  # noqa: ANN401
    other = site.team()
    for uri in (other.put("job.py", JOB), team.put("a", b"").replace("/a", "/nosuch.py")):
        driver = {"sparkSubmitJobDriver": {"entryPoint": uri}}
        assert f"Entry point {uri} cannot be read" in failure(team, team.start(JOB, jobDriver=driver))


def test_emr_needs_its_access_to_the_namespace(site: Any, team: Any) -> None:  # noqa: ANN401
    eks = team.world.client("eks")
    entries = eks.list_access_entries(clusterName=site.cluster)["accessEntries"]
    principal = next(each for each in entries if "AWSServiceRoleForAmazonEMRContainers" in each)
    eks.delete_access_entry(clusterName=site.cluster, principalArn=principal)
    team.world.clock.sleep(300)  # in which it takes effect
    run = team.until(team.start(JOB), "FAILED", "SUBMITTED")
    assert (run["failureReason"], run["stateDetails"]) == (
        "CLUSTER_UNAVAILABLE",
        f"Cluster {site.cluster} does not have sufficient permissions.",
    )


def test_a_classification_that_emr_on_eks_lacks_is_refused(team: Any) -> None:  # noqa: ANN401
    unknown = {"applicationConfiguration": [{"classification": "yarn-site", "properties": {}}]}
    assert "Classification yarn-site not supported" in failure(team, team.start(JOB, configurationOverrides=unknown))
