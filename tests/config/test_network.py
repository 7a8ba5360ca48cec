"""The network's settings: ranges that AWS takes, and room in them."""

from ipaddress import IPv4Network
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import config
from config.addresses import prefix_for
from rapids_eks.subnets import usable
from tests.config.conftest import Blueprints

ZONES = {"a": "us-west-2a", "b": "us-west-2b"}
networks = st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 32)).map(lambda pair: IPv4Network(pair, strict=False))


def subnet(number: int, zone: str, cidr: str) -> dict[str, str]:
    return {"id": f"subnet-{number:017x}", "zone": ZONES[zone], "cidr": cidr}


def existing(**subnets: Any) -> dict[str, Any]:  # noqa: ANN401 - YAML
    private = [subnet(1, "a", "10.1.0.0/22"), subnet(2, "b", "10.1.4.0/22")]
    return {"existing": {"vpc_id": "vpc-0123abcd", "cidr": "10.1.0.0/21", "private_subnets": private, **subnets}}


def test_ranges_are_networks(blueprints: Blueprints) -> None:
    network = blueprints.read(network={"cidr": "10.2.0.0/20", "pod_cidr": "100.65.0.0/16"}).network
    assert (network.cidr, network.pod_cidr) == (IPv4Network("10.2.0.0/20"), IPv4Network("100.65.0.0/16"))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"cidr": "10.1.0.0"}, 'network.cidr: "10.1.0.0" has no size: write 10.1.0.0/32 for this one address'),
        ({"cidr": "10.1.0.7/21"}, 'network.cidr: "10.1.0.7/21" does not begin where a range of its size can begin'),
        ({"cidr": "10.1.0/21"}, 'network.cidr: "10.1.0/21" is not an IPv4 range: write it like 10.1.0.0/21'),
        ({"cidr": "2001:db8::/32"}, "is not an IPv4 range"),
        ({"cidr": 10}, 'network.cidr: "10" is not an IPv4 range'),
        ({"cidr": "10.0.0.0/15"}, "10.0.0.0/15 has a size that AWS refuses: /16 (65,536 addresses) to /28 (16)"),
        ({"cidr": "10.0.0.0/29"}, "10.0.0.0/29 has a size that AWS refuses"),
        ({"cidr": "172.17.0.0/20"}, "172.17.0.0/20 overlaps 172.17.0.0/16, which Docker uses"),
        ({"cidr": "198.19.0.0/20"}, "198.19.0.0/20 is not a private range: choose one within 10.0.0.0/8"),
        ({"cidr": "8.8.0.0/20"}, "8.8.0.0/20 is not a private range"),
        ({"cidr": "172.32.0.0/20"}, "172.32.0.0/20 is not a private range"),
        ({"pod_cidr": "10.2.0.0/16"}, "network.pod_cidr: 10.2.0.0/16 lies outside 100.64.0.0/10"),
        ({"pod_cidr": "198.19.0.0/16"}, "198.19.0.0/16 lies outside 100.64.0.0/10"),
        ({"pod_cidr": "100.128.0.0/16"}, "100.128.0.0/16 lies outside 100.64.0.0/10"),
        ({"cidr": "100.64.0.0/20"}, "network: The ranges 100.64.0.0/20 and 100.64.0.0/16 overlap"),
        ({"cidr": "10.1.0.0/26"}, "network: The range 10.1.0.0/26 is too small for 2 zones"),
        ({"zones": 1}, "network.zones: 1 zones are not possible: 2 to 6"),
        ({"zones": 7}, "network.zones: 7 zones are not possible: 2 to 6"),
        ({"zones": True}, 'network.zones: "True" is no number of zones, and no list of their names or ids'),
        ({"zones": "us-west-2a"}, '"us-west-2a" is no number of zones, and no list of their names or ids'),
        ({"zones": ["us-west-2a"]}, "network.zones: us-west-2a is not a list of 2 to 6 different zones"),
        ({"zones": []}, "an empty list is not a list of 2 to 6 different zones"),
        ({"zones": ["us-west-2a", "us-west-2a"]}, "us-west-2a, us-west-2a is not a list of 2 to 6 different zones"),
        ({"zones": ["us-west-2a", "usw2-az2"]}, "us-west-2a, usw2-az2 mixes names and ids"),
        ({"zones": ["us-west-2a", 2]}, '"2" is not an Availability Zone: write a name like us-west-2a or an id'),
        ({"zones": ["us-west-2-lax-1a", "us-west-2a"]}, '"us-west-2-lax-1a" is not an Availability Zone'),
        ({"zones": ["us-west-2a", "us-east-1b"]}, "network.zones[1]: us-east-1b is not in us-west-2"),
        (
            {"zones": ["use1-az1", "usw2-az1"]},
            "network.zones[0]: use1-az1 is not in us-west-2: its zone ids begin with",
        ),
        ({"flow_log_retention_days": 31}, "network.flow_log_retention_days: 31 is not allowed; use one of: 1, 3, 5"),
    ],
)
def test_a_network_that_aws_would_refuse_is_refused(
    settings: dict[str, Any], said: str, blueprints: Blueprints
) -> None:
    assert said in blueprints.refusal(network=settings)


@pytest.mark.parametrize(
    ("region", "zones"),
    [("us-west-2", 3), ("us-west-2", ["us-west-2a", "us-west-2d"]), ("us-gov-west-1", ["usgw1-az1", "usgw1-az3"])],
)
def test_zones_are_a_number_names_or_ids(region: str, zones: object, blueprints: Blueprints) -> None:
    network = blueprints.read(region=region, network={"zones": zones}, cluster={"core_nodes": {"count": 3}}).network
    assert network.zones == (tuple(zones) if isinstance(zones, list) else zones)
    assert network.zone_count == len(network.plan())


@pytest.mark.parametrize(
    ("region", "zones", "said"),
    [
        ("us-east-1", 2, "network.zones: a number of zones could mean use1-az3, which has no EKS control plane"),
        ("us-east-1", ["use1-az3", "use1-az4"], "network.zones[0]: use1-az3 has no EKS control plane"),
        ("ca-central-1", ["cac1-az3", "cac1-az1"], "network.zones[0]: cac1-az3 has no EKS control plane"),
    ],
)
def test_a_zone_without_eks_is_refused(region: str, zones: object, said: str, blueprints: Blueprints) -> None:
    assert said in blueprints.refusal(region=region, network={"zones": zones})


@given(networks)
def test_every_range_is_read_as_it_is_written(network: IPv4Network) -> None:
    private = [subnet(1, "a", "10.1.0.0/22"), subnet(2, "b", "10.1.4.0/22")]
    read = config.ExistingNetwork.model_validate(
        {"vpc_id": "vpc-0123abcd", "cidr": str(network), "private_subnets": private}
    )
    assert read.cidr == network


@given(st.integers(1, 60000))
@example(11)  # a /28 to the last address
@example(12)
def test_the_prefix_for_some_addresses_is_that_of_the_smallest_subnet_that_has_them(addresses: int) -> None:
    prefix = prefix_for(addresses)
    assert usable(IPv4Network((0, prefix))) >= addresses > usable(IPv4Network((0, prefix + 1)))


@given(
    gpus=st.integers(1, 1000),
    prefix=st.integers(16, 24),
    zones=st.integers(2, 6),
    kind=st.sampled_from(["g5.2xlarge", "g5.4xlarge", "g5.12xlarge"]),
)
def test_a_zone_holds_the_whole_fleet_or_the_message_says_what_would(
    blueprints: Blueprints, gpus: int, prefix: int, zones: int, kind: str
) -> None:
    capacity = {"gpu": {"max_gpus": max(gpus, 4), "instance_types": [kind]}}
    sections: dict[str, Any] = {"capacity": capacity, "network": {"zones": zones, "pod_cidr": f"100.64.0.0/{prefix}"}}
    said = blueprints.refusals(**sections)
    if not said:
        read = blueprints.read(**sections)
        nodes = max(gpus, 4) // (4 if kind == "g5.12xlarge" else 1)
        assert all(usable(zone.nodes) >= nodes * (30 if kind == "g5.2xlarge" else 100) for zone in read.network.plan())
    elif "use a /" in said[0]:
        enough = int(said[0].split("use a /")[1].split(",")[0])
        fits = {"zones": zones, "pod_cidr": f"100.64.0.0/{enough}"}
        assert enough < prefix
        assert not blueprints.refusals(capacity=capacity, network=fits)
        assert enough == prefix - 1 or blueprints.refusals(
            capacity=capacity, network={**fits, "pod_cidr": f"100.64.0.0/{enough + 1}"}
        )


def test_the_largest_range_is_advised_and_none_beyond(blueprints: Blueprints) -> None:
    def said(gpus: int) -> str:
        return blueprints.refusal(network={"pod_cidr": "100.64.0.0/17"}, capacity={"gpu": {"max_gpus": gpus}})

    assert "use a /16, or lower capacity.gpu.max_gpus" in said(500)
    assert "in one zone: lower capacity.gpu.max_gpus" in said(600)


def test_the_node_subnets_of_a_zone_count_together(blueprints: Blueprints) -> None:
    both = [subnet(3, "a", "10.3.0.0/23"), subnet(4, "a", "10.4.0.0/23")]
    assert blueprints.refusals(network=existing(node_subnets=both)) == []
    assert blueprints.refusals(network=existing(node_subnets=both[:1]))


def test_an_existing_network_is_read_with_its_subnets(blueprints: Blueprints) -> None:
    found = blueprints.read(network=existing()).network.existing
    assert found is not None
    assert found.nodes_in == found.private_subnets
    nodes = [subnet(3, "a", "100.64.0.0/20")]
    found = blueprints.read(network=existing(node_subnets=nodes)).network.existing
    assert found is not None
    assert [one.cidr for one in found.nodes_in] == [IPv4Network("100.64.0.0/20")]


@pytest.mark.parametrize(
    ("network", "said"),
    [
        ({"zones": 2, **existing()}, "network.zones: is for a new VPC only: remove it, or remove network.existing"),
        (existing(vpc_id="vpc-1"), '"vpc-1" is not allowed; use an id like vpc-0123456789abcdef0'),
        (
            existing(private_subnets=[subnet(1, "a", "10.1.0.0/22"), subnet(2, "a", "10.1.4.0/22")]),
            "network.existing.private_subnets: all lie in us-west-2a, and EKS wants two zones",
        ),
        (existing(private_subnets=[subnet(1, "a", "10.1.0.0/22")]), "has 1 entries: at least 2 needed"),
        (
            existing(public_subnets=[subnet(1, "a", "10.2.0.0/24")]),
            "network.existing.public_subnets[0].id: subnet-00000000000000001 is given as private_subnets[0] too",
        ),
        (
            existing(node_subnets=[subnet(3, "a", "10.1.2.0/23")]),
            "network.existing.node_subnets[0].cidr: 10.1.2.0/23 overlaps 10.1.0.0/22 of subnet-00000000000000001",
        ),
        (
            existing(node_subnets=[subnet(3, "a", "10.3.0.0/20"), subnet(4, "b", "10.4.0.0/25")]),
            "network.existing.node_subnets: us-west-2b has 123 addresses for nodes; the limits of capacity "
            "allow for 720 in one zone: add a subnet there, or lower capacity.gpu.max_gpus",
        ),
        (
            existing(public_subnets=[{**subnet(5, "a", "10.5.0.0/24"), "zone": "us-east-1a"}]),
            "network.existing.public_subnets[0].zone: us-east-1a is not in us-west-2",
        ),
    ],
)
def test_an_existing_network_that_cannot_serve_is_refused(
    network: dict[str, Any], said: str, blueprints: Blueprints
) -> None:
    assert said in blueprints.refusal(network=network)
