from collections.abc import Mapping
from ipaddress import IPv4Network

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Annotations, Match, Template

from rapids_eks.existing_network import ExistingNetwork

PRIVATE = {"subnet-1": "us-west-2a", "subnet-2": "us-west-2b"}
NODES = {"subnet-3": "us-west-2a", "subnet-4": "us-west-2b", "subnet-5": "us-west-2b"}


def taken(
    stack: cdk.Stack, private: Mapping[str, str], nodes: Mapping[str, str], public: Mapping[str, str]
) -> ExistingNetwork:
    return ExistingNetwork(
        stack,
        "Network",
        vpc_id="vpc-1",
        cidr=IPv4Network("10.1.0.0/21"),
        private_subnets=private,
        node_subnets=nodes,
        public_subnets=public,
    )


@pytest.fixture
def stack() -> cdk.Stack:
    return cdk.Stack(cdk.App(), "Stack")


def test_subnets_keep_their_ids_zones_and_kinds_however_many_are_in_a_zone(stack: cdk.Stack) -> None:
    network = taken(stack, PRIVATE, NODES, {})
    assert {each.subnet_id: each.availability_zone for each in network.node_subnets} == NODES
    assert {each.subnet_id: each.availability_zone for each in network.private_subnets} == PRIVATE
    assert network.public_subnets == []
    assert network.vpc.vpc_id == "vpc-1"
    assert network.vpc.availability_zones == ["us-west-2a", "us-west-2b"]


def test_a_subnet_may_serve_nodes_and_the_cluster(stack: cdk.Stack) -> None:
    network = taken(stack, PRIVATE, PRIVATE, {"subnet-9": "us-west-2a"})
    assert [each.subnet_id for each in network.node_subnets] == [*PRIVATE]
    assert [each.subnet_id for each in network.public_subnets] == ["subnet-9"]


def test_nothing_is_made_and_what_is_not_checked_is_said(stack: cdk.Stack) -> None:
    taken(stack, PRIVATE, NODES, {})
    assert Template.from_stack(stack).to_json().get("Resources", {}) == {}
    Annotations.from_stack(stack).has_info("*", Match.string_like_regexp("vpc-1 is taken as it is. Not checked"))
    assert Annotations.from_stack(stack).find_warning("*", Match.any_value()) == []


def test_one_zone_is_refused(stack: cdk.Stack) -> None:
    with pytest.raises(ValueError, match=r"subnet-1 lie in 1 zones \(us-west-2a\): EKS wants at least 2"):
        taken(stack, {"subnet-1": "us-west-2a"}, NODES, {})


def test_a_public_subnet_is_refused_for_nodes(stack: cdk.Stack) -> None:
    with pytest.raises(ValueError, match="subnet-3 are given as public and as private or node subnets"):
        taken(stack, PRIVATE, NODES, {"subnet-3": "us-west-2a"})
