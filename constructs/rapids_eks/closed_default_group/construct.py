"""The default security group of a VPC, without its rules."""

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

HANDLER = Path(__file__).parent / "handler" / "index.py"


class ClosedDefaultGroup(Construct):
    """Takes away the rules of the group that a resource without one gets, so that such a resource reaches nothing.

    It needs a function, for CloudFormation adds rules to that group but removes none. CDK's own function for this
    leaves its log group behind; this one cannot make any but the one that is deleted with the stack.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own name for it
        *,
        group_id: str,
        log_retention_days: int,
    ) -> None:
        super().__init__(scope, id)
        log = logs.CfnLogGroup(self, "Log", retention_in_days=log_retention_days)
        role = _role(self, group_id, log)
        function = lambda_.CfnFunction(
            self,
            "Function",
            description="Takes the rules of the VPC's default security group away",
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
            resource_type="Custom::ClosedDefaultGroup",
            service_token=function.attr_arn,
            service_timeout=cdk.Duration.minutes(5),
            properties={"GroupId": group_id},
        )


def _role(scope: Construct, group_id: str, log: logs.CfnLogGroup) -> iam.Role:
    """Return a role that may close this group and write this log, and nothing else."""
    group = cdk.Stack.of(scope).format_arn(service="ec2", resource="security-group", resource_name=group_id)
    revoke = ["ec2:RevokeSecurityGroupEgress", "ec2:RevokeSecurityGroupIngress"]
    statements = [
        iam.PolicyStatement(actions=revoke, resources=[group]),
        iam.PolicyStatement(actions=["ec2:DescribeSecurityGroupRules"], resources=["*"]),
        iam.PolicyStatement(actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[log.attr_arn]),
    ]
    role = iam.Role(
        scope,
        "Role",
        assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
        inline_policies={"Close": iam.PolicyDocument(statements=statements)},
    )
    cdk.Validations.of(role).acknowledge(
        cdk.Acknowledgment(
            id="AwsSolutions::AwsSolutions-IAM5[Resource::*]",
            reason="EC2 lets its descriptions be limited to no resource; the function changes only the one group",
        )
    )
    return role
