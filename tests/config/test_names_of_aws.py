"""What is told from the names of zones and instance types, against EC2's own lists."""

import pytest
from moto.ec2.models.availability_zones_and_regions import RegionsAndZonesBackend
from moto.ec2.models.instance_types import INSTANCE_TYPES
from pydantic import TypeAdapter, ValidationError

from config.instance_types import GPUS, GeneralType, addresses, is_arm, vcpus
from config.zones import WITHOUT_EKS, refusal
from tests.config.conftest import Blueprints


def _accepted(name: str) -> bool:
    try:
        TypeAdapter(GeneralType).validate_python(name)
    except ValidationError:
        return False
    return True


ZONES = {
    region: [zone for zone in zones if zone.zone_type == "availability-zone"]
    for region, zones in RegionsAndZonesBackend.zones.items()
    if not region.startswith(("cn-", "us-iso", "eu-iso"))
}
GENERAL = [name for name in INSTANCE_TYPES if _accepted(name)]


@pytest.mark.parametrize("region", sorted(ZONES))
def test_every_zone_of_a_region_is_known_as_its_own(region: str) -> None:
    for zone in ZONES[region]:
        assert refusal(zone.name, region) is None
        assert refusal(zone.zone_id, region) is None or zone.zone_id in WITHOUT_EKS.values()
        assert all(refusal(zone.name, other) and refusal(zone.zone_id, other) for other in ZONES if other != region)


def test_the_lists_are_not_empty() -> None:
    assert len(ZONES) > 20
    assert len(GENERAL) > 200


def test_the_gpus_of_the_types_are_those_of_ec2() -> None:
    told = {name: sum(gpu["Count"] for gpu in INSTANCE_TYPES[name]["GpuInfo"]["Gpus"]) for name in GPUS}
    assert told == GPUS
    assert all(gpu["Manufacturer"] == "NVIDIA" for name in GPUS for gpu in INSTANCE_TYPES[name]["GpuInfo"]["Gpus"])


def test_vcpus_are_told_by_the_name() -> None:
    for name in [*GPUS, *GENERAL]:
        assert vcpus(name) == INSTANCE_TYPES[name]["VCpuInfo"]["DefaultVCpus"], name


def test_a_node_takes_the_addresses_of_two_interfaces_at_most() -> None:
    for name in [*GPUS, *GENERAL]:
        assert addresses(name) >= 2 * INSTANCE_TYPES[name]["NetworkInfo"]["Ipv4AddressesPerInterface"], name
    assert addresses("g5.2xlarge") == 2 * INSTANCE_TYPES["g5.2xlarge"]["NetworkInfo"]["Ipv4AddressesPerInterface"]


def test_the_architecture_is_told_by_the_name() -> None:
    arm = {name for name, told in INSTANCE_TYPES.items() if "arm64" in told["ProcessorInfo"]["SupportedArchitectures"]}
    assert {name for name in INSTANCE_TYPES if is_arm(name)} == arm


def test_types_for_drivers_have_neither_gpus_nor_arm_processors() -> None:
    told = [INSTANCE_TYPES[name] for name in GENERAL]
    assert not any("GpuInfo" in one or "arm64" in one["ProcessorInfo"]["SupportedArchitectures"] for one in told)


def test_types_of_either_kind_are_refused_in_the_other_place(blueprints: Blueprints) -> None:
    assert blueprints.refusals(capacity={"driver": {"instance_types": ["g5.2xlarge"]}})
    assert blueprints.refusals(capacity={"gpu": {"instance_types": ["m5.2xlarge"]}})
