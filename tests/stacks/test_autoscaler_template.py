"""The nodes of jobs in managed groups, as a template: what they are, and what the Cluster Autoscaler is told."""

import json
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
import yaml
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_eks_v2 as eks
from cfnlint.api import lint
from cfnlint.config import ManualArgs
from template_graph import Graph

import config
import rehearsal
from config.instance_types import GPUS
from rapids_eks.autoscaler.controller import PLACE, AutoscalerController, arguments, priorities
from rapids_eks.autoscaler.node_groups import RESOURCES, most_nodes, template_tags
from rapids_eks.job_pools import DRIVER_LABELS, EXECUTOR_LABELS, driver_pool, gpu_pool
from rehearsal.kubernetes.instance_types import instance_type
from rehearsal.kubernetes.scheduling import fits, quantities
from tests.rehearsal.live.account import Resources
from tests.stacks.assembly import Assembly, synthesized

AL2023 = config.Capacity(mode="cluster-autoscaler")
UBUNTU = config.Capacity(mode="cluster-autoscaler", operating_system="ubuntu")
CHART, GROUP, TEMPLATE = "Custom::AWSCDK-EKS-HelmChart", "AWS::EKS::Nodegroup", "AWS::EC2::LaunchTemplate"
VALUES = Path(rehearsal.__file__).parent / "charts/stand_ins/cluster-autoscaler/values.yaml"
LINT = {"ignore_checks": ["W3005"]}  # CDK's functions name their role's policies in DependsOn


@pytest.fixture(scope="module")
def on_amazon_linux(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    return made(tmp_path_factory.mktemp("usual"), AL2023)


@pytest.fixture(scope="module")
def on_ubuntu(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    return made(tmp_path_factory.mktemp("ubuntu"), UBUNTU)


@pytest.fixture(scope="module")
def resources(on_amazon_linux: Assembly) -> Resources:
    return on_amazon_linux.resources("StackedCluster")


@pytest.fixture(scope="module")
def ubuntu(on_ubuntu: Assembly) -> Resources:
    return on_ubuntu.resources("StackedCluster")


def made(into: Path, capacity: config.Capacity, region: str = "us-west-2") -> Assembly:
    return synthesized(into, config.Cluster(), capacity=capacity, region=region)


def text_of(resource: Mapping[str, Any]) -> str:
    return json.dumps(resource.get("Properties", {}), separators=(",", ":")).replace('\\"', '"')


def named(resources: Resources, kind: str, text: str) -> str:
    """Return the logical id of the only resource of a type whose properties hold a text."""
    (found,) = [name for name, each in resources.items() if each["Type"] == kind and text in text_of(each)]
    return found


def groups(resources: Resources, labels: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Return the properties of the groups of nodes that have labels, by logical id."""
    found = {name: each["Properties"] for name, each in resources.items() if each["Type"] == GROUP}
    return {name: each for name, each in found.items() if labels.items() <= each["Labels"].items()}


def job_groups(resources: Resources) -> dict[str, dict[str, Any]]:
    return {**groups(resources, DRIVER_LABELS), **groups(resources, EXECUTOR_LABELS)}


def findings(assembly: Assembly, region: str) -> list[str]:
    return [str(each) for each in lint(assembly.text("StackedCluster"), config=ManualArgs(regions=[region], **LINT))]


def test_the_template_is_valid_in_both_partitions_and_of_none(
    on_amazon_linux: Assembly, on_ubuntu: Assembly, tmp_path: Path
) -> None:
    gov = made(tmp_path, AL2023, "us-gov-west-1")
    assert (findings(on_amazon_linux, "us-west-2"), findings(on_ubuntu, "us-west-2")) == ([], [])
    assert findings(gov, "us-gov-west-1") == []
    assert "arn:aws:" not in gov.text("StackedCluster")


def test_the_same_settings_give_the_same_bytes(on_ubuntu: Assembly, tmp_path: Path) -> None:
    assert made(tmp_path, UBUNTU).text("StackedCluster") == on_ubuntu.text("StackedCluster")


def test_every_zone_has_drivers_on_demand_and_executors_in_both_markets(resources: Resources) -> None:
    """Guards against a group of several zones, whose nodes EC2 would end to balance them."""
    for labels, markets in ((DRIVER_LABELS, ["ON_DEMAND"]), (EXECUTOR_LABELS, ["ON_DEMAND", "SPOT"])):
        found = [(each["CapacityType"], *map(str, each["Subnets"])) for each in groups(resources, labels).values()]
        zones = sorted({subnet for _, subnet in found})
        assert len(zones) == 2
        assert sorted(found) == [(market, zone) for market in markets for zone in zones]


def test_without_spot_nothing_is_bought_there(tmp_path: Path) -> None:
    capacity = AL2023.model_copy(update={"gpu": config.GpuNodes(spot=False)})
    found = made(tmp_path, capacity).resources("StackedCluster")
    assert {each["CapacityType"] for each in job_groups(found).values()} == {"ON_DEMAND"}
    assert yaml.safe_load(priorities([])) == {10: [".*"]}


def test_groups_begin_at_zero_and_none_grows_beyond_the_limit(resources: Resources) -> None:
    for labels, most in ((DRIVER_LABELS, 16 // 4), (EXECUTOR_LABELS, 8)):
        for each in groups(resources, labels).values():
            assert each["ScalingConfig"] == {"MinSize": 0, "DesiredSize": 0, "MaxSize": most}
    larger = gpu_pool(["g5.12xlarge"], max_gpus=7, root_volume_gib=100, spot=True)
    assert most_nodes(larger) == 1


@pytest.mark.parametrize("name", [*GPUS, "m5.xlarge", "m6i.xlarge", "c5.4xlarge"])
def test_no_empty_group_promises_more_than_a_node_has(name: str) -> None:
    """Guards against nodes that are started for pods which do not fit on them."""
    pool = (
        gpu_pool([name], max_gpus=8, root_volume_gib=100, spot=True)
        if name in GPUS
        else driver_pool([name], max_vcpus=64, root_volume_gib=100)
    )
    promised = {key.removeprefix(f"{RESOURCES}/"): value for key, value in template_tags(pool).items()}
    assert promised.pop("ephemeral-storage") == "89Gi"
    has = instance_type(name).allocatable()
    assert fits(quantities(promised), quantities(has))
    assert promised.keys() == has.keys() - {"ephemeral-storage"}


def test_several_types_promise_what_the_smallest_has() -> None:
    pool = driver_pool(["m5.xlarge", "r5.xlarge", "c5.xlarge"], max_vcpus=16, root_volume_gib=100)
    alone = driver_pool(["c5.xlarge"], max_vcpus=16, root_volume_gib=100)
    assert template_tags(pool) == template_tags(alone)


@pytest.mark.parametrize("system", ["resources", "ubuntu"])
def test_disks_are_encrypted_and_pods_do_not_reach_the_node_s_credentials(
    system: str, request: pytest.FixtureRequest
) -> None:
    found = request.getfixturevalue(system)
    used = {each["LaunchTemplate"]["Id"]["Ref"] for each in job_groups(found).values()}
    assert len(used) == 2
    for name in used:
        data = found[name]["Properties"]["LaunchTemplateData"]
        assert (data["MetadataOptions"]["HttpTokens"], data["MetadataOptions"]["HttpPutResponseHopLimit"]) == (
            "required",
            1,
        )
        (root,) = data["BlockDeviceMappings"]
        assert (root["Ebs"]["Encrypted"], root["Ebs"]["VolumeType"], root["Ebs"]["VolumeSize"]) == (True, "gp3", 100)
        assert {"Key": "project", "Value": "spark"} in data["TagSpecifications"][0]["Tags"]
        assert not data.keys() & {"InstanceType", "IamInstanceProfile", "InstanceMarketOptions", "NetworkInterfaces"}


def test_amazon_linux_is_the_release_asked_for(resources: Resources) -> None:
    for labels, variant in ((DRIVER_LABELS, "standard"), (EXECUTOR_LABELS, "nvidia")):
        for each in groups(resources, labels).values():
            assert each["AmiType"] == f"AL2023_x86_64_{variant.upper()}"
            assert f"/{variant}/" in each["ReleaseVersion"]
            assert f"1.35-{AL2023.al2023_release}/release_version" in each["ReleaseVersion"]


def test_ubuntu_nodes_join_by_themselves_with_their_group_s_labels_and_taints(ubuntu: Resources) -> None:
    """Guards against labels that a node without EKS's own user data would get late or never."""
    for each in groups(ubuntu, EXECUTOR_LABELS).values():
        assert not each.keys() & {"AmiType", "ReleaseVersion", "Version"}
        data = ubuntu[each["LaunchTemplate"]["Id"]["Ref"]]["Properties"]["LaunchTemplateData"]
        assert "/canonical/ubuntu/eks/24.04/1.35/" in data["ImageId"]
        assert data["BlockDeviceMappings"][0]["DeviceName"] == "/dev/sda1"
        told = json.dumps(data["UserData"])
        assert all(f"{key}={value}" in told for key, value in each["Labels"].items())
        assert all(f"{taint['Key']}={taint['Value']}:NoSchedule" in told for taint in each["Taints"])
    assert all("AmiType" in each for each in groups(ubuntu, DRIVER_LABELS).values())


def test_the_gpu_operator_installs_the_driver_on_ubuntu_only(resources: Resources, ubuntu: Resources) -> None:
    for found, installs in ((resources, "false"), (ubuntu, "true")):
        values = text_of(found[named(found, CHART, '"Release":"gpu-operator"')])
        assert f'"driver":{{"enabled":{installs}}}' in values
        assert f'"toolkit":{{"enabled":{installs}}}' in values


def test_each_part_is_made_after_what_it_needs_until_its_end(resources: Resources) -> None:
    graph = Graph(resources)
    program = named(resources, CHART, '"Release":"cluster-autoscaler"')
    order = [
        named(resources, GROUP, '"NodeGroupType":"core"'),
        named(resources, "AWS::EKS::Addon", '"aws-ebs-csi-driver"'),
        *sorted(groups(resources, EXECUTOR_LABELS))[:1],
        program,
        named(resources, CHART, '"Release":"gpu-operator"'),
    ]
    for first, then in pairwise(order):
        assert first in graph.needs(then)
    assert job_groups(resources).keys() <= graph.needs(program)
    assert named(resources, "AWS::EKS::PodIdentityAssociation", "cluster-autoscaler") in graph.needs(program)
    assert named(resources, "AWS::IAM::Policy", "SetDesiredCapacity") in graph.needs(program)


def test_spot_groups_come_first_by_their_own_names(resources: Resources) -> None:
    values = resources[named(resources, CHART, '"Release":"cluster-autoscaler"')]["Properties"]["Values"]["Fn::Join"][1]
    preferred = [each["Fn::GetAtt"] for each in values if isinstance(each, dict) and "Fn::GetAtt" in each]
    spot = [name for name, each in job_groups(resources).items() if each["CapacityType"] == "SPOT"]
    assert sorted(preferred) == sorted([name, "NodegroupName"] for name in spot)


def test_the_order_is_text_that_the_program_reads() -> None:
    """Guards against numbers in quotes, as helm writes a map's keys: the program takes no such key for a number."""
    assert yaml.safe_load(priorities(["a", "b"])) == {20: ["^eks-a-", "^eks-b-"], 10: [".*"]}


def test_only_groups_with_the_cluster_s_tag_are_resized(resources: Resources) -> None:
    policy = resources[named(resources, "AWS::IAM::Policy", "SetDesiredCapacity")]["Properties"]["PolicyDocument"]
    changing = [each for each in policy["Statement"] if ":Describe" not in json.dumps(each["Action"])]
    assert [each["Condition"] for each in changing] == [
        {"StringEquals": {"aws:ResourceTag/k8s.io/cluster-autoscaler/stacked": "owned"}}
    ]


def test_the_chart_knows_every_value() -> None:
    """Guards against misspelt keys, which helm passes over."""
    known = yaml.safe_load(VALUES.read_text())
    given = {"autoDiscovery", "awsRegion", "image", "expanderPriorities", "extraArgs", *PLACE}
    assert given <= known.keys()
    assert PLACE["rbac"]["serviceAccount"].keys() <= known["rbac"]["serviceAccount"].keys()  # type: ignore[index]


def test_only_empty_nodes_go_and_after_the_minutes_asked_for() -> None:
    told = arguments(max_gpus=8, idle_minutes=7)
    assert (told["scale-down-unneeded-time"], told["scale-down-delay-after-add"]) == ("7m", "7m")
    assert 0 < float(str(told["scale-down-gpu-utilization-threshold"])) < 1 / max(GPUS.values())


@pytest.mark.parametrize(
    ("name", "version", "said"),
    [(cdk.Aws.STACK_NAME, "1.35", "give literal text"), ("demo", "1.29", "no Cluster Autoscaler for Kubernetes 1.29")],
    ids=["token", "old"],  # workers must agree on the names, and the token's text holds a number
)
def test_a_name_or_version_that_is_not_known_is_refused(name: str, version: str, said: str) -> None:
    stack = cdk.Stack(cdk.App(), "Stack")
    vpc = ec2.Vpc.from_vpc_attributes(stack, "Vpc", vpc_id="vpc-1", availability_zones=["a"])
    cluster = eks.Cluster.from_cluster_attributes(stack, "Cluster", cluster_name="demo", vpc=vpc)
    with pytest.raises(ValueError, match=said):
        AutoscalerController(
            stack,
            "Autoscaler",
            cluster=cluster,
            cluster_name=name,
            version=version,
            spot_names=[],
            max_gpus=8,
            idle_minutes=5,
        )
