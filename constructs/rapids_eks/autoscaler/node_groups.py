"""Managed groups of nodes that stand at zero until the Cluster Autoscaler wants more."""

from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_eks_v2 as eks
from aws_cdk import aws_iam as iam
from aws_cdk.aws_eks import CfnNodegroup
from constructs import Construct

from rapids_eks.autoscaler.images import Image, al2023, ubuntu
from rapids_eks.instance_sizes import instance_size
from rapids_eks.job_pools import GPU, Pool
from rapids_eks.node_template import NodeTemplate
from rapids_eks.placement import allocatable, smallest

MARKETS = {"spot": "SPOT", "on-demand": "ON_DEMAND"}
EFFECTS = {"NoSchedule": "NO_SCHEDULE", "PreferNoSchedule": "PREFER_NO_SCHEDULE", "NoExecute": "NO_EXECUTE"}
# A node with this label counts as starting until its GPUs are announced: else the autoscaler would start another one.
# https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/cloudprovider/aws/README.md
ACCELERATOR = {"k8s.amazonaws.com/accelerator": "nvidia"}
RESOURCES = "k8s.io/cluster-autoscaler/node-template/resources"


class NodeGroups(Construct):
    """For each pool a group in each subnet and market, from zero nodes to as many as the pool's limit allows.

    Exposes `spot_names`, the names of those that buy Spot instances. Groups of several zones would be balanced by EC2,
    which ends nodes with pods on them, and could not promise a pod the zone of its volume. EKS itself drains a node
    that Spot takes back, and each node when a group is deleted: after five minutes it ends with the pods still on it
    (https://docs.aws.amazon.com/eks/latest/userguide/delete-managed-node-group.html), so that no disruption budget
    holds up a deletion, and EKS removes its own copy of the launch template and the Auto Scaling group.

    The autoscaler learns what a node of an empty group has from the group itself, not from its Auto Scaling group: EKS
    tags that one with the names of group and cluster, and for discovery, but with none of the group's tags.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own name for it
        *,
        cluster: eks.ICluster,
        version: str,
        node_role: iam.IRole,
        subnets: Sequence[ec2.ISubnet],
        pools: Sequence[Pool],
        image_release: str,
        ubuntu_release: str | None,
        tags: Mapping[str, str],
    ) -> None:
        """Make them; `tags` go onto instances and volumes too. With `ubuntu_release` nodes with GPUs run Ubuntu."""
        super().__init__(scope, id)
        self._cluster, self._role, self._subnets = cluster, node_role, subnets
        self.spot_names: list[str] = []
        for pool in pools:
            labels = {**pool.labels, **(ACCELERATOR if GPU in pool.limits else {})}
            if GPU in pool.limits and ubuntu_release:
                image = ubuntu(version, ubuntu_release, cluster, labels=labels, taints=pool.taints)
            else:
                image = al2023(version, image_release, gpus=GPU in pool.limits)
            template = self._template(pool, image, tags)
            for market, group in self._groups(pool, image, template, labels):
                self.spot_names += [group.attr_nodegroup_name] if market == "spot" else []

    def _template(self, pool: Pool, image: Image, tags: Mapping[str, str]) -> NodeTemplate:
        template = NodeTemplate(
            self,
            f"{pool.name.capitalize()}Template",
            name=f"{self._cluster.cluster_name} {pool.name}",
            root_volume_gib=pool.root_volume_gib,
            root_device=image.root_device,
            user_data=image.user_data,
            tags=tags,
        )
        if image.ami_id:
            made = cast("ec2.CfnLaunchTemplate", template.node.default_child)
            made.add_property_override("LaunchTemplateData.ImageId", image.ami_id)
        return template

    def _groups(
        self, pool: Pool, image: Image, template: NodeTemplate, labels: Mapping[str, str]
    ) -> Iterator[tuple[str, CfnNodegroup]]:
        used = CfnNodegroup.LaunchTemplateSpecificationProperty(
            id=template.launch_template_id, version=template.latest_version_number
        )
        for market in pool.capacity_types:
            for number, subnet in enumerate(self._subnets, 1):
                group = CfnNodegroup(
                    self,
                    f"{pool.name.capitalize()}{market.title().replace('-', '')}{number}",
                    cluster_name=self._cluster.cluster_name,
                    node_role=self._role.role_arn,
                    subnets=[subnet.subnet_id],
                    instance_types=list(pool.instance_types),
                    capacity_type=MARKETS[market],
                    ami_type=image.ami_type,
                    release_version=image.release,
                    launch_template=used,
                    scaling_config=CfnNodegroup.ScalingConfigProperty(
                        min_size=0, desired_size=0, max_size=most_nodes(pool)
                    ),
                    labels=dict(labels),
                    taints=[_taint(each) for each in pool.taints],
                    tags=template_tags(pool),
                    force_update_enabled=False,  # an update waits for disruption budgets, and says so
                )
                yield market, group


def most_nodes(pool: Pool) -> int:
    """Return how many nodes the pool's limits allow of the smallest of its types; the types are to be alike."""
    sizes = [instance_size(name) for name in pool.instance_types]
    smallest = {"cpu": min(size.vcpus for size in sizes), GPU: min(size.gpus for size in sizes)}
    return min(most // smallest[resource] for resource, most in pool.limits.items())


def template_tags(pool: Pool) -> dict[str, str]:
    """Return the tags of a group by which the autoscaler knows what a node has for pods before there is one.

    It would else reckon with all that the instance has, and start nodes for pods that do not fit on them. Of the disk a
    gibibyte is reserved, and a tenth is kept free.
    """
    least = smallest(map(allocatable, pool.instance_types))
    amounts = {
        "cpu": f"{least.cpu}m",
        "memory": f"{least.memory}Mi",
        "pods": str(least.pods),
        "ephemeral-storage": f"{pool.root_volume_gib * 9 // 10 - 1}Gi",
        **({GPU: str(least.gpus)} if least.gpus else {}),
    }
    return {f"{RESOURCES}/{name}": amount for name, amount in amounts.items()}


def _taint(taint: Mapping[str, str]) -> CfnNodegroup.TaintProperty:
    return CfnNodegroup.TaintProperty(key=taint["key"], value=taint["value"], effect=EFFECTS[taint["effect"]])
