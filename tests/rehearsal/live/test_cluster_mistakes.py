"""One mistake in a cluster or its manifests, which AWS or Kubernetes refuses by its documentation."""

import pytest

from tests.rehearsal.live.account import Account, Outcome, Resources, changed
from tests.rehearsal.live.mistakes import Mistake, refused
from tests.rehearsal.live.pieces import (
    ACCOUNT,
    CLUSTER,
    NODE,
    REGION,
    arn,
    cluster,
    managed,
    manifest,
    namespace,
    nodes,
    ref,
    resource,
    role,
    trust,
)

EKS = "https://docs.aws.amazon.com/eks/latest/userguide"
EMR = "https://docs.aws.amazon.com/emr/latest/EMR-on-EKS-DevelopmentGuide"
KUBERNETES = "https://kubernetes.io/docs/reference/kubectl/generated/kubectl_create"
SERVICE_ROLE = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/eks.amazonaws.com/AWSServiceRoleForAmazonEKS"

VIRTUAL = resource(
    "EMRContainers::VirtualCluster",
    {
        "Name": "team",
        "ContainerProvider": {"Id": CLUSTER, "Type": "EKS", "Info": {"EksInfo": {"Namespace": "team"}}},
    },
    "Namespace",
)
TEAM = {"Namespace": namespace("team"), "Virtual": VIRTUAL}
IDENTITY = {"ClusterName": CLUSTER, "Namespace": "team", "ServiceAccount": "job", "RoleArn": arn("Role")}
IDENTITIES = {
    "Role": role("pods.eks"),
    "One": resource("EKS::PodIdentityAssociation", IDENTITY),
    "Two": resource("EKS::PodIdentityAssociation", {**IDENTITY, "ServiceAccount": "other"}, "One"),
}
ENTRY = {
    "Role": role("ec2"),
    "Entry": resource("EKS::AccessEntry", {"ClusterName": CLUSTER, "PrincipalArn": arn("Role")}),
}
SETTINGS = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "team"}, "data": {"a": "b"}}
QUOTA = {
    "apiVersion": "v1",
    "kind": "ResourceQuota",
    "metadata": {"name": "q", "namespace": "default"},
    "spec": {"hard": {"pods": "1"}},
}
CLUSTERS = [
    Mistake(
        TEAM,
        {"Virtual.DependsOn": [], "Namespace.DependsOn": ["Virtual"]},
        ("Virtual: ", "namespace team"),
        f"{EMR}/setting-up-cluster-access.html",
    ),
    Mistake(
        {
            **TEAM,
            "Second": namespace("second"),
            "Other": changed(
                {"V": {**VIRTUAL, "DependsOn": ["Virtual", "Second"]}},
                "V.Properties.ContainerProvider.Info.EksInfo.Namespace",
                "second",
            )["V"],
        },
        {"Other.Properties.ContainerProvider.Info.EksInfo.Namespace": "team"},
        ("Other: ", "A virtual cluster already exists in the given namespace"),
        f"{EMR}/virtual-cluster.html",
    ),
    Mistake(
        IDENTITIES,
        {"Two.Properties.ServiceAccount": "job"},
        ("Two: ", "Association already exists"),
        f"{EKS}/pod-id-association.html",
    ),
    Mistake(
        IDENTITIES,
        {"Two.Properties.RoleArn": f"arn:aws:iam::{ACCOUNT}:role/nobody"},
        ("Two: ", "role/nobody"),
        f"{EKS}/pod-id-association.html",
    ),
    Mistake(
        ENTRY,
        {"Entry.Properties.PrincipalArn": SERVICE_ROLE},
        ("Entry: ", "Service Linked Role"),
        f"{EKS}/creating-access-entries.html",
    ),
    Mistake(
        ENTRY,
        {"Entry.Properties.KubernetesGroups": ["system:masters"]},
        ("Entry: ", "system:masters"),
        f"{EKS}/creating-access-entries.html",
    ),
    Mistake(
        {"Namespace": namespace("team"), "Settings": manifest(SETTINGS, "Namespace")},
        {"Settings.DependsOn": [], "Namespace.DependsOn": ["Settings"]},
        ("Settings: ", 'namespaces "team" not found'),
        "https://kubernetes.io/docs/concepts/overview/working-with-objects/namespaces",
    ),
    Mistake(
        {"Mine": namespace("mine"), "Yours": {**namespace("yours"), "DependsOn": ["Mine"]}},
        {"Yours.Properties.Manifest.metadata.name": "mine"},
        ("Yours: ", 'namespaces "mine" already exists'),
        KUBERNETES,
    ),
    Mistake(
        {"Quota": manifest(QUOTA)},
        {"Quota.Properties.Manifest.spec.limits": {"pods": "1"}},
        ("Quota: ", 'unknown field "spec.limits"'),
        KUBERNETES,
    ),
    Mistake(
        {"Quota": manifest(QUOTA)},
        {"Quota.Properties.Manifest.spec.hard.pods": "many"},
        ("Quota: ", "quantities must match the regular expression"),
        "https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity",
    ),
]


@pytest.mark.usefixtures("platform")
@pytest.mark.parametrize("mistake", CLUSTERS, ids=lambda mistake: mistake.name)
def test_one_mistake_in_a_cluster_fails_and_is_named(account: Account, mistake: Mistake) -> None:
    refused(account, mistake)


def test_an_addon_before_the_nodes_it_needs_fails_and_after_them_deploys(account: Account, platform: Outcome) -> None:
    """https://docs.aws.amazon.com/eks/latest/userguide/add-ons-troubleshooting.html"""
    subnets = [account.outputs(platform)[name] for name in ("SubnetA", "SubnetB")]
    addon = resource("EKS::Addon", {"ClusterName": CLUSTER, "AddonName": "coredns"})
    wrong = account.create({"Dns": addon})
    assert wrong.status == "ROLLBACK_COMPLETE"
    assert "Dns: Dns did not stabilize: DEGRADED" in wrong.reasons
    assert "doesn't have the desired number of replicas" in wrong.reasons
    account.discard(wrong)
    right = account.create({**nodes(CLUSTER, subnets), "Dns": {**addon, "DependsOn": ["Nodes"]}})
    assert right.status == "CREATE_COMPLETE", right.reasons
    account.discard(right)


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("NodeRole.Properties.AssumeRolePolicyDocument", trust("eks"), "[ec2.amazonaws.com] were not found"),
        ("NodeRole.Properties.ManagedPolicyArns", [], "Instances failed to join the kubernetes cluster"),
        (
            "NodeRole.Properties.ManagedPolicyArns",
            managed(*NODE[:2]),
            "Instances failed to join the kubernetes cluster",
        ),
        (
            "NodeRole.Properties.ManagedPolicyArns",
            managed(*NODE[::2]),
            "Instances failed to join the kubernetes cluster",
        ),
        (
            "Nodes.Properties.InstanceTypes",
            ["m6g.large"],
            "[m6g.large] is not a valid instance type for requested amiType",
        ),
        ("Nodes.Properties.InstanceTypes", ["m5.huge"], "m5.huge"),
        ("Nodes.Properties.InstanceTypes", ["m7i.48xlarge"], "than your current vCPU limit of 256 allows"),
        ("Nodes.Properties.ScalingConfig", {"MinSize": 3, "DesiredSize": 2, "MaxSize": 4}, "Minimum capacity 3"),
    ],
)
def test_a_node_group_that_cannot_be_fails(
    account: Account, platform: Outcome, path: str, value: object, says: str
) -> None:
    """Corrected it is the one that the add-on's nodes are.

    https://docs.aws.amazon.com/eks/latest/userguide/troubleshooting.html
    https://docs.aws.amazon.com/eks/latest/userguide/create-node-role.html
    https://docs.aws.amazon.com/eks/latest/userguide/cni-iam-role.html
    """
    subnets = [account.outputs(platform)[name] for name in ("SubnetA", "SubnetB")]
    wrong = account.create(changed(nodes(CLUSTER, subnets), path, value))
    assert wrong.status == "ROLLBACK_COMPLETE", "the mistake was accepted"
    assert "Nodes: " in wrong.reasons
    assert says in wrong.reasons
    account.discard(wrong)


@pytest.mark.parametrize(
    ("template", "more", "says"),
    [
        ({"InstanceType": "m5.large"}, {"InstanceTypes": ["m5.large"]}, "Cannot specify instance types in launch"),
        ({"EbsOptimized": True}, {"DiskSize": 50}, "Disk size must be specified within the launch template"),
        ({"InstanceMarketOptions": {"MarketType": "spot"}}, {}, "should not specify a market"),
        ({"IamInstanceProfile": {"Name": "own"}}, {}, "should not specify an instance profile"),
        ({"ImageId": "ami-12c6146b"}, {"AmiType": "AL2023_x86_64_NVIDIA"}, "AMI Type other than CUSTOM"),
    ],
)
def test_what_stands_in_a_launch_template_is_told_once(
    account: Account, platform: Outcome, template: Resources, more: Resources, says: str
) -> None:
    """https://docs.aws.amazon.com/eks/latest/userguide/launch-templates.html"""
    own = {"Id": ref("Template"), "Version": {"Fn::GetAtt": ["Template", "LatestVersionNumber"]}}
    parts = nodes(CLUSTER, [account.outputs(platform)["SubnetA"]], LaunchTemplate=own, **more)
    wrong = account.create({**parts, "Template": resource("EC2::LaunchTemplate", {"LaunchTemplateData": template})})
    assert wrong.status == "ROLLBACK_COMPLETE", "the mistake was accepted"
    assert "Nodes: " in wrong.reasons
    assert says in wrong.reasons
    account.discard(wrong)


def test_nodes_without_a_way_out_never_join(account: Account, platform: Outcome) -> None:
    """With the route that `platform` has they do.

    https://docs.aws.amazon.com/eks/latest/userguide/private-clusters.html
    """
    vpc = account.outputs(platform)["Vpc"]
    place = {"VpcId": vpc, "CidrBlock": "10.9.9.0/24", "AvailabilityZone": f"{REGION}a"}
    wrong = account.create({"Dark": resource("EC2::Subnet", place), **nodes(CLUSTER, [ref("Dark")])})
    assert wrong.status == "ROLLBACK_COMPLETE", "the mistake was accepted"
    assert "Instances failed to join the kubernetes cluster" in wrong.reasons
    account.discard(wrong)


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("SubnetB.Properties.AvailabilityZone", f"{REGION}a", "at least two different AZs"),
        ("ClusterRole.Properties.AssumeRolePolicyDocument", trust("ec2"), "the trusted entity is not correct"),
    ],
)
def test_a_cluster_that_cannot_be_fails(account: Account, path: str, value: object, says: str) -> None:
    """Corrected it is the one that all tests share.

    https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html
    https://docs.aws.amazon.com/eks/latest/userguide/cluster-iam-role.html
    """
    wrong = account.create(changed(cluster("wrong"), path, value))
    assert wrong.status == "ROLLBACK_COMPLETE", "the mistake was accepted"
    assert "Cluster: " in wrong.reasons
    assert says in wrong.reasons
    account.discard(wrong)
