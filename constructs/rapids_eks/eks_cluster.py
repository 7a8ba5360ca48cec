"""The control plane of an EKS cluster."""

from collections.abc import Sequence
from ipaddress import IPv4Network
from typing import Literal, cast

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_eks_v2 as eks
from aws_cdk import aws_kms as kms
from constructs import Construct, IDependable

from rapids_eks.acknowledged import acknowledge, managed
from rapids_eks.kubectl import Kubectl

LOG_TYPES = {
    "api": eks.ClusterLoggingTypes.API,
    "audit": eks.ClusterLoggingTypes.AUDIT,
    "authenticator": eks.ClusterLoggingTypes.AUTHENTICATOR,
    "controllerManager": eks.ClusterLoggingTypes.CONTROLLER_MANAGER,
    "scheduler": eks.ClusterLoggingTypes.SCHEDULER,
}


class EksCluster(Construct):
    """A control plane with encrypted secrets, a private endpoint and, for given ranges, a public one; no nodes.

    Exposes `cluster`, its `control_plane` alone, and as `kubectl_ready` what must be there before kubectl can run.
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
        public_access_cidrs: Sequence[IPv4Network] = (),
        authentication_mode: Literal["API_AND_CONFIG_MAP", "API"] = "API_AND_CONFIG_MAP",
        log_types: Sequence[str] = tuple(LOG_TYPES),
        log_retention_days: int = 30,
        key_deletion_days: int = 7,
    ) -> None:
        """Make it in private `subnets`; without `public_access_cidrs` its API is reached from the VPC only.

        Raises ValueError where no kubectl is known for the version.
        """
        super().__init__(scope, id)
        kubectl = Kubectl(
            self,
            "Kubectl",
            cluster_name=name,
            version=version,
            vpc=vpc,
            subnets=subnets,
            log_retention_days=log_retention_days,
        )
        group = self._api_group(vpc, kubectl.security_group)
        self.cluster = eks.Cluster(
            self,
            "Cluster",
            cluster_name=name,
            version=eks.KubernetesVersion.of(version),
            vpc=vpc,
            vpc_subnets=[ec2.SubnetSelection(subnets=list(subnets))],
            security_group=cast("ec2.ISecurityGroup", group),
            endpoint_access=_endpoint(public_access_cidrs),
            cluster_logging=[LOG_TYPES[kind] for kind in log_types],
            secrets_encryption_key=cast("kms.IKey", self._secrets_key(name, key_deletion_days)),
            kubectl_provider_options=kubectl.options,
            default_capacity_type=eks.DefaultCapacityType.NODEGROUP,  # anything else turns Auto Mode on
            default_capacity=0,
            bootstrap_self_managed_addons=False,
            bootstrap_cluster_creator_admin_permissions=False,
        )
        self.control_plane = self._control_plane(authentication_mode)
        self.kubectl_ready = self._ready(kubectl, group)
        self._acknowledge(public=bool(public_access_cidrs), silent=set(log_types) != set(LOG_TYPES))

    def _control_plane(self, authentication_mode: str) -> eks.CfnCluster:
        """Return CloudFormation's part of the cluster, with the mode for which CDK has no setting."""
        resource = cast("eks.CfnCluster", self.cluster.node.default_child)
        resource.add_property_override("AccessConfig.AuthenticationMode", authentication_mode)
        return resource

    def _ready(self, kubectl: Kubectl, group: ec2.SecurityGroup) -> IDependable:
        """Return what CDK's manifests and charts depend on, once it depends on all that kubectl needs."""
        kubectl.log_of(self.cluster)
        barrier = self.cluster.node.find_child("KubectlReadyBarrier")
        barrier.node.add_dependency(group)  # without its rule kubectl would wait for the API until its time is over
        return cast("IDependable", barrier)

    def _api_group(self, vpc: ec2.IVpc, kubectl: ec2.SecurityGroup) -> ec2.SecurityGroup:
        """Return a group of the API's interfaces beside EKS's own, which EKS makes and deletes by itself."""
        group = ec2.SecurityGroup(
            self, "ApiGroup", vpc=vpc, description="Who reaches the API besides nodes", allow_all_outbound=False
        )
        group.add_ingress_rule(kubectl, ec2.Port.tcp(443), "kubectl and helm run by CloudFormation")
        return group

    def _secrets_key(self, name: str, deletion_days: int) -> kms.Key:
        return kms.Key(
            self,
            "SecretsKey",
            description=f"The secrets of the EKS cluster {name}",
            enable_key_rotation=True,
            pending_window=cdk.Duration.days(deletion_days),
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )

    def _acknowledge(self, *, public: bool, silent: bool) -> None:
        policy = "EKS documents this policy for the role of a cluster"
        acknowledge(self.cluster.node.find_child("Role"), "IAM4", policy, managed("AmazonEKSClusterPolicy"))
        if public:
            acknowledge(self.cluster, "EKS1", "The API is public for the ranges only that the blueprint gives")
        if silent:
            acknowledge(self.cluster, "EKS2", "The blueprint says which of the control plane's logs are kept")


def _endpoint(cidrs: Sequence[IPv4Network]) -> eks.EndpointAccess:
    if not cidrs:
        return eks.EndpointAccess.PRIVATE
    return eks.EndpointAccess.PUBLIC_AND_PRIVATE.only_from(*map(str, cidrs))
