"""IPv4 ranges as AWS allows them."""

from ipaddress import IPv4Network
from typing import Annotated

from pydantic import AfterValidator, PlainValidator, WithJsonSchema

from rapids_eks.subnets import KEPT_BY_AWS

LARGEST, SMALLEST = 16, 28  # prefixes of a VPC's ranges and of subnets
PRIVATE = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")))
SHARED = IPv4Network("100.64.0.0/10")
# Docker's bridge on the nodes and in AWS's own services: https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html
DOCKER = IPv4Network("172.17.0.0/16")


def prefix_for(addresses: int) -> int:
    """Return the prefix of the smallest subnet with that many usable addresses."""
    return 32 - (addresses + KEPT_BY_AWS - 1).bit_length()


def _parsed(value: object) -> IPv4Network:
    if isinstance(value, IPv4Network):
        return value
    try:
        loose = IPv4Network(str(value), strict=False)
    except ValueError:
        raise ValueError(f'"{value}" is not an IPv4 range: write it like 10.1.0.0/21') from None
    if "/" not in str(value):
        raise ValueError(f'"{value}" has no size: write {value}/32 for this one address, or a range like 10.1.0.0/21')
    if str(loose) != value:
        raise ValueError(f'"{value}" does not begin where a range of its size can begin: write {loose}')
    return loose


def _vpc_size(network: IPv4Network) -> IPv4Network:
    if not LARGEST <= network.prefixlen <= SMALLEST:
        raise ValueError(f"{network} has a size that AWS refuses: /{LARGEST} (65,536 addresses) to /{SMALLEST} (16)")
    return network


def _primary(network: IPv4Network) -> IPv4Network:
    if not any(network.subnet_of(allowed) for allowed in PRIVATE):
        raise ValueError(f"{network} is not a private range: choose one within {', '.join(map(str, PRIVATE))}")
    if network.overlaps(DOCKER):
        raise ValueError(f"{network} overlaps {DOCKER}, which Docker uses on the nodes: choose another range")
    return network


def _secondary(network: IPv4Network) -> IPv4Network:
    if not network.subnet_of(SHARED):
        raise ValueError(f"{network} lies outside {SHARED}, the one range that every VPC may add: choose one within it")
    return network


Range = Annotated[
    IPv4Network,
    PlainValidator(_parsed),
    WithJsonSchema({"type": "string", "pattern": r"^\d{1,3}(?:\.\d{1,3}){3}/\d{1,2}$"}),
]
VpcRange = Annotated[Range, AfterValidator(_vpc_size)]
PrimaryRange = Annotated[VpcRange, AfterValidator(_primary)]
SecondaryRange = Annotated[VpcRange, AfterValidator(_secondary)]
