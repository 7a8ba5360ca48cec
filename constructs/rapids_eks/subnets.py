"""Where each zone's subnets lie in the two ranges of a network: arithmetic, no AWS."""

from dataclasses import dataclass
from ipaddress import IPv4Network

KEPT_BY_AWS = 5  # addresses of every subnet: https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html
SMALLEST = 27  # prefix length: a load balancer takes no smaller subnet, and twenty interfaces of AWS's own must fit in
FEW, MANY = 4, 8  # zones that there is room for; no region has more than six


@dataclass(frozen=True)
class ZoneRanges:
    """The ranges of one zone: for load balancers and NAT, for interfaces of AWS's services, for nodes and pods."""

    public: IPv4Network
    private: IPv4Network
    nodes: IPv4Network


def plan(cidr: IPv4Network, node_cidr: IPv4Network, zones: int) -> tuple[ZoneRanges, ...]:
    """Return the ranges of so many zones: two of each in `cidr`, its lower half being public, and one in `node_cidr`.

    Four zones always have their places, and eight when there are more than four. A zone that is added later therefore
    moves no other, whose subnets could not be replaced while anything runs in them.
    Raises ValueError where the ranges overlap, a subnet would be too small, or the zones are too few or too many.
    """
    _check_zones(zones)
    if cidr.overlaps(node_cidr):
        raise ValueError(f"The ranges {cidr} and {node_cidr} overlap: choose two that have no address in common")
    bits = (FEW if zones <= FEW else MANY).bit_length() - 1
    _check_size(cidr, bits + 1, zones)
    _check_size(node_cidr, bits, zones)
    public, private = cidr.subnets(1)
    places = zip(public.subnets(bits), private.subnets(bits), node_cidr.subnets(bits), strict=True)
    return tuple(ZoneRanges(*place) for place, _ in zip(places, range(zones), strict=False))


def usable(subnet: IPv4Network) -> int:
    """Return how many addresses of a subnet can be given out."""
    return subnet.num_addresses - KEPT_BY_AWS


def _check_zones(zones: int) -> None:
    if not 2 <= zones <= MANY:  # noqa: PLR2004 - EKS wants subnets in two zones
        raise ValueError(f"A network of {zones} zones cannot be made: EKS wants at least 2, and {MANY} are the most")


def _check_size(cidr: IPv4Network, bits: int, zones: int) -> None:
    if cidr.prefixlen + bits > SMALLEST:
        raise ValueError(
            f"The range {cidr} is too small for {zones} zones: its subnets would be /{cidr.prefixlen + bits}, and "
            f"/{SMALLEST} is the smallest allowed: choose a range of /{SMALLEST - bits} or larger"
        )
