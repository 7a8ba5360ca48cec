"""The whole app: every example becomes stacks, and settings that cannot be end in one sentence."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk.cx_api import CloudFormationStackArtifact
from cdk_nag import AwsSolutionsChecks

import config
from app import build

ROOT = Path(__file__).parent.parent
STACKS = {"network", "cluster", "teams", "image", "pipeline"}
# Names that have to be unique only in a cluster, a role, a namespace of metrics, or a workspace
OF_ANOTHER = {"AddonName", "PolicyName", "MetricName", "AWS::APS::RuleGroupsNamespace"}
NOTHING = {"AWS::CloudFormation::WaitConditionHandle"}  # the network's stack, where somebody else made the network
METRICS = {"observability", "gpu-dashboard"}
PATIENCE = 12 * 60  # seconds that helm may take: the function that runs it has 15 minutes, and then helm says nothing


@pytest.fixture(scope="module", params=sorted((ROOT / "examples").glob("*.yaml")), ids=lambda path: path.stem)
def example(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, list[CloudFormationStackArtifact]]:
    """Return an example's file and its stacks, made under the eyes of cdk-nag."""
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    app = cdk.App(outdir=str(tmp_path_factory.mktemp(request.param.stem)), context=context)
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    blueprint = config.load(request.param)
    return request.param.stem, build(blueprint, app).synth().stacks


def test_every_example_becomes_stacks_that_cdk_nag_accepts(
    example: tuple[str, list[CloudFormationStackArtifact]],
) -> None:
    file, stacks = example
    name = config.load(ROOT / f"examples/{file}.yaml").name
    wanted = STACKS if file == "minimal-cost" else STACKS | METRICS
    assert {stack.stack_name for stack in stacks} == {f"{name}-{part}" for part in wanted}
    assert {kind for stack in stacks for kind in _kinds(stack.template)} >= {"AWS::EKS::Cluster", "Custom::Sweep"}
    waits = [wait for stack in stacks for wait in _timeouts(stack.template)]
    assert waits
    assert max(waits) <= PATIENCE


def test_a_stack_imports_from_each_stack_that_has_to_outlive_it(
    example: tuple[str, list[CloudFormationStackArtifact]],
) -> None:
    """Guards against the console: it knows nothing of CDK's order, but deletes no stack whose exports are in use."""
    texts = {stack.id: Path(stack.template_full_path).read_text() for stack in example[1]}
    names = {stack.id: stack.stack_name for stack in example[1]}
    pairs = [(stack.id, needed.id) for stack in example[1] for needed in stack.dependencies if needed.id in names]
    held = [(one, needed) for one, needed in pairs if _kinds(json.loads(texts[needed])) != NOTHING]
    assert held
    assert [(one, needed) for one, needed in held if f'"{names[needed]}:Exports' not in texts[one]] == []


def test_two_systems_that_differ_by_name_share_none(tmp_path: Path) -> None:
    """Guards against a second system whose deployment would update the first one."""
    blueprint = config.load(ROOT / "blueprint.yaml")
    one, two = (_names(blueprint.model_copy(update={"name": name}), tmp_path / name) for name in ("one", "two"))
    assert one
    assert not one & two


def _names(blueprint: config.Blueprint, into: Path) -> set[tuple[str, str]]:
    """Return the stacks' names and what else an account and region can have only once."""
    stacks = build(blueprint, cdk.App(outdir=str(into))).synth().stacks
    found = {("stack", stack.stack_name) for stack in stacks}
    for stack in stacks:
        for resource in stack.template["Resources"].values():
            for key, value in resource.get("Properties", {}).items():
                own = key.endswith("Name") and key not in OF_ANOTHER and resource["Type"] not in OF_ANOTHER
                if own and isinstance(value, str):
                    found.add((resource["Type"], value))
    return found


def _timeouts(template: dict[str, dict[str, dict[str, Any]]]) -> list[int]:
    """Return for how many seconds each chart is waited for."""
    charts = [each for each in template["Resources"].values() if each["Type"] == "Custom::AWSCDK-EKS-HelmChart"]
    return [int(each["Properties"]["Timeout"].removesuffix("s")) for each in charts]


def _kinds(template: dict[str, dict[str, dict[str, str]]]) -> set[str]:
    return {resource["Type"] for resource in template["Resources"].values()}


def test_settings_that_cannot_be_end_in_words_not_in_a_traceback(tmp_path: Path) -> None:
    file = tmp_path / "blueprint.yaml"
    file.write_text("name: 7\n")
    context = {"CDK_CONTEXT_JSON": json.dumps({"config": str(file)}), "CDK_OUTDIR": str(tmp_path / "out")}
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    done = subprocess.run(
        [sys.executable, "app.py"], cwd=ROOT, env={"PATH": path, **context}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "name" in done.stderr
    assert not list((tmp_path / "out").glob("*.template.json"))
