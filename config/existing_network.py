"""A VPC that is already there."""

from collections.abc import Iterator
from itertools import combinations
from typing import Annotated

from pydantic import Field

from config.addresses import Range, VpcRange
from config.errors import Problem
from config.names import SubnetId, VpcId, ZoneName
from config.section import Section

KINDS = ("private_subnets", "node_subnets", "public_subnets")


class ExistingSubnet(Section):
    """A subnet of that VPC. A synth asks AWS nothing, so that its zone and range are given here."""

    id: SubnetId
    """The subnet's id."""
    zone: ZoneName
    """The name of its Availability Zone in this account."""
    cidr: VpcRange
    """Its IPv4 range, by which its size is checked."""


class ExistingNetwork(Section):
    """The VPC and those of its subnets that the cluster uses. They are only used, never changed or deleted."""

    vpc_id: VpcId
    """The VPC's id. DNS support and DNS host names must be on."""
    cidr: Range
    """The VPC's primary IPv4 range."""
    private_subnets: Annotated[tuple[ExistingSubnet, ...], Field(min_length=2)]
    """For the control plane's interfaces and internal load balancers: in two zones or more, with a way to the internet
    (NAT): charts and images come from public registries. Tag: kubernetes.io/role/internal-elb=1."""
    node_subnets: tuple[ExistingSubnet, ...] = ()
    """For nodes and pods, with the same way out; without any, the private subnets."""
    public_subnets: tuple[ExistingSubnet, ...] = ()
    """For load balancers that face the internet; without any there can be none. Tag: kubernetes.io/role/elb=1."""

    @property
    def nodes_in(self) -> tuple[ExistingSubnet, ...]:
        """The subnets of nodes and pods."""
        return self.node_subnets or self.private_subnets

    def problems(self) -> Iterator[Problem]:
        """Yield subnets given twice, ranges that overlap, and too few zones."""
        placed = [((kind, index), subnet) for kind in KINDS for index, subnet in enumerate(getattr(self, kind))]
        for (first, one), (second, other) in combinations(placed, 2):
            if one.id == other.id:
                yield Problem((*second, "id"), f"{other.id} is given as {first[0]}[{first[1]}] too: keep one of them")
            elif one.cidr.overlaps(other.cidr):
                yield Problem((*second, "cidr"), f"{other.cidr} overlaps {one.cidr} of {one.id}: correct one of them")
        zones = {subnet.zone for subnet in self.private_subnets}
        if len(zones) == 1:
            text = f"all lie in {zones.pop()}, and EKS wants two zones: add one of another zone"
            yield Problem(("private_subnets",), text)
