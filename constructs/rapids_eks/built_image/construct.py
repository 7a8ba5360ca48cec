"""An image that is built in the account, from a folder and a base image."""

import hashlib
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_s3_assets as s3_assets
from constructs import Construct

from rapids_eks.awaited_resource.construct import LONGEST_MINUTES, AwaitedResource
from rapids_eks.awaited_resource.permission import Permission
from rapids_eks.built_image.base import Base
from rapids_eks.built_image.project import Project
from rapids_eks.built_image.specification import specification

LIMIT, EVERY = cdk.Duration.minutes(LONGEST_MINUTES), cdk.Duration.seconds(30)
TAG_LENGTH = 40  # a tag has 128 characters; the base's digest comes after this


class BuiltImage(Construct):
    """Builds an image by CodeBuild and keeps it in ECR. Exposes its `repository`, `uri`, `digest` and `base_digest`.

    `uri` has the image's tag, which stands for one content for ever. Other stacks may use it; the digest would be an
    export of CloudFormation, which takes no other value while it is used. `base_digest` is what the base's name stood
    for when the image was built. An image is
    built when the context, the name of the base or the way of building changes. A base whose tag has moved is not: give
    a dated tag or a digest, and change it to build anew. The repository goes with the stack, and all images with it.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own name for it
        *,
        context: Path,
        base_image: str,
        log_retention_days: int,
        what: str,
        large: bool = False,
        keep_images: int = 3,
    ) -> None:
        """Make it of a folder with a Dockerfile, whose argument BASE_IMAGE is the base; `.dockerignore` is heeded.

        `what` is said of it in descriptions. A `large` one has 128 GB of disk to be built on, others 50 GB.
        The newest `keep_images` images stay, so that a rollback finds the one that it needs. ValueError refuses a base
        without a tag or digest, and a folder without a Dockerfile.
        """
        super().__init__(scope, id)
        base, asset = Base(base_image), _asset(self, context)
        made_of = "\n".join((asset.asset_hash, base.image, specification(base)))
        self.tag = hashlib.sha256(made_of.encode()).hexdigest()[:TAG_LENGTH]
        self.repository = _repository(self, keep_images)
        project = Project(
            self,
            "Building",
            base=base,
            context=asset,
            repository=self.repository,
            log_retention_days=log_retention_days,
            what=what,
            large=large,
        )
        self._made = self._build(base, asset, project, log_retention_days, what)
        self.uri = self.repository.repository_uri_for_tag(self.tag)
        self.digest = self._made.resource.get_att_string("Digest")
        self.base_digest = self._made.resource.get_att_string("BaseDigest")

    def _build(
        self, base: Base, asset: s3_assets.Asset, project: Project, log_retention_days: int, what: str
    ) -> AwaitedResource:
        return AwaitedResource(
            self,
            "Image",
            resource_type="Custom::BuiltImage",
            physical_id=self.tag,
            description=f"Sees to it that {what} is built",
            code=Path(__file__).parent,
            properties={
                "Project": project.name,
                "Repository": self.repository.repository_name,
                "Tag": self.tag,
                "Base": base.image,
                "Context": asset.s3_object_url,
            },
            permissions=[
                Permission(["ecr:DescribeImages"], [self.repository.repository_arn]),
                Permission(
                    [
                        f"codebuild:{each}"
                        for each in ("BatchGetBuilds", "ListBuildsForProject", "StartBuild", "StopBuild")
                    ],
                    [project.arn],
                ),
                Permission(["logs:GetLogEvents"], [project.log.attr_arn]),
            ],
            limit=LIMIT,
            every=EVERY,
            log_retention_days=log_retention_days,
            awaited=("Create", "Update", "Delete"),
        )


def _asset(scope: Construct, context: Path) -> s3_assets.Asset:
    if not (context / "Dockerfile").is_file():
        raise ValueError(f"{context} has no Dockerfile: give the folder that the image is built from")
    ignored = context / ".dockerignore"
    lines = ignored.read_text().splitlines() if ignored.exists() else []
    exclude = [line for line in lines if line.strip() and not line.startswith("#")]
    return s3_assets.Asset(scope, "Context", path=str(context), exclude=exclude, ignore_mode=cdk.IgnoreMode.DOCKER)


def _repository(scope: Construct, keep: int) -> ecr.Repository:
    return ecr.Repository(
        scope,
        "Repository",
        image_scan_on_push=True,
        image_tag_mutability=ecr.TagMutability.IMMUTABLE,
        lifecycle_rules=[
            ecr.LifecycleRule(rule_priority=1, tag_status=ecr.TagStatus.UNTAGGED, max_image_age=cdk.Duration.days(1)),
            ecr.LifecycleRule(rule_priority=2, max_image_count=keep),
        ],
        removal_policy=cdk.RemovalPolicy.DESTROY,
        empty_on_delete=True,
    )
