"""Stacks with the GPU Operator: a network, a small cluster, and in a third one the operator with nodes for jobs."""

from collections.abc import Mapping
from pathlib import Path
from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_eks_v2 as eks
from aws_cdk import aws_iam as iam
from constructs import DependencyGroup

from rapids_eks.gpu_operator import TAINT, GpuOperator
from tests.stacks.assembly import ACCOUNT, Assembly, Small, small_platform

NAME = "with-gpus"
ADMIN = f"arn:aws:iam::{ACCOUNT}:role/GpuAdmin"
CORE_TYPE, DRIVER_TYPE, GPU_TYPE = "m6a.large", "m6a.xlarge", "g5.2xlarge"
DRIVERS, EXECUTORS = ({"NodeGroupType": name} for name in ("driver", "executor"))


def synthesized(into: Path, region: str = "us-west-2") -> Assembly:
    """Return the stacks GpuNetwork, GpuCluster and GpuOperator, made under the eyes of cdk-nag."""
    app = cdk.App(outdir=str(into))
    admin = ADMIN.replace("arn:aws:", f"arn:{_partition(region)}:")
    under = small_platform(app, "Gpu", NAME, admin=admin, core_type=CORE_TYPE, region=region)
    stack = cdk.Stack(app, "GpuOperator", env=under.env)
    drivers = _nodes(stack, "Drivers", under, DRIVER_TYPE, DRIVERS, "AL2023_x86_64_STANDARD")
    gpus = _nodes(stack, "Gpus", under, GPU_TYPE, EXECUTORS, "AL2023_x86_64_NVIDIA")
    gpus.taints = [eks.CfnNodegroup.TaintProperty(key=TAINT, value="true", effect="NO_SCHEDULE")]
    operator = GpuOperator(stack, "Operator", cluster=under.platform.cluster, gpu_node_labels=EXECUTORS)
    operator.node.add_dependency(DependencyGroup(drivers, gpus))
    app.synth()
    return Assembly(into)


def _partition(region: str) -> str:
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


def _nodes(
    stack: cdk.Stack,
    name: str,
    under: Small,
    kind: str,
    labels: Mapping[str, str],
    image: str,
) -> eks.CfnNodegroup:
    role = cast("iam.IRole", under.platform.core_nodes.role)
    return eks.CfnNodegroup(
        stack,
        name,
        cluster_name=NAME,
        node_role=role.role_arn,
        subnets=[subnet.subnet_id for subnet in under.network.node_subnets],
        instance_types=[kind],
        ami_type=image,
        labels=dict(labels),
        scaling_config=eks.CfnNodegroup.ScalingConfigProperty(min_size=1, max_size=1, desired_size=1),
    )
