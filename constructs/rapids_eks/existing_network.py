"""A network that is there already."""

from collections.abc import Mapping
from ipaddress import IPv4Network

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from constructs import Construct


class ExistingNetwork(Construct):
    """A VPC and subnets of somebody else's, taken as they are; nothing in them is changed.

    Exposes `vpc`, which knows no subnets, and `public_subnets`, `private_subnets` and `node_subnets`, like `Network`.
    Subnets are given as zone by id. No template can look into a VPC, so a note at synth says what is not checked here,
    and how to check it.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own name for it
        *,
        vpc_id: str,
        cidr: IPv4Network,
        private_subnets: Mapping[str, str],
        node_subnets: Mapping[str, str],
        public_subnets: Mapping[str, str],
    ) -> None:
        """Take it; a subnet may be private and of nodes at once.

        Raises ValueError where the private subnets lie in less than two zones, or one of them or of the nodes' is
        public.
        """
        super().__init__(scope, id)
        inside = {**private_subnets, **node_subnets}
        _check_zones(private_subnets)
        _check_apart(public_subnets, inside)
        known = {**inside, **public_subnets}
        subnets = {name: _reference(self, name, zone) for name, zone in known.items()}
        self.public_subnets, self.private_subnets, self.node_subnets = (
            [subnets[name] for name in names] for names in (public_subnets, private_subnets, node_subnets)
        )
        self.vpc = ec2.Vpc.from_vpc_attributes(
            self,
            "Reference",
            vpc_id=vpc_id,
            availability_zones=sorted(set(known.values())),
            vpc_cidr_block=str(cidr),
        )
        cdk.Annotations.of(self).add_info_v2("rapids-eks:existing-network", _unchecked(vpc_id, known))


def _reference(scope: Construct, subnet_id: str, zone: str) -> ec2.ISubnet:
    subnet = ec2.Subnet.from_subnet_attributes(scope, subnet_id, subnet_id=subnet_id, availability_zone=zone)
    reason = "its routes are its owner's"
    cdk.Annotations.of(subnet).acknowledge_warning("@aws-cdk/aws-ec2:noSubnetRouteTableId", reason)
    return subnet


def _check_zones(private: Mapping[str, str]) -> None:
    zones = sorted(set(private.values()))
    if len(zones) < 2:  # noqa: PLR2004 - EKS's own number
        raise ValueError(
            f"The private subnets {', '.join(private) or '(none)'} lie in {len(zones)} zones ({', '.join(zones)}): "
            "EKS wants at least 2, so give subnets in two zones"
        )


def _check_apart(public: Mapping[str, str], others: Mapping[str, str]) -> None:
    both = sorted(public.keys() & others.keys())
    if both:
        raise ValueError(
            f"The subnets {', '.join(both)} are given as public and as private or node subnets: nodes get no "
            "public address and would not reach the internet there, so give each subnet once"
        )


def _unchecked(vpc_id: str, zones: Mapping[str, str]) -> str:
    ids = " ".join(sorted(zones))
    return (
        f"{vpc_id} is taken as it is. Not checked until AWS is asked: that its subnets are in the zones given "
        f"(aws ec2 describe-subnets --subnet-ids {ids}), that nodes reach AWS through NAT or endpoints "
        f"(aws ec2 describe-route-tables --filters Name=vpc-id,Values={vpc_id}), that addresses are left, and that "
        "DNS support and DNS hostnames are on. For load balancers, tag public subnets kubernetes.io/role/elb=1 and "
        "private ones kubernetes.io/role/internal-elb=1."
    )
