import json
from collections.abc import Callable
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from cdk_nag import AwsSolutionsChecks
from cfnlint.api import lint
from cfnlint.config import ManualArgs

import config
from stacks.network import NetworkStack
from tests.rehearsal.live.account import Account
from tests.stacks.network_read_back import endpoints, leads_to_s3, leads_to_services, records_all_traffic

USUAL = config.Network()
GROWN = config.Network(zones=3, nat="per-zone", interface_endpoints=True)
EVERYTHING = config.Network(zones=("usw2-az1", "usw2-az2", "usw2-az4"), nat="per-zone", interface_endpoints=True)
EXISTING = config.Network(
    existing=config.ExistingNetwork(
        vpc_id="vpc-0123456789abcdef0",
        cidr=IPv4Network("10.9.0.0/16"),
        private_subnets=tuple(
            config.ExistingSubnet(
                id=f"subnet-0123456789abcdef{number}", zone=f"us-west-2{zone}", cidr=IPv4Network(f"10.9.{number}.0/24")
            )
            for number, zone in enumerate("ab")
        ),
    )
)
VARIANTS = pytest.mark.parametrize("network", [USUAL, EVERYTHING, EXISTING], ids=["usual", "everything", "existing"])


def synthesized(network: config.Network, into: Path, *, region: str = "us-west-2", account: str | None = None) -> Path:
    """Return the folder of the assembly, made under the eyes of cdk-nag."""
    app = cdk.App(outdir=str(into))
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    env = cdk.Environment(region=region, account=account)
    NetworkStack(app, "Network", name="demo", network=network, env=env)
    app.synth()
    return into


def template(assembly: Path) -> str:
    return (assembly / "Network.template.json").read_text()


@VARIANTS
@pytest.mark.parametrize("region", ["us-west-2", "us-gov-west-1"])
def test_the_template_is_valid_in_both_partitions_and_of_none(
    network: config.Network, region: str, tmp_path: Path
) -> None:
    text = template(synthesized(network, tmp_path, region=region))
    assert lint(text, config=ManualArgs(regions=[region])) == []
    assert "arn:aws" not in text


@VARIANTS
def test_nothing_is_asked_of_aws_though_the_account_is_known(network: config.Network, tmp_path: Path) -> None:
    """Guards against CDK's own `Vpc`, which wants to look up the zones of a known account."""
    assembly = synthesized(network, tmp_path, account="111122223333")
    assert "missing" not in json.loads((assembly / "manifest.json").read_text())
    assert "dummy" not in template(assembly)


@VARIANTS
def test_the_same_settings_give_the_same_bytes(network: config.Network, tmp_path: Path) -> None:
    one, two = (synthesized(network, tmp_path / name) for name in ("one", "two"))
    files = sorted(file.name for file in one.iterdir())
    assert files == sorted(file.name for file in two.iterdir())
    assert all((one / name).read_bytes() == (two / name).read_bytes() for name in files)


def test_other_stacks_get_what_the_cluster_needs(tmp_path: Path) -> None:
    """Guards against references that do not survive the way into another stack."""
    app = cdk.App(outdir=str(tmp_path))
    network = NetworkStack(app, "Network", name="demo", network=config.Network(zones=("usw2-az1", "usw2-az2")))
    user = cdk.Stack(app, "User")
    for kind in ("public", "private", "node"):
        for number, subnet in enumerate(getattr(network, f"{kind}_subnets")):
            cdk.CfnOutput(user, f"{kind}{number}", value=f"{subnet.subnet_id} {subnet.availability_zone}")
    cdk.CfnOutput(user, "Vpc", value=network.vpc.vpc_id)
    app.synth()
    values = json.loads((tmp_path / "User.template.json").read_text())["Outputs"].values()
    assert len(values) == 7
    assert all("Fn::ImportValue" in json.dumps(value) for value in values)


def resources(network: config.Network, into: Path) -> dict[str, Any]:
    return dict(json.loads(template(synthesized(network, into)))["Resources"])


def subnets_of(account: Account, vpc: str) -> dict[str, str]:
    """Return the subnets of a VPC: zone id and range by id."""
    ec2 = account.client("ec2")
    found = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"]
    return {each["SubnetId"]: f"{each['AvailabilityZoneId']} {each['CidrBlock']}" for each in found}


def exits(account: Account, vpc: str) -> dict[str, str]:
    """Return which gateway each subnet's default route leads to."""
    tables = account.client("ec2").describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]
    return {
        association["SubnetId"]: route.get("NatGatewayId") or route["GatewayId"]
        for table in tables
        for association in table["Associations"]
        if "SubnetId" in association
        for route in table["Routes"]
        if route.get("DestinationCidrBlock") == "0.0.0.0/0"
    }


def the_vpc(account: Account) -> str:
    found = account.client("ec2").describe_vpcs(Filters=[{"Name": "tag:Name", "Values": ["demo"]}])["Vpcs"]
    (vpc,) = [each["VpcId"] for each in found]
    return str(vpc)


def test_a_network_is_made_grows_shrinks_and_goes_without_a_trace(account: Account, tmp_path: Path) -> None:
    before = account.left()
    made = account.create(resources(USUAL, tmp_path / "usual"))
    assert made.status == "CREATE_COMPLETE", made.reasons
    vpc = the_vpc(account)
    subnets = subnets_of(account, vpc)
    assert len(subnets) == 6
    assert len({gateway for gateway in exits(account, vpc).values() if gateway.startswith("nat-")}) == 1
    records_all_traffic(account, vpc, days=30)
    leads_to_s3(account, vpc)
    assert endpoints(account, vpc, "Interface") == {}

    grown = account.update(made, resources(GROWN, tmp_path / "grown"))
    assert grown.status == "UPDATE_COMPLETE", grown.reasons
    assert the_vpc(account) == vpc
    assert subnets.items() < subnets_of(account, vpc).items(), "what was there is still there"
    assert len({gateway for gateway in exits(account, vpc).values() if gateway.startswith("nat-")}) == 3
    leads_to_s3(account, vpc)
    leads_to_services(account, vpc, {"10.1.0.0/21", "100.64.0.0/16"})

    shrunk = account.update(grown, resources(USUAL, tmp_path / "again"))
    assert shrunk.status == "UPDATE_COMPLETE", shrunk.reasons
    assert subnets_of(account, vpc) == subnets
    leads_to_s3(account, vpc)
    assert endpoints(account, vpc, "Interface") == {}
    assert account.delete(shrunk).status == "DELETE_COMPLETE"
    assert account.left() == before


def test_zones_given_by_id_are_the_ones_that_are_used(account: Account, tmp_path: Path) -> None:
    made = account.create(resources(config.Network(zones=("usw2-az2", "usw2-az4")), tmp_path))
    assert made.status == "CREATE_COMPLETE", made.reasons
    used = sorted(where.split()[0] for where in subnets_of(account, the_vpc(account)).values())
    assert used == ["usw2-az2"] * 3 + ["usw2-az4"] * 3
    assert account.delete(made).status == "DELETE_COMPLETE"


def test_the_default_security_group_lets_nothing_in_or_out(account: Account, tmp_path: Path) -> None:
    made = account.create(resources(USUAL, tmp_path))
    assert made.status == "CREATE_COMPLETE", made.reasons
    filters = [{"Name": "vpc-id", "Values": [the_vpc(account)]}, {"Name": "group-name", "Values": ["default"]}]
    (group,) = account.client("ec2").describe_security_groups(Filters=filters)["SecurityGroups"]
    assert (group["IpPermissions"], group["IpPermissionsEgress"]) == ([], [])
    assert account.delete(made).status == "DELETE_COMPLETE"


@pytest.mark.parametrize("kind", ["AWS::EC2::NatGateway", "AWS::EC2::FlowLog", "Custom::ClosedDefaultGroup"])
def test_a_creation_that_fails_leaves_nothing_and_the_next_one_succeeds(
    kind: str, account: Account, plant: Callable[..., None], tmp_path: Path
) -> None:
    before, wanted = account.left(), resources(USUAL, tmp_path)
    plant("create", next(name for name, each in wanted.items() if each["Type"] == kind))
    failed = account.create(wanted, "network")
    assert failed.status == "ROLLBACK_COMPLETE", failed.reasons
    assert account.delete(failed).status == "DELETE_COMPLETE"
    assert account.left() == before
    made = account.create(wanted, "network")
    assert made.status == "CREATE_COMPLETE", made.reasons
    assert account.delete(made).status == "DELETE_COMPLETE"


def test_an_existing_network_is_a_stack_that_makes_and_leaves_nothing(account: Account, tmp_path: Path) -> None:
    before = account.left()
    made = account.create(resources(EXISTING, tmp_path))
    assert made.status == "CREATE_COMPLETE", made.reasons
    assert sorted({*account.left()} - {*before}) == [f"cloudformation Stack {made.stack.split('/')[1]}"]
    assert account.delete(made).status == "DELETE_COMPLETE"
    assert account.left() == before
