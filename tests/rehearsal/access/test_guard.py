"""Decisions on whole calls, with the policies that lead to them."""

from typing import Any

import pytest
from moto.sts.models import sts_backends

from rehearsal.access.policy import parse
from rehearsal.access.unrehearsed import Unrehearsed
from rehearsal.wire.call import Call, Refused
from rehearsal.world import ACCOUNT
from tests.rehearsal.access.account import Account

FUNCTION_ROLE = f"arn:aws:iam::{ACCOUNT}:role/Function"
CREATE: dict[str, Any] = {"FunctionName": "f", "Role": FUNCTION_ROLE}


def test_a_denial_names_the_role_the_action_and_the_resource(account: Account) -> None:
    with pytest.raises(Refused) as refused:
        account.attempt("eks", "DescribeCluster", name="lab")
    assert (refused.value.code, refused.value.status) == ("AccessDeniedException", 403)
    assert refused.value.message == (
        f"User: arn:aws:sts::{ACCOUNT}:assumed-role/Worker/session is not authorized to perform: eks:DescribeCluster "
        f"on resource: arn:aws:eks:us-west-2:{ACCOUNT}:cluster/lab because no identity-based policy allows the "
        "eks:DescribeCluster action"
    )


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "code"),
    [
        ("ec2", "DescribeVpcs", {}, "UnauthorizedOperation"),
        ("s3", "ListBuckets", {}, "AccessDenied"),
        ("iam", "ListRoles", {}, "AccessDenied"),
        ("sns", "ListTopics", {}, "AuthorizationError"),
        ("logs", "DescribeLogGroups", {}, "AccessDeniedException"),
    ],
)
def test_each_service_has_its_own_code(
    account: Account, service: str, operation: str, parameters: dict[str, Any], code: str
) -> None:
    with pytest.raises(Refused) as refused:
        account.attempt(service, operation, **parameters)
    assert refused.value.code == code


def test_the_account_itself_may_do_everything(account: Account) -> None:
    account.guard.check(account.call("eks", "DeleteCluster", {"name": "lab"}, account.admin))


def test_who_one_is_needs_no_permission(account: Account) -> None:
    account.grant(account.deny("*"))
    account.attempt("sts", "GetCallerIdentity")


def test_a_new_policy_counts_at_once(account: Account) -> None:
    account.grant(account.allow("eks:Describe*", f"arn:aws:eks:*:{ACCOUNT}:cluster/lab"))
    account.attempt("eks", "DescribeCluster", name="lab")
    with pytest.raises(Refused):
        account.attempt("eks", "DescribeCluster", name="other")


def test_an_explicit_deny_beats_every_allow(account: Account) -> None:
    account.grant(account.allow("*"), account.deny("s3:Delete*"))
    with pytest.raises(Refused, match="with an explicit deny in an identity-based policy"):
        account.attempt("s3", "DeleteObject", Bucket="b", Key="k")


def test_not_action_and_not_resource_allow_the_rest(account: Account) -> None:
    account.grant({"Effect": "Allow", "NotAction": "iam:*", "NotResource": "arn:aws:s3:::secret/*"})
    account.attempt("s3", "GetObject", Bucket="open", Key="k")
    with pytest.raises(Refused):
        account.attempt("s3", "GetObject", Bucket="secret", Key="k")
    with pytest.raises(Refused):
        account.attempt("iam", "ListRoles")


def test_a_role_reaches_only_the_prefix_of_its_team(account: Account) -> None:
    account.grant(account.allow("s3:GetObject", "arn:aws:s3:::data/${aws:PrincipalTag/team}/*"))
    account.attempt("s3", "GetObject", Bucket="data", Key="blue/file")
    with pytest.raises(Refused):
        account.attempt("s3", "GetObject", Bucket="data", Key="red/file")


def test_listing_another_prefix_is_refused(account: Account) -> None:
    only = {"StringLike": {"s3:prefix": ["blue/*"]}}
    account.grant(account.allow("s3:ListBucket", "arn:aws:s3:::data", Condition=only))
    account.attempt("s3", "ListObjectsV2", Bucket="data", Prefix="blue/x")
    for parameters in ({"Prefix": "red/"}, {}):
        with pytest.raises(Refused):
            account.attempt("s3", "ListObjectsV2", Bucket="data", **parameters)


def test_copying_needs_both_ends(account: Account) -> None:
    account.grant(account.allow("s3:PutObject", "arn:aws:s3:::to/*"))
    with pytest.raises(Refused, match='s3:GetObject on resource: "arn:aws:s3:::from/k"'):
        account.attempt("s3", "CopyObject", Bucket="to", Key="k", CopySource={"Bucket": "from", "Key": "k"})


def test_making_a_function_needs_to_pass_its_role(account: Account) -> None:
    account.make_role("Function")
    account.grant(account.allow("lambda:CreateFunction"))
    with pytest.raises(Refused, match=f"iam:PassRole on resource: {FUNCTION_ROLE}"):
        account.attempt("lambda", "CreateFunction", **CREATE)


@pytest.mark.parametrize(("service", "allowed"), [("lambda.amazonaws.com", True), ("ec2.amazonaws.com", False)])
def test_a_role_is_passed_only_to_the_service_named(account: Account, service: str, *, allowed: bool) -> None:
    to = {"StringEquals": {"iam:PassedToService": service}}
    account.grant(account.allow("lambda:*"), account.allow("iam:PassRole", FUNCTION_ROLE, Condition=to))
    if allowed:
        account.attempt("lambda", "CreateFunction", **CREATE)
    else:
        with pytest.raises(Refused, match="iam:PassRole"):
            account.attempt("lambda", "CreateFunction", **CREATE)


def test_a_job_runs_only_with_the_execution_role_named(account: Account) -> None:
    only = {"ArnEquals": {"emr-containers:ExecutionRoleArn": FUNCTION_ROLE}}
    passed = {"StringEquals": {"iam:PassedToService": "pods.eks.amazonaws.com"}}
    account.grant(account.allow("emr-containers:StartJobRun", Condition=only))
    with pytest.raises(Refused, match="iam:PassRole"):
        account.attempt("emr-containers", "StartJobRun", virtualClusterId="v", executionRoleArn=FUNCTION_ROLE)
    account.grant(
        account.allow("emr-containers:StartJobRun", Condition=only),
        account.allow("iam:PassRole", FUNCTION_ROLE, Condition=passed),
    )
    account.attempt("emr-containers", "StartJobRun", virtualClusterId="v", executionRoleArn=FUNCTION_ROLE)
    with pytest.raises(Refused, match="StartJobRun"):
        account.attempt("emr-containers", "StartJobRun", virtualClusterId="v", executionRoleArn=f"{FUNCTION_ROLE}2")


def test_each_kind_that_is_started_must_bear_the_tag_itself(account: Account) -> None:
    """Guards against a policy that asks for tags on interfaces, which nobody gives them.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/supported-iam-actions-tagging.html
    """
    kinds = ("instance", "network-interface", "volume")
    own = [f"arn:aws:ec2:*:*:{kind}/*" for kind in kinds]
    parts = [f"arn:aws:ec2:*:*:{kind}/*" for kind in ("image", "security-group", "subnet")]
    tagged = {"StringEquals": {"aws:RequestTag/team": "blue"}}
    started = account.allow("ec2:RunInstances", own, Condition=tagged)
    account.grant(started, account.allow("ec2:RunInstances", parts), account.allow("ec2:CreateTags"))
    pair = [{"Key": "team", "Value": "blue"}]
    whole = [{"ResourceType": kind, "Tags": pair} for kind in kinds]
    request = {"ImageId": "ami-1", "SubnetId": "subnet-1", "SecurityGroupIds": ["sg-1"]}
    account.attempt("ec2", "RunInstances", **request, TagSpecifications=whole)
    for kind, given in zip(kinds, (whole[1:], [whole[0], whole[2]], whole[:2]), strict=True):
        with pytest.raises(Refused, match=f":{kind}/"):
            account.attempt("ec2", "RunInstances", **request, TagSpecifications=given)


def test_the_template_of_an_instance_must_be_allowed_too(account: Account) -> None:
    kinds = ("image", "instance", "network-interface", "security-group", "subnet", "volume")
    account.grant(account.allow("ec2:RunInstances", [f"arn:aws:ec2:*:*:{kind}/*" for kind in kinds]))
    account.attempt("ec2", "RunInstances", ImageId="ami-1")
    with pytest.raises(Refused, match=":launch-template/lt-1"):
        account.attempt("ec2", "RunInstances", ImageId="ami-1", LaunchTemplate={"LaunchTemplateId": "lt-1"})


def test_the_tags_of_a_request_are_seen(account: Account) -> None:
    tagged = {"StringEquals": {"aws:RequestTag/team": "blue"}, "ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}}
    account.grant(account.allow("eks:CreateNodegroup", Condition=tagged), account.allow("iam:PassRole"))
    parameters = {"clusterName": "c", "nodegroupName": "n", "nodeRole": FUNCTION_ROLE}
    account.attempt("eks", "CreateNodegroup", **parameters, tags={"team": "blue"})
    for tags in ({"team": "red"}, {"team": "blue", "cost": "1"}):
        with pytest.raises(Refused):
            account.attempt("eks", "CreateNodegroup", **parameters, tags=tags)


def test_tags_given_at_creation_need_a_permission_of_their_own(account: Account) -> None:
    named = [{"ResourceType": "vpc", "Tags": [{"Key": "team", "Value": "blue"}]}]
    account.grant(account.allow("ec2:CreateVpc"))
    account.attempt("ec2", "CreateVpc", CidrBlock="10.0.0.0/16")
    with pytest.raises(Refused, match="ec2:CreateTags"):
        account.attempt("ec2", "CreateVpc", CidrBlock="10.0.0.0/16", TagSpecifications=named)
    at_creation = {"StringEquals": {"ec2:CreateAction": "CreateVpc"}}
    account.grant(account.allow("ec2:CreateVpc"), account.allow("ec2:CreateTags", Condition=at_creation))
    account.attempt("ec2", "CreateVpc", CidrBlock="10.0.0.0/16", TagSpecifications=named)


def test_a_function_with_a_layer_needs_to_read_it(account: Account) -> None:
    layer = f"arn:aws:lambda:us-west-2:{ACCOUNT}:layer:cli:1"
    account.grant(account.allow(["lambda:CreateFunction", "iam:PassRole"]))
    with pytest.raises(Refused, match=f"lambda:GetLayerVersion on resource: {layer}"):
        account.attempt("lambda", "CreateFunction", **CREATE, Layers=[layer])


def test_an_unknown_condition_key_is_named_and_not_allowed(account: Account) -> None:
    account.grant(account.allow("s3:GetObject", Condition={"StringEquals": {"s3:colour": "red"}}))
    with pytest.raises(Unrehearsed, match="s3:colour"):
        account.attempt("s3", "GetObject", Bucket="b", Key="k")


def test_a_permissions_boundary_limits_what_is_allowed(account: Account) -> None:
    limit = account.iam.create_policy("limit", "/", account.policy(account.allow("s3:*")), "", {})
    account.grant(account.allow("*"))
    account.iam.roles[
        next(key for key, role in account.iam.roles.items() if role.name == "Worker")
    ].permissions_boundary_arn = limit.arn
    account.attempt("s3", "ListBuckets")
    with pytest.raises(Refused, match="because no permissions boundary allows the iam:ListRoles action"):
        account.attempt("iam", "ListRoles")


def test_a_session_policy_limits_the_session(account: Account) -> None:
    account.grant(account.allow("*"))
    session = sts_backends[ACCOUNT]["aws"].assume_role(
        "us-west-2", "session", f"arn:aws:iam::{ACCOUNT}:role/Worker", account.policy(account.allow("s3:*")), 900, ""
    )
    call = account.call("iam", "ListRoles", {})
    with pytest.raises(Refused, match="session policy"):
        account.guard.check(Call(**{**vars(call), "access_key": session.access_key_id}))


def test_a_managed_policy_counts(account: Account) -> None:
    made = account.iam.create_policy("more", "/", account.policy(account.allow("sqs:*")), "", {})
    account.iam.attach_role_policy(made.arn, "Worker")
    account.attempt("sqs", "ListQueues")


def test_a_deleted_role_may_do_nothing(account: Account) -> None:
    account.grant(account.allow("*"))
    account.iam.delete_role_policy("Worker", "own")
    account.iam.delete_role("Worker")
    with pytest.raises(Refused):
        account.attempt("s3", "ListBuckets")


def test_a_policy_is_read_once_for_hundreds_of_calls(account: Account) -> None:
    account.grant(*(account.allow("s3:GetObject", f"arn:aws:s3:::bucket-{number}/*") for number in range(40)))
    account.attempt("s3", "GetObject", Bucket="bucket-39", Key="k")
    read = parse.cache_info().misses
    for number in range(500):
        account.attempt("s3", "GetObject", Bucket="bucket-39", Key=f"k{number}")
    assert parse.cache_info().misses == read


def test_a_key_that_is_yet_to_be_made_has_no_policy_that_could_decide(account: Account) -> None:
    with pytest.raises(Refused, match="because no identity-based policy allows the kms:CreateKey action"):
        account.attempt("kms", "CreateKey")
    account.grant(account.allow("kms:CreateKey"))
    account.attempt("kms", "CreateKey")
