"""How pods get secrets of AWS Secrets Manager as files."""

from constructs import Construct

from rapids_eks.add_ons import AddOn
from rapids_eks.job_pools import CORE_LABELS

NAME = "aws-secrets-store-csi-driver-provider"


class SecretsDriver(Construct):
    """EKS's add-on of the Secrets Store CSI driver and its provider for AWS.

    The provider, which is told of the pods that may have secrets, runs on the core nodes only; the driver itself runs
    on every node, as the add-on has no setting for it. A secret is read as the role of the pod that mounts it.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own name for it
        *,
        cluster_name: str,
        version: str,
    ) -> None:
        super().__init__(scope, id)
        AddOn(
            self,
            "AddOn",
            cluster_name=cluster_name,
            name=NAME,
            version=version,
            # Which settings there are only AWS says: aws eks describe-addon-configuration --addon-name NAME
            # --addon-version VERSION --query configurationSchema --output text
            settings={"nodeSelector": CORE_LABELS},
        )
