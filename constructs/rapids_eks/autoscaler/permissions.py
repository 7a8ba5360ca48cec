"""What the Cluster Autoscaler may do: see the account's groups and instance types, and resize its cluster's groups."""

import aws_cdk as cdk

from rapids_eks.awaited_resource.permission import Permission

# https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/cloudprovider/aws/README.md#iam-policy without
# what is for groups that are described by requirements or launch configurations
DESCRIPTIONS = [
    "autoscaling:DescribeAutoScalingGroups",
    "autoscaling:DescribeAutoScalingInstances",
    "autoscaling:DescribeScalingActivities",
    "autoscaling:DescribeTags",
    "ec2:DescribeImages",
    "ec2:DescribeInstanceTypes",
    "ec2:DescribeLaunchTemplateVersions",
]
RESIZING = ["autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"]

LOOKING = "These descriptions can be limited to no resource, and change nothing"
GROUPS = "EKS gives the groups of nodes their ids; all are the cluster's own"
BY_TAG = "EKS names the Auto Scaling groups; the condition limits it to those that carry the cluster's tag"


def permissions(stack: cdk.Stack, *, cluster_name: str) -> list[Permission]:
    """Return them for a cluster whose name is literal text, since it is part of a condition's key."""
    groups = stack.format_arn(service="eks", resource="nodegroup", resource_name=f"{cluster_name}/*")
    scaled = stack.format_arn(
        service="autoscaling",
        resource="autoScalingGroup",
        resource_name="*:autoScalingGroupName/eks-*",
        arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
    )
    # https://docs.aws.amazon.com/eks/latest/userguide/managed-node-groups.html: EKS tags them so
    own = {"StringEquals": {f"aws:ResourceTag/k8s.io/cluster-autoscaler/{cluster_name}": "owned"}}
    return [
        Permission(DESCRIPTIONS, ["*"], why=LOOKING),
        Permission(["eks:DescribeNodegroup"], [groups], why=GROUPS),
        Permission(RESIZING, [scaled], own, why=BY_TAG),
    ]
