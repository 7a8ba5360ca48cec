import json
from typing import Any

import pytest
from moto.iam.models import iam_backends
from moto.s3.models import S3Backend, s3_backends

from rehearsal.access.guard import Guard
from rehearsal.services import s3
from rehearsal.wire.call import Call, Principal, Refused

ACCOUNT, REGION = "111122223333", "us-west-2"
READ = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::data/*"}
LIST = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::data"}
UNDER_TEAM = {**LIST, "Condition": {"StringLike": {"s3:prefix": "team/*"}}}


@pytest.fixture
def bucket(account: Any) -> S3Backend:  # noqa: ANN401 - the conftest's Account
    """Make the bucket `data`, which holds `team/there`; return the emulator that has it."""
    del account
    backend: S3Backend = s3_backends[ACCOUNT]["aws"]
    backend.create_bucket("data", REGION)
    backend.put_object("data", "team/there", b"x")
    return backend


def look(account: Any, operation: str, key: str, *allowed: dict[str, Any], bucket: str = "data") -> None:  # noqa: ANN401
    """Ask for a key as a role with these statements."""
    document = json.dumps({"Version": "2012-10-17", "Statement": list(allowed)})
    iam_backends[ACCOUNT]["aws"].put_role_policy("r", "own", document)
    role = Principal(f"arn:aws:sts::{ACCOUNT}:assumed-role/r/me", "r")
    asked = Call("s3", operation, {"Bucket": bucket, "Key": key}, role, "AKIA", REGION, ACCOUNT, "1")
    s3.refusals(Guard(account.world))[f"s3:{operation}"](asked)


@pytest.mark.usefixtures("bucket")
@pytest.mark.parametrize("operation", ["GetObject", "HeadObject"])
@pytest.mark.parametrize(("key", "allowed"), [("team/missing", [READ]), ("other/missing", [READ, UNDER_TEAM])])
def test_a_missing_key_is_forbidden_to_who_may_not_list(
    account: Any,  # noqa: ANN401
    operation: str,
    key: str,
    allowed: list[dict[str, Any]],
) -> None:
    """Guards against the emulator's 404, which a program then takes for `not there yet`."""
    with pytest.raises(Refused, match="not authorized to perform: s3:ListBucket") as refused:
        look(account, operation, key, *allowed)
    assert refused.value.status == 403


@pytest.mark.usefixtures("bucket")
@pytest.mark.parametrize(
    ("key", "name", "allowed"),
    [
        ("team/there", "data", [READ]),
        ("team/missing", "data", [READ, LIST]),
        ("team/missing", "data", [READ, UNDER_TEAM]),
        ("team/missing", "none", [READ]),
    ],
)
def test_the_emulator_answers_all_else(account: Any, key: str, name: str, allowed: list[dict[str, Any]]) -> None:  # noqa: ANN401
    look(account, "HeadObject", key, *allowed, bucket=name)


def test_a_deleted_key_of_a_bucket_with_versions_is_missing(account: Any, bucket: S3Backend) -> None:  # noqa: ANN401
    bucket.put_bucket_versioning("data", "Enabled")
    bucket.delete_object("data", "team/there")
    with pytest.raises(Refused, match="s3:ListBucket"):
        look(account, "HeadObject", "team/there", READ)
