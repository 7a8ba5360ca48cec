"""What programs need of AWS to start: without it they give up again and again, and are never ready."""

import re
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from rehearsal.kubernetes.pod_status import Trouble
from rehearsal.services.eks import secret_files
from rehearsal.services.eks.pod_credentials import PodCredentials
from rehearsal.services.eks.records import Record

PRIVATE = re.compile(r"eks/|\d+\.dkr\.ecr\.")  # EKS's own repositories, as add-ons name them here, and an account's
PULLING = ("ecr:GetAuthorizationToken", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
# https://docs.aws.amazon.com/eks/latest/userguide/cni-iam-role.html
NETWORKING = ("ec2:CreateNetworkInterface", "ec2:AssignPrivateIpAddresses", "ec2:DescribeNetworkInterfaces")
NAME = "app.kubernetes.io/name"


@dataclass(frozen=True)
class PodStarts:
    """Looks at the pods of one cluster as they start."""

    credentials: PodCredentials

    def trouble(self, pod: Record, image: str) -> Trouble | None:
        """Return what keeps an image from being pulled or its program from running, in kubelet's words."""
        if files := secret_files.trouble(self.credentials, pod):
            return files
        if PRIVATE.match(image) and (problem := self._pulls(pod)):
            return Trouble("ImagePullBackOff", f'Back-off pulling image "{image}": {problem}')
        start = _STARTS.get(pod["metadata"].get("labels", {}).get(NAME, ""))
        if start is None or image != pod["spec"]["containers"][0]["image"]:
            return None
        try:
            start(self.credentials, pod)
        except (BotoCoreError, ClientError) as error:
            return Trouble("CrashLoopBackOff", f"back-off restarting failed container: {error}")
        return None

    def _pulls(self, pod: Record) -> str:
        """Return why the node's role may not pull from ECR: https://docs.aws.amazon.com/eks/latest/userguide/create-node-role.html."""
        role = self.credentials.node_role(self.credentials.node_of(pod))
        denied = (each for each in PULLING if role is None or not self.credentials.may(role, each))
        return next((f"403 Forbidden: {role} is not authorized to perform: {action}" for action in denied), "")


def _network(credentials: PodCredentials, pod: Record) -> None:
    role = credentials.role(pod)
    for action in NETWORKING:
        if not credentials.may(role, action):
            message = f"{role} is not authorized to perform: {action}"
            raise ClientError({"Error": {"Code": "UnauthorizedOperation", "Message": message}}, action)


def _volumes(credentials: PodCredentials, pod: Record) -> None:
    # https://github.com/kubernetes-sigs/aws-ebs-csi-driver/blob/master/docs/faq.md
    credentials.client(pod, "ec2").describe_availability_zones()


def _karpenter(credentials: PodCredentials, pod: Record) -> None:
    # https://github.com/aws/karpenter-provider-aws/blob/v1.14.1/pkg/operator/operator.go
    settings = _variables(pod)
    credentials.client(pod, "ec2").describe_instance_types(InstanceTypes=["m5.large"])
    if "CLUSTER_ENDPOINT" not in settings:
        credentials.client(pod, "eks").describe_cluster(name=settings["CLUSTER_NAME"])
    if queue := settings.get("INTERRUPTION_QUEUE"):
        credentials.client(pod, "sqs").get_queue_url(QueueName=queue)


def _autoscaler(credentials: PodCredentials, pod: Record) -> None:
    # https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/cloudprovider/aws/aws_manager.go
    credentials.client(pod, "ec2").describe_instance_types(InstanceTypes=["m5.large"])
    credentials.client(pod, "autoscaling").describe_auto_scaling_groups()


def _variables(pod: Record) -> dict[str, Any]:
    given = [each for container in pod["spec"]["containers"] for each in container.get("env", [])]
    return {each["name"]: each.get("value") for each in given}


_STARTS = {
    "aws-cluster-autoscaler": _autoscaler,
    "aws-node": _network,
    "ebs-csi-controller": _volumes,
    "karpenter": _karpenter,
}
