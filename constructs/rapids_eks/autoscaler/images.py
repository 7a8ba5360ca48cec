"""What the nodes of managed groups boot, and what they are told then."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aws_cdk import aws_eks_v2 as eks

from rapids_eks.node_image import al2023_release, parameter

# EKS adds its own part, with the cluster and the labels, to this one. Types without such disks pass over it.
# https://awslabs.github.io/amazon-eks-ami/nodeadm/doc/api/
_NODE_CONFIG = """\
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="//"

--//
Content-Type: application/node.eks.aws

---
apiVersion: node.eks.aws/v1alpha1
kind: NodeConfig
spec:
  instance:
    localStorage:
      strategy: RAID0

--//--
"""


@dataclass(frozen=True)
class Image:
    """An image that EKS picks, by its own `ami_type` and `release`, or one with an id that EKS only passes on.

    The values of `release` and `ami_id` are references to AWS's public parameters, read when the stack is deployed.
    """

    root_device: str
    user_data: str
    ami_type: str | None = None
    release: str | None = None
    ami_id: str | None = None


def al2023(version: str, release: str, *, gpus: bool) -> Image:
    """Return a dated release, like v20260930, of Amazon Linux 2023 for a version of Kubernetes.

    The one for GPUs brings NVIDIA's driver and container toolkit. NVMe disks of the instance become one volume for the
    images and the files of pods.
    """
    variant = "NVIDIA" if gpus else "STANDARD"
    named = al2023_release(version, release, gpus=gpus)
    return Image("/dev/xvda", _NODE_CONFIG, ami_type=f"AL2023_x86_64_{variant}", release=named)


def ubuntu(
    version: str,
    release: str,
    cluster: eks.ICluster,
    *,
    labels: Mapping[str, str],
    taints: Sequence[Mapping[str, str]],
) -> Image:
    """Return a release, a date or `current`, of Canonical's Ubuntu 24.04 for Kubernetes, without NVIDIA's driver.

    https://documentation.ubuntu.com/aws/aws-how-to/instances/find-ubuntu-images/; as EKS adds nothing to the user data
    of an image that is not its own, the node joins by Canonical's script, with labels and taints from its first moment:
    https://documentation.ubuntu.com/aws/aws-how-to/kubernetes/deploy-managed-node-group/. NVMe disks are not used.
    """
    path = f"/aws/service/canonical/ubuntu/eks/24.04/{version}/stable/{release}/amd64/hvm/ebs-gp3/ami-id"
    return Image("/dev/sda1", _bootstrap(cluster, labels, taints), ami_id=parameter(path))


def _bootstrap(cluster: eks.ICluster, labels: Mapping[str, str], taints: Sequence[Mapping[str, str]]) -> str:
    worn = ",".join(f"{key}={value}" for key, value in labels.items())
    kept_off = ",".join(f"{each['key']}={each['value']}:{each['effect']}" for each in taints)
    command = [
        f"/etc/eks/bootstrap.sh {cluster.cluster_name}",
        f"--apiserver-endpoint {cluster.cluster_endpoint}",
        f"--b64-cluster-ca {cluster.cluster_certificate_authority_data}",
        f"--kubelet-extra-args '--node-labels={worn} --register-with-taints={kept_off}'",
    ]
    return "#!/bin/bash\nset -e\n" + " ".join(command) + "\n"
