"""The log group of an EKS control plane."""

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from rapids_eks.acknowledged import acknowledge, resource
from rapids_eks.inline_resource import InlineResource

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
        stack = cdk.Stack.of(self)
        cluster = stack.format_arn(service="eks", resource="cluster", resource_name=cluster_name)
        group = stack.format_arn(
            service="logs",
            resource="log-group",
            resource_name=self.group_name,
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )
        keep = ["logs:CreateLogGroup", "logs:DeleteLogGroup", "logs:PutRetentionPolicy"]
        keeping = InlineResource(
            self,
            "Keeping",
            resource_type="Custom::ClusterLogs",
            description="Makes, adopts and deletes the control plane's log group",
            handler=HANDLER,
            statements=[
                iam.PolicyStatement(actions=keep, resources=[group, f"{group}:*"]),
                iam.PolicyStatement(actions=["eks:DescribeCluster"], resources=[cluster]),
            ],
            log_retention_days=retention_days,
            properties={"Name": self.group_name, "RetentionDays": retention_days},
        )
        reason = "CloudWatch Logs writes the ARN of one group in both ways"
        acknowledge(keeping.role, "IAM5", reason, resource(self, f"{group}:*"))
