import json
import urllib.error
import urllib.request
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rehearsal.access.propagation import PROPAGATION
from rehearsal.faults import Fault
from rehearsal.world import World

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
}


def page(world: World, path: str, body: Any = None) -> Any:  # noqa: ANN401 - JSON
    data = json.dumps(body).encode() if body is not None else None
    headers = {"Content-Type": "application/json"}
    asked = urllib.request.Request(f"{world.endpoint}/_rehearsal/{path}", data, headers)  # noqa: S310 - loopback
    with urllib.request.urlopen(asked) as answered:  # noqa: S310
        return json.load(answered)


def test_the_admin_is_a_user_of_the_account(world: World) -> None:
    assert world.client("sts").get_caller_identity()["Arn"] == f"arn:aws:iam::{world.account}:user/admin"


def test_a_session_is_its_role_and_needs_its_own_token(world: World) -> None:
    role = world.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    world.clock.advance(timedelta(seconds=PROPAGATION))
    keys = world.client("sts").assume_role(RoleArn=role, RoleSessionName="me")["Credentials"]
    signed = (keys["AccessKeyId"], keys["SecretAccessKey"])
    arn = world.client("sts", *signed, keys["SessionToken"]).get_caller_identity()["Arn"]
    assert arn == f"arn:aws:sts::{world.account}:assumed-role/r/me"
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        world.client("sts", *signed, "another").get_caller_identity()


@pytest.mark.parametrize(
    ("service", "call", "code"),
    [
        ("sts", "get_caller_identity", "InvalidClientTokenId"),
        ("eks", "list_clusters", "UnrecognizedClientException"),
        ("s3", "list_buckets", "InvalidAccessKeyId"),
    ],
)
def test_an_unknown_key_is_refused_as_each_service_words_it(world: World, service: str, call: str, code: str) -> None:
    with pytest.raises(ClientError, match=code):
        getattr(world.client(service, "AKIAUNKNOWN000000000", "x"), call)()


@pytest.mark.parametrize("call", [("iam", "list_roles"), ("ec2", "describe_vpcs"), ("ssm", "describe_parameters")])
def test_a_throttled_call_is_retried_by_the_sdk(world: World, call: tuple[str, str]) -> None:
    service, method = call
    operation = "".join(word.title() for word in method.split("_"))
    world.faults.plant(Fault("throttle", f"{service}:{operation}"))
    answered = getattr(world.client(service), method)()
    assert answered["ResponseMetadata"]["RetryAttempts"] == 1


def test_what_neither_knows_is_refused_by_name(world: World) -> None:
    with pytest.raises(ClientError, match="does not know eks:ListFargateProfiles"):
        world.client("eks").list_fargate_profiles(clusterName="c")
    with pytest.raises(ClientError, match="does not know service-quotas:ListServices"):
        world.client("service-quotas").list_services()
    with pytest.raises(ClientError, match="does not know dynamodb:ListTables"):
        world.client("dynamodb").list_tables()


def test_a_large_object_comes_back_whole(world: World) -> None:
    storage, body = world.client("s3"), b"0123456789" * 3_000_000
    storage.create_bucket(Bucket="large", CreateBucketConfiguration={"LocationConstraint": world.region})
    storage.put_object(Bucket="large", Key="a folder/ü+1", Body=body)
    assert storage.get_object(Bucket="large", Key="a folder/ü+1")["Body"].read() == body


def test_a_presigned_url_is_answered_without_a_header(world: World) -> None:
    storage = world.client("s3")
    storage.create_bucket(Bucket="presigned", CreateBucketConfiguration={"LocationConstraint": world.region})
    storage.put_object(Bucket="presigned", Key="k", Body=b"x")
    url = storage.generate_presigned_url("get_object", {"Bucket": "presigned", "Key": "k"})
    with urllib.request.urlopen(url) as answered:  # noqa: S310 - loopback
        assert answered.read() == b"x"


def test_a_policy_that_enforces_tls_lets_the_rehearsal_in(world: World) -> None:
    """Guards against the emulator's own reading of bucket policies, which passes over conditions."""
    storage = world.client("s3")
    storage.create_bucket(Bucket="only-tls", CreateBucketConfiguration={"LocationConstraint": world.region})
    denied = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::only-tls/*"}
    policy = {"Statement": [{**denied, "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]}
    storage.put_bucket_policy(Bucket="only-tls", Policy=json.dumps(policy))
    storage.put_object(Bucket="only-tls", Key="k", Body=b"x")
    assert storage.get_object(Bucket="only-tls", Key="k")["Body"].read() == b"x"


def test_the_state_page_lists_what_was_made_and_nothing_of_awss_own(world: World) -> None:
    world.client("ssm").put_parameter(Name="/listed", Type="String", Value="x")
    listed = page(world, "state")["resources"]
    assert "ssm Parameter /listed" in listed
    assert not [row for row in listed if "aws:policy/" in row or row.startswith("ec2")]
    world.client("ssm").delete_parameter(Name="/listed")
    assert not [row for row in page(world, "state")["resources"] if row.startswith("ssm")]


def test_a_fault_is_planted_over_its_page(world: World) -> None:
    page(world, "faults", {"kind": "throttle", "target": "logs:DescribeLogGroups"})
    assert world.faults.strikes("throttle", "logs:DescribeLogGroups")


def test_a_page_that_is_not_there_is_named(world: World) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        page(world, "nothing")
    assert b"no page nothing; there are calls, custom-resource, faults, grants, quotas, state" in refused.value.read()
    refused.value.close()
