"""The bucket with the teams' data."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3
from constructs import Construct

from rapids_eks.acknowledged import acknowledge
from rapids_eks.awaited_resource.construct import AwaitedResource
from rapids_eks.awaited_resource.permission import Permission

LIMIT = cdk.Duration.minutes(50)
EVERY = cdk.Duration.seconds(10)
UNFINISHED_DAYS = 7


class DataBucket(Construct):
    """A versioned, encrypted bucket that is reached by TLS only. Exposes `bucket`.

    Old versions and unfinished uploads expire. With `keep` the bucket and all that is in it outlive the stack; without,
    both go with it, and so whatever writes to the bucket must depend on this construct.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own name for it
        *,
        keep: bool,
        old_version_days: int = 30,
        expiring: Mapping[str, int] = MappingProxyType({}),
        log_retention_days: int = 30,
    ) -> None:
        """Make it; what was overwritten or deleted can be had back for `old_version_days`.

        `expiring` are prefixes of objects, with the days after which they are deleted.
        """
        super().__init__(scope, id)
        bucket = s3.Bucket(
            self,
            "Bucket",
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            versioned=True,
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="OldVersions",
                    noncurrent_version_expiration=cdk.Duration.days(old_version_days),
                    expired_object_delete_marker=True,
                ),
                s3.LifecycleRule(
                    id="UnfinishedUploads",
                    abort_incomplete_multipart_upload_after=cdk.Duration.days(UNFINISHED_DAYS),
                ),
                *(s3.LifecycleRule(prefix=at, expiration=cdk.Duration.days(days)) for at, days in expiring.items()),
            ],
            removal_policy=cdk.RemovalPolicy.RETAIN if keep else cdk.RemovalPolicy.DESTROY,
        )
        acknowledge(bucket, "S1", "Access logs of a data bucket would need a second one; CloudTrail has data events")
        self.bucket = cast("s3.IBucket", bucket)
        if not keep:
            self._emptied(bucket, log_retention_days)
        fate = "kept, with all that is in it" if keep else "deleted, with all that is in it"
        text = f"When the stacks are deleted, the data bucket is {fate} (data.keep in the blueprint)."
        cdk.Annotations.of(self).add_info(text)

    def _emptied(self, bucket: s3.Bucket, log_retention_days: int) -> None:
        """CDK's own `auto_delete_objects` has a function that leaves its log group behind, and 15 minutes."""
        everything = bucket.arn_for_objects("*")
        made = AwaitedResource(
            self,
            "Deletion",
            resource_type="Custom::EmptiedBucket",
            physical_id="objects",
            description="Deletes what is in the data bucket",
            code=Path(__file__).parent,
            properties={"Bucket": bucket.bucket_name},
            permissions=[
                Permission(["s3:ListBucketVersions"], [bucket.bucket_arn]),
                # Each version by its id, delete markers too
                Permission(["s3:DeleteObjectVersion"], [everything], why="All of the bucket is deleted"),
            ],
            limit=LIMIT,
            every=EVERY,
            log_retention_days=log_retention_days,
        )
        made.resource.node.add_dependency(bucket)
