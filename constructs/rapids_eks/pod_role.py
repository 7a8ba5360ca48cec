"""IAM roles of pods."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_eks_v2 as eks
from aws_cdk import aws_iam as iam
from constructs import Construct

from rapids_eks.awaited_resource.permission import Permission, acknowledge_wildcards


class PodRole(iam.Role):
    """A role for pods of EKS clusters of this account, which get it by Pod Identity."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own name for it
        *,
        role_name: str | None = None,
        permissions: Sequence[Permission] = (),
    ) -> None:
        """Make it, with permissions whose asterisks are accounted for."""
        # No confused deputy: https://docs.aws.amazon.com/eks/latest/userguide/pod-id-role.html
        here = {"StringEquals": {"aws:SourceAccount": cdk.Stack.of(scope).account}}
        pods = iam.ServicePrincipal("pods.eks.amazonaws.com", conditions=here)
        super().__init__(scope, id, role_name=role_name, assumed_by=pods.with_session_tags())
        for each in permissions:
            self.add_to_policy(each.statement())
        acknowledge_wildcards(self, permissions)

    def give_to(self, cluster: eks.ICluster, *, namespace: str, service_account: str) -> None:
        """Let the pods of a service account have it.

        They get its credentials when they start, and must have them until they end: what makes the pods depends on
        this role, and so on all below it.
        """
        eks.CfnPodIdentityAssociation(
            self,
            "Identity",
            cluster_name=cluster.cluster_name,
            namespace=namespace,
            service_account=service_account,
            role_arn=self.role_arn,
        )
