"""What Karpenter may do: see what EC2 sells, start instances that carry the cluster's tags, and end those."""

from collections.abc import Sequence

import aws_cdk as cdk

from rapids_eks.awaited_resource.permission import Conditions, Permission

# After https://karpenter.sh/docs/reference/cloudformation/. Left out are the instance profiles, which the stack makes,
# and what needs settings that are not used here: capacity reservations, placement groups, zonal shift.
DESCRIPTIONS = [
    "ec2:DescribeCapacityReservations",
    "ec2:DescribeImages",
    "ec2:DescribeInstanceStatus",
    "ec2:DescribeInstanceTypeOfferings",
    "ec2:DescribeInstanceTypes",
    "ec2:DescribeInstances",
    "ec2:DescribeLaunchTemplates",
    "ec2:DescribePlacementGroups",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSpotPriceHistory",
    "ec2:DescribeSubnets",
]
START = ["ec2:CreateFleet", "ec2:RunInstances"]
TAGGED_AT_CREATION = ["fleet", "instance", "launch-template", "network-interface", "spot-instances-request", "volume"]
OWN_TAGS = ["Name", "eks:eks-cluster-name", "karpenter.sh/nodeclaim"]  # given to an instance once it has joined

LOOKING = "Descriptions and prices can be limited to no resource, and change nothing"
PARTS = "Any image, subnet or security group will do; what is started of them must carry the cluster's tags"
BY_TAG = "Instances cannot be named before they are started; the condition limits it to what carries the cluster's tag"
PROFILES = "Reading alone; Karpenter looks for profiles under names of former versions, and must be told they are none"
IMAGES = "Public parameters of AWS, in which the ids of its images are; they hold no secret"


def permissions(
    stack: cdk.Stack, *, cluster_name: str, cluster_arn: str, queue_arn: str, node_role_arn: str
) -> list[Permission]:
    """Return them for a cluster whose name is literal text, since it is part of conditions' keys."""
    profiles = stack.format_arn(service="iam", region="", resource="instance-profile", resource_name="*")
    parts = [
        stack.format_arn(service="ec2", account="", resource="image", resource_name="*"),
        stack.format_arn(service="ec2", account="", resource="snapshot", resource_name="*"),
        # Of whichever account: a VPC may be shared.
        stack.format_arn(service="ec2", account="*", resource="security-group", resource_name="*"),
        stack.format_arn(service="ec2", account="*", resource="subnet", resource_name="*"),
    ]
    here = {"StringEquals": {"aws:RequestedRegion": stack.region}}
    parameters = stack.format_arn(service="ssm", account="", resource="parameter", resource_name="aws/service/*")
    to_ec2 = {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}
    return [
        Permission(DESCRIPTIONS, ["*"], here, why=LOOKING),
        Permission(["iam:ListInstanceProfiles", "pricing:GetProducts"], ["*"], why=LOOKING),
        Permission(["iam:GetInstanceProfile"], [profiles], why=PROFILES),
        Permission(["ssm:GetParameter"], [parameters], why=IMAGES),
        Permission(["eks:DescribeCluster"], [cluster_arn]),
        Permission(["sqs:DeleteMessage", "sqs:GetQueueUrl", "sqs:ReceiveMessage"], [queue_arn]),
        Permission(["iam:PassRole"], [node_role_arn], to_ec2),
        Permission(START, parts, why=PARTS),
        *_by_tag(stack, cluster_name),
    ]


def _by_tag(stack: cdk.Stack, cluster: str) -> list[Permission]:
    """Return what is limited by tags: of the request for what is made, of the resource for what is there."""

    def own(kinds: Sequence[str]) -> list[str]:
        return [stack.format_arn(service="ec2", resource=each, resource_name="*") for each in kinds]

    asked, there = _tagged("aws:RequestTag", cluster), _tagged("aws:ResourceTag", cluster)
    asked["StringEquals"]["aws:RequestTag/eks:eks-cluster-name"] = cluster
    at_creation = {"ec2:CreateAction": ["CreateFleet", "CreateLaunchTemplate", "RunInstances"]}
    creating: Conditions = {**asked, "StringEquals": {**asked["StringEquals"], **at_creation}}
    naming: Conditions = {
        **there,
        "StringEqualsIfExists": {"aws:RequestTag/eks:eks-cluster-name": cluster},
        "ForAllValues:StringEquals": {"aws:TagKeys": OWN_TAGS},
    }
    return [
        Permission(START, own(TAGGED_AT_CREATION), asked, why=BY_TAG),
        Permission(["ec2:CreateLaunchTemplate"], own(["launch-template"]), asked, why=BY_TAG),
        Permission(["ec2:CreateTags"], own(TAGGED_AT_CREATION), creating, why=BY_TAG),
        Permission(START, own(["launch-template"]), there, why=BY_TAG),
        Permission(["ec2:CreateTags"], own(["instance"]), naming, why=BY_TAG),
        Permission(["ec2:TerminateInstances"], own(["instance"]), there, why=BY_TAG),
        Permission(["ec2:DeleteLaunchTemplate"], own(["launch-template"]), there, why=BY_TAG),
    ]


def _tagged(key: str, cluster: str) -> dict[str, dict[str, str]]:
    return {
        "StringEquals": {f"{key}/kubernetes.io/cluster/{cluster}": "owned"},
        "StringLike": {f"{key}/karpenter.sh/nodepool": "*"},
    }
