"""What a network's template says, read as a graph of its resources."""

from collections.abc import Sequence
from functools import cache
from ipaddress import IPv4Network
from itertools import combinations
from typing import Any, Literal

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Template

from rapids_eks.network import Network
from rapids_eks.network_endpoints import SERVICES

CIDR, POD_CIDR = IPv4Network("10.1.0.0/21"), IPv4Network("100.64.0.0/16")
NATS: tuple[Literal["one", "per-zone"], ...] = ("one", "per-zone")
Resources = dict[str, Any]


@cache
def resources(
    zones: int | Sequence[str] = 2, nat: Literal["one", "per-zone"] = "one", *, endpoints: bool = False
) -> Resources:
    stack = cdk.Stack(cdk.App(), "Stack")
    Network(
        stack,
        "Network",
        name="demo",
        cidr=CIDR,
        pod_cidr=POD_CIDR,
        zones=zones,
        nat=nat,
        interface_endpoints=endpoints,
        log_retention_days=14,
    )
    return dict(Template.from_stack(stack).to_json()["Resources"])


def of(found: Resources, kind: str) -> dict[str, Any]:
    """Return the properties of the resources of a type, by logical id."""
    return {name: each["Properties"] for name, each in found.items() if each["Type"] == f"AWS::EC2::{kind}"}


def subnets(found: Resources, role: str) -> dict[str, Any]:
    """Return the subnets with a tag."""
    return {name: each for name, each in of(found, "Subnet").items() if role in {tag["Key"] for tag in each["Tags"]}}


PUBLIC, PRIVATE, NODES = "kubernetes.io/role/elb", "kubernetes.io/role/internal-elb", "karpenter.sh/discovery"


def zone(subnet: Any) -> str:  # noqa: ANN401 - a template's
    return str(subnet.get("AvailabilityZone") or subnet["AvailabilityZoneId"])


def way_out(found: Resources, subnet: str) -> dict[str, Any]:
    """Return the default route of a subnet."""
    tables = [
        each["RouteTableId"]
        for each in of(found, "SubnetRouteTableAssociation").values()
        if each["SubnetId"] == {"Ref": subnet}
    ]
    assert len(tables) == 1
    routes = [route for route in of(found, "Route").values() if route["RouteTableId"] == tables[0]]
    assert [route["DestinationCidrBlock"] for route in routes] == ["0.0.0.0/0"]
    return dict(routes[0])


def needs(found: Resources, name: str) -> set[str]:
    """Return what a resource waits for because it says so, and what that waits for."""
    direct = found[name].get("DependsOn", [])
    return set(direct).union(*(needs(found, other) for other in direct))


@pytest.mark.parametrize("zones", [2, 3, ("us-west-2a", "us-west-2c"), ("usw2-az1", "usw2-az2", "usw2-az3")])
def test_each_zone_has_one_subnet_of_each_kind_and_none_overlap(zones: int | tuple[str, ...]) -> None:
    found = resources(zones)
    count = zones if isinstance(zones, int) else len(zones)
    for role in (PUBLIC, PRIVATE, NODES):
        assert len({zone(subnet) for subnet in subnets(found, role).values()}) == count
    ranges = [IPv4Network(subnet["CidrBlock"]) for subnet in of(found, "Subnet").values()]
    assert len(ranges) == 3 * count
    assert not any(one.overlaps(other) for one, other in combinations(ranges, 2))


def test_zones_are_given_to_aws_as_they_were_given_here() -> None:
    """Guards against a lookup at synth, and against ids that are taken for names."""
    named, known, counted = (of(resources(zones), "Subnet") for zones in (("x-1a", "x-1b"), ("x1-az1", "x1-az2"), 2))
    assert {each["AvailabilityZone"] for each in named.values()} == {"x-1a", "x-1b"}
    assert {each["AvailabilityZoneId"] for each in known.values()} == {"x1-az1", "x1-az2"}
    assert not any("AvailabilityZone" in each for each in known.values())
    chosen = [each["AvailabilityZone"]["Fn::Select"] for each in counted.values()]
    assert sorted(index for index, _ in chosen) == [0, 0, 0, 1, 1, 1]
    assert all(zones == {"Fn::GetAZs": ""} for _, zones in chosen)


def test_nodes_have_the_second_range_and_wait_for_it() -> None:
    found = resources()
    (second,) = of(found, "VPCCidrBlock")
    for name, subnet in subnets(found, NODES).items():
        assert IPv4Network(subnet["CidrBlock"]).subnet_of(POD_CIDR)
        assert second in needs(found, name)
        assert {"Key": NODES, "Value": "demo"} in subnet["Tags"]
    others = [*subnets(found, PUBLIC).values(), *subnets(found, PRIVATE).values()]
    assert all(IPv4Network(subnet["CidrBlock"]).subnet_of(CIDR) for subnet in others)


@pytest.mark.parametrize("nat", NATS)
def test_nodes_and_private_subnets_leave_through_nat_and_public_ones_directly(
    nat: Literal["one", "per-zone"],
) -> None:
    found = resources(3, nat)
    gateways = of(found, "NatGateway")
    inside = {**subnets(found, PRIVATE), **subnets(found, NODES)}
    routes = {name: way_out(found, name) for name in inside}
    used = {route["NatGatewayId"]["Ref"] for route in routes.values()}
    assert used == gateways.keys()
    assert len(used) == {"one": 1, "per-zone": 3}[nat]
    (internet,) = of(found, "InternetGateway")
    assert all(way_out(found, name)["GatewayId"] == {"Ref": internet} for name in subnets(found, PUBLIC))
    assert {gateway["SubnetId"]["Ref"] for gateway in gateways.values()} <= subnets(found, PUBLIC).keys()


def test_with_one_nat_gateway_per_zone_no_traffic_crosses_zones() -> None:
    found = resources(3, "per-zone")
    lies_in = {name: zone(of(found, "Subnet")[nat["SubnetId"]["Ref"]]) for name, nat in of(found, "NatGateway").items()}
    for name, subnet in {**subnets(found, PRIVATE), **subnets(found, NODES)}.items():
        assert lies_in[way_out(found, name)["NatGatewayId"]["Ref"]] == zone(subnet)


def test_nat_gateways_and_their_addresses_wait_until_the_internet_can_be_reached() -> None:
    """Guards against a gateway that fails because the internet gateway is attached later, or detached earlier."""
    found = resources(2, "per-zone")
    (attachment,) = of(found, "VPCGatewayAttachment")
    for name in (*of(found, "NatGateway"), *of(found, "EIP")):
        assert attachment in needs(found, name)


@pytest.mark.parametrize("nat", NATS)
def test_a_further_zone_changes_nothing_that_is_there(nat: Literal["one", "per-zone"]) -> None:
    """Guards against a zone that can only be added by making the whole network anew."""
    before, after = resources(2, nat, endpoints=True), resources(3, nat, endpoints=True)
    changed = {name for name, each in before.items() if after[name] != each}
    assert {before[name]["Type"] for name in changed} == {"AWS::EC2::VPCEndpoint"}


def test_nat_per_zone_is_had_by_turning_the_other_zones_routes() -> None:
    before, after = resources(3, "one"), resources(3, "per-zone")
    changed = {name for name, each in before.items() if after[name] != each}
    assert {before[name]["Type"] for name in changed} == {"AWS::EC2::Route"}
    assert len(changed) == 2


@pytest.mark.parametrize("endpoints", [False, True])
def test_s3_is_reached_without_nat_from_every_private_and_node_subnet(endpoints: bool) -> None:
    found = resources(3, endpoints=endpoints)
    (s3,) = (each for each in of(found, "VPCEndpoint").values() if each["VpcEndpointType"] == "Gateway")
    assert s3["ServiceName"]["Fn::Join"] == ["", ["com.amazonaws.", {"Ref": "AWS::Region"}, ".s3"]]
    tables = [way_out(found, name)["RouteTableId"] for name in (*subnets(found, PRIVATE), *subnets(found, NODES))]
    assert all(table in s3["RouteTableIds"] for table in tables)


def test_interface_endpoints_are_in_each_zone_and_take_https_from_nodes_and_pods() -> None:
    found = resources(3, endpoints=True)
    interfaces = [each for each in of(found, "VPCEndpoint").values() if each["VpcEndpointType"] == "Interface"]
    assert len(interfaces) == len(SERVICES)
    for endpoint in interfaces:
        assert endpoint["PrivateDnsEnabled"] is True
        assert {subnet["Ref"] for subnet in endpoint["SubnetIds"]} == subnets(found, PRIVATE).keys()
    (group,) = of(found, "SecurityGroup").values()
    allowed = {
        (rule["CidrIp"], rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) for rule in group["SecurityGroupIngress"]
    }
    assert allowed == {(str(cidr), "tcp", 443, 443) for cidr in (CIDR, POD_CIDR)}
    (vpc,) = of(found, "VPC").values()
    assert vpc["EnableDnsSupport"] is vpc["EnableDnsHostnames"] is True


def test_whoever_writes_logs_may_make_no_log_group() -> None:
    """Guards against records that arrive late and bring back the group that was just deleted."""
    found = resources()
    roles = [each["Properties"] for each in found.values() if each["Type"] == "AWS::IAM::Role"]
    statements = [
        statement
        for role in roles
        for policy in role["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
    ]
    actions = {
        action for statement in statements for action in statement["Action"] if isinstance(statement["Action"], list)
    }
    assert "logs:PutLogEvents" in actions
    assert "logs:CreateLogGroup" not in actions
    assert not any("ManagedPolicyArns" in role for role in roles)
    groups = [each["Properties"] for each in found.values() if each["Type"] == "AWS::Logs::LogGroup"]
    assert groups == [{"RetentionInDays": 14}] * 2


@pytest.mark.parametrize(
    ("zones", "says"),
    [
        (("us-west-2a", "us-west-2a"), "us-west-2a are given more than once"),
        (("use1-az1", "use1-az3"), "use1-az3 has no EKS"),
        (1, "at least 2"),
    ],
)
def test_zones_that_cannot_be_are_refused(zones: int | tuple[str, ...], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        resources(zones)
