"""The stack of the teams as a template, before anything is deployed."""

import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from cdk_nag import AwsSolutionsChecks
from cfnlint.api import lint
from cfnlint.config import ManualArgs
from template_graph import Graph

import config
from app import build
from tests.rehearsal.live.account import Resources
from tests.stacks.assembly import ACCOUNT, Assembly

ROOT = Path(__file__).parents[2]
LINT = {"ignore_checks": ["W3005"]}  # CDK names in DependsOn what a Ref names too


def synthesized(into: Path, region: str = "us-west-2", **data: Any) -> Assembly:  # noqa: ANN401 - settings
    """Return the stacks of the default blueprint with a third team, made under the eyes of cdk-nag."""
    read = config.load(ROOT / "blueprint.yaml")
    teams = (*read.teams, config.Team(name="third", quota=config.Quota(gpus=1, vcpus=8, memory_gib=64)))
    changed = {"teams": teams, "region": region, "account": ACCOUNT, "data": config.Data(**data)}
    app = cdk.App(outdir=str(into), context=json.loads((ROOT / "cdk.json").read_text())["context"])
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    build(read.model_copy(update=changed), app).synth()
    return Assembly(into)


def of_kind(resources: Resources, kind: str) -> Resources:
    return {name: each for name, each in resources.items() if each["Type"] == kind}


@pytest.mark.parametrize("data", [{}, {"keep": False}, {"bucket": "their-data"}], ids=["kept", "deleted", "existing"])
@pytest.mark.parametrize("region", ["us-west-2", "us-gov-west-1"])
def test_the_template_is_valid_in_both_partitions(data: dict[str, Any], region: str, tmp_path: Path) -> None:
    assembly = synthesized(tmp_path, region, **data)
    assert [str(each) for each in lint(assembly.text("Teams"), config=ManualArgs(regions=[region], **LINT))] == []
    assert ("arn:aws-us-gov:" in assembly.text("Teams")) == (region == "us-gov-west-1")
    assert ("arn:aws:" in assembly.text("Teams")) == (region == "us-west-2")


def test_a_third_team_is_one_more_entry(tmp_path: Path) -> None:
    resources = synthesized(tmp_path).resources("Teams")
    assert len(of_kind(resources, "AWS::EMRContainers::VirtualCluster")) == 3
    assert len(of_kind(resources, "AWS::EKS::PodIdentityAssociation")) == 9


def test_what_a_virtual_cluster_needs_is_there_before_it_and_goes_after_it(tmp_path: Path) -> None:
    resources = synthesized(tmp_path).resources("Teams")
    graph = Graph(resources)
    kinds = {"AWS::IAM::Role": 1, "AWS::IAM::Policy": 1, "AWS::EKS::PodIdentityAssociation": 3}
    kinds |= {"Custom::AWSCDK-EKS-KubernetesResource": 2, "AWS::Logs::LogGroup": 1}
    # The teams' come one after another, so each needs what those before it do, and them.
    for before, name in enumerate(of_kind(resources, "AWS::EMRContainers::VirtualCluster")):
        needed = [resources[each]["Type"] for each in graph.needs(name)]
        assert {kind: needed.count(kind) for kind in kinds} == {kind: (before + 1) * n for kind, n in kinds.items()}
        assert needed.count("AWS::EMRContainers::VirtualCluster") == before


def test_exports_do_not_depend_on_who_uses_them(tmp_path: Path) -> None:
    """Guards against an export that is taken back while the pipeline's stack, deployed with other settings, uses it."""
    found = synthesized(tmp_path).text("Teams")
    template = json.loads(found)
    exported = [json.dumps(each["Value"]) for each in template["Outputs"].values() if "Export" in each]
    assert len(exported) == 3 * 3 + 2
    assert len(exported) == len(set(exported))


def test_job_roles_name_no_bucket_but_the_data_s(tmp_path: Path) -> None:
    """Guards against CDK's grants on its own bucket, by which every team could read every other one's code."""
    resources = synthesized(tmp_path).resources("Teams")
    (bucket,) = of_kind(resources, "AWS::S3::Bucket")
    policies = [each["Properties"]["PolicyDocument"] for each in of_kind(resources, "AWS::IAM::Policy").values()]
    statements = [each for policy in policies for each in policy["Statement"] if "s3:" in json.dumps(each["Action"])]
    assert len(statements) == 6
    for each in statements:
        assert bucket in json.dumps(each["Resource"])
        assert "cdk-" not in json.dumps(each)


@pytest.mark.parametrize(("keep", "policy"), [(True, "Retain"), (False, "Delete")])
def test_the_bucket_stays_or_goes_and_synth_says_which(
    keep: bool,
    policy: str,
    tmp_path: Path,
) -> None:
    assembly = synthesized(tmp_path, keep=keep)
    (bucket,) = of_kind(assembly.resources("Teams"), "AWS::S3::Bucket").values()
    assert bucket["DeletionPolicy"] == policy
    said = json.loads((tmp_path / "Teams.metadata.json").read_text())
    text = [entry["data"] for entries in said.values() for entry in entries if entry["type"] == "aws:cdk:info"]
    assert [("kept" in each, "deleted, with" in each) for each in text] == [(keep, not keep)]
