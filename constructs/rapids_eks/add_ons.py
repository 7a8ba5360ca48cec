"""EKS's own add-ons, at pinned versions."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import aws_cdk as cdk
from aws_cdk import aws_eks_v2 as eks
from aws_cdk import aws_iam as iam
from constructs import Construct

from rapids_eks.acknowledged import acknowledge, managed
from rapids_eks.pod_role import PodRole

# The defaults of EKS in August and September 2026. Which ones there are only AWS says:
# aws eks describe-addon-versions --kubernetes-version 1.35 --addon-name coredns
VERSIONS: Mapping[str, Mapping[str, str]] = {
    "1.35": {
        "aws-ebs-csi-driver": "v1.63.1-eksbuild.1",
        "aws-secrets-store-csi-driver-provider": "v3.1.1-eksbuild.1",
        "coredns": "v1.13.2-eksbuild.21",
        "eks-pod-identity-agent": "v1.3.10-eksbuild.3",
        "kube-proxy": "v1.35.3-eksbuild.21",
        "metrics-server": "v0.9.0-eksbuild.5",
        "vpc-cni": "v1.22.4-eksbuild.3",
    }
}
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
        kubernetes_version: str,
        name: str,
        settings: Mapping[str, object] | None = None,
        access: Access | None = None,
    ) -> None:
        super().__init__(scope, id)
        eks.CfnAddon(
            self,
            "Resource",
            cluster_name=cluster_name,
            addon_name=name,
            addon_version=VERSIONS[kubernetes_version][name],
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

    def __init__(self, scope: Construct, id: str, *, cluster_name: str, kubernetes_version: str) -> None:  # noqa: A002 - CDK's own name for it
        super().__init__(scope, id)
        AddOn(
            self,
            "VpcCni",
            cluster_name=cluster_name,
            kubernetes_version=kubernetes_version,
            name="vpc-cni",
            settings={"enableNetworkPolicy": "true"},
            access=Access("aws-node", "AmazonEKS_CNI_Policy"),
        )
        for name in ("kube-proxy", "eks-pod-identity-agent"):
            AddOn(self, _id(name), cluster_name=cluster_name, kubernetes_version=kubernetes_version, name=name)


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
        kubernetes_version: str,
        volume_tags: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        super().__init__(scope, id)
        for name in ("coredns", "metrics-server"):
            AddOn(self, _id(name), cluster_name=cluster_name, kubernetes_version=kubernetes_version, name=name)
        AddOn(
            self,
            "AwsEbsCsiDriver",
            cluster_name=cluster_name,
            kubernetes_version=kubernetes_version,
            name="aws-ebs-csi-driver",
            settings={"controller": {"extraVolumeTags": {**volume_tags, CLUSTER_TAG: cluster_name}}},
            access=Access("ebs-csi-controller-sa", "service-role/AmazonEBSCSIDriverPolicy"),
        )


def _id(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("-"))
