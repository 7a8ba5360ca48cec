"""What the sweep after a cluster may do: look at everything, delete only what is the cluster's."""

from collections.abc import Iterator, Mapping, Sequence

import aws_cdk as cdk

from rapids_eks.awaited_resource.permission import Permission

DESCRIPTIONS = [
    "ec2:DescribeInstances",
    "ec2:DescribeLaunchTemplates",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeVolumes",
    "elasticloadbalancing:DescribeLoadBalancers",
    "elasticloadbalancing:DescribeTags",
    "elasticloadbalancing:DescribeTargetGroups",
    "iam:ListInstanceProfiles",
    "logs:DescribeLogGroups",
]
# What is done to each kind of resource: the service, the kind in an ARN, the actions.
DELETIONS = {
    "Instances": [("ec2", "instance/*", ["ec2:TerminateInstances"])],
    "LaunchTemplates": [("ec2", "launch-template/*", ["ec2:DeleteLaunchTemplate"])],
    "LoadBalancers": [
        ("elasticloadbalancing", "loadbalancer/*", ["elasticloadbalancing:DeleteLoadBalancer"]),
        ("elasticloadbalancing", "targetgroup/*", ["elasticloadbalancing:DeleteTargetGroup"]),
    ],
    "NetworkInterfaces": [("ec2", "network-interface/*", ["ec2:DeleteNetworkInterface"])],
    "SecurityGroups": [
        (
            "ec2",
            "security-group/*",
            ["ec2:DeleteSecurityGroup", "ec2:RevokeSecurityGroupEgress", "ec2:RevokeSecurityGroupIngress"],
        )
    ],
    "Volumes": [("ec2", "volume/*", ["ec2:DeleteVolume"])],
}


LOOKING = "These descriptions can be limited to no resource, and change nothing"
BY_TAG = "What is to be deleted is not known beforehand; the condition limits it to what carries the cluster's tag"
BY_PATH = "Karpenter names its instance profiles itself; all below this path are the cluster's"
BY_NAME = "Log groups of this name and no others: CloudWatch Logs checks the name with the streams after it"


def permissions(
    stack: cdk.Stack, cluster: str, tags: Mapping[str, Mapping[str, str]], path: str, log_groups: Sequence[str]
) -> list[Permission]:
    """Return them for a cluster's name, its tags by kind, and the path of its instance profiles."""
    there = stack.format_arn(service="eks", resource="cluster", resource_name=cluster)
    profiles = stack.format_arn(service="iam", region="", resource="instance-profile", resource_name=f"{path[1:]}*")
    end_of_profile = ["iam:DeleteInstanceProfile", "iam:RemoveRoleFromInstanceProfile"]
    return [
        Permission(DESCRIPTIONS, ["*"], why=LOOKING),
        Permission(["eks:DescribeCluster"], [there]),
        *_by_tag(stack, tags),
        Permission(end_of_profile, [profiles], why=BY_PATH),
        Permission(["logs:DeleteLogGroup"], _log_groups(stack, log_groups), why=BY_NAME),
    ]


def _by_tag(stack: cdk.Stack, tags: Mapping[str, Mapping[str, str]]) -> Iterator[Permission]:
    """Yield one for each kind and tag: conditions in one statement would all have to hold."""
    for kind, deletions in DELETIONS.items():
        for service, resource, actions in deletions:
            arn = stack.format_arn(service=service, resource=resource)
            for key, value in tags[kind].items():
                yield Permission(actions, [arn], {"StringEquals": {f"aws:ResourceTag/{key}": value}}, BY_TAG)


def _log_groups(stack: cdk.Stack, names: Sequence[str]) -> list[str]:
    """Return the ARNs of log groups, in the form that CloudWatch Logs checks: with `:` and streams after the name."""
    arns = [stack.format_arn(service="logs", resource=f"log-group:{name}") for name in names]
    return [arn if arn.endswith("*") else f"{arn}:*" for arn in arns]
