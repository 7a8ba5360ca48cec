"""One round of emptying a bucket: every version of every object, as many as a round has time for."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import boto3
from botocore.config import Config

PATIENT = Config(retries={"mode": "adaptive", "max_attempts": 10})
SECONDS = 60  # of a round; the function has two minutes
SHOWN = 3  # errors that are told


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Empty the bucket for a while; done is a round that finds nothing."""
    deadline = time.monotonic() + SECONDS
    left = emptied(
        boto3.client("s3", config=PATIENT), event["properties"]["Bucket"], lambda: time.monotonic() > deadline
    )
    return {"done": not left, "left": left}


def emptied(s3: Any, bucket: str, over: Callable[[], bool]) -> list[str]:  # noqa: ANN401 - boto3 makes its classes at run time
    """Delete versions until the time is over; return what there was, in a line. RuntimeError tells what is refused."""
    deleted = 0
    for versions in pages(s3, bucket):
        answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": versions, "Quiet": True})
        if refused := answer.get("Errors"):
            raise RuntimeError("; ".join(f"{each['Key']}: {each['Message']}" for each in refused[:SHOWN]))
        deleted += len(versions)
        if over():
            break
    return [f"objects in {bucket} ({deleted} versions were deleted in this round)"] if deleted else []


def pages(s3: Any, bucket: str) -> Iterator[list[dict[str, str]]]:  # noqa: ANN401 - the same
    """Yield versions and delete markers, a thousand at a time; nothing where the bucket is gone."""
    try:
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            if found:
                yield [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]
    except s3.exceptions.NoSuchBucket:
        return
