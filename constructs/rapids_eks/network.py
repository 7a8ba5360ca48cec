"""The network of a cluster."""

from collections.abc import Sequence
from ipaddress import IPv4Network
from itertools import cycle
from typing import Literal

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from rapids_eks import subnets
from rapids_eks.closed_default_group.construct import ClosedDefaultGroup
from rapids_eks.flow_logs import FlowLogs
from rapids_eks.network_endpoints import NetworkEndpoints
from rapids_eks.network_zone import NetworkZone
from rapids_eks.zones import Zone
from rapids_eks.zones import zones as zones_of


class Network(Construct):
    """A VPC with public, private and node subnets in each zone, NAT, an S3 endpoint and flow logs.

    Exposes `vpc`, which knows no subnets, and `public_subnets`, `private_subnets` and `node_subnets`, one per zone.
    All is made piece by piece: CDK's own `Vpc` asks AWS for the zones as soon as it knows the account, has no subnets
    in a second range, and would move every subnet when a zone is added.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own name for it
        *,
        name: str,
        cidr: IPv4Network,
        pod_cidr: IPv4Network,
        zones: int | Sequence[str],
        nat: Literal["one", "per-zone"] = "one",
        interface_endpoints: bool = False,
        log_retention_days: int = 30,
    ) -> None:
        """Make it. `zones` are names, ids or how many of the region's first; nodes and pods live in `pod_cidr`.

        Raises ValueError where the zones' subnets do not fit into the ranges, or a zone is given twice.
        """
        super().__init__(scope, id)
        vpc = ec2.CfnVPC(
            self, "Vpc", cidr_block=str(cidr), enable_dns_hostnames=True, enable_dns_support=True, tags=_named(name)
        )
        public_routes = ec2.CfnRouteTable(self, "PublicRoutes", vpc_id=vpc.ref, tags=_named(f"{name} public"))
        internet = _route_to_the_internet(self, name, public_routes)
        made = _zones(self, name, cidr, pod_cidr, zones_of(zones), public_routes)
        _translate(made, internet, nat)
        self.public_subnets = [zone.public for zone in made]
        self.private_subnets = [zone.private for zone in made]
        self.node_subnets = [zone.nodes for zone in made]
        names = [subnet.availability_zone for subnet in self.node_subnets]
        self.vpc = ec2.Vpc.from_vpc_attributes(
            self, "Reference", vpc_id=vpc.ref, availability_zones=names, vpc_cidr_block=str(cidr)
        )
        NetworkEndpoints(
            self,
            "Endpoints",
            name=name,
            vpc_id=vpc.ref,
            route_table_ids=[zone.route_table_id for zone in made],
            interface_subnets=self.private_subnets if interface_endpoints else (),
            callers=[cidr, pod_cidr],
        )
        FlowLogs(self, "FlowLogs", vpc_id=vpc.ref, retention_days=log_retention_days)
        group = vpc.attr_default_security_group
        ClosedDefaultGroup(self, "ClosedDefaultGroup", group_id=group, log_retention_days=log_retention_days)


def _zones(
    scope: Construct,
    name: str,
    cidr: IPv4Network,
    pod_cidr: IPv4Network,
    places: Sequence[Zone],
    public_routes: ec2.CfnRouteTable,
) -> list[NetworkZone]:
    ranges = subnets.plan(cidr, pod_cidr, len(places))
    node_range = ec2.CfnVPCCidrBlock(scope, "NodeRange", vpc_id=public_routes.vpc_id, cidr_block=str(pod_cidr))
    return [
        NetworkZone(
            scope,
            f"Zone{number}",
            name=name,
            node_range=node_range,
            public_routes=public_routes,
            zone=place,
            ranges=where,
        )
        for number, (place, where) in enumerate(zip(places, ranges, strict=True), 1)
    ]


def _route_to_the_internet(scope: Construct, name: str, table: ec2.CfnRouteTable) -> ec2.CfnRoute:
    """Return the default route of the public subnets, through an internet gateway of their VPC."""
    gateway = ec2.CfnInternetGateway(scope, "InternetGateway", tags=_named(name))
    attachment = ec2.CfnVPCGatewayAttachment(
        scope, "InternetGatewayAttachment", vpc_id=table.vpc_id, internet_gateway_id=gateway.ref
    )
    route = ec2.CfnRoute(
        scope, "Internet", route_table_id=table.ref, destination_cidr_block="0.0.0.0/0", gateway_id=gateway.ref
    )
    route.add_resource_dependency(attachment)
    return route


def _translate(zones: Sequence[NetworkZone], internet: ec2.CfnRoute, nat: Literal["one", "per-zone"]) -> None:
    """Give each zone a NAT gateway of its own, or all of them the first one's."""
    gateways = [zone.add_nat_gateway(after=internet) for zone in (zones if nat == "per-zone" else zones[:1])]
    for zone, gateway in zip(zones, cycle(gateways), strict=False):
        zone.route_through(gateway)


def _named(name: str) -> list[cdk.CfnTag]:
    return [cdk.CfnTag(key="Name", value=name)]
