"""S3: who may do what is decided before the emulator, which reads bucket policies without their conditions."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from moto.iam.access_control import PermissionResult
from moto.s3.models import FakeBucket, FakeKey, s3_backends

from rehearsal.access.guard import Guard
from rehearsal.wire.call import Call


def leave_permission_to_the_guard() -> None:
    """Have the emulator's buckets permit whatever reaches them."""

    def permitted(*_: Any) -> PermissionResult:  # noqa: ANN401 - moto's arguments
        return PermissionResult.PERMITTED

    FakeBucket.get_permission = permitted


def refusals(guard: Guard) -> dict[str, Callable[[Call], None]]:
    """Return the checks that come before the emulator, which tells everybody what a bucket does not hold.

    Who may not list the bucket is answered 403 for a missing key, not 404:
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html. Who may list below a prefix gets 404 there, as
    users of S3 have measured: https://github.com/kopia/kopia/pull/3072
    """

    def missing(call: Call) -> None:
        bucket, key = call.parameters["Bucket"], call.parameters["Key"]
        if _lacks(call, bucket, key):
            listing = replace(call, operation="ListObjectsV2", parameters={"Bucket": bucket, "Prefix": key})
            guard.demand(listing, "s3:ListBucket", f"arn:aws:s3:::{bucket}")

    return {"s3:GetObject": missing, "s3:HeadObject": missing}


def _lacks(call: Call, name: str, key: str) -> bool:
    """Return whether a bucket is there without the key, or with no more of it than a delete marker."""
    bucket = s3_backends[call.account]["aws"].buckets.get(name)
    return bucket is not None and not (key in bucket.keys and isinstance(bucket.keys[key], FakeKey))
