"""S3: who may do what is decided before the emulator, which reads bucket policies without their conditions."""

from typing import Any

from moto.iam.access_control import PermissionResult
from moto.s3.models import FakeBucket


def leave_permission_to_the_guard() -> None:
    """Have the emulator's buckets permit whatever reaches them."""

    def permitted(*_: Any) -> PermissionResult:  # noqa: ANN401 - moto's arguments
        return PermissionResult.PERMITTED

    FakeBucket.get_permission = permitted
