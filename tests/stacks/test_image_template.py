"""The stack of the image as a template, and that its real context can be built."""

from pathlib import Path

import aws_cdk as cdk
import pytest
from cdk_nag import AwsSolutionsChecks
from cfnlint.api import lint
from cfnlint.config import ManualArgs

import config
from stacks.image import ImageStack
from tests.stacks.assembly import ACCOUNT, Assembly

ROOT = Path(__file__).parents[2]
RELEASE = "emr-7.13.0-spark-rapids-20260410"


def synthesized(into: Path, image: config.Image, region: str = "us-west-2") -> Assembly:
    app = cdk.App(outdir=str(into))
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    stack = ImageStack(
        app,
        "Image",
        name="demo",
        context=ROOT / "docker" / "spark-rapids",
        image=image,
        release=RELEASE,
        log_retention_days=30,
        env=cdk.Environment(account=ACCOUNT, region=region),
    )
    assert cdk.Token.is_unresolved(stack.uri)
    app.synth()
    return Assembly(into)


@pytest.mark.parametrize("region", ["us-west-2", "us-gov-west-1"])
def test_the_template_is_valid_in_both_partitions(region: str, tmp_path: Path) -> None:
    text = synthesized(tmp_path, config.Image(), region).text("Image")
    assert [str(each) for each in lint(text, config=ManualArgs(regions=[region], ignore_checks=["W3005"]))] == []
    assert "arn:aws:" not in text


def test_the_base_is_emrs_of_the_release_or_what_is_given(tmp_path: Path) -> None:
    usual = synthesized(tmp_path / "usual", config.Image()).text("Image")
    assert '"public.ecr.aws/emr-on-eks/spark/emr-7.13.0-spark-rapids:latest"' in usual
    given = "public.ecr.aws/emr-on-eks/spark/emr-7.13.0-spark-rapids:20260410"
    assert f'"{given}"' in synthesized(tmp_path / "given", config.Image(base=given)).text("Image")


def test_the_images_digest_its_bases_and_the_scans_findings_are_told(tmp_path: Path) -> None:
    outputs = synthesized(tmp_path, config.Image()).template("Image")["Outputs"]
    assert {"Uri", "BaseDigest", "Findings"} <= outputs.keys()
    assert "aws ecr describe-image-scan-findings --region us-west-2" in str(outputs["Findings"])


def test_what_is_uploaded_is_what_the_dockerfile_copies(tmp_path: Path) -> None:
    folders = [
        each for each in synthesized(tmp_path, config.Image()).folder.iterdir() if each.name.startswith("asset.")
    ]
    found = {file.name for each in folders for file in each.iterdir()}
    assert found == {"Dockerfile", "requirements.lock", "handler"}
