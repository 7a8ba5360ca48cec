"""What runs kubectl and helm for a stack."""

from collections.abc import Sequence
from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_eks_v2 as eks
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk.lambda_layer_kubectl_v35 import KubectlV35Layer
from constructs import Construct

from rapids_eks.acknowledged import acknowledge, resource

LAYERS = {"1.35": KubectlV35Layer}  # kubectl and helm of the cluster's minor version
INTERFACES = (  # what Lambda does as a function's role: https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
)
INTERFACES_REASON = "The interfaces of a function cannot be named before Lambda makes them"


class Kubectl(Construct):
    """A role, a security group and a log group for CDK's functions that run kubectl and helm inside the VPC.

    Exposes `options` for the cluster and `security_group`. With the roles that CDK would give them the functions could
    make log groups, which nobody deletes, and read all of the account's images.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own name for it
        *,
        cluster_name: str,
        version: str,
        vpc: ec2.IVpc,
        subnets: Sequence[ec2.ISubnet],
        log_retention_days: int,
    ) -> None:
        """Make them; `version` is the cluster's. Raises ValueError where no kubectl of that version is pinned."""
        super().__init__(scope, id)
        if version not in LAYERS:
            raise ValueError(f"There is no kubectl for Kubernetes {version}: use one of {', '.join(LAYERS)}")
        self._log = logs.CfnLogGroup(self, "Log", retention_in_days=log_retention_days)
        self.security_group = ec2.SecurityGroup(
            self,
            "SecurityGroup",
            vpc=vpc,
            description="kubectl and helm run by CloudFormation",
            allow_all_outbound=False,
        )
        self.security_group.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(443), "The API, AWS, charts")
        self._role = self._handler_role(cluster_name)
        self.options = eks.KubectlProviderOptions(
            kubectl_layer=LAYERS[version](self, "Layer"),
            role=self._role.without_policy_updates(),
            private_subnets=list(subnets),
            security_groups=[cast("ec2.ISecurityGroup", self.security_group)],
        )

    def log_of(self, cluster: eks.Cluster) -> None:
        """Let the functions of a cluster made with `options` write to this construct's log group, and to no other."""
        provider = cluster.node.find_child("KubectlProvider")
        framework = cast("lambda_.Function", provider.node.find_child("Provider").node.find_child("framework-onEvent"))
        handler = cast("lambda_.Function", provider.node.find_child("Handler"))
        for function in (handler, framework):
            made = cast("lambda_.CfnFunction", function.node.default_child)
            made.add_property_override("LoggingConfig.LogGroup", self._log.ref)
        acknowledge(handler, "L1", "CDK chooses the Python that its handler is tested with")
        self._restrict(cast("iam.Role", framework.role), handler)
        self.node.try_remove_child("HasEcrPublic")  # CDK's condition for a policy that the role does not get

    def _handler_role(self, cluster_name: str) -> iam.Role:
        cluster = cdk.Stack.of(self).format_arn(service="eks", resource="cluster", resource_name=cluster_name)
        statements = [
            *self._runs(),
            iam.PolicyStatement(actions=["eks:DescribeCluster"], resources=[cluster]),
            # To pull charts from ECR Public, the handler logs in there.
            iam.PolicyStatement(
                actions=["ecr-public:GetAuthorizationToken", "sts:GetServiceBearerToken"], resources=["*"]
            ),
        ]
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            inline_policies={"Kubectl": iam.PolicyDocument(statements=statements)},
        )
        acknowledge(role, "IAM5", f"{INTERFACES_REASON}, nor tokens of ECR Public", "Resource::*")
        return role

    def _runs(self) -> list[iam.PolicyStatement]:
        """Return what a function in a VPC needs to run and to log; no log group may be made."""
        write = ["logs:CreateLogStream", "logs:PutLogEvents"]
        return [
            iam.PolicyStatement(actions=list(INTERFACES), resources=["*"]),
            iam.PolicyStatement(actions=write, resources=[self._log.attr_arn]),
        ]

    def _restrict(self, role: iam.Role, handler: lambda_.Function) -> None:
        """Give the role of CDK's own function what it needs in place of AWS's managed policies."""
        cast("iam.CfnRole", role.node.default_child).managed_policy_arns = None
        for statement in self._runs():
            role.add_to_policy(statement)
        versions = resource(self, f"{handler.function_arn}:*")
        acknowledge(role, "IAM5", "CDK lets its function call every version of the handler", versions)
        acknowledge(role, "IAM5", INTERFACES_REASON, "Resource::*")
