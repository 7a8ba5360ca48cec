"""Who the nodes of Karpenter are."""

from typing import cast

from aws_cdk import aws_iam as iam
from aws_cdk.aws_eks import CfnAccessEntry
from constructs import Construct

from rapids_eks.acknowledged import acknowledge, managed
from rapids_eks.core_nodes import POLICIES


class NodeIdentity(Construct):
    """A role for nodes, its instance profile, and the access entry by which the cluster lets them join.

    Exposes `role` and `profile_name`. What starts nodes must depend on all of it, for they must be able to leave too.
    The profile is the stack's, not one of Karpenter's making: Karpenter may then make none, and no profile that it
    leaves behind can keep the role from being deleted.
    """

    def __init__(self, scope: Construct, id: str, *, cluster_name: str) -> None:  # noqa: A002 - CDK's own name for it
        super().__init__(scope, id)
        self.role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"),
            managed_policies=[iam.ManagedPolicy.from_aws_managed_policy_name(name) for name in POLICIES],
        )
        acknowledge(self.role, "IAM4", "EKS documents these policies for nodes", *map(managed, POLICIES))
        profile = iam.InstanceProfile(self, "Profile", role=cast("iam.IRole", self.role))
        self.profile_name = profile.instance_profile_name
        CfnAccessEntry(self, "Access", cluster_name=cluster_name, principal_arn=self.role.role_arn, type="EC2_LINUX")
