"""The whole app in the other partition, AWS GovCloud (US)."""

import json
from pathlib import Path

import aws_cdk as cdk
import pytest
from cfnlint.api import lint
from cfnlint.config import ManualArgs

import config
from app import build

ROOT = Path(__file__).parent.parent
REGION = "us-gov-west-1"
OTHER = {"us-west-2": REGION, "usw2-az": "usgw1-az", "arn:aws:": "arn:aws-us-gov:"}
# W3005: CDK names in DependsOn what a Ref names too.
LINT = ManualArgs(regions=[REGION], ignore_checks=["W3005"])


def templates(example: str, into: Path) -> dict[str, str]:
    """Return the stacks of an example, moved to the other partition, by their ids."""
    text = (ROOT / f"examples/{example}.yaml").read_text()
    for here, there in OTHER.items():
        text = text.replace(here, there)
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    made = build(config.parse(text), cdk.App(outdir=str(into), context=context)).synth().stacks
    return {stack.id: Path(stack.template_full_path).read_text() for stack in made}


@pytest.mark.parametrize("example", sorted(path.stem for path in (ROOT / "examples").glob("*.yaml")))
def test_no_stack_of_an_example_names_the_usual_partition(example: str, tmp_path: Path) -> None:
    found = templates(example, tmp_path)
    assert {"Cluster", "Pipeline"} <= found.keys()
    assert [name for name, text in found.items() if "arn:aws:" in text or "us-west-2" in text] == []


def test_all_its_stacks_are_valid(tmp_path: Path) -> None:
    found = templates("default", tmp_path)
    assert [(name, str(each)) for name, text in found.items() for each in lint(text, config=LINT)] == []
