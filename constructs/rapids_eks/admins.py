"""Who administers a cluster."""

from collections.abc import Sequence

from aws_cdk import aws_eks_v2 as eks
from constructs import Construct


class Admins(Construct):
    """Access entries that make IAM roles and users administrators of a cluster."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own name for it
        *,
        cluster: eks.ICluster,
        principals: Sequence[str],
    ) -> None:
        """Make one for each of the principals' ARNs."""
        super().__init__(scope, id)
        everything = eks.AccessPolicy.from_access_policy_name(
            "AmazonEKSClusterAdminPolicy", access_scope_type=eks.AccessScopeType.CLUSTER
        )
        for arn in principals:
            eks.AccessEntry(self, arn, cluster=cluster, principal=arn, access_policies=[everything])
