"""The network: a new VPC, or one that is already there."""

import re
from collections.abc import Iterator
from ipaddress import IPv4Network
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from config.addresses import PrimaryRange, SecondaryRange
from config.errors import Problem
from config.existing_network import ExistingNetwork
from config.section import RetentionDays, Section
from config.zones import ZONE_ID, ZONE_NAME
from rapids_eks import subnets

FEWEST, MOST = 2, 6  # EKS wants two zones; no region has more than six


def _zones(value: object) -> object:
    if isinstance(value, list | tuple):
        return _listed(tuple(value))
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f'"{value}" is no number of zones, and no list of their names or ids')  # noqa: TRY004 - pydantic's
    if not FEWEST <= value <= MOST:
        raise ValueError(f"{value} zones are not possible: {FEWEST} to {MOST}")
    return value


def _listed(zones: tuple[object, ...]) -> tuple[object, ...]:
    kinds = {_kind(zone) for zone in zones}
    if not FEWEST <= len(zones) <= MOST or len(set(map(str, zones))) < len(zones):
        raise ValueError(
            f"{', '.join(map(str, zones)) or 'an empty list'} is not a list of {FEWEST} to {MOST} different zones"
        )
    if len(kinds) > 1:
        raise ValueError(f"{', '.join(map(str, zones))} mixes names and ids: give all by name or all by id")
    return zones


def _kind(zone: object) -> str:
    for kind, pattern in (("name", ZONE_NAME), ("id", ZONE_ID)):
        if isinstance(zone, str) and re.fullmatch(pattern, zone):
            return kind
    raise ValueError(f'"{zone}" is not an Availability Zone: write a name like us-west-2a or an id like usw2-az1')


Zones = Annotated[
    Annotated[int, Field(ge=FEWEST, le=MOST)] | Annotated[tuple[str, ...], Field(min_length=FEWEST, max_length=MOST)],
    BeforeValidator(_zones),
]


class Network(Section):
    """The VPC that the cluster lies in: public and private subnets in `cidr`, nodes and pods in `pod_cidr`."""

    cidr: PrimaryRange = IPv4Network("10.1.0.0/21")
    """Primary range of the new VPC, /16 to /28: load balancers, NAT, endpoints, the control plane's interfaces."""
    pod_cidr: SecondaryRange = IPv4Network("100.64.0.0/16")
    """Secondary range for nodes and pods, within 100.64.0.0/10, /16 to /28. A zone has a quarter of it, or an eighth
    where there are more than four, and must hold all nodes: 30 addresses for a GPU node with up to 8 vCPUs, up to 128
    for others."""
    zones: Zones = 2
    """How many zones (the region's first ones, 2 to 6), or a list of names or ids. Ids (usw2-az1) mean the same place
    in every account, and so choose zones that offer the GPU types; names (us-west-2a) differ by account. They stay as
    they are once there is a cluster: EKS takes no subnets in other zones."""
    nat: Literal["one", "per-zone"] = "one"
    """One NAT gateway for all zones, the cheapest, or one in each, which outlives the loss of a zone."""
    interface_endpoints: bool = False
    """Reach AWS's services by interface endpoints in the VPC instead of NAT; each costs by the hour and zone."""
    flow_log_retention_days: RetentionDays = 30
    """Days for which the VPC's flow logs are kept in CloudWatch Logs."""
    existing: ExistingNetwork | None = None
    """Use this VPC instead of making one; no other setting of `network` may then be given."""

    @property
    def zone_count(self) -> int:
        """In how many zones the new VPC has subnets."""
        return self.zones if isinstance(self.zones, int) else len(self.zones)

    @property
    def node_zone_count(self) -> int:
        """In how many zones nodes are."""
        return len({subnet.zone for subnet in self.existing.nodes_in}) if self.existing else self.zone_count

    def plan(self) -> tuple[subnets.ZoneRanges, ...]:
        """Return the ranges of the new VPC's zones; raises ValueError where they do not fit."""
        return subnets.plan(self.cidr, self.pod_cidr, self.zone_count)

    def problems(self) -> Iterator[Problem]:
        """Yield settings of a new VPC beside an existing one, and ranges that do not hold the subnets."""
        if self.existing:
            for name in sorted(self.model_fields_set - {"existing"}):
                text = "is for a new VPC only: remove it, or remove network.existing"
                yield Problem((name,), text)
            return
        try:
            self.plan()
        except ValueError as error:
            yield Problem((), f"{error}")
