"""The service-linked role of EC2 Spot."""

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

HANDLER = Path(__file__).parent / "handler" / "index.py"
SERVICE, ROLE = "spot.amazonaws.com", "AWSServiceRoleForEC2Spot"


class SpotRole(Construct):
    """Makes sure of the role without which EC2 sells the account no Spot instances; others may use it, so it stays.

    It needs a function: `AWS::IAM::ServiceLinkedRole` fails in an account that has the role, and takes it away from all
    others on deletion. Without the role Karpenter buys on-demand instances and says so in its log only.
    """

    def __init__(self, scope: Construct, id: str, *, log_retention_days: int) -> None:  # noqa: A002 - CDK's own name for it
        super().__init__(scope, id)
        log = logs.CfnLogGroup(self, "Log", retention_in_days=log_retention_days)
        role = _role(self, log)
        function = lambda_.CfnFunction(
            self,
            "Function",
            description="Makes sure of the service-linked role of EC2 Spot",
            runtime=lambda_.Runtime.PYTHON_3_14.name,
            handler="index.handler",
            code=lambda_.CfnFunction.CodeProperty(zip_file=HANDLER.read_text()),
            role=role.role_arn,
            timeout=60,
            logging_config=lambda_.CfnFunction.LoggingConfigProperty(log_group=log.ref),
        )
        cdk.CustomResource(
            self,
            "Resource",
            resource_type="Custom::SpotRole",
            service_token=function.attr_arn,
            service_timeout=cdk.Duration.minutes(5),
        )


def _role(scope: Construct, log: logs.CfnLogGroup) -> iam.Role:
    """Return a role that may make this one service-linked role and write this log, and nothing else."""
    made = cdk.Stack.of(scope).format_arn(
        service="iam", region="", resource="role", resource_name=f"aws-service-role/{SERVICE}/{ROLE}"
    )
    statements = [
        iam.PolicyStatement(
            actions=["iam:CreateServiceLinkedRole"],
            resources=[made],
            conditions={"StringEquals": {"iam:AWSServiceName": SERVICE}},
        ),
        iam.PolicyStatement(actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[log.attr_arn]),
    ]
    return iam.Role(
        scope,
        "Role",
        assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
        inline_policies={"Ensure": iam.PolicyDocument(statements=statements)},
    )
