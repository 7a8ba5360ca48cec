"""What an endpoint that is changed leaves in subnets and route tables."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rehearsal.server import serve
from rehearsal.world import World


@pytest.fixture(scope="module")
def ec2(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    made = World(Path(tmp_path_factory.mktemp("world")), 0)
    serve(made)
    yield made.client("ec2")
    made.close()


@pytest.fixture
def vpc(ec2: Any) -> str:  # noqa: ANN401 - boto3 makes its classes at run time
    return str(ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"])


def test_an_interface_endpoint_holds_the_subnets_that_it_was_moved_to(ec2: Any, vpc: str) -> None:  # noqa: ANN401
    """Guards against the emulator, which makes no interfaces but at first."""
    one, other = (
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24")["Subnet"]["SubnetId"] for number in (1, 2)
    )
    service = {"VpcId": vpc, "ServiceName": "com.amazonaws.us-west-2.sts", "VpcEndpointType": "Interface"}
    made = ec2.create_vpc_endpoint(**service, SubnetIds=[one])["VpcEndpoint"]["VpcEndpointId"]
    ec2.modify_vpc_endpoint(VpcEndpointId=made, AddSubnetIds=[other], RemoveSubnetIds=[one])
    (found,) = ec2.describe_vpc_endpoints(VpcEndpointIds=[made])["VpcEndpoints"]
    assert found["SubnetIds"] == [other]
    assert len(found["NetworkInterfaceIds"]) == 1
    ec2.delete_subnet(SubnetId=one)
    with pytest.raises(ClientError, match="DependencyViolation"):
        ec2.delete_subnet(SubnetId=other)
    ec2.delete_vpc_endpoints(VpcEndpointIds=[made])
    ec2.delete_subnet(SubnetId=other)


def test_a_gateway_endpoint_is_in_the_tables_that_it_was_moved_to(ec2: Any, vpc: str) -> None:  # noqa: ANN401
    """Guards against the emulator, which cannot delete an endpoint whose tables were changed."""
    one, other = (ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"] for _ in range(2))
    service = {"VpcId": vpc, "ServiceName": "com.amazonaws.us-west-2.s3", "VpcEndpointType": "Gateway"}
    made = ec2.create_vpc_endpoint(**service, RouteTableIds=[one])["VpcEndpoint"]["VpcEndpointId"]
    ec2.modify_vpc_endpoint(VpcEndpointId=made, AddRouteTableIds=[other], RemoveRouteTableIds=[one])

    def leads(table: str) -> bool:
        (found,) = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"]
        return any(route.get("GatewayId") == made for route in found["Routes"])

    assert (leads(one), leads(other)) == (False, True)
    ec2.delete_vpc_endpoints(VpcEndpointIds=[made])
    assert not leads(other)


def test_an_endpoint_that_is_not_there_is_not_changed(ec2: Any) -> None:  # noqa: ANN401
    with pytest.raises(ClientError, match="InvalidVpcEndpointId.NotFound"):
        ec2.modify_vpc_endpoint(VpcEndpointId="vpce-1", AddSubnetIds=["subnet-1"])
