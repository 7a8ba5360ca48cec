"""EKS's add-ons."""

from typing import Annotated

from config.section import Section, Shape
from rapids_eks.add_on_versions import PINNED

FORM = Shape(r"v\d{1,3}\.\d{1,3}\.\d{1,3}-eksbuild\.\d{1,4}", "a version with its build, like v1.13.2-eksbuild.21")
Version = Annotated[str, FORM]


class AddOns(Section):
    """Versions of EKS's add-ons; with another one EKS replaces the add-on's pods.

    Which ones there are for a version of Kubernetes, and EKS refuses all others:
    `aws eks describe-addon-versions --kubernetes-version 1.35 --addon-name coredns`.
    """

    aws_ebs_csi_driver: Version = PINNED["aws-ebs-csi-driver"]
    """Makes the volumes of pods."""
    aws_secrets_store_csi_driver_provider: Version = PINNED["aws-secrets-store-csi-driver-provider"]
    """Gives pods secrets as files; only with `observability`, for Grafana's password."""
    coredns: Version = PINNED["coredns"]
    """Names in the cluster."""
    eks_pod_identity_agent: Version = PINNED["eks-pod-identity-agent"]
    """Gives pods their roles."""
    kube_proxy: Version = PINNED["kube-proxy"]
    """Services on each node; of the same minor version as Kubernetes."""
    metrics_server: Version = PINNED["metrics-server"]
    """What nodes and pods use, for `kubectl top`."""
    vpc_cni: Version = PINNED["vpc-cni"]
    """Addresses of pods, and network policies."""

    @property
    def versions(self) -> dict[str, str]:
        """The versions by the names that EKS has for the add-ons."""
        return {name: getattr(self, name.replace("-", "_")) for name in PINNED}
