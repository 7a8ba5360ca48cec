"""The log group of an EKS control plane."""

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from rapids_eks.acknowledged import acknowledge, resource

HANDLER = Path(__file__).parent / "handler" / "index.py"


class ClusterLogs(Construct):
    """The log group that EKS writes to, made or adopted before the cluster, and deleted after it.

    Exposes its name as `group_name`. Where a cluster of that name is there already, its group is left alone, and the
    stack fails at once. A log group of the stack's own would not do: EKS writes late and makes the group
    again, by its fixed name, and the next deployment would find it in its way. CDK's `LogRetention` leaves the log
    group of its own function behind.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own name for it
        *,
        cluster_name: str,
        retention_days: int,
    ) -> None:
        super().__init__(scope, id)
        self.group_name = f"/aws/eks/{cluster_name}/cluster"
        log = logs.CfnLogGroup(self, "Log", retention_in_days=retention_days)
        function = lambda_.CfnFunction(
            self,
            "Function",
            description="Makes, adopts and deletes the control plane's log group",
            runtime=lambda_.Runtime.PYTHON_3_14.name,
            handler="index.handler",
            code=lambda_.CfnFunction.CodeProperty(zip_file=HANDLER.read_text()),
            role=_role(self, cluster_name, self.group_name, log).role_arn,
            timeout=60,
            logging_config=lambda_.CfnFunction.LoggingConfigProperty(log_group=log.ref),
        )
        cdk.CustomResource(
            self,
            "Resource",
            resource_type="Custom::ClusterLogs",
            service_token=function.attr_arn,
            service_timeout=cdk.Duration.minutes(5),
            properties={"Name": self.group_name, "RetentionDays": retention_days},
        )


def _role(scope: Construct, cluster_name: str, group_name: str, log: logs.CfnLogGroup) -> iam.Role:
    """Return a role that may keep this one group, look at the cluster, write the function's own log, and no more."""
    stack = cdk.Stack.of(scope)
    cluster = stack.format_arn(service="eks", resource="cluster", resource_name=cluster_name)
    group = stack.format_arn(
        service="logs",
        resource="log-group",
        resource_name=group_name,
        arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
    )
    keep = ["logs:CreateLogGroup", "logs:DeleteLogGroup", "logs:PutRetentionPolicy"]
    statements = [
        iam.PolicyStatement(actions=keep, resources=[group, f"{group}:*"]),
        iam.PolicyStatement(actions=["eks:DescribeCluster"], resources=[cluster]),
        iam.PolicyStatement(actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[log.attr_arn]),
    ]
    role = iam.Role(
        scope,
        "Role",
        assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
        inline_policies={"Keep": iam.PolicyDocument(statements=statements)},
    )
    acknowledge(role, "IAM5", "CloudWatch Logs writes the ARN of one group in both ways", resource(scope, f"{group}:*"))
    return role
