"""A function inside a VPC reaches what its subnets lead to, and nothing else."""

from dataclasses import dataclass
from typing import Any, Protocol

import pytest
from botocore.exceptions import ClientError

from rehearsal.world import World

INTERFACES = ("ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DeleteNetworkInterface")
ASKS = """
import boto3, urllib.request
def handler(event, context):
    if "service" in event:
        getattr(boto3.client(event["service"]), event["operation"])()
    else:
        urllib.request.urlopen(event["address"])
    return "reached"
"""
CHARTS = "https://kubernetes-sigs.github.io/metrics-server/index.yaml"


class Answer(Protocol):
    payload: Any


class Lab(Protocol):
    world: World

    def role(self, name: str, *allowed: str) -> str: ...
    def function(self, name: str, code: str, *allowed: str, **settings: Any) -> str: ...  # noqa: ANN401
    def invoke(self, name: str, event: object = None) -> Answer: ...


@dataclass
class Place:
    """A subnet that leads nowhere yet, its table, and a function in it."""

    lab: Lab
    vpc: str
    subnet: str
    table: str
    name: str = "inside"

    def asks(self, **event: str) -> str:
        """Return what the function reaches, or why not."""
        answered = self.lab.invoke(self.name, event).payload
        return str(answered if isinstance(answered, str) else answered["errorMessage"])

    def open(self, service: str, kind: str, **more: list[str]) -> None:
        name = f"com.amazonaws.us-west-2.{service}"
        self.lab.world.client("ec2").create_vpc_endpoint(VpcId=self.vpc, ServiceName=name, VpcEndpointType=kind, **more)


@pytest.fixture(scope="module")
def place(lab: Lab) -> Place:
    ec2 = lab.world.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.8.0.0/24")["Subnet"]["SubnetId"]
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    inside = {"SubnetIds": [subnet], "SecurityGroupIds": []}
    lab.function("inside", ASKS, "s3:*", "eks:*", *INTERFACES, VpcConfig=inside, MemorySize=512)
    return Place(lab, vpc, subnet, table)


@pytest.mark.parametrize("missing", INTERFACES)
def test_lambda_needs_its_interfaces_from_the_function_s_role(place: Place, missing: str) -> None:
    allowed = [each for each in INTERFACES if each != missing]
    name = missing.partition(":")[2]
    with pytest.raises(ClientError, match=f"does not have permissions to call {name} on EC2"):
        place.lab.function(
            f"without-{name}", ASKS, *allowed, VpcConfig={"SubnetIds": [place.subnet], "SecurityGroupIds": []}
        )


def test_an_internet_gateway_leads_no_function_anywhere_and_endpoints_lead_to_their_services(place: Place) -> None:
    eks, storage = {"service": "eks", "operation": "list_clusters"}, {"service": "s3", "operation": "list_buckets"}
    for each, name in ((eks, "eks"), (storage, "s3")):
        assert f"inside in {place.subnet} has no way to {name}" in place.asks(**each)
    place.open("eks", "Interface", SubnetIds=[place.subnet])
    assert place.asks(**eks) == "reached"
    place.open("s3", "Gateway")
    assert "no way to s3" in place.asks(**storage), "the endpoint is in no route of the subnet"
    place.open("s3", "Gateway", RouteTableIds=[place.table])
    assert place.asks(**storage) == "reached"


def test_the_internet_is_reached_through_a_nat_gateway_alone(place: Place) -> None:
    assert f"cannot be reached from {place.subnet}" in place.asks(address=CHARTS)
    ec2 = place.lab.world.client("ec2")
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    outer = ec2.create_subnet(VpcId=place.vpc, CidrBlock="10.8.1.0/24")["Subnet"]["SubnetId"]
    ec2.associate_route_table(RouteTableId=place.table, SubnetId=outer)
    nat = ec2.create_nat_gateway(SubnetId=outer, AllocationId=address)["NatGateway"]["NatGatewayId"]
    described = ec2.describe_nat_gateways
    assert place.lab.world.clock.wait(
        600, lambda: described(NatGatewayIds=[nat])["NatGateways"][0]["State"] == "available", 1
    )
    ec2.replace_route(RouteTableId=place.table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=nat)
    place.lab.world.client("lambda").update_function_configuration(FunctionName="inside", MemorySize=640)
    assert place.asks(address=CHARTS) == "reached"
    assert place.asks(service="sqs", operation="list_queues").startswith("An error occurred (AccessDenied")
