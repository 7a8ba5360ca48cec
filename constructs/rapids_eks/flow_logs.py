"""Flow logs of a VPC."""

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct


class FlowLogs(Construct):
    """Records all traffic of a VPC in a log group that goes with the stack."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own name for it
        *,
        vpc_id: str,
        retention_days: int,
    ) -> None:
        super().__init__(scope, id)
        group = logs.CfnLogGroup(self, "Group", retention_in_days=retention_days)
        # Records arrive up to ten minutes late. The role may not make a log group, so none comes back after deletion.
        write = iam.PolicyStatement(
            actions=["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"], resources=[group.attr_arn]
        )
        role = iam.Role(
            self,
            "Role",
            assumed_by=_flow_logs_of(cdk.Stack.of(self)),
            inline_policies={"Write": iam.PolicyDocument(statements=[write])},
        )
        ec2.CfnFlowLog(
            self,
            "FlowLog",
            resource_id=vpc_id,
            resource_type="VPC",
            traffic_type="ALL",
            log_destination_type="cloud-watch-logs",
            log_group_name=group.ref,
            deliver_logs_permission_arn=role.role_arn,
        )


def _flow_logs_of(stack: cdk.Stack) -> iam.ServicePrincipal:
    """Return the service, acting for this account only: https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html."""
    flow_logs = stack.format_arn(service="ec2", resource="vpc-flow-log", resource_name="*")
    conditions = {"StringEquals": {"aws:SourceAccount": stack.account}, "ArnLike": {"aws:SourceArn": flow_logs}}
    return iam.ServicePrincipal("vpc-flow-logs.amazonaws.com", conditions=conditions)
