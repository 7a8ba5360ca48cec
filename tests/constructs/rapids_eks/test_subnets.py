from ipaddress import IPv4Network
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rapids_eks.subnets import plan, usable


def ranges_in(network: str, smallest: int) -> st.SearchStrategy[IPv4Network]:
    whole = IPv4Network(network)
    return st.integers(16, smallest).flatmap(lambda prefix: st.sampled_from([*whole.subnets(new_prefix=prefix)]))


def networks() -> st.SearchStrategy[tuple[IPv4Network, IPv4Network, int]]:
    return st.tuples(ranges_in("10.0.0.0/15", 23), ranges_in("100.64.0.0/15", 24), st.integers(2, 8))


@given(networks())
def test_subnets_lie_in_their_range_and_apart_from_each_other(network: tuple[IPv4Network, IPv4Network, int]) -> None:
    cidr, nodes, zones = network
    ranges = plan(*network)
    assert len(ranges) == zones
    primary = [subnet for zone in ranges for subnet in (zone.public, zone.private)]
    assert all(subnet.subnet_of(cidr) for subnet in primary)
    assert all(zone.nodes.subnet_of(nodes) for zone in ranges)
    subnets = [*primary, *(zone.nodes for zone in ranges)]
    assert not any(one.overlaps(other) for one, other in combinations(subnets, 2))
    assert all(16 <= subnet.prefixlen <= 27 for subnet in subnets)


@given(networks())
def test_nothing_of_the_ranges_is_out_of_reach_when_all_places_are_taken(
    network: tuple[IPv4Network, IPv4Network, int],
) -> None:
    cidr, nodes, zones = network
    full = plan(cidr, nodes, 4 if zones <= 4 else 8)
    assert sum(zone.public.num_addresses + zone.private.num_addresses for zone in full) == cidr.num_addresses
    assert sum(zone.nodes.num_addresses for zone in full) == nodes.num_addresses


@given(networks(), st.integers(2, 8))
def test_a_zone_that_is_added_or_removed_moves_no_other(
    network: tuple[IPv4Network, IPv4Network, int], other: int
) -> None:
    """Guards against subnets that are to be made where others still are, which AWS refuses."""
    cidr, nodes, zones = network
    if (zones <= 4) == (other <= 4):
        assert all(one == two for one, two in zip(plan(cidr, nodes, zones), plan(cidr, nodes, other), strict=False))


def test_the_usual_ranges_give_24s_and_a_quarter_of_the_nodes_range_per_zone() -> None:
    first, second = plan(IPv4Network("10.1.0.0/21"), IPv4Network("100.64.0.0/16"), 2)
    assert [str(each) for each in (first.public, first.private, first.nodes)] == [
        *("10.1.0.0/24", "10.1.4.0/24", "100.64.0.0/18")
    ]
    assert [str(each) for each in (second.public, second.private, second.nodes)] == [
        *("10.1.1.0/24", "10.1.5.0/24", "100.64.64.0/18")
    ]
    assert usable(first.nodes) == 16379


@pytest.mark.parametrize(
    ("cidr", "nodes", "zones", "says"),
    [
        (
            "10.1.0.0/25",
            "100.64.0.0/16",
            2,
            "10.1.0.0/25 is too small for 2 zones.*/28.*choose .* /24 or larger",
        ),
        ("10.1.0.0/21", "100.64.0.0/25", 5, "100.64.0.0/25 is too small for 5 zones.*choose a range of /24 or larger"),
        ("10.1.0.0/16", "10.1.4.0/22", 2, "overlap: choose two"),
        ("10.1.0.0/21", "100.64.0.0/16", 1, "at least 2"),
        ("10.1.0.0/21", "100.64.0.0/16", 9, "8 are the most"),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(cidr: str, nodes: str, zones: int, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        plan(IPv4Network(cidr), IPv4Network(nodes), zones)
