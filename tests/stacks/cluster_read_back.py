"""What AWS and Kubernetes tell of a cluster that was made: warnings of interruptions, core nodes, Karpenter's pools."""

import json
from typing import Any

from rehearsal.kubernetes.api import Api
from tests.rehearsal.live.account import Account, Outcome
from tests.stacks.karpenter_access import instances_with
from tests.stacks.network_read_back import NODES, subnets_with

ANNOUNCED = {  # https://karpenter.sh/docs/concepts/disruption/#interruption
    ("aws.ec2", "EC2 Spot Instance Interruption Warning"),
    ("aws.ec2", "EC2 Instance Rebalance Recommendation"),
    ("aws.ec2", "EC2 Instance State-change Notification"),
    ("aws.health", "AWS Health Event"),
}
HIDDEN = {"HttpEndpoint": "enabled", "HttpTokens": "required", "HttpPutResponseHopLimit": 1}  # from pods
POOLS, CLASSES = "/apis/karpenter.sh/v1/nodepools", "/apis/karpenter.k8s.aws/v1/ec2nodeclasses"


def physical(account: Account, stack: str, kind: str) -> list[str]:
    """Return the ids of a stack's resources of a type."""
    found = account.client("cloudformation").describe_stack_resources(StackName=stack)["StackResources"]
    return [each["PhysicalResourceId"] for each in found if each["ResourceType"] == kind]


def warnings_reach_karpenter(account: Account, stack: Outcome) -> None:
    """Assert that four rules, and nobody else, may write to the encrypted queue, by TLS only, and that they do."""
    (url,) = physical(account, stack.stack, "AWS::SQS::Queue")
    queue = account.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert (queue["MessageRetentionPeriod"], queue["SqsManagedSseEnabled"]) == ("300", "true")
    events, arn = account.client("events"), queue["QueueArn"]
    rules = [events.describe_rule(Name=name) for name in events.list_rule_names_by_target(TargetArn=arn)["RuleNames"]]
    patterns = [json.loads(each["EventPattern"]) for each in rules]
    assert {(*each["source"], *each["detail-type"]) for each in patterns} == ANNOUNCED
    assert [each.keys() for each in patterns] == [{"source", "detail-type"}] * 4
    assert {each["State"] for each in rules} == {"ENABLED"}
    statements = json.loads(queue["Policy"])["Statement"]
    allowed = [each for each in statements if each["Effect"] == "Allow"]
    assert {each["Condition"]["ArnEquals"]["aws:SourceArn"] for each in allowed} == {each["Arn"] for each in rules}
    assert [each["Principal"] for each in allowed] == [{"Service": "events.amazonaws.com"}] * 4
    (refused,) = [each for each in statements if each["Effect"] == "Deny"]
    assert (refused["Action"], refused["Principal"]) == ("sqs:*", {"AWS": "*"})
    assert refused["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert {each["Resource"] for each in statements} == {arn}


def core_nodes_are_closed(account: Account, cluster: str, *, gib: int) -> None:
    """Assert of the core group's instances: an encrypted gp3 root volume that goes with them, credentials kept."""
    (name,) = account.client("eks").list_nodegroups(clusterName=cluster)["nodegroups"]
    group = account.client("eks").describe_nodegroup(clusterName=cluster, nodegroupName=name)["nodegroup"]
    assert (group["capacityType"], group["amiType"]) == ("ON_DEMAND", "AL2023_x86_64_STANDARD")
    assert group["releaseVersion"].startswith("1.35.")
    assert group["releaseVersion"].endswith("-20260930"), "and not what is newest when the group is made"
    sizes = group["scalingConfig"]
    nodes = [each for each in instances_with(account, "eks:nodegroup-name") if _tag(each, "eks:nodegroup-name") == name]
    assert {sizes["minSize"], sizes["maxSize"], sizes["desiredSize"]} == {len(nodes)}
    for node in nodes:
        assert HIDDEN.items() <= node["MetadataOptions"].items()
        (root,) = node["BlockDeviceMappings"]
        assert root["Ebs"]["DeleteOnTermination"]
        (volume,) = account.client("ec2").describe_volumes(VolumeIds=[root["Ebs"]["VolumeId"]])["Volumes"]
        assert (volume["VolumeType"], volume["Encrypted"], volume["Size"]) == ("gp3", True, gib)


def _tag(instance: dict[str, Any], key: str) -> str | None:
    return next((each["Value"] for each in instance["Tags"] if each["Key"] == key), None)


def classes_are_usable(account: Account, kubernetes: Api, cluster: str) -> None:
    """Assert that Karpenter calls its classes ready, and that they name what is the cluster's."""
    found = account.client("eks").describe_cluster(name=cluster)["cluster"]["resourcesVpcConfig"]
    subnets = subnets_with(account, found["vpcId"], NODES)
    classes = {each["metadata"]["name"]: each for each in kubernetes.items(CLASSES)}
    assert classes.keys() == {"driver", "gpu"}
    for each in classes.values():
        spec, states = each["spec"], {one["type"]: one["status"] for one in each["status"]["conditions"]}
        assert states["Ready"] == "True", each["status"]
        assert {one["id"] for one in spec["subnetSelectorTerms"]} == subnets
        assert spec["securityGroupSelectorTerms"] == [{"id": found["clusterSecurityGroupId"]}]
        assert [one["alias"].partition("@")[0] for one in spec["amiSelectorTerms"]] == ["al2023"]
        assert _entry_of(account, cluster, spec["instanceProfile"]) == "EC2_LINUX"
        assert (
            HIDDEN.items()
            <= {f"{key[0].upper()}{key[1:]}": value for key, value in spec["metadataOptions"].items()}.items()
        )
        (root,) = spec["blockDeviceMappings"]
        assert root["ebs"] == {
            "volumeSize": "100Gi",
            "volumeType": "gp3",
            "encrypted": True,
            "deleteOnTermination": True,
        }


def _entry_of(account: Account, cluster: str, profile: str) -> str:
    """Return the type of the access entry by which nodes with an instance profile join."""
    (role,) = account.client("iam").get_instance_profile(InstanceProfileName=profile)["InstanceProfile"]["Roles"]
    entry = account.client("eks").describe_access_entry(clusterName=cluster, principalArn=role["Arn"])
    return str(entry["accessEntry"]["type"])


def pools_are_bounded(kubernetes: Api, limits: dict[str, dict[str, str]], markets: dict[str, list[str]]) -> None:
    """Assert of the pools what they may buy and how much, whom they keep off, and that only empty nodes go early."""
    pools = {each["metadata"]["name"]: each["spec"] for each in kubernetes.items(POOLS)}
    assert {name: each["limits"] for name, each in pools.items()} == limits
    for name, pool in pools.items():
        node = pool["template"]["spec"]
        assert node["nodeClassRef"]["name"] == name
        (market,) = [each for each in node["requirements"] if each["key"] == "karpenter.sh/capacity-type"]
        assert (market["operator"], market["values"]) == ("In", markets[name])
        assert (node["terminationGracePeriod"], node["expireAfter"]) == ("15m", "720h")
        assert (pool["disruption"]["consolidationPolicy"], pool["disruption"]["consolidateAfter"]) == (
            "WhenEmpty",
            "5m",
        )
        reasons = {each["nodes"]: set(each["reasons"]) for each in pool["disruption"]["budgets"]}
        assert reasons == {"100%": {"Empty"}, "0": {"Drifted", "Underutilized"}}
    taints = {
        name: [(one["key"], one["effect"]) for one in each["template"]["spec"]["taints"]]
        for name, each in pools.items()
    }
    assert taints == {"driver": [("NodeGroupType", "PreferNoSchedule")], "gpu": [("nvidia.com/gpu", "NoSchedule")]}
    labels = {name: each["template"]["metadata"]["labels"]["NodeGroupType"] for name, each in pools.items()}
    assert labels == {"driver": "driver", "gpu": "executor"}
