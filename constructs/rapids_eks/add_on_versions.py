"""The versions of EKS's add-ons that this was made with."""

from collections.abc import Mapping
from types import MappingProxyType

# The defaults of EKS for Kubernetes 1.35 in August and September 2026. Which ones there are only AWS says:
# aws eks describe-addon-versions --kubernetes-version 1.35 --addon-name coredns
PINNED: Mapping[str, str] = MappingProxyType(
    {
        "aws-ebs-csi-driver": "v1.63.1-eksbuild.1",
        "aws-secrets-store-csi-driver-provider": "v3.1.1-eksbuild.1",
        "coredns": "v1.13.2-eksbuild.21",
        "eks-pod-identity-agent": "v1.3.10-eksbuild.3",
        "kube-proxy": "v1.35.3-eksbuild.21",
        "metrics-server": "v0.9.0-eksbuild.5",
        "vpc-cni": "v1.22.4-eksbuild.3",
    }
)
