"""The examples, deployed and deleted; the minimal one is that of test_teams.py, the default one of `make rehearse`.

Their metrics are deployed in `make faults` only, for their time.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import control_plane
import pytest

import config
from app import build
from stacks.network import NetworkStack
from tests.rehearsal.live.account import Account, Outcome
from tests.stacks.assembly import ACCOUNT, REGION, Assembly
from tests.stacks.cluster_read_back import core_nodes_are_closed, physical
from tests.stacks.eks_access import role
from tests.stacks.network_read_back import leads_to_s3, leads_to_services, records_all_traffic

ROOT = Path(__file__).parents[2]
STACKS = {"Network", "Cluster", "Teams", "Observability", "GpuDashboard"}
LATER = {"Image", "Pipeline"}  # test_demo.py and `make rehearse` deploy them
LEFT_OUT = () if "EVERY_RESOURCE" in os.environ else ("Observability", "GpuDashboard")
CONTEXT = json.loads((ROOT / "cdk.json").read_text())["context"]


def example(name: str) -> config.Blueprint:
    return config.load(ROOT / f"examples/{name}.yaml").model_copy(update={"account": ACCOUNT})


@pytest.fixture(scope="module")
def given(account: Account, tmp_path_factory: pytest.TempPathFactory) -> Iterator[config.Blueprint]:
    """The example with an existing network, whose ids are those of one that somebody else has made here."""
    app = cdk.App(outdir=str(tmp_path_factory.mktemp("given")))
    env = cdk.Environment(region=REGION, account=ACCOUNT)
    NetworkStack(app, "Given", name="given", network=config.Network(), env=env)
    assembly = Assembly(Path(app.synth().directory))
    assembly.publish(account, "Given")
    made = assembly.deploy(account, "Given")
    assert made.status == "CREATE_COMPLETE", made.reasons
    blueprint = example("existing")
    network = blueprint.network.model_copy(update={"existing": existing(account, made.stack)})
    yield blueprint.model_copy(update={"network": network})
    account.discard(made)


def existing(account: Account, stack: str) -> config.ExistingNetwork:
    """Return what a user would write of the stack's VPC."""
    ec2 = account.client("ec2")
    (vpc,) = physical(account, stack, "AWS::EC2::VPC")
    subnets = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"]
    kinds: dict[str, list[dict[str, Any]]] = {"public_subnets": [], "private_subnets": [], "node_subnets": []}
    for each in subnets:
        public = {tag["Key"] for tag in each["Tags"]} >= {"kubernetes.io/role/elb"}
        kind = "node" if each["CidrBlock"].startswith("100.64.") else "public" if public else "private"
        written = {"id": each["SubnetId"], "zone": each["AvailabilityZone"], "cidr": each["CidrBlock"]}
        kinds[f"{kind}_subnets"].append(written)
    return config.ExistingNetwork.model_validate({"vpc_id": vpc, "cidr": "10.1.0.0/21", **kinds})


@dataclass
class System:
    """The stacks of an example as they were made, the first one first, and what was there before."""

    assembly: Assembly
    stacks: dict[str, Outcome]
    before: list[str]


@contextmanager
def deployed(account: Account, blueprint: config.Blueprint, into: Path) -> Iterator[System]:
    """Deploy an example without its pipeline, and without the image, which nothing else needs."""
    control_plane.required()
    synthesized = build(blueprint, cdk.App(outdir=str(into), context=CONTEXT)).synth()
    assembly, stacks = Assembly(into), [each.id for each in synthesized.stacks if each.id not in LATER]
    assert set(stacks) == STACKS
    for stack in stacks:
        assembly.publish(account, stack)
    system = System(assembly, {}, account.left())
    try:
        for stack in (each for each in stacks if each not in LEFT_OUT):
            made = system.stacks[stack] = system.assembly.deploy(account, stack)
            assert made.status == "CREATE_COMPLETE", made.reasons
        yield system
    finally:  # what a test that fails leaves would be in the way of others
        for made in reversed(system.stacks.values()):
            account.discard(made)


def left(account: Account, system: System) -> list[str]:
    return [each for each in account.left() if each not in system.before]


def one_goes(account: Account, system: System) -> str:
    """Ask for the deletion of one stack after the other, the oldest first, until one goes; return which one."""
    for stack, made in system.stacks.items():
        gone = account.delete(made)
        if gone.status == "DELETE_COMPLETE":
            del system.stacks[stack]
            return stack
        assert (gone.status, "as it is in use by" in gone.reasons) == ("CREATE_COMPLETE", True), gone
    raise AssertionError(f"None of {', '.join(system.stacks)} could be deleted")


@pytest.mark.timeout(1800)
def test_a_private_system_goes_in_any_order_that_the_console_allows_but_for_its_data(
    account: Account, tmp_path: Path
) -> None:
    blueprint = example("private")
    for arn in blueprint.cluster.admins:
        role(account, arn.rsplit("/", 1)[-1])
    with deployed(account, blueprint, tmp_path) as system:
        assert "ssm start-session" in account.outputs(system.stacks["Cluster"])["Tunnel"]
        (vpc,) = physical(account, system.stacks["Network"].stack, "AWS::EC2::VPC")
        records_all_traffic(account, vpc, days=365)
        leads_to_s3(account, vpc)
        leads_to_services(account, vpc, {str(blueprint.network.cidr), str(blueprint.network.pod_cidr)})
        core_nodes_are_closed(account, blueprint.name, gib=80)
        order = [one_goes(account, system) for _ in list(system.stacks)]
        assert order[-2:] == ["Cluster", "Network"]
        (bucket,) = left(account, system)
        assert bucket.startswith("s3 Bucket")


@pytest.mark.timeout(1800)
def test_the_system_fits_into_a_network_that_is_there(
    account: Account, given: config.Blueprint, tmp_path: Path
) -> None:
    with deployed(account, given, tmp_path) as system:
        for stack in reversed(list(system.stacks)):
            gone = account.delete(system.stacks[stack])
            assert gone.status == "DELETE_COMPLETE", gone.reasons
            del system.stacks[stack]
        assert left(account, system) == []
