"""The service-linked role of EC2 Spot."""

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from rapids_eks.inline_resource import InlineResource

HANDLER = Path(__file__).parent / "handler" / "index.py"
SERVICE, ROLE = "spot.amazonaws.com", "AWSServiceRoleForEC2Spot"


class SpotRole(Construct):
    """Makes sure of the role without which EC2 sells the account no Spot instances; others may use it, so it stays.

    It needs a function: `AWS::IAM::ServiceLinkedRole` fails in an account that has the role, and takes it away from all
    others on deletion. Without the role Karpenter buys on-demand instances and says so in its log only.
    """

    def __init__(self, scope: Construct, id: str, *, log_retention_days: int) -> None:  # noqa: A002 - CDK's own name for it
        super().__init__(scope, id)
        made = cdk.Stack.of(self).format_arn(
            service="iam", region="", resource="role", resource_name=f"aws-service-role/{SERVICE}/{ROLE}"
        )
        make = iam.PolicyStatement(
            actions=["iam:CreateServiceLinkedRole"],
            resources=[made],
            conditions={"StringEquals": {"iam:AWSServiceName": SERVICE}},
        )
        InlineResource(
            self,
            "Ensuring",
            resource_type="Custom::SpotRole",
            description="Makes sure of the service-linked role of EC2 Spot",
            handler=HANDLER,
            statements=[make],
            log_retention_days=log_retention_days,
        )
