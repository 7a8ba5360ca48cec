"""A customer's KMS key: who uses what lies under it needs the key as well."""

from typing import Any

import pytest
from moto.kms.models import kms_backends
from moto.s3.models import s3_backends
from moto.secretsmanager.models import secretsmanager_backends
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends
from moto.ssm.models import ssm_backends

from rehearsal.wire.call import Refused
from rehearsal.world import ACCOUNT
from tests.rehearsal.access.account import Account

REGION = "us-west-2"
OBJECT = {"Bucket": "sealed", "Key": "k"}
READ, WRITE = "kms:Decrypt", "kms:GenerateDataKey"
SECRET = {"SecretId": "own"}
QUEUE = {"QueueUrl": f"https://sqs.us-west-2.amazonaws.com/{ACCOUNT}/own"}
TOPIC = {"TopicArn": f"arn:aws:sns:us-west-2:{ACCOUNT}:own"}
PARAMETER = {"Name": "own", "WithDecryption": True}
UPLOAD = {"Bucket": "plain", "Key": "k", "ServerSideEncryption": "aws:kms"}
_SECRET: dict[str, Any] = {
    "name": "own",
    "secret_string": "x",
    "secret_binary": None,
    "description": None,
    "tags": [],
    "client_request_token": None,
    "replica_regions": [],
    "force_overwrite": False,
}
USES = [
    ("s3", "GetObject", OBJECT, {READ}),
    ("s3", "HeadObject", {**OBJECT, "ChecksumMode": "ENABLED"}, {READ}),
    ("s3", "PutObject", OBJECT, {WRITE}),
    ("s3", "PutObject", {**UPLOAD, "SSEKMSKeyId": "alias/own"}, {WRITE}),
    ("s3", "CreateMultipartUpload", OBJECT, {WRITE, READ}),
    ("s3", "CopyObject", {"Bucket": "plain", "Key": "k", "CopySource": OBJECT}, {READ}),
    ("s3", "CopyObject", {**OBJECT, "CopySource": "plain/k"}, {WRITE}),
    ("secretsmanager", "GetSecretValue", SECRET, {READ}),
    ("secretsmanager", "PutSecretValue", SECRET, {WRITE, READ}),
    ("secretsmanager", "CreateSecret", {"Name": "new", "KmsKeyId": "alias/own"}, {WRITE, READ}),
    ("sns", "Publish", TOPIC, {WRITE, READ}),
    ("sqs", "SendMessage", QUEUE, {WRITE, READ}),
    ("sqs", "ReceiveMessage", QUEUE, {READ}),
    ("ssm", "GetParameter", PARAMETER, {READ}),
    ("ssm", "PutParameter", {"Name": "new", "Type": "SecureString", "KeyId": "alias/own"}, {"kms:Encrypt"}),
]


@pytest.fixture
def key(account: Account) -> str:
    """The ARN of a key, under which a bucket's objects, a secret, a topic, a queue and a parameter lie."""
    keys, storage = kms_backends[ACCOUNT][REGION], s3_backends[ACCOUNT]["aws"]
    made = keys.create_key(None, "ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT", "", None)
    keys.create_alias(made.id, "alias/own")
    for name in ("sealed", "plain"):
        storage.create_bucket(name, REGION)
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": made.arn}}
    storage.put_bucket_encryption("sealed", {"Rule": rule})
    for name in ("sealed", "plain"):
        storage.put_object(name, "k", b"x")
    secretsmanager_backends[ACCOUNT][REGION].create_secret(**_SECRET, kms_key_id=made.arn)
    sns_backends[ACCOUNT][REGION].create_topic("own", {"KmsMasterKeyId": made.id})
    sqs_backends[ACCOUNT][REGION].create_queue("own", {}, KmsMasterKeyId="alias/own")
    ssm_backends[ACCOUNT][REGION].put_parameter(
        "own",
        None,
        "x",
        "SecureString",
        None,
        "alias/own",
        overwrite=False,
        tags=[],
        data_type="text",
        tier=None,
        policies=None,
    )
    account.grant(account.allow([f"{service}:*" for service in ("s3", "secretsmanager", "sns", "sqs", "ssm")]))
    return str(made.arn)


@pytest.mark.parametrize(("service", "operation", "given", "needed"), USES)
def test_who_may_use_the_thing_needs_its_key_too(
    account: Account, key: str, service: str, operation: str, given: dict[str, Any], needed: set[str]
) -> None:
    everything = {"Effect": "Allow", "Action": "*", "NotResource": key}
    for short in needed:
        account.grant(everything, account.allow(sorted(needed - {short}) or "kms:DescribeKey", key))
        with pytest.raises(Refused, match=f"not authorized to perform: {short} on resource: .?{key}"):
            account.attempt(service, operation, **given)
    account.grant(everything, account.allow(sorted(needed), key))
    account.attempt(service, operation, **given)


@pytest.mark.parametrize(
    ("operation", "given"),
    [("GetObject", {"Bucket": "plain", "Key": "k"}), ("PutObject", UPLOAD), ("HeadObject", OBJECT)],
)
def test_what_lies_under_no_customer_s_key_or_is_not_read_needs_none(
    account: Account, key: str, operation: str, given: dict[str, Any]
) -> None:
    assert key
    account.attempt("s3", operation, **given)


@pytest.mark.parametrize(("through", "allowed"), [("s3", True), ("sqs", False)])
def test_a_key_may_be_lent_to_one_service_alone(account: Account, key: str, through: str, *, allowed: bool) -> None:
    only = {"StringEquals": {"kms:ViaService": f"{through}.us-west-2.amazonaws.com"}}
    account.grant(account.allow("s3:*"), account.allow("kms:Decrypt", key, Condition=only))
    if allowed:
        account.attempt("s3", "GetObject", **OBJECT)
    else:
        with pytest.raises(Refused, match="kms:Decrypt"):
            account.attempt("s3", "GetObject", **OBJECT)


def test_a_key_whose_policy_leaves_nothing_to_the_account_is_closed_to_it(account: Account, key: str) -> None:
    theirs = account.allow("kms:*") | {"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/Other"}}
    kms_backends[ACCOUNT][REGION].put_key_policy(key, account.policy(theirs))
    account.grant(account.allow("*"))
    with pytest.raises(Refused, match="because no resource-based policy allows the kms:Decrypt action"):
        account.attempt("s3", "GetObject", **OBJECT)
