"""What EC2 does not start: instances beyond the account's vCPUs, on demand and Spot apart."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from rehearsal.services import shortages
from rehearsal.services.service_quotas import ServiceQuotas
from rehearsal.wire.call import Call, Principal, Refused
from rehearsal.world import World

ACCOUNT, REGION = "123456789012", "us-west-2"  # the emulator's own account
ON_DEMAND, SPOT = "L-DB2E81BA", "L-3819A6DF"


class Ec2:
    """Starts instances as RunInstances does, after the check."""

    def __init__(self, world: World, quotas: ServiceQuotas) -> None:
        self.quotas, self._check = quotas, shortages.refusals(world, quotas)["ec2:RunInstances"]
        self._client = boto3.client("ec2", REGION)

    def start(self, kind: str, *, count: int = 1, **more: Any) -> list[str]:  # noqa: ANN401 - RunInstances'
        given = {"InstanceType": kind, "MinCount": count, "MaxCount": count, **more}
        admin = Principal(f"arn:aws:iam::{ACCOUNT}:user/admin")
        self._check(Call("ec2", "RunInstances", given, admin, "AKIA", REGION, ACCOUNT, "request-1"))
        if more.get("DryRun"):
            return []
        made = self._client.run_instances(ImageId="ami-12c6146b", **given)["Instances"]
        return [each["InstanceId"] for each in made]

    def end(self, instance: str) -> None:
        self._client.terminate_instances(InstanceIds=[instance])


@pytest.fixture
def ec2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ec2]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("MOTO_ACCOUNT_ID", ACCOUNT)
    world = World(tmp_path, 1)
    with mock_aws():
        yield Ec2(world, ServiceQuotas())
    world.close()


def spot(ec2: Ec2) -> list[str]:
    return ec2.start("g5.2xlarge", InstanceMarketOptions={"MarketType": "spot"})


def test_a_new_account_starts_no_gpu_and_five_vcpus(ec2: Ec2) -> None:
    with pytest.raises(Refused, match="VcpuLimitExceeded: .* current vCPU limit of 0 allows"):
        ec2.start("g5.2xlarge")
    with pytest.raises(Refused, match="MaxSpotInstanceCountExceeded"):
        spot(ec2)
    with pytest.raises(Refused, match="VcpuLimitExceeded"):
        ec2.start("p4d.24xlarge")
    assert ec2.start("m5.xlarge")
    for kind in ("m6i.large", "im4gn.large", "c5.large"):
        with pytest.raises(Refused, match="current vCPU limit of 5 allows"):
            ec2.start(kind)
    with pytest.raises(Refused, match="MaxSpotInstanceCountExceeded"):
        ec2.start("r5.2xlarge", InstanceMarketOptions={"MarketType": "spot"})


def test_vcpus_of_running_instances_count_in_their_own_market_and_family(ec2: Ec2) -> None:
    ec2.quotas.granted = {(REGION, "ec2", ON_DEMAND): 16.0, (REGION, "ec2", SPOT): 8.0}
    first, _ = ec2.start("g5.2xlarge", count=2)
    assert spot(ec2)
    with pytest.raises(Refused):
        ec2.start("g4dn.xlarge")
    with pytest.raises(Refused):
        spot(ec2)
    ec2.end(first)
    assert ec2.start("g6.xlarge", count=2)


def test_all_p_types_count_to_one_quota_on_demand(ec2: Ec2) -> None:
    ec2.quotas.granted = {(REGION, "ec2", "L-417A185B"): 192.0}
    assert ec2.start("p4d.24xlarge")
    with pytest.raises(Refused, match="VcpuLimitExceeded"):
        ec2.start("p5.48xlarge")
    assert ec2.start("p4d.24xlarge")


def test_a_dry_run_asks_for_permission_only(ec2: Ec2) -> None:
    ec2.start("g5.2xlarge", DryRun=True)
