import json
import re
from typing import Any

import aws_cdk as cdk
from aws_cdk.assertions import Template

from rapids_eks.add_ons import VERSIONS, ClusterAddOns, NodeAddOns
from rapids_eks.kubectl import LAYERS
from rapids_eks.secrets_driver import SecretsDriver


def resources() -> dict[str, Any]:
    stack = cdk.Stack(cdk.App(), "Stack")
    for kind in (NodeAddOns, ClusterAddOns, SecretsDriver):
        kind(stack, kind.__name__, cluster_name="demo", kubernetes_version="1.35")
    return dict(Template.from_stack(stack).to_json()["Resources"])


def of(kind: str) -> list[dict[str, Any]]:
    return [each["Properties"] for each in resources().values() if each["Type"] == kind]


def test_each_kubectl_has_its_add_ons_and_each_is_pinned_to_a_build() -> None:
    assert VERSIONS.keys() == LAYERS.keys()
    for versions in VERSIONS.values():
        assert all(re.fullmatch(r"v\d+\.\d+\.\d+-eksbuild\.\d+", version) for version in versions.values())


def test_kube_proxy_is_of_the_cluster_s_minor_version() -> None:
    """https://docs.aws.amazon.com/eks/latest/userguide/managing-kube-proxy.html: never newer than the control plane."""
    assert all(versions["kube-proxy"].startswith(f"v{minor}.") for minor, versions in VERSIONS.items())


def test_every_pinned_add_on_is_installed_once() -> None:
    made = {each["AddonName"]: each["AddonVersion"] for each in of("AWS::EKS::Addon")}
    assert made == VERSIONS["1.35"]
    assert len(of("AWS::EKS::Addon")) == len(made)


def test_network_policies_are_enforced() -> None:
    (settings,) = [each["ConfigurationValues"] for each in of("AWS::EKS::Addon") if each["AddonName"] == "vpc-cni"]
    assert json.loads(settings) == {"enableNetworkPolicy": "true"}


def test_roles_are_for_pods_of_this_account_only() -> None:
    roles = of("AWS::IAM::Role")
    assert len(roles) == 2
    for role in roles:
        for statement in role["AssumeRolePolicyDocument"]["Statement"]:
            assert statement["Principal"] == {"Service": "pods.eks.amazonaws.com"}
            assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
