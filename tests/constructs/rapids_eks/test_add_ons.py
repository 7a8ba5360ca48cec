import json
from typing import Any

import aws_cdk as cdk
from aws_cdk.assertions import Template

from rapids_eks.add_on_versions import PINNED
from rapids_eks.add_ons import ClusterAddOns, NodeAddOns
from rapids_eks.secrets_driver import NAME, SecretsDriver


def resources() -> dict[str, Any]:
    stack = cdk.Stack(cdk.App(), "Stack")
    for kind in (NodeAddOns, ClusterAddOns):
        kind(stack, kind.__name__, cluster_name="demo", versions=PINNED)
    SecretsDriver(stack, "Secrets", cluster_name="demo", version=PINNED[NAME])
    return dict(Template.from_stack(stack).to_json()["Resources"])


def of(kind: str) -> list[dict[str, Any]]:
    return [each["Properties"] for each in resources().values() if each["Type"] == kind]


def test_every_pinned_add_on_is_installed_once() -> None:
    made = {each["AddonName"]: each["AddonVersion"] for each in of("AWS::EKS::Addon")}
    assert made == PINNED
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
