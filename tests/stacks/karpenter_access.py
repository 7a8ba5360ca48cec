"""Karpenter's doings in a rehearsed account: what it has started, and what its role may."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from rehearsal.kubernetes.fleet import IMAGE
from rehearsal.kubernetes.karpenter_fleet import STARTED
from tests.rehearsal.live.account import Account, Resources
from tests.rehearsal.live.pieces import allow, arn, managed, ref, resource, role

TWIN, PROFILE = "KarpenterTwin", "KarpenterNodes"
REFUSALS = ("AccessDenied", "UnauthorizedOperation")


def device_plugin() -> dict[str, Any]:
    """Return a DaemonSet that announces the GPUs of Karpenter's nodes, as the GPU Operator's does."""
    labels = {"app": "nvidia-device-plugin"}
    spec = {
        "containers": [{"name": "main", "image": "example.com/plugin"}],
        "tolerations": [{"operator": "Exists"}],
        "nodeSelector": {"karpenter.k8s.aws/instance-gpu-manufacturer": "nvidia"},
    }
    template = {"metadata": {"labels": labels}, "spec": spec}
    return {"metadata": {"name": labels["app"]}, "spec": {"selector": {"matchLabels": labels}, "template": template}}


def identity(cluster: str) -> Resources:
    """Return what Karpenter and its nodes are in a cluster, for a test that is about something else: all-powerful.

    The association is for the account `karpenter` in kube-system, the profile of the nodes is `KarpenterNodes`.
    """
    properties = {"ClusterName": cluster, "Namespace": "kube-system", "ServiceAccount": "karpenter"}
    return {
        "Controller": role("pods.eks", allow("*")),
        "Identity": resource("EKS::PodIdentityAssociation", {**properties, "RoleArn": arn("Controller")}),
        "Nodes": role(
            "ec2", ManagedPolicyArns=managed("AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly")
        ),
        "Entry": resource(
            "EKS::AccessEntry", {"ClusterName": cluster, "PrincipalArn": arn("Nodes"), "Type": "EC2_LINUX"}
        ),
        "Profile": resource("IAM::InstanceProfile", {"InstanceProfileName": PROFILE, "Roles": [ref("Nodes")]}),
    }


def instances_with(account: Account, tag: str) -> list[dict[str, Any]]:
    """Return the running instances that have a tag."""
    filters = [
        {"Name": "tag-key", "Values": [tag]},
        {"Name": "instance-state-name", "Values": ["pending", "running"]},
    ]
    found = account.client("ec2").describe_instances(Filters=filters)["Reservations"]
    return [instance for each in found for instance in each["Instances"]]


def karpenters_ec2(account: Account) -> Any:  # noqa: ANN401 - boto3 makes its classes at run time
    """Return EC2 as the role `TWIN` sees it, which may do what Karpenter's may: only pods may assume that one."""
    iam = account.client("iam")
    (own,) = [each["RoleName"] for each in iam.list_roles()["Roles"] if "JobNodesControllerRole" in each["RoleName"]]
    (policy,) = iam.list_role_policies(RoleName=own)["PolicyNames"]
    document = iam.get_role_policy(RoleName=own, PolicyName=policy)["PolicyDocument"]
    iam.put_role_policy(RoleName=TWIN, PolicyName=policy, PolicyDocument=json.dumps(document))
    twin = f"arn:aws:iam::{account.world.account}:role/{TWIN}"
    keys = account.client("sts").assume_role(RoleArn=twin, RoleSessionName="test")["Credentials"]
    ec2 = account.world.client("ec2", keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    account.waits(lambda: _allowed(ec2.describe_instances))
    return ec2


def may_end(ec2: Any, instance: str) -> bool:  # noqa: ANN401 - boto3 makes its classes at run time
    """End an instance; return whether that was allowed."""
    return _allowed(lambda: ec2.terminate_instances(InstanceIds=[instance]))


def may_start(ec2: Any, subnet: str, tags: Mapping[str, str]) -> bool:  # noqa: ANN401 - boto3 makes its classes at run time
    """Start an instance and end it; return whether the start was allowed."""
    pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
    tagged = [{"ResourceType": kind, "Tags": pairs} for kind in STARTED]

    def start() -> None:
        made = ec2.run_instances(ImageId=IMAGE, SubnetId=subnet, MinCount=1, MaxCount=1, TagSpecifications=tagged)
        ec2.terminate_instances(InstanceIds=[each["InstanceId"] for each in made["Instances"]])

    return _allowed(start)


def _allowed(action: Callable[[], object]) -> bool:
    try:
        action()
    except ClientError as error:
        if error.response["Error"]["Code"] in REFUSALS:
            return False
        raise
    return True
