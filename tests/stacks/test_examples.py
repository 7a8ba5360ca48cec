"""The examples, deployed and deleted; the minimal one is test_teams.py's, the default one every other test's."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import control_plane
import pytest

import config
from app import build
from stacks.network import NetworkStack
from tests.rehearsal.live.account import Account
from tests.stacks.assembly import ACCOUNT, REGION, Assembly
from tests.stacks.eks_access import role

ROOT = Path(__file__).parents[2]
STACKS = ("Network", "Cluster", "Teams")
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
    found = account.client("cloudformation").describe_stack_resources(StackName=stack)["StackResources"]
    (vpc,) = [each["PhysicalResourceId"] for each in found if each["ResourceType"] == "AWS::EC2::VPC"]
    subnets = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"]
    kinds: dict[str, list[dict[str, Any]]] = {"public_subnets": [], "private_subnets": [], "node_subnets": []}
    for each in subnets:
        public = {tag["Key"] for tag in each["Tags"]} >= {"kubernetes.io/role/elb"}
        kind = "node" if each["CidrBlock"].startswith("100.64.") else "public" if public else "private"
        written = {"id": each["SubnetId"], "zone": each["AvailabilityZone"], "cidr": each["CidrBlock"]}
        kinds[f"{kind}_subnets"].append(written)
    return config.ExistingNetwork.model_validate({"vpc_id": vpc, "cidr": "10.1.0.0/21", **kinds})


def deploys_and_goes(account: Account, blueprint: config.Blueprint, into: Path) -> list[str]:
    """Deploy the system and delete it; return what is left."""
    control_plane.required()
    assembly = Assembly(Path(build(blueprint, cdk.App(outdir=str(into), context=CONTEXT)).synth().directory))
    for stack in STACKS:
        assembly.publish(account, stack)
    before, made = account.left(), []
    for stack in STACKS:
        made.append(assembly.deploy(account, stack))
        assert made[-1].status == "CREATE_COMPLETE", made[-1].reasons
    if not blueprint.cluster.public_access_cidrs:
        assert "ssm start-session" in account.outputs(made[1])["Tunnel"]
    for each in reversed(made):
        assert account.delete(each).status == "DELETE_COMPLETE"
    return [each for each in account.left() if each not in before]


def test_a_private_system_is_deployed_and_goes_but_for_its_data(account: Account, tmp_path: Path) -> None:
    blueprint = example("private")
    for arn in blueprint.cluster.admins:
        role(account, arn.rsplit("/", 1)[-1])
    (bucket,) = deploys_and_goes(account, blueprint, tmp_path)
    assert bucket.startswith("s3 Bucket")


def test_the_system_fits_into_a_network_that_is_there(
    account: Account, given: config.Blueprint, tmp_path: Path
) -> None:
    assert deploys_and_goes(account, given, tmp_path) == []
