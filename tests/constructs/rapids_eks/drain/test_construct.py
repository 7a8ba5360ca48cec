"""The drain's template: valid everywhere, and with all that it needs on deletion."""

import json
from pathlib import Path
from typing import Any, cast

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_eks_v2 as eks
from aws_cdk.lambda_layer_kubectl_v35 import KubectlV35Layer
from cfnlint.api import lint
from cfnlint.config import ManualArgs

from rapids_eks.drain.construct import Drain
from tests.stacks.assembly import Assembly


def synthesized(into: Path, region: str = "us-west-2") -> Assembly:
    app = cdk.App(outdir=str(into))
    env = cdk.Environment(region=region)
    owner = cdk.Stack(app, "Owner", env=env)
    vpc = ec2.Vpc.from_vpc_attributes(owner, "Vpc", vpc_id="vpc-0123456789abcdef0", availability_zones=["a"])
    subnets = [ec2.Subnet.from_subnet_id(owner, "Subnet", "subnet-0123456789abcdef0")]
    cluster = eks.Cluster(
        owner,
        "Cluster",
        cluster_name="demo",
        version=eks.KubernetesVersion.of("1.35"),
        vpc=vpc,
        vpc_subnets=[ec2.SubnetSelection(subnets=subnets)],
        default_capacity_type=eks.DefaultCapacityType.NODEGROUP,
        default_capacity=0,
        kubectl_provider_options=eks.KubectlProviderOptions(kubectl_layer=KubectlV35Layer(owner, "Kubectl")),
    )
    Drain(cdk.Stack(app, "Drain", env=env), "Drain", cluster=cast("eks.ICluster", cluster), private_subnets=subnets)
    app.synth()
    return Assembly(into)


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    return synthesized(tmp_path_factory.mktemp("drain"))


def of(assembly: Assembly, kind: str) -> dict[str, Any]:
    return {name: each for name, each in assembly.resources("Drain").items() if each["Type"] == kind}


@pytest.mark.parametrize("region", ["us-west-2", "us-gov-west-1"])
def test_the_template_is_valid_in_both_partitions_and_of_none(region: str, tmp_path: Path) -> None:
    text = synthesized(tmp_path, region).text("Drain")
    # W3005: CDK's own functions name their roles twice.
    found = lint(text, config=ManualArgs(regions=[region], ignore_checks=["W3005"]))
    assert [str(each) for each in found] == []
    assert "arn:aws" not in text


def referred_to(value: Any) -> set[str]:  # noqa: ANN401 - any part of a template
    """Return the resources that a part of a template needs before it."""
    if isinstance(value, list):
        return {name for each in value for name in referred_to(each)}
    if not isinstance(value, dict):
        return set()
    own = {value["Ref"]} if "Ref" in value else set()
    own |= {value["Fn::GetAtt"][0]} if "Fn::GetAtt" in value else set()
    return own | set(value.get("DependsOn", [])) | referred_to(list(value.values()))


def test_on_deletion_the_function_still_has_its_ways_in(assembly: Assembly) -> None:
    """Guards against a drain that CloudFormation calls when its permissions are gone."""
    found = assembly.resources("Drain")
    (drain,) = of(assembly, "Custom::Drain")
    before = {drain}
    while more := {name for each in before if each in found for name in referred_to(found[each])} - before:
        before |= more
    assert before >= found.keys(), "nothing is deleted before the drain has ended"


def test_kubernetes_gives_the_role_no_more_than_it_uses(assembly: Assembly) -> None:
    (manifest,) = of(assembly, "Custom::AWSCDK-EKS-KubernetesResource").values()
    role, binding = json.loads(manifest["Properties"]["Manifest"])
    verbs = {verb for rule in role["rules"] for verb in rule["verbs"]}
    assert verbs == {"list", "delete"}
    changing = [rule["apiGroups"] for rule in role["rules"] if "delete" in rule["verbs"]]
    assert changing == [["karpenter.sh"]]
    (entry,) = of(assembly, "AWS::EKS::AccessEntry").values()
    assert "AccessPolicies" not in entry["Properties"]
    assert entry["Properties"]["KubernetesGroups"] == [binding["subjects"][0]["name"]]


def test_the_function_reaches_the_api_from_within_the_vpc(assembly: Assembly) -> None:
    functions = [each["Properties"] for each in of(assembly, "AWS::Lambda::Function").values()]
    (inside,) = [each["VpcConfig"] for each in functions if "VpcConfig" in each]
    (rule,) = of(assembly, "AWS::EC2::SecurityGroupIngress").values()
    assert rule["Properties"]["SourceSecurityGroupId"] in inside["SecurityGroupIds"]
    assert (rule["Properties"]["FromPort"], rule["Properties"]["ToPort"]) == (443, 443)
