"""Nodes for jobs, by the Cluster Autoscaler."""

from collections.abc import Mapping, Sequence

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_eks_v2 as eks
from aws_cdk import aws_iam as iam
from constructs import Construct, DependencyGroup

from rapids_eks.autoscaler.controller import AutoscalerController
from rapids_eks.autoscaler.node_groups import NodeGroups
from rapids_eks.job_pools import GPU, Lifetime, Pool


class AutoscaledNodes(Construct):
    """Managed groups of nodes that the Cluster Autoscaler grows for pods that wait, and shrinks when nodes are empty.

    Exposes `ready`: whatever runs on these nodes depends on it, so that it goes before they do. Then the autoscaler
    goes, and then the groups, whose nodes EKS itself drains and ends, in bounded time.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own name for it
        *,
        cluster: eks.ICluster,
        cluster_name: str,
        version: str,
        node_role: iam.IRole,
        node_subnets: Sequence[ec2.ISubnet],
        pools: Sequence[Pool],
        lifetime: Lifetime,
        image_release: str,
        ubuntu_release: str | None,
        tags: Mapping[str, str],
    ) -> None:
        """Make groups in each of `node_subnets`, on AL2023, or those with GPUs on a release of Ubuntu.

        It must depend on core nodes, for the autoscaler's pod, and on the cluster's add-ons. `cluster_name` is the
        cluster's in literal text, `version` its Kubernetes; raises ValueError where one is not, or not known.
        """
        super().__init__(scope, id)
        groups = NodeGroups(
            self,
            "Groups",
            cluster=cluster,
            version=version,
            node_role=node_role,
            subnets=node_subnets,
            pools=pools,
            image_release=image_release,
            ubuntu_release=ubuntu_release,
            tags=tags,
        )
        controller = AutoscalerController(
            self,
            "Controller",
            cluster=cluster,
            cluster_name=cluster_name,
            version=version,
            spot_names=groups.spot_names,
            max_gpus=sum(pool.limits.get(GPU, 0) for pool in pools),
            idle_minutes=lifetime.consolidate_after_minutes,
        )
        controller.node.add_dependency(groups)
        self.ready = DependencyGroup(controller)
