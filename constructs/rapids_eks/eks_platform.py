"""A cluster that is ready for controllers and jobs."""

from collections.abc import Mapping, Sequence
from functools import partial
from ipaddress import IPv4Network
from types import MappingProxyType
from typing import Literal, cast

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_eks_v2 as eks
from constructs import Construct, DependencyGroup, IDependable

from rapids_eks.add_on_versions import PINNED
from rapids_eks.add_ons import ClusterAddOns, NodeAddOns
from rapids_eks.admins import Admins
from rapids_eks.cluster_logs.construct import ClusterLogs
from rapids_eks.core_nodes import CoreNodes
from rapids_eks.eks_cluster import LOG_TYPES, EksCluster
from rapids_eks.kubectl_commands import KubectlCommands
from rapids_eks.node_image import AL2023_RELEASE
from rapids_eks.storage_class import DefaultStorageClass


class EksPlatform(Construct):
    """A control plane, add-ons, core nodes and administrators, made in the order in which they need each other.

    Exposes `cluster`, `cluster_security_group_id`, `core_nodes`, and `ready`, which whatever runs pods depends on.
    Deletion is the reverse. Then EKS still writes, and makes its log group anew: whoever goes last deletes it again.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own name for it
        *,
        name: str,
        version: str,
        vpc: ec2.IVpc,
        subnets: Sequence[ec2.ISubnet],
        node_subnets: Sequence[ec2.ISubnet],
        core_instance_types: Sequence[str],
        core_count: int = 2,
        core_root_volume_gib: int = 80,
        core_image_release: str = AL2023_RELEASE,
        add_on_versions: Mapping[str, str] = PINNED,
        public_access_cidrs: Sequence[IPv4Network] = (),
        authentication_mode: Literal["API_AND_CONFIG_MAP", "API"] = "API_AND_CONFIG_MAP",
        admins: Sequence[str] = (),
        log_types: Sequence[str] = tuple(LOG_TYPES),
        log_retention_days: int = 30,
        key_deletion_days: int = 7,
        volume_tags: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Make it, with interfaces in private `subnets`, nodes and pods in `node_subnets`, tags for pods' volumes."""
        super().__init__(scope, id)
        made = EksCluster(
            self,
            "ControlPlane",
            name=name,
            version=version,
            vpc=vpc,
            subnets=subnets,
            public_access_cidrs=public_access_cidrs,
            authentication_mode=authentication_mode,
            log_types=log_types,
            log_retention_days=log_retention_days,
            key_deletion_days=key_deletion_days,
        )
        made.control_plane.node.add_dependency(
            ClusterLogs(self, "Logs", cluster_name=name, retention_days=log_retention_days)
        )
        self.cluster = cast("eks.ICluster", made.cluster)  # jsii's Python hides a few members of its interfaces
        self.cluster_security_group_id = made.cluster.cluster_security_group_id
        core = partial(CoreNodes, self, "CoreNodes", cluster=self.cluster, version=version, subnets=node_subnets)
        core = partial(core, instance_types=core_instance_types, count=core_count, image_release=core_image_release)
        self.core_nodes = core(root_volume_gib=core_root_volume_gib)
        self.ready = self._ordered(add_on_versions, admins, volume_tags, made.kubectl_ready)
        KubectlCommands(self, "Commands", cluster=self.cluster, private=not public_access_cidrs)

    def _ordered(
        self,
        versions: Mapping[str, str],
        admins: Sequence[str],
        volume_tags: Mapping[str, str],
        kubectl: IDependable,
    ) -> IDependable:
        """Make what comes before the core nodes and what comes after them; return the last of it."""
        entries = Admins(self, "Admins", cluster=self.cluster, principals=admins)
        after = ClusterAddOns(
            self,
            "ClusterAddOns",
            cluster_name=self.cluster.cluster_name,
            versions=versions,
            volume_tags=volume_tags,
        )
        before = NodeAddOns(self, "NodeAddOns", cluster_name=self.cluster.cluster_name, versions=versions)
        self.core_nodes.group.node.add_dependency(kubectl, entries, before)
        after.node.add_dependency(self.core_nodes.group)
        storage = DefaultStorageClass(self, "StorageClass", cluster=self.cluster)
        storage.node.add_dependency(after)
        return DependencyGroup(storage)
