"""The nodes that are always there."""

from collections.abc import Sequence
from typing import cast

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_eks_v2 as eks
from aws_cdk import aws_iam as iam
from constructs import Construct

from rapids_eks.acknowledged import acknowledge, managed
from rapids_eks.job_pools import CORE_LABELS
from rapids_eks.node_image import al2023_release
from rapids_eks.node_template import NodeTemplate

POLICIES = (  # https://docs.aws.amazon.com/eks/latest/userguide/create-node-role.html; the CNI has a role of its own
    "AmazonEKSWorkerNodePolicy",
    "AmazonEC2ContainerRegistryPullOnly",
    "AmazonSSMManagedInstanceCore",
)


class CoreNodes(Construct):
    """A managed group of on-demand nodes for system pods, operators and EMR's submitter pods.

    Exposes the `group` and the nodes' `role`. The nodes have no taint: pods of EMR's submitter, of hooks of charts and
    of whatever a user installs tolerate none by themselves. Pods of jobs stay away as they select other nodes.

    One group spans the zones, though some pods have a volume and so a zone: its size is fixed, so that nothing takes a
    zone's only node away for being idle, and EC2 spreads the nodes evenly. An update starts the new node in the zone of
    the old one first: https://docs.aws.amazon.com/eks/latest/userguide/managed-node-update-behavior.html. Where each
    zone's nodes do not hold these pods, `system_pods.unplaceable` says so. A group for each zone would only start no
    node at all where a zone has no capacity, while this one starts it elsewhere, for the pods without volumes.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own name for it
        *,
        cluster: eks.ICluster,
        version: str,
        subnets: Sequence[ec2.ISubnet],
        instance_types: Sequence[str],
        count: int = 2,
        root_volume_gib: int,
        image_release: str,
    ) -> None:
        """Make `count` nodes of the cluster's Kubernetes version, spread over the zones of the subnets.

        `image_release` is a dated release of Amazon Linux 2023 for EKS, like v20260930.
        """
        super().__init__(scope, id)
        self.role = self._node_role()
        template = NodeTemplate(self, "Template", name=f"{cluster.cluster_name} core", root_volume_gib=root_volume_gib)
        self.group = eks.Nodegroup(
            self,
            "Group",
            cluster=cluster,
            subnets=ec2.SubnetSelection(subnets=list(subnets)),
            node_role=cast("iam.IRole", self.role),
            instance_types=[ec2.InstanceType(name) for name in instance_types],
            ami_type=eks.NodegroupAmiType.AL2023_X86_64_STANDARD,
            release_version=al2023_release(version, image_release, gpus=False),
            capacity_type=eks.CapacityType.ON_DEMAND,
            min_size=count,
            max_size=count,
            desired_size=count,
            labels=CORE_LABELS,
            launch_template_spec=eks.LaunchTemplateSpec(
                id=cast("str", template.launch_template_id), version=template.latest_version_number
            ),
            force_update=False,  # an update waits for disruption budgets, and says so when they hold it up
        )
        # Left out, the nodes would keep the version that they were made with when the cluster gets a newer one.
        cast("eks.CfnNodegroup", self.group.node.default_child).version = version

    def _node_role(self) -> iam.Role:
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"),
            managed_policies=[iam.ManagedPolicy.from_aws_managed_policy_name(name) for name in POLICIES],
        )
        acknowledge(role, "IAM4", "EKS documents these policies for nodes", *map(managed, POLICIES))
        return role
