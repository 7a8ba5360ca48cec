"""The stack of the image."""

from pathlib import Path

import aws_cdk as cdk
from constructs import Construct

import config
from rapids_eks.built_image.construct import BuiltImage


class ImageStack(cdk.Stack):
    """The image of Spark's driver and executors, built in the account. Exposes `uri`."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own name for it
        *,
        name: str,
        context: Path,
        image: config.Image,
        release: str,
        log_retention_days: int,
        env: cdk.Environment | None = None,
    ) -> None:
        super().__init__(scope, id, stack_name=f"{name}-image", env=env, description=f"The image of {name}'s jobs")
        made = BuiltImage(
            self,
            "Image",
            context=context,
            base_image=image.base_of(release),
            log_retention_days=log_retention_days,
            what="the image of Spark's driver and executors",
            large=True,  # it has 25 GB
        )
        self.uri = made.uri
        findings = f"aws ecr describe-image-scan-findings --region {self.region}"
        where = f"--repository-name {made.repository.repository_name} --image-id imageTag={made.tag}"
        outputs = {
            "Uri": made.uri,
            "Digest": made.digest,
            "BaseDigest": made.base_digest,
            "Findings": f"{findings} {where}",
        }
        for key, value in outputs.items():
            cdk.CfnOutput(self, key, value=value)
