"""The project that builds an image."""

from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3_assets as s3_assets
from constructs import Construct

from rapids_eks.acknowledged import acknowledge
from rapids_eks.built_image.base import PULL, Base
from rapids_eks.built_image.specification import specification

ENVIRONMENT = "aws/codebuild/amazonlinux-x86_64-standard:5.0"
SMALL, LARGE = "BUILD_GENERAL1_SMALL", "BUILD_GENERAL1_LARGE"
LIMIT_MINUTES, QUEUE_MINUTES = 42, 5  # together less than a custom resource is waited for
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html
PUSH = ("CompleteLayerUpload", "InitiateLayerUpload", "PutImage", "UploadLayerPart")


class Project(Construct):
    """A project of CodeBuild that builds and pushes an image. Exposes `name`, `arn`, and its `log`.

    Its role may read one context, pull one base and push into one repository.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own name for it
        *,
        base: Base,
        context: s3_assets.Asset,
        repository: ecr.Repository,
        log_retention_days: int,
        what: str,
        large: bool,
    ) -> None:
        super().__init__(scope, id)
        self.log = logs.CfnLogGroup(self, "Log", retention_in_days=log_retention_days)
        role = self._role(base, context, repository)
        project = codebuild.CfnProject(
            self,
            "Project",
            description=f"Builds {what}",
            service_role=role.role_arn,
            source=codebuild.CfnProject.SourceProperty(type="NO_SOURCE", build_spec=specification(base)),
            artifacts=codebuild.CfnProject.ArtifactsProperty(type="NO_ARTIFACTS"),
            environment=codebuild.CfnProject.EnvironmentProperty(
                type="LINUX_CONTAINER",
                compute_type=LARGE if large else SMALL,
                image=ENVIRONMENT,
                privileged_mode=True,
                environment_variables=[
                    codebuild.CfnProject.EnvironmentVariableProperty(name="REPOSITORY", value=repository.repository_uri)
                ],
            ),
            logs_config=codebuild.CfnProject.LogsConfigProperty(
                cloud_watch_logs=codebuild.CfnProject.CloudWatchLogsConfigProperty(
                    status="ENABLED", group_name=self.log.ref
                )
            ),
            timeout_in_minutes=LIMIT_MINUTES,
            queued_timeout_in_minutes=QUEUE_MINUTES,
        )
        acknowledge(project, "CB3", "Docker's daemon runs in the build's own machine, which is thrown away after it")
        acknowledge(project, "CB4", "The project keeps no artifacts that could be encrypted")
        self.name, self.arn = project.ref, project.attr_arn

    def _role(self, base: Base, context: s3_assets.Asset, repository: ecr.Repository) -> iam.Role:
        partition = cdk.Stack.of(self).partition
        allowed = [
            (["logs:CreateLogStream", "logs:PutLogEvents"], [self.log.attr_arn]),
            (["s3:GetObject"], [context.bucket.arn_for_objects(context.s3_object_key)]),
            (
                [f"ecr:{each}" for each in ("BatchCheckLayerAvailability", "BatchGetImage", *PUSH)],
                [repository.repository_arn],
            ),
            (["ecr:GetAuthorizationToken"], ["*"]),
        ]
        if base.public:
            allowed.append((["ecr-public:GetAuthorizationToken", "sts:GetServiceBearerToken"], ["*"]))
        if base.repository:
            allowed.append(([*PULL], [f"arn:{partition}:{base.repository}"]))
        statements = [iam.PolicyStatement(actions=actions, resources=arns) for actions, arns in allowed]
        role = iam.Role(
            self,
            "Role",
            assumed_by=cast("iam.IPrincipal", iam.ServicePrincipal("codebuild.amazonaws.com")),
            inline_policies={"Build": iam.PolicyDocument(statements=statements)},
        )
        acknowledge(role, "IAM5", "Logging in to a registry is no action on any resource", "Resource::*")
        return role
