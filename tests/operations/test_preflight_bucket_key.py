"""What preflight finds of the key of a data bucket that is there already."""

import json
from typing import Any

import pytest

from operations.preflight.bucket_key import bucket_key
from operations.preflight.run import IN_THE_ACCOUNT
from tests.operations.fake_aws import FakeAws, changed, question, ready, refuses

KEY = "arn:aws:kms:us-west-2:111122223333:key/1234abcd"
ROOT = "arn:aws:iam::111122223333:root"


def encrypted(policy: list[dict[str, Any]], manager: str = "CUSTOMER", key: str | None = KEY) -> FakeAws:
    aws = ready()
    usual = {"SSEAlgorithm": "aws:kms", **({"KMSMasterKeyID": key} if key else {})}
    rules = {"Rules": [{"ApplyServerSideEncryptionByDefault": usual}]}
    aws.answers |= {
        "s3.GetBucketEncryption": {"ServerSideEncryptionConfiguration": rules},
        "kms.DescribeKey": {"KeyMetadata": {"KeyId": "1234abcd", "Arn": KEY, "KeyManager": manager}},
        "kms.GetKeyPolicy": {"Policy": json.dumps({"Statement": policy})},
    }
    return aws


def told(aws: FakeAws) -> list[tuple[str, str, str]]:
    found = bucket_key(question(aws, changed("data", bucket="mine")))
    return [(each.level, each.text, each.fix) for each in found]


def allow(principal: object, *actions: str, effect: str = "Allow") -> dict[str, Any]:
    return {"Effect": effect, "Principal": principal, "Action": list(actions), "Resource": "*"}


def test_a_key_whose_policy_leaves_all_to_iam_stops_the_jobs() -> None:
    """Guards against a run that fails at its first read, half an hour after the deployment."""
    ((level, text, fix),) = told(encrypted([allow({"AWS": ROOT}, "kms:*")]))
    assert (level, KEY in text) == ("problem", True)
    statement = json.loads(fix.split(": ", 1)[1])
    assert statement["Condition"]["StringEquals"]["kms:ViaService"] == "s3.us-west-2.amazonaws.com"
    ((level, _, _),) = told(encrypted([statement]))
    assert level == "ok", "what is said to help does"


@pytest.mark.parametrize(
    ("statement", "level"),
    [
        (allow("*", "kms:*"), "ok"),
        (allow({"AWS": ["*"]}, "kms:Decrypt", "kms:GenerateDataKey*"), "ok"),
        (allow({"AWS": "*"}, "kms:Decrypt"), "problem"),
        (allow({"AWS": "*"}, "kms:*", effect="Deny"), "problem"),
        (allow({"AWS": "arn:aws:iam::111122223333:role/jobs"}, "kms:*"), "warning"),
        (allow({"Service": "logs.amazonaws.com"}, "kms:*"), "problem"),
    ],
)
def test_the_key_s_policy_decides(statement: dict[str, Any], level: str) -> None:
    assert [each[0] for each in told(encrypted([statement]))] == [level]


def test_aws_s_own_keys_need_nothing() -> None:
    assert [each[0] for each in told(encrypted([], manager="AWS"))] == ["ok"]
    assert told(encrypted([], key=None)) == []


def test_a_bucket_that_is_not_there_is_left_to_the_look_at_names() -> None:
    aws = encrypted([])
    aws.answers["s3.GetBucketEncryption"] = refuses("NoSuchBucket")
    assert told(aws) == []
    assert list(bucket_key(question(ready()))) == [], "without a bucket of one's own there is nothing to look at"
    aws.answers["s3.GetBucketEncryption"] = refuses("AccessDenied")
    with pytest.raises(Exception, match="AccessDenied"):
        told(aws)


def test_it_is_looked_at_before_a_deployment() -> None:
    assert bucket_key in dict(IN_THE_ACCOUNT).values()
