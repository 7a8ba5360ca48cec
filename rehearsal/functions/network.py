"""A function inside a VPC: what its role must be allowed, and what it reaches from its subnets.

It never has a public address, so that only a NAT gateway or an endpoint leads it anywhere:
https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
"""

from collections.abc import Iterator
from typing import Any

from moto.awslambda.models import LambdaFunction, lambda_backends
from moto.ec2.models import EC2Backend, ec2_backends

from rehearsal.access.actions import prefix
from rehearsal.access.guard import role_may
from rehearsal.wire.call import Call, Refused
from rehearsal.world import World

EVERYWHERE = "0.0.0.0/0"
INTERFACES = ("CreateNetworkInterface", "DescribeNetworkInterfaces", "DeleteNetworkInterface")
# Endpoints that are not named as IAM names the service: https://docs.aws.amazon.com/vpc/latest/privatelink/aws-services-privatelink-support.html
_ENDPOINTS = {"cloudwatch": "monitoring", "ecr": "ecr.api", "amp": "aps"}


def check_role(world: World, role: str, subnets: list[str]) -> None:
    """Refuse a role with which Lambda cannot make the interfaces of a function that is inside a VPC."""
    for name in INTERFACES if subnets else ():
        if not role_may(world, role, f"ec2:{name}"):
            message = f"The provided execution role does not have permissions to call {name} on EC2"
            raise Refused("InvalidParameterValueException", message)


def check_way(call: Call) -> None:
    """Refuse a call of a function whose subnets do not lead to the service: in AWS it waits until its time is over."""
    function = _caller(call)
    stuck = next((each for each in subnets_of(function) if not _reaches(call, each)), None) if function else None
    if function and stuck:
        where = f"{function.function_name} in {stuck} has no way to {_endpoint(call)}"
        then = "In AWS the function waits until it times out."
        raise Refused("Unreachable", f"{where}: no NAT gateway leads there, nor an endpoint of the service. {then}")


def subnets_of(function: LambdaFunction) -> list[str]:
    """Return the subnets that a function is in, none where it is in no VPC."""
    return list((function.vpc_config or {}).get("SubnetIds", []))


def without_internet(function: LambdaFunction) -> str | None:
    """Return a subnet of a function from which no NAT gateway leads out; None without one."""
    backend = ec2_backends[function.account_id][function.region]
    return next((each for each in subnets_of(function) if not _has_nat(backend, each)), None)


def table_of(backend: EC2Backend, subnet_id: str) -> Any:  # noqa: ANN401 - moto's
    """Return the route table of a subnet: its own, else its VPC's main one."""
    vpc = backend.get_subnet(subnet_id).vpc_id
    tables = [each for each in list(backend.route_tables.values()) if each.vpc_id == vpc]
    own = (each for each in tables if subnet_id in each._associations.values())  # noqa: SLF001 - the plainest way
    return next(own, None) or next((each for each in tables if each.main_association_id), None)


def leads_out(table: Any) -> Iterator[Any]:  # noqa: ANN401 - moto's
    """Yield the routes of a table that take whatever no other takes."""
    yield from (each for each in (table.routes if table else ()) if each.destination_cidr_block == EVERYWHERE)


def works(backend: EC2Backend, route: Any) -> bool:  # noqa: ANN401 - moto's
    """Return whether a route's NAT gateway is there and available."""
    gateway = backend.nat_gateways.get(route.nat_gateway.id) if route.nat_gateway else None
    return gateway is not None and gateway.state == "available"


def _has_nat(backend: EC2Backend, subnet_id: str) -> bool:
    routes = leads_out(table_of(backend, subnet_id))
    return any(works(backend, each) or not (each.nat_gateway or each.gateway) for each in routes)


def _reaches(call: Call, subnet_id: str) -> bool:
    backend = ec2_backends[call.account][call.region]
    if not any(subnet_id in each for each in list(backend.subnets.values())):
        return True  # it went while the function ran, whose interface would have held it
    return _has_nat(backend, subnet_id) or any(_endpoints(backend, call, subnet_id))


def _endpoints(backend: EC2Backend, call: Call, subnet_id: str) -> Iterator[bool]:
    """Yield whether each endpoint of the called service in the VPC is for the subnet."""
    vpc, table = backend.get_subnet(subnet_id).vpc_id, table_of(backend, subnet_id)
    for each in list(backend.vpc_end_points.values()):
        if each.vpc_id == vpc and each.service_name.endswith(f"{call.region}.{_endpoint(call)}"):
            by_routes = each.vpc_endpoint_type == "Gateway"
            yield table is not None and table.id in each.route_table_ids if by_routes else True


def _endpoint(call: Call) -> str:
    return _ENDPOINTS.get(call.service, prefix(call.service))


def _caller(call: Call) -> LambdaFunction | None:
    """Return the function whose session calls: Lambda names the session as the function."""
    if call.principal.role is None:
        return None
    session = call.principal.arn.rpartition("/")[2]
    functions = lambda_backends[call.account][call.region].list_functions()
    mine = (each for each in functions if each.function_name == session)
    return next((each for each in mine if each.role.endswith(f"/{call.principal.role}")), None)
