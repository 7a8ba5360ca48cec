"""Decisions on whole calls, with the policies that lead to them."""

import json
import time
from typing import Any, Protocol

import pytest
from moto.kms.models import kms_backends
from moto.s3.models import s3_backends
from moto.sns.models import sns_backends
from moto.sts.models import sts_backends

from rehearsal.access.unrehearsed import Unrehearsed
from rehearsal.wire.call import Call, Principal, Refused
from rehearsal.world import ACCOUNT

FUNCTION_ROLE = f"arn:aws:iam::{ACCOUNT}:role/Function"
CREATE: dict[str, Any] = {"FunctionName": "f", "Role": FUNCTION_ROLE}


class Account(Protocol):
    admin: Principal
    role: Principal
    guard: Any
    iam: Any

    def policy(self, *statements: dict[str, Any]) -> str: ...
    def allow(self, action: str | list[str], resource: str | list[str] = "*", **more: Any) -> dict[str, Any]: ...  # noqa: ANN401
    def deny(self, action: str | list[str], resource: str | list[str] = "*", **more: Any) -> dict[str, Any]: ...  # noqa: ANN401
    def trust(self, **principal: str) -> str: ...
    def make_role(self, name: str, trusted: str = "", path: str = "/", boundary: str | None = None) -> str: ...
    def grant(self, *statements: dict[str, Any]) -> None: ...
    def call(
        self, service: str, operation: str, parameters: dict[str, Any], principal: Principal | None = None
    ) -> Call: ...
    def attempt(self, service: str, operation: str, **parameters: Any) -> None: ...  # noqa: ANN401


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
    account.grant(account.allow("emr-containers:StartJobRun", Condition=only), account.allow("iam:PassRole"))
    account.attempt("emr-containers", "StartJobRun", virtualClusterId="v", executionRoleArn=FUNCTION_ROLE)
    with pytest.raises(Refused, match="StartJobRun"):
        account.attempt("emr-containers", "StartJobRun", virtualClusterId="v", executionRoleArn=f"{FUNCTION_ROLE}2")


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


def bucket(account: Account, *statements: dict[str, Any]) -> None:
    backend = s3_backends[ACCOUNT]["aws"]
    backend.create_bucket("shared", "us-west-2")
    backend.put_bucket_policy("shared", account.policy(*statements).encode())


def test_a_bucket_policy_can_let_a_role_in(account: Account) -> None:
    worker = {"AWS": f"arn:aws:iam::{ACCOUNT}:role/Worker"}
    bucket(account, account.allow("s3:GetObject", "arn:aws:s3:::shared/*", Principal=worker))
    account.attempt("s3", "GetObject", Bucket="shared", Key="k")
    with pytest.raises(Refused):
        account.attempt("s3", "PutObject", Bucket="shared", Key="k")


def test_a_bucket_that_enforces_tls_serves_https_callers(account: Account) -> None:
    plain = {"Bool": {"aws:SecureTransport": "false"}}
    bucket(account, account.deny("s3:*", "arn:aws:s3:::shared/*", Principal="*", Condition=plain))
    account.grant(account.allow("s3:*"))
    account.attempt("s3", "GetObject", Bucket="shared", Key="k")


def test_a_bucket_policy_denies_even_the_account(account: Account) -> None:
    bucket(account, account.deny("s3:PutObject", "arn:aws:s3:::shared/*", Principal={"AWS": "*"}))
    with pytest.raises(Refused, match="with an explicit deny in a resource-based policy"):
        account.guard.check(account.call("s3", "PutObject", {"Bucket": "shared", "Key": "k"}, account.admin))


@pytest.mark.parametrize("principal", [f"arn:aws:iam::{ACCOUNT}:root", f"arn:aws:iam::{ACCOUNT}:role/Nobody"])
def test_a_key_policy_decides_whether_iam_has_a_say(account: Account, principal: str) -> None:
    document = account.policy(account.allow("kms:*", Principal={"AWS": principal}))
    key = kms_backends[ACCOUNT]["us-west-2"].create_key(document, "ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT", "", None)
    account.grant(account.allow("kms:Decrypt"))
    if principal.endswith(":root"):
        account.attempt("kms", "Decrypt", KeyId=key.id, CiphertextBlob=b"x")
    else:
        with pytest.raises(Refused, match="kms:Decrypt"):
            account.attempt("kms", "Decrypt", KeyId=key.id, CiphertextBlob=b"x")


def test_a_role_is_assumed_only_by_those_it_trusts(account: Account) -> None:
    account.grant(account.allow("sts:AssumeRole"))
    trusting = account.make_role("Trusting", account.trust(AWS=f"arn:aws:iam::{ACCOUNT}:root"), "/app/")
    account.attempt("sts", "AssumeRole", RoleArn=trusting, RoleSessionName="s")
    closed = account.make_role("Closed")
    for principal in (account.role, account.admin):
        with pytest.raises(Refused) as refused:
            account.guard.check(
                account.call("sts", "AssumeRole", {"RoleArn": closed, "RoleSessionName": "s"}, principal)
            )
        assert (
            refused.value.message
            == f"User: {principal.arn} is not authorized to perform: sts:AssumeRole on resource: {closed}"
        )


def test_trust_in_the_account_still_needs_a_permission(account: Account) -> None:
    trusting = account.make_role("Trusting", account.trust(AWS=f"arn:aws:iam::{ACCOUNT}:root"))
    with pytest.raises(Refused):
        account.attempt("sts", "AssumeRole", RoleArn=trusting, RoleSessionName="s")


def test_a_trust_policy_can_ask_for_an_external_id(account: Account) -> None:
    account.grant(account.allow("sts:AssumeRole"))
    document = json.loads(account.trust(AWS=f"arn:aws:iam::{ACCOUNT}:role/Worker"))
    document["Statement"][0]["Condition"] = {"StringEquals": {"sts:ExternalId": "42"}}
    guarded = account.make_role("Guarded", json.dumps(document))
    account.attempt("sts", "AssumeRole", RoleArn=guarded, RoleSessionName="s", ExternalId="42")
    with pytest.raises(Refused):
        account.attempt("sts", "AssumeRole", RoleArn=guarded, RoleSessionName="s")


@pytest.mark.parametrize(("service", "trusted"), [("lambda.amazonaws.com", True), ("pods.eks.amazonaws.com", False)])
def test_a_service_acts_only_where_the_resource_lets_it(account: Account, service: str, *, trusted: bool) -> None:
    call = account.call("sts", "AssumeRole", {}, account.admin)
    arn = f"arn:aws:iam::{ACCOUNT}:role/Worker"
    assert account.guard.service_may(service, "sts:AssumeRole", arn, call, {}) is trusted


def test_hundreds_of_calls_are_decided_in_a_second(account: Account) -> None:
    account.grant(*(account.allow("s3:GetObject", f"arn:aws:s3:::bucket-{number}/*") for number in range(40)))
    account.attempt("s3", "GetObject", Bucket="bucket-39", Key="k")
    began = time.process_time()
    for number in range(500):
        account.attempt("s3", "GetObject", Bucket="bucket-39", Key=f"k{number}")
    assert time.process_time() - began < 1


def test_a_key_that_is_yet_to_be_made_has_no_policy_that_could_decide(account: Account) -> None:
    with pytest.raises(Refused, match="because no identity-based policy allows the kms:CreateKey action"):
        account.attempt("kms", "CreateKey")
    account.grant(account.allow("kms:CreateKey"))
    account.attempt("kms", "CreateKey")


def test_the_policy_that_sns_gives_a_topic_lets_its_owner_in(account: Account) -> None:
    topic = sns_backends[ACCOUNT]["us-west-2"].create_topic("alarms")
    account.attempt("sns", "GetTopicAttributes", TopicArn=topic.arn)
