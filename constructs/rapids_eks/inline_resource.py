"""A custom resource whose function stands in the template."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct


class InlineResource(Construct):
    """A custom resource that one small file of Python answers within a minute. Exposes the function's `role`.

    The role may do what the statements say and write to a log group that goes with the stack, but make none: a line
    that is written late brings none back.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own name for it
        *,
        resource_type: str,
        description: str,
        handler: Path,
        statements: Sequence[iam.PolicyStatement],
        log_retention_days: int,
        properties: Mapping[str, object] | None = None,
    ) -> None:
        """Make it; `handler` is a file with a function `handler`, which answers to CloudFormation itself."""
        super().__init__(scope, id)
        log = logs.CfnLogGroup(self, "Log", retention_in_days=log_retention_days)
        write = iam.PolicyStatement(actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[log.attr_arn])
        self.role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            inline_policies={"Own": iam.PolicyDocument(statements=[*statements, write])},
        )
        function = lambda_.CfnFunction(
            self,
            "Function",
            description=description,
            runtime=lambda_.Runtime.PYTHON_3_14.name,
            handler="index.handler",
            code=lambda_.CfnFunction.CodeProperty(zip_file=handler.read_text()),
            role=self.role.role_arn,
            timeout=60,
            logging_config=lambda_.CfnFunction.LoggingConfigProperty(log_group=log.ref),
        )
        cdk.CustomResource(
            self,
            "Resource",
            resource_type=resource_type,
            service_token=function.attr_arn,
            service_timeout=cdk.Duration.minutes(5),
            properties=dict(properties or {}),
        )
