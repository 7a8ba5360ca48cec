"""What preflight finds of a VPC that is there already."""

import copy
from collections.abc import Mapping
from typing import Any

import pytest

from operations.preflight.existing_network import existing_network
from tests.operations.fake_aws import FakeAws, blueprint, question, refuses

VPC = "vpc-0123456789abcdef0"
GIVEN = blueprint(name="existing")
NETWORK = GIVEN.network.existing
assert NETWORK


def account() -> dict[str, Any]:
    """Return a VPC and subnets as `examples/existing.yaml` names them, with a way out for each kind."""
    assert NETWORK
    subnets = {}
    for kind, tag in (("private_subnets", "internal-elb"), ("node_subnets", "none"), ("public_subnets", "elb")):
        for each in getattr(NETWORK, kind):
            tags = [{"Key": f"kubernetes.io/role/{tag}", "Value": "1"}]
            zone = {"AvailabilityZone": each.zone, "CidrBlock": str(each.cidr), "AvailableIpAddressCount": 200}
            subnets[each.id] = {"SubnetId": each.id, "VpcId": VPC, "Tags": tags, **zone}
    public = [{"SubnetId": each.id} for each in NETWORK.public_subnets]
    inner, outer = ({"DestinationCidrBlock": "0.0.0.0/0", key: key} for key in ("NatGatewayId", "GatewayId"))
    outer["GatewayId"] = "igw-1"
    tables = [{"Associations": [{"Main": True}], "Routes": [inner]}, {"Associations": public, "Routes": [outer]}]
    return {"vpc": {"CidrBlock": str(NETWORK.cidr)}, "dns": True, "subnets": subnets, "tables": tables}


def aws(there: Mapping[str, Any]) -> FakeAws:
    def subnets(asked: dict[str, Any]) -> Mapping[str, Any]:
        ((name, (vpc,)),) = [(each["Name"], each["Values"]) for each in asked["Filters"]]
        assert name == "vpc-id"
        return {"Subnets": [each for each in there["subnets"].values() if each and each["VpcId"] == vpc]}

    switch = {"Value": there["dns"]}
    return FakeAws(
        {
            "ec2.DescribeVpcs": {"Vpcs": [there["vpc"]]} if there["vpc"] else refuses("InvalidVpcID.NotFound"),
            "ec2.DescribeVpcAttribute": {"EnableDnsSupport": switch, "EnableDnsHostnames": switch},
            "ec2.DescribeSubnets": subnets,
            "ec2.DescribeRouteTables": {"RouteTables": there["tables"]},
        }
    )


def told(there: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(each.level, f"{each.text} {each.fix}") for each in existing_network(question(aws(there), GIVEN))]


def test_a_network_that_fits_is_told_in_one_line() -> None:
    ((level, text),) = told(account())
    assert (level, VPC in text) == ("ok", True), text


def test_a_new_network_is_not_looked_for() -> None:
    assert list(existing_network(question(FakeAws()))) == []


PRIVATE, PUBLIC = "subnet-0bbbbbbbbbbbbbbb1", "subnet-0ccccccccccccccc1"


@pytest.mark.parametrize(
    ("path", "value", "level", "words"),
    [
        ("vpc", None, "problem", f"there is no VPC {VPC}"),
        ("vpc.CidrBlock", "10.9.0.0/16", "problem", "has 10.9.0.0/16, not 10.1.0.0/21"),
        ("dns", False, "problem", "--enable-dns-hostnames"),
        (f"subnets.{PRIVATE}", None, "problem", f"has no subnet {PRIVATE}"),
        (f"subnets.{PRIVATE}.VpcId", "vpc-2", "problem", f"has no subnet {PRIVATE}"),
        (
            f"subnets.{PRIVATE}.AvailabilityZone",
            "us-west-2c",
            "problem",
            f"zone of {PRIVATE} is us-west-2c, not us-west-2a",
        ),
        (f"subnets.{PRIVATE}.CidrBlock", "10.1.6.0/24", "problem", "is 10.1.6.0/24, not 10.1.4.0/24"),
        (f"subnets.{PRIVATE}.AvailableIpAddressCount", 3, "problem", "has 3 free addresses"),
        (f"subnets.{PRIVATE}.Tags", [], "warning", "kubernetes.io/role/internal-elb=1"),
        ("tables.0.Routes", [], "warning", "no route to 0.0.0.0/0"),
        ("tables.0.Routes.0.State", "blackhole", "warning", "no route to 0.0.0.0/0"),
        ("tables.0.Routes.0.GatewayId", "igw-1", "problem", "leads to igw-1 route it to a NAT gateway"),
        ("tables.1.Associations", [], "problem", f"{PUBLIC} is one of public_subnets"),
    ],
)
def test_each_difference_is_named_with_its_fix(path: str, value: object, level: str, words: str) -> None:
    there = copy.deepcopy(account())
    *parents, last = path.split(".")
    part: Any = there
    for name in parents:
        part = part[int(name)] if isinstance(part, list) else part[name]
    part[last] = value
    found = told(there)
    assert {each for each, _ in found} == {level}, found
    assert any(words in text for _, text in found), found
