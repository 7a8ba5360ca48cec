"""The stack of the teams as a template, before anything is deployed."""

import json
import shlex
from collections.abc import Iterator
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
from config.blueprint import MOST_TEAMS
from operations import cli
from rapids_eks.team_layout import pascal_case
from tests.rehearsal.live.account import Resources
from tests.stacks.assembly import ACCOUNT, Assembly

ROOT = Path(__file__).parents[2]
LOGS = f"/emr-on-eks-logs/{config.load(ROOT / 'blueprint.yaml').name}"
LAYOUT = "spark-rapids-emr"  # what comes after a team's name
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
    statements = {team: list(statements_of(resources, role)) for team, role in job_roles(resources).items()}
    assert {team: len(each) for team, each in statements.items()} == dict.fromkeys(statements, 4)
    for team, given in statements.items():
        for each in given:
            place = json.dumps(each["Resource"])
            if each["Action"] == "logs:DescribeLogGroups":  # EMR demands it of all groups
                continue
            wanted = (
                f"/emr-on-eks-logs/{config.load(ROOT / 'blueprint.yaml').name}/{team}:*"
                if "logs:" in json.dumps(each["Action"])
                else bucket
            )
            assert wanted in place, each
            assert f'/{team}/*"' in place or "/*" not in place, each
            assert "cdk-" not in place


def job_roles(resources: Resources) -> dict[str, str]:
    """Return the logical ids of the job roles by their teams, whom Pod Identity gives them to."""
    given = [each["Properties"] for each in of_kind(resources, "AWS::EKS::PodIdentityAssociation").values()]
    found = {each["Namespace"]: each["RoleArn"]["Fn::GetAtt"][0] for each in given}
    assert len(found) == len(set(found.values())) == 3
    return found


def statements_of(resources: Resources, role: str) -> Iterator[dict[str, Any]]:
    """Yield what a role is granted, inline and by policies of their own."""
    given = resources[role]["Properties"]
    assert "ManagedPolicyArns" not in given
    inline = [each["PolicyDocument"] for each in given.get("Policies", [])]
    policies = [each["Properties"] for each in of_kind(resources, "AWS::IAM::Policy").values()]
    attached = [each["PolicyDocument"] for each in policies if {"Ref": role} in each["Roles"]]
    for document in (*inline, *attached):
        yield from document["Statement"]


def test_the_data_bucket_is_private_encrypted_versioned_and_reached_by_tls_only(tmp_path: Path) -> None:
    resources = synthesized(tmp_path).resources("Teams")
    ((name, bucket),) = of_kind(resources, "AWS::S3::Bucket").items()
    given = bucket["Properties"]
    (encryption,) = given["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encryption == {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    assert given["VersioningConfiguration"] == {"Status": "Enabled"}
    assert set(given["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(given["PublicAccessBlockConfiguration"]) == 4
    (policy,) = of_kind(resources, "AWS::S3::BucketPolicy").values()
    assert policy["Properties"]["Bucket"] == {"Ref": name}
    denied = [each for each in policy["Properties"]["PolicyDocument"]["Statement"] if each["Effect"] == "Deny"]
    places = [{"Fn::GetAtt": [name, "Arn"]}, {"Fn::Join": ["", [{"Fn::GetAtt": [name, "Arn"]}, "/*"]]}]
    conditions = [each["Condition"] for each in denied]
    assert {"Bool": {"aws:SecureTransport": "false"}} in conditions
    assert {"NumericLessThan": {"s3:TlsVersion": 1.2}} in conditions
    for each in denied:
        assert (each["Principal"], each["Action"], each["Resource"]) == ({"AWS": "*"}, "s3:*", places)


def test_logs_and_old_versions_expire_as_the_blueprint_says_and_results_do_not(tmp_path: Path) -> None:
    resources = synthesized(tmp_path, log_days=11, old_version_days=12).resources("Teams")
    (bucket,) = of_kind(resources, "AWS::S3::Bucket").values()
    rules = bucket["Properties"]["LifecycleConfiguration"]["Rules"]
    assert {each["Status"] for each in rules} == {"Enabled"}
    expiring = {each["Prefix"]: each["ExpirationInDays"] for each in rules if "ExpirationInDays" in each}
    assert expiring == {f"{team}/{LAYOUT}/logs/": 11 for team in job_roles(resources)}
    (old,) = [each for each in rules if "NoncurrentVersionExpiration" in each]
    assert old["NoncurrentVersionExpiration"] == {"NoncurrentDays": 12}
    assert "Prefix" not in old, "of all objects"


def test_each_team_has_a_log_group_that_forgets_and_requests_for_containers_that_state_none(tmp_path: Path) -> None:
    assembly = synthesized(tmp_path)
    resources = assembly.resources("Teams")
    groups = [each["Properties"] for each in of_kind(resources, "AWS::Logs::LogGroup").values()]
    kept = {each["LogGroupName"]: each["RetentionInDays"] for each in groups if "LogGroupName" in each}
    days = config.load(ROOT / "blueprint.yaml").emr.log_retention_days
    assert kept == {
        f"/emr-on-eks-logs/{config.load(ROOT / 'blueprint.yaml').name}/{team}": days for team in job_roles(resources)
    }
    limits = [each for each in manifests(resources) if each["kind"] == "LimitRange"]
    assert {each["metadata"]["namespace"] for each in limits} == set(job_roles(resources))
    for each in limits:
        # without both, the quota that has `requests.cpu` and `requests.memory` would refuse the pods
        assert set(each["spec"]["limits"][0]["defaultRequest"]) == {"cpu", "memory"}
        assert each["spec"]["limits"][0]["type"] == "Container"


def test_each_team_has_commands_that_the_command_line_takes_and_as_many_teams_as_are_let_have_room(
    tmp_path: Path,
) -> None:
    outputs = synthesized(tmp_path).template("Teams")["Outputs"]
    typed = {name: each["Value"] for name, each in outputs.items() if "operations" in each["Value"]}
    assert len(typed) == 3 * 2
    assert "ThirdSubmit" in typed
    for name, text in typed.items():
        python, module, package, *rest = shlex.split(text)
        assert (python, module, package) == ("python", "-m", "operations")
        chosen = cli.parser().parse_args(rest)
        assert (chosen.verb, pascal_case(chosen.team)) in {
            ("start", name.removesuffix("Submit")),
            ("watch", name.removesuffix("Watch")),
        }
    assert (len(outputs) - 2) / 3 * MOST_TEAMS + 2 <= 200, "as many as a stack may have"


def manifests(resources: Resources) -> Iterator[dict[str, Any]]:
    for each in of_kind(resources, "Custom::AWSCDK-EKS-KubernetesResource").values():
        yield from json.loads(each["Properties"]["Manifest"])


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
