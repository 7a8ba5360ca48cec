"""The default security group of a VPC, without its rules."""

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from rapids_eks.acknowledged import acknowledge
from rapids_eks.inline_resource import InlineResource

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
        group = cdk.Stack.of(self).format_arn(service="ec2", resource="security-group", resource_name=group_id)
        revoke = ["ec2:RevokeSecurityGroupEgress", "ec2:RevokeSecurityGroupIngress"]
        closing = InlineResource(
            self,
            "Closing",
            resource_type="Custom::ClosedDefaultGroup",
            description="Takes the rules of the VPC's default security group away",
            handler=HANDLER,
            statements=[
                iam.PolicyStatement(actions=revoke, resources=[group]),
                iam.PolicyStatement(actions=["ec2:DescribeSecurityGroupRules"], resources=["*"]),
            ],
            log_retention_days=log_retention_days,
            properties={"GroupId": group_id},
        )
        reason = "EC2 lets its descriptions be limited to no resource; the function changes only the one group"
        acknowledge(closing.role, "IAM5", reason, "Resource::*")
