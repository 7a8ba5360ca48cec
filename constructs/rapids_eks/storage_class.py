"""What a volume is made of unless a claim says otherwise."""

from aws_cdk import aws_eks_v2 as eks
from constructs import Construct

NAME = "gp3"


class DefaultStorageClass(Construct):
    """The class `gp3` of encrypted EBS volumes, the only default one: EKS's own `gp2` is none since 1.30.

    A volume is made where its first pod is placed, and goes with its claim.
    """

    def __init__(self, scope: Construct, id: str, *, cluster: eks.ICluster) -> None:  # noqa: A002 - CDK's own name for it
        super().__init__(scope, id)
        storage_class = {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": NAME, "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
            "provisioner": "ebs.csi.aws.com",
            "parameters": {"type": "gp3", "encrypted": "true"},
            "volumeBindingMode": "WaitForFirstConsumer",
            "reclaimPolicy": "Delete",
            "allowVolumeExpansion": True,
        }
        eks.KubernetesManifest(self, "Manifest", cluster=cluster, manifest=[storage_class])
