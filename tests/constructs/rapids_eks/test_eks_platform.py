"""The order in which a platform is made, read as a graph of its template's resources."""

from functools import cache
from ipaddress import IPv4Network
from itertools import pairwise
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2
from aws_cdk.assertions import Template
from template_graph import Graph

from rapids_eks.eks_platform import EksPlatform

ADMIN = "arn:aws:iam::111122223333:role/Admin"
Resources = dict[str, Any]


@cache
def template(*, public: bool = False) -> dict[str, Any]:
    stack = cdk.Stack(cdk.App(), "Stack")
    vpc = ec2.Vpc.from_vpc_attributes(stack, "Vpc", vpc_id="vpc-1", availability_zones=["a", "b"])
    subnets, nodes = (
        [
            ec2.Subnet.from_subnet_attributes(
                stack, f"{kind}{zone}", subnet_id=f"subnet-{kind}{zone}", availability_zone=zone, route_table_id="rtb-1"
            )
            for zone in "ab"
        ]
        for kind in ("private", "nodes")
    )
    EksPlatform(
        stack,
        "Platform",
        name="demo",
        version="1.35",
        vpc=vpc,
        subnets=subnets,
        node_subnets=nodes,
        core_instance_types=["m5.xlarge"],
        public_access_cidrs=[IPv4Network("52.94.0.0/22")] if public else [],
        admins=[ADMIN],
        log_retention_days=14,
    )
    return dict(Template.from_stack(stack).to_json())


def resources() -> Resources:
    return dict(template()["Resources"])


def of(kind: str, **properties: object) -> str:
    """Return the logical id of the only resource of a type with these properties."""
    (found,) = [
        name
        for name, each in resources().items()
        if each["Type"] == kind and properties.items() <= each.get("Properties", {}).items()
    ]
    return found


def addon(name: str) -> str:
    return of("AWS::EKS::Addon", AddonName=name)


def needs(name: str) -> frozenset[str]:
    return graph().needs(name)


@cache
def graph() -> Graph:
    return Graph(resources())


NODES, CLUSTER = "AWS::EKS::Nodegroup", "AWS::EKS::Cluster"
MANIFEST = "Custom::AWSCDK-EKS-KubernetesResource"


@pytest.mark.parametrize("before", ["vpc-cni", "kube-proxy", "eks-pod-identity-agent"])
@pytest.mark.parametrize("after", ["coredns", "aws-ebs-csi-driver", "metrics-server"])
def test_nodes_come_between_the_add_ons_that_they_need_and_those_that_need_them(before: str, after: str) -> None:
    order = [of("Custom::ClusterLogs"), of(CLUSTER), addon(before), of(NODES), addon(after), of(MANIFEST)]
    for first, then in pairwise(order):
        assert first in needs(then)


def test_kubectl_and_administrators_get_in_before_there_are_nodes_and_until_those_are_gone() -> None:
    admin = of("AWS::EKS::AccessEntry", PrincipalArn=ADMIN)
    assert {admin, of("AWS::SSM::Parameter")} <= needs(of(NODES))


def test_kubectl_runs_only_while_the_api_lets_it_in() -> None:
    """Guards against a rule that goes before the last manifest: kubectl would wait for a quarter of an hour."""
    entries = {name for name, each in resources().items() if each["Type"] == "AWS::EKS::AccessEntry"}
    (of_kubectl,) = entries - {of("AWS::EKS::AccessEntry", PrincipalArn=ADMIN)}
    assert {of("AWS::EC2::SecurityGroupIngress"), of_kubectl} <= needs(of(MANIFEST))


def test_the_key_of_the_secrets_outlives_the_cluster() -> None:
    assert of("AWS::KMS::Key") in needs(of(CLUSTER))


def test_nothing_is_kept_when_the_stack_goes() -> None:
    policies = {each.get("DeletionPolicy", "Delete") for each in resources().values()}
    assert policies == {"Delete"}


def test_functions_may_make_no_log_group_but_the_control_plane_s() -> None:
    """Guards against log groups that late writes of functions bring back after they were deleted."""
    making = [
        statement["Resource"]
        for statement in statements()
        if any("CreateLogGroup" in action or "*" in action for action in actions(statement))
    ]
    (only,) = making
    assert all("/aws/eks/demo/cluster" in str(arn) for arn in only)
    functions = [each for each in resources().values() if each["Type"] == "AWS::Lambda::Function"]
    groups = {name for name, each in resources().items() if each["Type"] == "AWS::Logs::LogGroup"}
    assert len(functions) == 3
    assert {each["Properties"]["LoggingConfig"]["LogGroup"]["Ref"] for each in functions} == groups


def test_no_role_of_a_function_has_a_policy_of_aws() -> None:
    """The same: AWSLambdaBasicExecutionRole may make log groups."""
    for each in resources().values():
        if each["Type"] == "AWS::IAM::Role" and "lambda.amazonaws.com" in str(each):
            assert not each["Properties"].get("ManagedPolicyArns")


def statements() -> list[dict[str, Any]]:
    documents = []
    for each in resources().values():
        if each["Type"] == "AWS::IAM::Policy":
            documents.append(each["Properties"]["PolicyDocument"])
        if each["Type"] == "AWS::IAM::Role":
            documents += [policy["PolicyDocument"] for policy in each["Properties"].get("Policies", [])]
    return [statement for document in documents for statement in document["Statement"]]


def actions(statement: dict[str, Any]) -> list[str]:
    given = statement["Action"]
    return [given] if isinstance(given, str) else list(given)


def test_functions_run_in_the_private_subnets_and_pods_in_those_of_nodes() -> None:
    functions = [each["Properties"] for each in resources().values() if each["Type"] == "AWS::Lambda::Function"]
    in_vpc = [each["VpcConfig"] for each in functions if "VpcConfig" in each]
    assert len(in_vpc) == 2
    assert all(each["SubnetIds"] == ["subnet-privatea", "subnet-privateb"] for each in in_vpc)
    cluster, nodes = (resources()[of(kind)]["Properties"] for kind in (CLUSTER, NODES))
    assert cluster["ResourcesVpcConfig"]["SubnetIds"] == ["subnet-privatea", "subnet-privateb"]
    assert nodes["Subnets"] == ["subnet-nodesa", "subnet-nodesb"]


def test_the_api_is_public_for_the_ranges_given_only() -> None:
    (private,), (public,) = (
        [each["Properties"]["ResourcesVpcConfig"] for each in found["Resources"].values() if each["Type"] == CLUSTER]
        for found in (template(), template(public=True))
    )
    assert (private["EndpointPublicAccess"], private["EndpointPrivateAccess"]) == (False, True)
    assert (public["EndpointPublicAccess"], public["EndpointPrivateAccess"]) == (True, True)
    assert public["PublicAccessCidrs"] == ["52.94.0.0/22"]


def test_a_tunnel_is_told_where_the_api_is_private() -> None:
    assert template()["Outputs"].keys() == {"Kubeconfig", "Tunnel"}
    assert template(public=True)["Outputs"].keys() == {"Kubeconfig"}


def test_nodes_take_no_credentials_to_pods_and_are_encrypted() -> None:
    data = resources()[of("AWS::EC2::LaunchTemplate")]["Properties"]["LaunchTemplateData"]
    assert data["MetadataOptions"] == {
        "HttpEndpoint": "enabled",
        "HttpTokens": "required",
        "HttpPutResponseHopLimit": 1,
    }
    (root,) = data["BlockDeviceMappings"]
    assert (root["Ebs"]["Encrypted"], root["Ebs"]["VolumeType"], root["Ebs"]["DeleteOnTermination"]) == (
        True,
        "gp3",
        True,
    )
