"""EKS's own add-ons, at versions that stay the same."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import aws_cdk as cdk
from aws_cdk import aws_eks_v2 as eks
from aws_cdk import aws_iam as iam
from constructs import Construct

from rapids_eks.acknowledged import acknowledge, managed
from rapids_eks.pod_role import PodRole

CLUSTER_TAG = "eks-cluster-name"


@dataclass(frozen=True)
class Access:
    """What an add-on's pods may do in AWS: a managed policy, for one service account in kube-system."""

    service_account: str
    policy: str


class AddOn(Construct):
    """One add-on of a cluster; its pods get a role of their own where they need AWS."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own name for it
        *,
        cluster_name: str,
        name: str,
        version: str,
        settings: Mapping[str, object] | None = None,
        access: Access | None = None,
    ) -> None:
        super().__init__(scope, id)
        eks.CfnAddon(
            self,
            "Resource",
            cluster_name=cluster_name,
            addon_name=name,
            addon_version=version,
            configuration_values=cdk.Stack.of(self).to_json_string(settings) if settings else None,
            pod_identity_associations=[self._association(access)] if access else None,
            resolve_conflicts="OVERWRITE",  # what somebody changed by hand is no reason for an update to fail
        )

    def _association(self, access: Access) -> eks.CfnAddon.PodIdentityAssociationProperty:
        role = PodRole(self, "Role")
        role.add_managed_policy(iam.ManagedPolicy.from_aws_managed_policy_name(access.policy))
        acknowledge(role, "IAM4", "AWS keeps this policy in step with the add-on", managed(access.policy))
        return eks.CfnAddon.PodIdentityAssociationProperty(
            service_account=access.service_account, role_arn=role.role_arn
        )


class NodeAddOns(Construct):
    """Add-ons that run on each node and make it fit for pods; without them no node gets Ready.

    NetworkPolicies are enforced by the VPC CNI.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own name for it
        *,
        cluster_name: str,
        versions: Mapping[str, str],
    ) -> None:
        """Make them, each of the version that is given for its name."""
        super().__init__(scope, id)
        AddOn(
            self,
            "VpcCni",
            cluster_name=cluster_name,
            name="vpc-cni",
            version=versions["vpc-cni"],
            settings={"enableNetworkPolicy": "true"},
            access=Access("aws-node", "AmazonEKS_CNI_Policy"),
        )
        for name in ("kube-proxy", "eks-pod-identity-agent"):
            AddOn(self, _id(name), cluster_name=cluster_name, name=name, version=versions[name])


class ClusterAddOns(Construct):
    """Add-ons with pods of their own; before there are nodes for them they would never become healthy.

    Volumes that the EBS CSI driver makes carry the cluster's name in the tag `eks-cluster-name`, as the driver itself
    writes none that tells clusters apart and reserves those of Kubernetes, and `volume_tags`. A storage class could
    give tags, too, but then they could never change.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own name for it
        *,
        cluster_name: str,
        versions: Mapping[str, str],
        volume_tags: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Make them, each of the version that is given for its name."""
        super().__init__(scope, id)
        for name in ("coredns", "metrics-server"):
            AddOn(self, _id(name), cluster_name=cluster_name, name=name, version=versions[name])
        AddOn(
            self,
            "AwsEbsCsiDriver",
            cluster_name=cluster_name,
            name="aws-ebs-csi-driver",
            version=versions["aws-ebs-csi-driver"],
            settings={"controller": {"extraVolumeTags": {**volume_tags, CLUSTER_TAG: cluster_name}}},
            access=Access("ebs-csi-controller-sa", "service-role/AmazonEBSCSIDriverPolicy"),
        )


def _id(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("-"))
