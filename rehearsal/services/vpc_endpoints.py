"""VPC endpoints: their interfaces and routes follow a change, which the emulator forgets."""

from typing import Any

from moto.ec2.models import EC2Backend, ec2_backends
from moto.ec2.models.vpcs import VPCEndPoint
from moto.ec2.utils import random_private_ip

from rehearsal.wire.call import Call, Handler, Refused


def operations() -> dict[str, Handler]:
    """Return the handlers of EC2's VPC endpoints."""
    return {"ModifyVpcEndpoint": modify_vpc_endpoint}


def modify_vpc_endpoint(call: Call) -> dict[str, Any]:
    """Add and remove subnets, route tables and security groups of an endpoint."""
    backend, given = ec2_backends[call.account][call.region], call.parameters
    endpoint = backend.vpc_end_points.get(given["VpcEndpointId"])
    if endpoint is None:
        message = f"The Vpc Endpoint Id '{given['VpcEndpointId']}' does not exist"
        raise Refused("InvalidVpcEndpointId.NotFound", message)
    lists = {
        f"{change}_{ours}": given.get(f"{change.title()}{theirs}", [])
        for change in ("add", "remove")
        for ours, theirs in (
            ("subnets", "SubnetIds"),
            ("route_tables", "RouteTableIds"),
            ("security_groups", "SecurityGroupIds"),
        )
    }
    backend.modify_vpc_endpoint(endpoint.id, given.get("PolicyDocument"), **lists)
    _lead(backend, endpoint, lists["add_route_tables"], lists["remove_route_tables"])
    _put(backend, endpoint, lists["add_subnets"], lists["remove_subnets"])
    return {"Return": True}


def _lead(backend: EC2Backend, endpoint: VPCEndPoint, added: list[str], removed: list[str]) -> None:
    """Make and remove the routes to a gateway endpoint."""
    prefixes = endpoint.destination_prefix_list_id
    for table in added if prefixes else []:
        backend.create_route(table, None, gateway_id=endpoint.id, destination_prefix_list_id=prefixes)
    for table in removed if prefixes else []:
        backend.delete_route(table, prefixes)


def _put(backend: EC2Backend, endpoint: VPCEndPoint, added: list[str], removed: list[str]) -> None:
    """Make and remove an interface endpoint's network interfaces."""
    for subnet in added:
        endpoint.network_interface_ids.append(backend.create_network_interface(subnet, random_private_ip()).id)
    for name in [name for name in endpoint.network_interface_ids or [] if backend.enis[name].subnet.id in removed]:
        endpoint.network_interface_ids.remove(name)
        backend.enis.pop(name)
