"""One availability zone of a network."""

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from constructs import Construct, IDependable

from rapids_eks.subnets import ZoneRanges
from rapids_eks.zones import Zone


class NetworkZone(Construct):
    """A public, a private and a node subnet; the latter two share a route table.

    Exposes the subnets as `public`, `private` and `nodes`, and the id of the table as `route_table_id`.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own name for it
        *,
        name: str,
        node_range: ec2.CfnVPCCidrBlock,
        public_routes: ec2.CfnRouteTable,
        zone: Zone,
        ranges: ZoneRanges,
    ) -> None:
        super().__init__(scope, id)
        self._title, self._zone = f"{name} {id}", zone
        routes = ec2.CfnRouteTable(
            self, "Routes", vpc_id=public_routes.vpc_id, tags=[_tag("Name", f"{self._title} private")]
        )
        self.route_table_id = routes.ref
        # A load balancer is put into the tagged subnets: https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html
        self._public = self._subnet("Public", ranges.public, public_routes, _tag("kubernetes.io/role/elb", "1"))
        private = self._subnet("Private", ranges.private, routes, _tag("kubernetes.io/role/internal-elb", "1"))
        # Karpenter finds the subnets of its nodes by this tag: https://karpenter.sh/docs/concepts/nodeclasses/
        nodes = self._subnet("Nodes", ranges.nodes, routes, _tag("karpenter.sh/discovery", name))
        nodes.add_resource_dependency(node_range)
        self.public, self.private, self.nodes = (
            _reference(made, table)
            for made, table in ((self._public, public_routes), (private, routes), (nodes, routes))
        )

    def add_nat_gateway(self, *, after: IDependable) -> ec2.CfnNatGateway:
        """Make a NAT gateway in the public subnet, once `after`, the way to the internet, is there."""
        address = ec2.CfnEIP(self, "Address", domain="vpc", tags=[_tag("Name", self._title)])
        gateway = ec2.CfnNatGateway(
            self,
            "Nat",
            subnet_id=self._public.ref,
            allocation_id=address.attr_allocation_id,
            tags=[_tag("Name", self._title)],
        )
        address.node.add_dependency(after)
        gateway.node.add_dependency(after)
        return gateway

    def route_through(self, gateway: ec2.CfnNatGateway) -> None:
        """Let what lies in the private and the node subnet reach the internet through a NAT gateway."""
        ec2.CfnRoute(
            self,
            "Internet",
            route_table_id=self.route_table_id,
            destination_cidr_block="0.0.0.0/0",
            nat_gateway_id=gateway.ref,
        )

    def _subnet(self, kind: str, cidr: object, routes: ec2.CfnRouteTable, role: cdk.CfnTag) -> ec2.CfnSubnet:
        subnet = ec2.CfnSubnet(
            self,
            kind,
            vpc_id=routes.vpc_id,
            cidr_block=str(cidr),
            availability_zone=self._zone.name,
            availability_zone_id=self._zone.id,
            tags=[_tag("Name", f"{self._title} {kind.lower()}"), role],
        )
        ec2.CfnSubnetRouteTableAssociation(self, f"{kind}Routes", subnet_id=subnet.ref, route_table_id=routes.ref)
        return subnet


def _tag(key: str, value: str) -> cdk.CfnTag:
    return cdk.CfnTag(key=key, value=value)


def _reference(subnet: ec2.CfnSubnet, routes: ec2.CfnRouteTable) -> ec2.ISubnet:
    """Return a subnet as other constructs take it; its zone is told by AWS, however it was given."""
    return ec2.Subnet.from_subnet_attributes(
        subnet,
        "Reference",
        subnet_id=subnet.ref,
        availability_zone=subnet.attr_availability_zone,
        route_table_id=routes.ref,
    )
