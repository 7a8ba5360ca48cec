"""Stacks with the GPU Operator: a network, a small cluster, and in a third one the operator with nodes for jobs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_eks_v2 as eks
from aws_cdk import aws_iam as iam
from cdk_nag import AwsSolutionsChecks
from constructs import DependencyGroup

import config
from rapids_eks.eks_platform import EksPlatform
from rapids_eks.gpu_operator import TAINT, GpuOperator
from stacks.network import NetworkStack
from tests.stacks.assembly import ACCOUNT, Assembly

NAME = "with-gpus"
ADMIN = f"arn:aws:iam::{ACCOUNT}:role/GpuAdmin"
CORE_TYPE, DRIVER_TYPE, GPU_TYPE = "m6a.large", "m6a.xlarge", "g5.2xlarge"
DRIVERS, EXECUTORS = ({"NodeGroupType": name} for name in ("driver", "executor"))


def synthesized(into: Path, region: str = "us-west-2") -> Assembly:
    """Return the stacks GpuNetwork, GpuCluster and GpuOperator, made under the eyes of cdk-nag."""
    app = cdk.App(outdir=str(into))
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    env = cdk.Environment(region=region, account=ACCOUNT)
    network = NetworkStack(app, "GpuNetwork", name=NAME, network=config.Network(), env=env)
    platform = EksPlatform(
        cdk.Stack(app, "GpuCluster", env=env),
        "Platform",
        name=NAME,
        version="1.35",
        vpc=network.vpc,
        subnets=network.private_subnets,
        node_subnets=network.node_subnets,
        core_instance_types=[CORE_TYPE],
        admins=[ADMIN.replace("arn:aws:", f"arn:{_partition(region)}:")],
    )
    stack = cdk.Stack(app, "GpuOperator", env=env)
    drivers = _nodes(stack, "Drivers", platform, network.node_subnets, DRIVER_TYPE, DRIVERS, "AL2023_x86_64_STANDARD")
    gpus = _nodes(stack, "Gpus", platform, network.node_subnets, GPU_TYPE, EXECUTORS, "AL2023_x86_64_NVIDIA")
    gpus.taints = [eks.CfnNodegroup.TaintProperty(key=TAINT, value="true", effect="NO_SCHEDULE")]
    cluster = cast("eks.ICluster", platform.cluster)
    operator = GpuOperator(stack, "Operator", cluster=cluster, gpu_node_labels=EXECUTORS)
    operator.node.add_dependency(DependencyGroup(drivers, gpus))
    app.synth()
    return Assembly(into)


def _partition(region: str) -> str:
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


def _nodes(
    stack: cdk.Stack,
    name: str,
    platform: EksPlatform,
    subnets: Sequence[ec2.ISubnet],
    kind: str,
    labels: Mapping[str, str],
    image: str,
) -> eks.CfnNodegroup:
    role = cast("iam.IRole", platform.core_nodes.role)
    return eks.CfnNodegroup(
        stack,
        name,
        cluster_name=NAME,
        node_role=role.role_arn,
        subnets=[subnet.subnet_id for subnet in subnets],
        instance_types=[kind],
        ami_type=image,
        labels=dict(labels),
        scaling_config=eks.CfnNodegroup.ScalingConfigProperty(min_size=1, max_size=1, desired_size=1),
    )
