"""What stacks export to others while settings change: CloudFormation takes no export back that is still imported."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest

import config
from app import build
from tests.stacks.assembly import ACCOUNT

ROOT = Path(__file__).parents[2]
CONTEXT = json.loads((ROOT / "cdk.json").read_text())["context"]
Templates = dict[str, dict[str, Any]]  # by the stacks' ids
THIRD = config.Team(name="third")


def synthesized(into: Path, **changed: Any) -> Templates:  # noqa: ANN401 - settings
    """Return the templates of the default blueprint with two teams and everything, and some settings changed."""
    read = config.load(ROOT / "examples/default.yaml")
    usual = {"teams": (*read.teams, THIRD), "account": ACCOUNT}
    app = build(read.model_copy(update=usual | changed), cdk.App(outdir=str(into), context=CONTEXT))
    return {each.id: each.template for each in app.synth().stacks}


def exports(template: dict[str, Any]) -> dict[str, str]:
    """Return the values of a stack's exports, by their names."""
    found = [each for each in template.get("Outputs", {}).values() if "Export" in each]
    return {each["Export"]["Name"]: json.dumps(each["Value"], sort_keys=True) for each in found}


def imports(part: object) -> Iterator[str]:
    """Yield the names of what a template imports."""
    if isinstance(part, dict):
        if "Fn::ImportValue" in part:
            yield str(part["Fn::ImportValue"])
        for each in part.values():
            yield from imports(each)
    if isinstance(part, list):
        for each in part:
            yield from imports(each)


def in_the_way(before: Templates, after: Templates) -> list[str]:
    """Return the exports that one set of stacks imports and the other one has no more, or with another value.

    A stack that is no longer part of the app stays as it was deployed.
    """
    old = {name: value for template in before.values() for name, value in exports(template).items()}
    new = {name: value for template in (before | after).values() for name, value in exports(template).items()}
    used = {name for template in before.values() for name in imports(template)}
    assert used <= old.keys()
    return sorted(name for name in used if new.get(name) != old[name])


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    return synthesized(tmp_path_factory.mktemp("usual"))


CHANGES: dict[str, dict[str, Any]] = {
    "another team's run, watched": {"pipeline": config.Pipeline(team="third", wait="state_machine", run_id="2")},
    "a ready image of another release, no metrics": {
        "image": config.Image(uri="example.com/spark:1"),
        "emr": config.Emr(release="emr-7.9.0-spark-rapids-latest", log_retention_days=7),
        "observability": None,
        "gpu_dashboard": None,
    },
    "no run, one more team, tags": {
        "pipeline": None,
        "teams": (config.Team(name="zero"), *config.load(ROOT / "examples/default.yaml").teams, THIRD),
        "tags": {"cost": "1"},
    },
}


@pytest.mark.parametrize("name", CHANGES)
def test_no_change_takes_an_export_back_that_a_stack_still_imports(usual: Templates, name: str, tmp_path: Path) -> None:
    changed = synthesized(tmp_path, **CHANGES[name])
    assert in_the_way(usual, changed) == []
    assert in_the_way(changed, usual) == [], "the way back"


def test_the_values_of_exports_change_only_with_the_resources_that_are_replaced(usual: Templates) -> None:
    """Guards against an export of what a custom resource finds out, like an image's URI: it changes while in use."""
    for stack, template in usual.items():
        for value in exports(template).values():
            (parts,) = [json.loads(value)]
            name = parts.get("Ref") or parts["Fn::GetAtt"][0]
            assert not template["Resources"][name]["Type"].startswith("Custom::"), (stack, value)


def test_another_bucket_is_in_the_way_of_the_run_that_reads_the_first(usual: Templates, tmp_path: Path) -> None:
    """The documentation says so: CloudFormation refuses the teams' stack until the pipeline's is deleted."""
    changed = synthesized(tmp_path, data=config.Data(bucket="their-data"))
    assert any("DataBucket" in name for name in in_the_way(usual, changed))
    assert "delete `NAME-pipeline` first" in (ROOT / "docs/operations.md").read_text()
