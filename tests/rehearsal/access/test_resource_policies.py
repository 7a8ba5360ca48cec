"""Decisions in which the resource has a say: policies of buckets, keys and topics, and the trust of roles."""

import json
from typing import Any

import pytest
from moto.kms.models import kms_backends
from moto.s3.models import s3_backends
from moto.sns.models import sns_backends

from rehearsal.wire.call import Refused
from rehearsal.world import ACCOUNT
from tests.rehearsal.access.account import Account


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


def test_the_policy_that_sns_gives_a_topic_lets_its_owner_in(account: Account) -> None:
    topic = sns_backends[ACCOUNT]["us-west-2"].create_topic("alarms")
    account.attempt("sns", "GetTopicAttributes", TopicArn=topic.arn)
