"""EC2: what may not be removed while something uses it, which the emulator would let go."""

from collections.abc import Callable, Iterator
from typing import Any

from moto.ec2.models import EC2Backend, ec2_backends
from moto.ec2.models.nat_gateways import NatGateway

from rehearsal.wire.call import Call, Handler, Refused
from rehearsal.world import World

NAT_GATEWAY_CREATION = 100.0  # seconds until it is available
NAT_GATEWAY_FAILURE = 10.0  # seconds until one that cannot work says so
NAT_GATEWAY_DELETION = 45.0  # seconds until its address and interface are free


def refusals() -> dict[str, Callable[[Call], None]]:
    """Return the checks that come before the emulator's deletions."""
    return {
        "ec2:CreateRoute": route,
        "ec2:CreateTags": tags,
        "ec2:DeleteSecurityGroup": security_group,
        "ec2:DeleteSubnet": subnet,
        "ec2:DetachInternetGateway": internet_gateway,
        "ec2:ReleaseAddress": address,
    }


def operations(world: World) -> dict[str, Handler]:
    """Return the handlers of EC2; the rest is the emulator's."""

    def delete_nat_gateway(call: Call) -> dict[str, Any]:
        backend, wanted = _backend(call), call.parameters["NatGatewayId"]
        gateway = backend.nat_gateways.get(wanted)
        if gateway is None:
            raise Refused("NatGatewayNotFound", f"The Nat Gateway {wanted} was not found")
        gateway.state = "deleting"
        world.in_background(f"delete {wanted}", lambda: _end_nat_gateway(world, backend, gateway))
        return {"NatGatewayId": wanted}

    return {
        "CreateNatGateway": lambda call: create_nat_gateway(world, call),
        "DeleteNatGateway": delete_nat_gateway,
        "DeleteVpc": delete_vpc,
        "TerminateInstances": terminate_instances,
    }


def create_nat_gateway(world: World, call: Call) -> dict[str, Any]:
    """Begin to make a NAT gateway, which the emulator has available at once, whatever its network.

    https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-troubleshooting.html
    """
    given = call.parameters
    tags = {tag["Key"]: tag["Value"] for each in given.get("TagSpecifications", []) for tag in each["Tags"]}
    kind = given.get("ConnectivityType", "public")
    backend = _backend(call)
    made = backend.create_nat_gateway(given["SubnetId"], given.get("AllocationId", ""), tags, kind)
    made.state = "pending"
    cut_off = kind == "public" and not any(
        _attached(each) == made.vpc_id for each in list(backend.internet_gateways.values())
    )

    def settle() -> None:
        world.clock.sleep(NAT_GATEWAY_FAILURE if cut_off else NAT_GATEWAY_CREATION)
        if made.state == "pending" and cut_off:
            _fail_nat_gateway(backend, made)
        elif made.state == "pending":
            made.state = "available"

    world.in_background(f"create {made.id}", settle)
    gateway = {"NatGatewayId": made.id, "SubnetId": made.subnet_id, "VpcId": made.vpc_id, "State": made.state}
    return {"NatGateway": {**gateway, "CreateTime": made.create_time, "ConnectivityType": kind}}


def terminate_instances(call: Call) -> dict[str, Any]:
    """End instances together with their first interfaces, which the emulator keeps in the subnet."""
    backend = _backend(call)
    for instance in backend.get_multi_instances_by_id(call.parameters["InstanceIds"]):
        for interface in instance.nics.values():
            if interface.device_index == 0:
                interface.delete_on_termination = True
    ended = backend.terminate_instances(call.parameters["InstanceIds"])
    states = [
        {
            "InstanceId": instance.id,
            "CurrentState": {"Code": instance._state.code, "Name": instance._state.name},  # noqa: SLF001
            "PreviousState": {"Code": before.code, "Name": before.name},
        }
        for instance, before in ended
    ]
    return {"TerminatingInstances": states}


def _end_nat_gateway(world: World, backend: EC2Backend, gateway: NatGateway) -> None:
    world.clock.sleep(NAT_GATEWAY_DELETION)
    _free(backend, gateway)
    gateway.state = "deleted"


def _fail_nat_gateway(backend: EC2Backend, gateway: NatGateway) -> None:
    _free(backend, gateway)
    gateway.failure_code = "Gateway.NotAttached"
    gateway.failure_message = f"Network {gateway.vpc_id} has no Internet gateway attached"
    gateway.state = "failed"


def _free(backend: EC2Backend, gateway: NatGateway) -> None:
    """Free the address and remove the interface, which the emulator leaves behind."""
    for held in backend.addresses:
        if held.eni is gateway._eni:  # noqa: SLF001 - nothing else tells it
            held.eni = held.association_id = None
    backend.enis.pop(gateway._eni.id, None)  # noqa: SLF001


def route(call: Call) -> None:
    """Refuse a route through an internet gateway that is not attached to the table's own VPC, or not yet."""
    backend, wanted = _backend(call), call.parameters.get("GatewayId", "")
    gateway, table = backend.internet_gateways.get(wanted), backend.route_tables.get(call.parameters["RouteTableId"])
    if gateway and table and _attached(gateway) != table.vpc_id:
        message = f"route table {table.id} and network gateway {wanted} belong to different networks"
        raise Refused("InvalidParameterValue", message)


def tags(call: Call) -> None:
    """Refuse tags that only AWS's own services give."""
    if any(each["Key"].startswith("aws:") for each in call.parameters["Tags"]):
        raise Refused("InvalidParameterValue", "Tag keys starting with 'aws:' are reserved for internal use")


def security_group(call: Call) -> None:
    """Refuse while a network interface carries the group or a rule of another group names it."""
    group = call.parameters.get("GroupId", "")
    if any(True for _ in _users(_backend(call), group)):
        raise Refused("DependencyViolation", f"resource {group} has a dependent object")


def subnet(call: Call) -> None:
    """Refuse while a network interface lies in the subnet: of a NAT gateway, an endpoint, a cluster, an instance."""
    wanted = call.parameters["SubnetId"]
    if any(interface.subnet.id == wanted for interface in list(_backend(call).enis.values())):
        raise Refused("DependencyViolation", f"The subnet '{wanted}' has dependencies and cannot be deleted.")


def delete_vpc(call: Call) -> dict[str, Any]:
    """Remove a VPC with its network ACL, which the emulator keeps.

    Refuse while the VPC has a security group of its own, an endpoint or an attached internet gateway.
    """
    backend, wanted = _backend(call), call.parameters["VpcId"]
    groups = [group for group in list(backend.groups.get(wanted, {}).values()) if group.name != "default"]
    gateways = [gateway for gateway in list(backend.internet_gateways.values()) if _attached(gateway) == wanted]
    endpoints = [
        end for end in list(backend.vpc_end_points.values()) if end.vpc_id == wanted and end.state == "available"
    ]
    if groups or gateways or endpoints:
        raise Refused("DependencyViolation", f"The vpc '{wanted}' has dependencies and cannot be deleted.")
    backend.delete_vpc(wanted)
    for acl in [acl for acl in list(backend.network_acls.values()) if acl.vpc_id == wanted]:
        backend.network_acls.pop(acl.id)
    return {}


def internet_gateway(call: Call) -> None:
    """Refuse while a public address is mapped to an interface of the VPC, as that of a NAT gateway is."""
    backend, wanted = _backend(call), call.parameters["VpcId"]
    interfaces = [held.eni for held in backend.addresses if held.eni in list(backend.enis.values())]
    if any(interface and interface.subnet.vpc_id == wanted for interface in interfaces):
        raise Refused(
            "DependencyViolation",
            f"Network {wanted} has some mapped public address(es). "
            "Please unmap those public address(es) before detaching the gateway.",
        )


def address(call: Call) -> None:
    """Refuse while the address is associated with an interface."""
    backend, wanted = _backend(call), call.parameters.get("AllocationId")
    for held in backend.addresses:
        if held.allocation_id == wanted and held.eni in list(backend.enis.values()):
            raise Refused("InvalidIPAddress.InUse", f"Address {held.public_ip} is in use.")


def _backend(call: Call) -> EC2Backend:
    return ec2_backends[call.account][call.region]


def _attached(gateway: Any) -> str | None:  # noqa: ANN401 - moto's InternetGateway
    return gateway.vpc.id if gateway.vpc else None


def _users(backend: EC2Backend, group: str) -> Iterator[str]:
    """Yield the interfaces that carry a group and the other groups whose rules name it."""
    for interface in list(backend.enis.values()):
        if any(carried.id == group for carried in interface.group_set):
            yield interface.id
    for other in [other for groups in list(backend.groups.values()) for other in groups.values() if other.id != group]:
        rules = [*other.ingress_rules, *other.egress_rules]
        if any(rule.source_group.get("GroupId") == group for rule in rules):
            yield other.id
