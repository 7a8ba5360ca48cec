"""The stack of the cluster."""

from collections.abc import Mapping, Sequence
from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from constructs import Construct

import config
from rapids_eks.autoscaler.autoscaled_nodes import AutoscaledNodes
from rapids_eks.eks_platform import EksPlatform
from rapids_eks.gpu_operator import GpuOperator
from rapids_eks.job_pools import EXECUTOR_LABELS, Lifetime, Pool, driver_pool, gpu_pool
from rapids_eks.karpenter.karpenter_nodes import KarpenterNodes
from rapids_eks.sweep.construct import Sweep


class ClusterStack(cdk.Stack):
    """The cluster and the nodes of jobs. Exposes `cluster`, and `ready`, which whatever runs on it depends on."""

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
        capacity: config.Capacity,
        tags: Mapping[str, str],
        env: cdk.Environment | None = None,
    ) -> None:
        super().__init__(scope, id, stack_name=f"{name}-cluster", env=env, description=f"The cluster {name}")
        sweep = Sweep(self, "Sweep", vpc=vpc, cluster_name=name, log_retention_days=cluster.log_retention_days)
        platform = EksPlatform(
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
            core_image_release=cluster.core_nodes.al2023_release,
            add_on_versions=cluster.add_ons.versions,
            public_access_cidrs=cluster.public_access_cidrs,
            authentication_mode=cluster.authentication_mode,
            admins=cluster.admins,
            log_types=cluster.log_types,
            log_retention_days=cluster.log_retention_days,
            key_deletion_days=cluster.key_deletion_days,
            volume_tags=tags,
        )
        platform.node.add_dependency(sweep)  # so that it comes last when the stack is deleted
        self.cluster = platform.cluster
        nodes = _job_nodes(self, name, platform, subnets, node_subnets, cluster, capacity, tags)
        nodes.node.add_dependency(platform.ready)
        self.ready = _gpu_operator(self, platform, capacity)
        self.ready.node.add_dependency(nodes.ready)


def _gpu_operator(scope: Construct, platform: EksPlatform, capacity: config.Capacity) -> GpuOperator:
    return GpuOperator(
        scope,
        "GpuOperator",
        cluster=platform.cluster,
        gpu_node_labels=EXECUTOR_LABELS,
        mig_strategy=capacity.gpu.mig_strategy,
        driver_on_nodes=capacity.operating_system == "al2023",
    )


def _job_nodes(
    scope: Construct,
    name: str,
    platform: EksPlatform,
    subnets: Sequence[ec2.ISubnet],
    node_subnets: Sequence[ec2.ISubnet],
    cluster: config.Cluster,
    capacity: config.Capacity,
    tags: Mapping[str, str],
) -> KarpenterNodes | AutoscaledNodes:
    pools = _pools(capacity)
    lifetime = Lifetime(
        consolidate_after_minutes=capacity.consolidate_after_minutes,
        expire_after_hours=capacity.expire_after_hours,
        termination_grace_minutes=capacity.termination_grace_minutes,
    )
    if capacity.mode == "cluster-autoscaler":
        # Not "JobNodes" too: what has the same id is updated, and helm would leave the other mode's release installed.
        return AutoscaledNodes(
            scope,
            "AutoscaledNodes",
            cluster=platform.cluster,
            cluster_name=name,
            version=cluster.version,
            node_role=cast("iam.IRole", platform.core_nodes.role),
            node_subnets=node_subnets,
            pools=pools,
            lifetime=lifetime,
            image_release=capacity.al2023_release,
            ubuntu_release=capacity.ubuntu_release if capacity.operating_system == "ubuntu" else None,
            tags=tags,
        )
    return KarpenterNodes(
        scope,
        "JobNodes",
        cluster=platform.cluster,
        cluster_name=name,
        cluster_security_group_id=platform.cluster_security_group_id,
        private_subnets=subnets,
        node_subnets=node_subnets,
        pools=pools,
        lifetime=lifetime,
        image_release=capacity.al2023_release,
        tags=tags,
        log_retention_days=cluster.log_retention_days,
    )


def _pools(capacity: config.Capacity) -> list[Pool]:
    driver, gpu = capacity.driver, capacity.gpu
    return [
        driver_pool(driver.instance_types, max_vcpus=driver.max_vcpus, root_volume_gib=driver.root_volume_gib),
        gpu_pool(
            gpu.instance_types,
            max_gpus=gpu.max_gpus,
            root_volume_gib=gpu.root_volume_gib,
            spot=gpu.spot,
            mig_profile=gpu.mig_profile,
        ),
    ]
