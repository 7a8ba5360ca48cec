"""What calls need beside the action of their own name, and what roles have used of what they were granted."""

from typing import Any

import pytest

from rehearsal.access.identities import own_documents, role
from rehearsal.access.needs import needs
from rehearsal.access.policy import grants
from rehearsal.grants import Grant
from rehearsal.wire.call import Refused
from rehearsal.world import ACCOUNT
from tests.rehearsal.access.account import Account

CLUSTER = f"arn:aws:emr-containers:us-west-2:{ACCOUNT}:/virtualclusters/v"
START: dict[str, Any] = {"virtualClusterId": "v", "executionRoleArn": f"arn:aws:iam::{ACCOUNT}:role/Job"}


def needed(account: Account, service: str, operation: str, **parameters: Any) -> list[tuple[str, str]]:  # noqa: ANN401
    return [(each.action, each.resource) for each in needs(account.call(service, operation, parameters))]


def test_a_version_of_an_object_takes_an_action_of_its_own(account: Account) -> None:
    objects = [{"Key": "a"}, {"Key": "b", "VersionId": "1"}]
    assert needed(account, "s3", "DeleteObjects", Bucket="x", Delete={"Objects": objects}) == [
        ("s3:DeleteObject", "arn:aws:s3:::x/a"),
        ("s3:DeleteObjectVersion", "arn:aws:s3:::x/b"),
    ]
    assert needed(account, "s3", "GetObject", Bucket="x", Key="a", VersionId="1")[0][0] == "s3:GetObjectVersion"


def test_a_login_to_ecr_public_takes_a_bearer_token(account: Account) -> None:
    assert ("sts:GetServiceBearerToken", "*") in needed(account, "ecr-public", "GetAuthorizationToken")


@pytest.mark.parametrize(("tags", "lets"), [({}, True), ({"own:a": "1", "project": "x"}, True), ({"x": "1"}, False)])
def test_a_run_with_tags_takes_permission_for_their_keys(account: Account, tags: dict[str, str], *, lets: bool) -> None:
    keys = {"ForAllValues:StringLike": {"aws:TagKeys": ["own:*", "project"]}}
    account.grant(
        account.allow("emr-containers:StartJobRun", CLUSTER),
        account.allow("iam:PassRole", START["executionRoleArn"]),
        account.allow("emr-containers:TagResource", f"{CLUSTER}/jobruns/*", Condition=keys),
    )
    if lets:
        account.attempt("emr-containers", "StartJobRun", **START, tags=tags)
    else:
        with pytest.raises(Refused, match="emr-containers:TagResource"):
            account.attempt("emr-containers", "StartJobRun", **START, tags=tags)


def test_what_a_role_has_used_and_was_denied_is_noted(account: Account) -> None:
    account.grant(account.allow(["eks:Describe*", "eks:ListClusters"], ["*", "arn:aws:eks:::nothing"]))
    account.attempt("eks", "DescribeCluster", name="lab")
    with pytest.raises(Refused):
        account.attempt("eks", "DeleteCluster", name="lab")
    found = role(ACCOUNT, "Worker")
    assert found
    account.world.grants.grant("Worker", grants(own_documents(found)))
    told = account.world.grants.page()["Worker"]
    assert Grant("eks:Describe*", "*") in told["used"]
    assert Grant("eks:ListClusters", "*") in told["unused"]
    assert Grant("eks:Describe*", "arn:aws:eks:::nothing") in told["unused"]
    assert any("eks:DeleteCluster" in each for each in told["denied"])
