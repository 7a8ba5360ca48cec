"""Emptying a bucket, round by round."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from rapids_eks.data_bucket.handler.index import emptied


class MissingError(Exception):
    pass


@dataclass
class FakeS3:
    """A bucket's versions and delete markers, two a page; `kept` are refused to be deleted."""

    versions: list[str] = field(default_factory=list)
    kept: set[str] = field(default_factory=set)
    exists: bool = True
    exceptions = SimpleNamespace(NoSuchBucket=MissingError)

    def get_paginator(self, _: str) -> "FakeS3":
        return self

    def paginate(self, Bucket: str) -> Iterator[dict[str, Any]]:  # noqa: N803 - boto3's own
        assert Bucket == "data"
        if not self.exists:
            raise MissingError
        found = [self.versions[at : at + 2] for at in range(0, len(self.versions), 2)]
        for page in found or [[]]:
            kinds = ("DeleteMarkers", "Versions")
            yield {
                kind: [{"Key": key, "VersionId": "1"} for key in page if (kind == kinds[0]) == (key[0] == "-")]
                for kind in kinds
            }

    def delete_objects(self, Bucket: str, Delete: dict[str, Any]) -> dict[str, Any]:  # noqa: N803
        assert Bucket == "data"
        asked = {each["Key"] for each in Delete["Objects"]}
        self.versions = [key for key in self.versions if key not in asked - self.kept]
        return {"Errors": [{"Key": key, "Message": "Access Denied"} for key in sorted(asked & self.kept)]}


def test_versions_and_delete_markers_go_and_a_round_that_finds_nothing_is_the_last() -> None:
    s3 = FakeS3(["a", "-a", "b", "c", "-d"])
    assert emptied(s3, "data", lambda: False) == ["objects in data (5 versions were deleted in this round)"]
    assert s3.versions == []
    assert emptied(s3, "data", lambda: False) == []


def test_a_round_ends_when_its_time_is_over() -> None:
    s3 = FakeS3(["a", "b", "c"])
    assert emptied(s3, "data", lambda: True) == ["objects in data (2 versions were deleted in this round)"]
    assert s3.versions == ["c"]


def test_a_bucket_that_is_gone_is_empty() -> None:
    assert emptied(FakeS3(exists=False), "data", lambda: False) == []


def test_what_may_not_be_deleted_is_named() -> None:
    """Guards against S3's answer, which is a success that lists its failures."""
    with pytest.raises(RuntimeError, match="b: Access Denied"):
        emptied(FakeS3(["a", "b"], {"b"}), "data", lambda: False)
