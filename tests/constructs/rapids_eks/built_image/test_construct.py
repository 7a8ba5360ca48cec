"""The template: who may do what, and what makes an image another one."""

import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from cdk_nag import AwsSolutionsChecks
from cfnlint.api import lint
from cfnlint.config import ManualArgs

from rapids_eks.awaited_resource.construct import LONGEST_MINUTES
from rapids_eks.built_image.base import Base
from rapids_eks.built_image.construct import BuiltImage
from rapids_eks.built_image.project import LIMIT_MINUTES, QUEUE_MINUTES
from tests.stacks.assembly import Assembly

PUBLIC = "public.ecr.aws/emr-on-eks/spark/emr-7.13.0-spark-rapids:latest"
PRIVATE = "895885662937.dkr.ecr.us-west-2.amazonaws.com/spark/emr-7.13.0-spark-rapids:latest"
ELSEWHERE = "registry.test:5000/spark@sha256:" + "a" * 64


def context(folder: Path, **files: str) -> Path:
    """Return a folder that an image can be made of."""
    folder.mkdir(exist_ok=True)
    given = {"Dockerfile": "ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nCOPY lock /lock\n", "lock": "x==1"}
    for name, text in {**given, ".dockerignore": "# all but\n*\n!Dockerfile\n!lock\n", **files}.items():
        (folder / name).write_text(text)
    return folder


def synthesized(into: Path, base: str = PUBLIC, region: str = "us-west-2", **files: str) -> Assembly:
    app = cdk.App(outdir=str(into / "out"))
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    stack = cdk.Stack(app, "Imaged", env=cdk.Environment(region=region))
    BuiltImage(
        stack,
        "Image",
        context=context(into / "context", **files),
        base_image=base,
        log_retention_days=30,
        what="an image",
        large=base == PUBLIC,
    )
    app.synth()
    return Assembly(into / "out")


def of_kind(assembly: Assembly, kind: str) -> list[dict[str, Any]]:
    return [each["Properties"] for each in assembly.resources("Imaged").values() if each["Type"] == kind]


def tag(assembly: Assembly) -> str:
    (made,) = of_kind(assembly, "Custom::BuiltImage")
    assert made["PhysicalId"] == made["Tag"]
    return str(made["Tag"])


def building(assembly: Assembly) -> list[dict[str, Any]]:
    """Return the statements of the role that builds."""
    roles = of_kind(assembly, "AWS::IAM::Role")
    (role,) = [each for each in roles if "codebuild" in json.dumps(each["AssumeRolePolicyDocument"])]
    return [one for policy in role["Policies"] for one in policy["PolicyDocument"]["Statement"]]


@pytest.mark.parametrize("region", ["us-west-2", "us-gov-west-1"])
@pytest.mark.parametrize("base", [PUBLIC, PRIVATE, ELSEWHERE], ids=["public", "private", "elsewhere"])
def test_the_template_is_valid_in_both_partitions_and_of_none(base: str, region: str, tmp_path: Path) -> None:
    text = synthesized(tmp_path, base, region).text("Imaged")
    found = lint(text, config=ManualArgs(regions=[region], ignore_checks=["W3005"]))
    assert [str(each) for each in found] == []
    assert "arn:aws" not in text


def test_two_synths_are_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    one, two = (synthesized(tmp_path / name) for name in ("one", "two"))
    assert one.text("Imaged") == two.text("Imaged")


def test_what_is_in_the_image_makes_its_tag(tmp_path: Path) -> None:
    """Guards against an image that is built anew for a comment, and one that is not for a change."""
    folders = iter(range(10))

    def made(base: str = PUBLIC, **files: str) -> str:
        into = tmp_path / str(next(folders))
        into.mkdir()
        return tag(synthesized(into, base, **files))

    usual = made()
    assert made() == made(notes="nothing of this is built") == usual
    others = {made(lock="x==2"), made(Dockerfile="FROM x"), made(PRIVATE), made(PUBLIC.replace("latest", "20260410"))}
    assert len(others | {usual}) == 5


def test_only_what_is_built_is_uploaded(tmp_path: Path) -> None:
    folders = [each for each in synthesized(tmp_path).folder.iterdir() if each.name.startswith("asset.")]
    assert sorted({file.name for each in folders for file in each.iterdir()}) == ["Dockerfile", "handler", "lock"]


def test_a_build_reads_its_context_and_base_and_writes_one_repository_and_log(tmp_path: Path) -> None:
    statements = building(synthesized(tmp_path, PRIVATE))
    reach = {json.dumps(each["Resource"]) for each in statements}
    anything = [each["Action"] for each in statements if each["Resource"] == "*"]
    assert anything == ["ecr:GetAuthorizationToken"], "which is about no resource"
    assert len(reach) == 5
    assert any(":ecr:us-west-2:895885662937:repository/spark/emr-7.13.0-spark-rapids" in each for each in reach)
    (read,) = [each for each in statements if each["Action"] == "s3:GetObject"]
    assert ".zip" in json.dumps(read["Resource"])


def test_only_a_public_base_is_logged_in_to_publicly(tmp_path: Path) -> None:
    for name, base in (("public", PUBLIC), ("private", PRIVATE), ("elsewhere", ELSEWHERE)):
        (tmp_path / name).mkdir()
        text = synthesized(tmp_path / name, base).text("Imaged")
        assert ("ecr-public" in text) == (name == "public")
        assert ("895885662937" in text) == (name == "private")


def test_a_repository_scans_never_moves_a_tag_forgets_old_images_and_goes_with_them(tmp_path: Path) -> None:
    (made,) = of_kind(synthesized(tmp_path), "AWS::ECR::Repository")
    assert (made["ImageScanningConfiguration"], made["ImageTagMutability"]) == ({"ScanOnPush": True}, "IMMUTABLE")
    rules = json.loads(made["LifecyclePolicy"]["LifecyclePolicyText"])["rules"]
    assert [rule["selection"]["tagStatus"] for rule in rules] == ["untagged", "any"]
    assert made["EmptyOnDelete"] is True


def test_a_build_ends_before_it_is_waited_for_in_vain(tmp_path: Path) -> None:
    (project,) = of_kind(synthesized(tmp_path), "AWS::CodeBuild::Project")
    assert (project["TimeoutInMinutes"], project["QueuedTimeoutInMinutes"]) == (LIMIT_MINUTES, QUEUE_MINUTES)
    assert LIMIT_MINUTES + QUEUE_MINUTES < LONGEST_MINUTES
    assert project["Environment"]["ComputeType"] == "BUILD_GENERAL1_LARGE"
    assert project["Environment"]["PrivilegedMode"] is True


def test_a_small_image_is_built_on_a_small_machine(tmp_path: Path) -> None:
    (project,) = of_kind(synthesized(tmp_path, PRIVATE), "AWS::CodeBuild::Project")
    assert project["Environment"]["ComputeType"] == "BUILD_GENERAL1_SMALL"


@pytest.mark.parametrize(
    "image",
    [
        "spark",
        "spark:latest",
        "public.ecr.aws/spark",
        "public.ecr.aws/spark:",
        "a.test/b@sha256:1",
        'a.test/b:"; rm',
        "",
    ],
)
def test_a_base_without_tag_or_digest_is_refused(image: str) -> None:
    with pytest.raises(ValueError, match=r"give REGISTRY/NAME:TAG or REGISTRY/NAME@sha256"):
        Base(image)


def test_a_folder_without_a_dockerfile_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has no Dockerfile"):
        BuiltImage(
            cdk.Stack(cdk.App(), "Imaged"),
            "Image",
            context=tmp_path,
            base_image=PUBLIC,
            log_retention_days=30,
            what="an image",
        )
