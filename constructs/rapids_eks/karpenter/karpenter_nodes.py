"""Nodes for jobs, by Karpenter."""

from collections.abc import Mapping, Sequence

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_eks_v2 as eks
from constructs import Construct, DependencyGroup

from rapids_eks.drain.construct import Drain
from rapids_eks.job_pools import Lifetime, Pool
from rapids_eks.karpenter.controller import KarpenterController
from rapids_eks.karpenter.node_identity import NodeIdentity
from rapids_eks.karpenter.node_pools import NodePools, Place
from rapids_eks.spot_role.construct import SpotRole


class KarpenterNodes(Construct):
    """Nodes that Karpenter starts for pods that wait, and stops when they are empty; on deletion all are ended first.

    Exposes `ready`: whatever runs on these nodes depends on it, so that it goes before they do.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own name for it
        *,
        cluster: eks.ICluster,
        cluster_name: str,
        cluster_security_group_id: str,
        private_subnets: Sequence[ec2.ISubnet],
        node_subnets: Sequence[ec2.ISubnet],
        pools: Sequence[Pool],
        lifetime: Lifetime,
        image_release: str,
        tags: Mapping[str, str],
        log_retention_days: int = 30,
    ) -> None:
        """Make pools of nodes in `node_subnets`; functions that watch over their end run in `private_subnets`.

        It must depend on core nodes, for Karpenter's own pods, and on the cluster's add-ons. `cluster_name` is the
        cluster's in literal text; raises ValueError where it is not.
        """
        super().__init__(scope, id)
        identity = NodeIdentity(self, "Identity", cluster_name=cluster.cluster_name)
        controller = KarpenterController(
            self, "Controller", cluster=cluster, cluster_name=cluster_name, node_role=identity.role
        )
        place = Place(
            subnet_ids=[subnet.subnet_id for subnet in node_subnets],
            security_group_id=cluster_security_group_id,
            instance_profile=identity.profile_name,
            image_release=image_release,
            tags=tags,
        )
        made = NodePools(self, "Pools", cluster=cluster, pools=pools, place=place, lifetime=lifetime)
        made.node.add_dependency(identity, controller)
        if any("spot" in pool.capacity_types for pool in pools):
            made.node.add_dependency(SpotRole(self, "SpotRole", log_retention_days=log_retention_days))
        drain = Drain(
            self,
            "Drain",
            cluster=cluster,
            private_subnets=private_subnets,
            log_retention_days=log_retention_days,
        )
        drain.node.add_dependency(made)
        self.ready = DependencyGroup(drain)
