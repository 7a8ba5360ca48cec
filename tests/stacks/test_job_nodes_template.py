"""The nodes of jobs as a template: in which order they come and go, and what their controller is told and allowed."""

import json
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import aws_cdk as cdk
import pytest
import yaml
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_eks_v2 as eks
from aws_cdk import aws_iam as iam
from template_graph import Graph

import config
import rehearsal
from rapids_eks.karpenter.controller import REPLICAS, REQUESTS, KarpenterController, chart_values
from rapids_eks.karpenter.interruption_queue import ANNOUNCEMENTS
from rapids_eks.karpenter.permissions import permissions
from rapids_eks.system_pods import KARPENTER
from rehearsal.kubernetes.scheduling import quantities
from tests.rehearsal.live.account import Resources
from tests.stacks.assembly import synthesized

CHART, MANIFEST = "Custom::AWSCDK-EKS-HelmChart", "Custom::AWSCDK-EKS-KubernetesResource"
CLASSES, POOLS = '"apiVersion":"karpenter.k8s.aws/v1"', '"kind":"NodePool"'
LONGEST_POLICIES = 10_240  # characters of all inline policies of a role
VALUES = Path(rehearsal.__file__).parent / "charts/stand_ins/karpenter/values.yaml"


@pytest.fixture(scope="module")
def resources(tmp_path_factory: pytest.TempPathFactory) -> Resources:
    return synthesized(tmp_path_factory.mktemp("usual"), config.Cluster()).resources("StackedCluster")


@pytest.fixture(scope="module")
def graph(resources: Resources) -> Graph:
    return Graph(resources)


def of(resources: Resources, kind: str, text: str = "") -> str:
    """Return the logical id of the only resource of a type whose properties hold a text."""
    (found,) = [name for name, each in resources.items() if each["Type"] == kind and text in _text(each)]
    return found


def _text(resource: Mapping[str, object]) -> str:
    return json.dumps(resource.get("Properties", {}), separators=(",", ":")).replace('\\"', '"')


def test_each_part_is_made_after_what_ends_it_and_so_goes_before(resources: Resources, graph: Graph) -> None:
    order = [
        of(resources, MANIFEST, '"kind":"StorageClass"'),
        of(resources, CHART, '"Release":"karpenter-crd"'),
        of(resources, CHART, '"Release":"karpenter"'),
        of(resources, MANIFEST, CLASSES),
        of(resources, MANIFEST, POOLS),
        of(resources, "Custom::Drain"),
        of(resources, CHART, '"Release":"gpu-operator"'),  # whose hooks run while it is taken away, so nodes are there
    ]
    for first, then in pairwise(order):
        assert first in graph.needs(then)


def test_the_controller_has_its_permissions_and_its_warnings_from_its_start_to_its_end(
    resources: Resources, graph: Graph
) -> None:
    """Guards against finalizers that nobody may carry out: credentials come with a pod, and go with its association."""
    needed = graph.needs(of(resources, CHART, '"Release":"karpenter"'))
    assert of(resources, "AWS::EKS::PodIdentityAssociation", '"ServiceAccount":"karpenter"') in needed
    assert of(resources, "AWS::IAM::Policy", "ec2:CreateFleet") in needed
    assert of(resources, "AWS::SQS::QueuePolicy") in needed
    for _, kind in ANNOUNCEMENTS.values():
        assert of(resources, "AWS::Events::Rule", kind) in needed


def test_nodes_can_join_and_leave_as_long_as_there_are_any(resources: Resources, graph: Graph) -> None:
    classes = graph.needs(of(resources, MANIFEST, CLASSES))
    assert of(resources, "AWS::EKS::AccessEntry", '"Type":"EC2_LINUX"') in classes
    assert of(resources, "AWS::IAM::InstanceProfile") in classes
    assert of(resources, "Custom::SpotRole") in graph.needs(of(resources, MANIFEST, POOLS))


def test_without_spot_nothing_is_bought_there_and_no_role_asked_for(tmp_path: Path) -> None:
    capacity = config.Capacity(gpu=config.GpuNodes(spot=False))
    made = synthesized(tmp_path, config.Cluster(), capacity=capacity).resources("StackedCluster")
    assert "Custom::SpotRole" not in {each["Type"] for each in made.values()}
    assert '"spot"' not in _text(made[of(made, MANIFEST, POOLS)])


def _paths(values: Mapping[str, object], known: Mapping[str, object], at: str = "") -> list[str]:
    """Return the paths of values that a chart does not know; a map that is empty in the chart, or free, takes all."""
    unknown = []
    for key, value in values.items():
        if key not in known:
            unknown.append(f"{at}{key}")
        elif isinstance(value, Mapping) and known[key] and key != "nodeSelector":
            inner = known[key]
            assert isinstance(inner, Mapping)
            unknown += _paths(value, inner, f"{at}{key}.")
    return unknown


def test_the_chart_knows_every_value() -> None:
    """Guards against misspelt keys, which helm passes over."""
    known = yaml.safe_load(VALUES.read_text())
    assert _paths(chart_values("demo", "queue", "us-west-2"), known) == []
    assert _paths({"settings": {"cluster": "demo"}, "replica": 2}, known) == ["settings.cluster", "replica"]


def test_the_room_that_is_kept_for_karpenter_is_what_it_asks_for() -> None:
    counted = {"cpu": f"{KARPENTER.size.cpu}m", "memory": f"{KARPENTER.size.memory}Mi"}
    assert quantities(REQUESTS) == quantities(counted)
    assert KARPENTER.replicas == REPLICAS


def test_the_longest_name_of_a_cluster_leaves_the_policy_small_enough() -> None:
    stack = cdk.Stack(cdk.App(), "Stack", env=cdk.Environment(account="111122223333", region="us-gov-west-1"))
    arn = f"arn:aws-us-gov:sqs:us-gov-west-1:111122223333:{'q' * 80}"
    allowed = permissions(stack, cluster_name="n" * 100, cluster_arn=arn, queue_arn=arn, node_role_arn=arn)
    text = json.dumps(stack.resolve([each.statement().to_statement_json() for each in allowed]))
    assert len(text) < LONGEST_POLICIES


def test_a_name_that_is_not_known_yet_is_refused() -> None:
    """Guards against conditions on a tag that is called `${Token[...]}`."""
    stack = cdk.Stack(cdk.App(), "Stack")
    vpc = ec2.Vpc.from_vpc_attributes(stack, "Vpc", vpc_id="vpc-1", availability_zones=["a"])
    cluster = eks.Cluster.from_cluster_attributes(stack, "Cluster", cluster_name="demo", vpc=vpc)
    role = iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"))
    with pytest.raises(ValueError, match="give literal text"):
        KarpenterController(stack, "Karpenter", cluster=cluster, cluster_name=cdk.Aws.STACK_NAME, node_role=role)
