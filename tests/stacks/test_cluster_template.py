"""The cluster's stack as a template, before anything is deployed."""

import json
from ipaddress import IPv4Network
from pathlib import Path

import pytest
from cfnlint.api import lint
from cfnlint.config import ManualArgs
from template_graph import Graph

import config
from tests.stacks.assembly import Assembly, synthesized

PUBLIC = config.Cluster(
    public_access_cidrs=(IPv4Network("52.94.0.0/22"),),
    log_types=("audit",),
    admins=("arn:aws-us-gov:iam::111122223333:role/Admin",),
)
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
# CDK's functions name their role's policies in DependsOn, and with them the role, which a GetAtt names too.
IMAGES = "/aws/service/eks/optimized-ami/1.35/amazon-linux-2023/x86_64/standard"
LINT = {"ignore_checks": ["W3005"]}


def findings(assembly: Assembly, region: str) -> list[str]:
    found = lint(assembly.text("StackedCluster"), config=ManualArgs(regions=[region], **LINT))
    return [str(each) for each in found]


def test_the_template_is_valid_in_both_partitions_and_of_none(tmp_path: Path) -> None:
    here = synthesized(tmp_path / "here", config.Cluster())
    gov = synthesized(tmp_path / "gov", PUBLIC, region="us-gov-west-1")
    assert (findings(here, "us-west-2"), findings(gov, "us-gov-west-1")) == ([], [])
    assert "arn:aws:" not in gov.text("StackedCluster")


def test_the_same_settings_give_the_same_bytes_and_ask_aws_nothing(tmp_path: Path) -> None:
    one, two = (synthesized(tmp_path / name, config.Cluster()) for name in ("one", "two"))
    files = sorted(path.name for path in one.folder.glob("*.json"))
    assert [(one.folder / name).read_bytes() for name in files] == [(two.folder / name).read_bytes() for name in files]
    assert "missing" not in json.loads((one.folder / "manifest.json").read_text())


def test_a_cluster_lies_in_the_subnets_of_an_existing_network(tmp_path: Path) -> None:
    assembly = synthesized(tmp_path, config.Cluster(), EXISTING)
    assert findings(assembly, "us-west-2") == []
    resources = assembly.resources("StackedCluster").values()
    (cluster,) = [each["Properties"] for each in resources if each["Type"] == "AWS::EKS::Cluster"]
    existing = EXISTING.existing
    assert existing
    assert cluster["ResourcesVpcConfig"]["SubnetIds"] == [subnet.id for subnet in existing.private_subnets]


def test_the_sweep_comes_before_all_else_and_so_goes_last(tmp_path: Path) -> None:
    resources = synthesized(tmp_path, config.Cluster()).resources("StackedCluster")
    graph = Graph(resources)
    (sweep,) = [name for name, each in resources.items() if each["Type"] == "Custom::Sweep"]
    later = resources.keys() - graph.needs(sweep) - {sweep}
    assert len(later) > 20
    assert [name for name in later if sweep not in graph.needs(name)] == []


def test_add_ons_and_core_nodes_are_of_the_versions_asked_for(tmp_path: Path) -> None:
    wanted = {"vpc_cni": "v1.23.0-eksbuild.1", "coredns": "v1.14.0-eksbuild.9", "kube_proxy": "v1.35.9-eksbuild.2"}
    asked = config.Cluster(add_ons=config.AddOns(**wanted), core_nodes=config.CoreNodes(al2023_release="v20261112"))
    resources = synthesized(tmp_path, asked).resources("StackedCluster").values()
    made = {
        each["Properties"]["AddonName"]: each["Properties"] for each in resources if each["Type"] == "AWS::EKS::Addon"
    }
    assert {name: made[name.replace("_", "-")]["AddonVersion"] for name in wanted} == wanted
    (group,) = [each["Properties"] for each in resources if each["Type"] == "AWS::EKS::Nodegroup"]
    name = "amazon-eks-node-al2023-x86_64-standard-1.35-v20261112/release_version"
    assert group["ReleaseVersion"] == f"{{{{resolve:ssm:{IMAGES}/{name}}}}}"


@pytest.mark.parametrize("version", config.cluster.SUPPORT_ENDS)
def test_every_version_of_the_settings_can_be_made(version: str, tmp_path: Path) -> None:
    """Guards against a version that is allowed before its kubectl and its add-ons are pinned."""
    assert synthesized(tmp_path, config.Cluster(version=version)).resources("StackedCluster")
