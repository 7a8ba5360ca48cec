"""The stack of the cluster."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from constructs import Construct

import config
from rapids_eks.eks_platform import EksPlatform
from rapids_eks.sweep.construct import Sweep


class ClusterStack(cdk.Stack):
    """The cluster with what runs on it from the start. Exposes `cluster`, and `platform` with all of it."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own name for it
        *,
        name: str,
        vpc: ec2.IVpc,
        subnets: Sequence[ec2.ISubnet],
        node_subnets: Sequence[ec2.ISubnet],
        cluster: config.Cluster,
        env: cdk.Environment | None = None,
    ) -> None:
        super().__init__(scope, id, env=env, description=f"The cluster {name}")
        sweep = Sweep(self, "Sweep", vpc=vpc, cluster_name=name)
        self.platform = EksPlatform(
            self,
            "Platform",
            name=name,
            version=cluster.version,
            vpc=vpc,
            subnets=subnets,
            node_subnets=node_subnets,
            core_instance_types=cluster.core_nodes.instance_types,
            core_count=cluster.core_nodes.count,
            core_root_volume_gib=cluster.core_nodes.root_volume_gib,
            public_access_cidrs=cluster.public_access_cidrs,
            authentication_mode=cluster.authentication_mode,
            admins=cluster.admins,
            log_types=cluster.log_types,
            log_retention_days=cluster.log_retention_days,
            key_deletion_days=cluster.key_deletion_days,
        )
        self.platform.node.add_dependency(sweep)  # so that it comes last when the stack is deleted
        self.cluster = self.platform.cluster
