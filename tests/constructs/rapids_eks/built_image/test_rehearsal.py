"""An image that is built, kept, built anew, fails and goes, in the rehearsal."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest

from rapids_eks.built_image.construct import BuiltImage
from tests.constructs.rapids_eks.built_image.test_construct import PUBLIC, context
from tests.rehearsal.live.account import Account
from tests.stacks.assembly import ACCOUNT, REGION, Assembly

STACK = "Imaged"


def made(into: Path, **files: str) -> Assembly:
    into.mkdir()
    app = cdk.App(outdir=str(into / "out"))
    stack = cdk.Stack(app, STACK, env=cdk.Environment(region=REGION, account=ACCOUNT))
    image = BuiltImage(
        stack,
        "Image",
        context=context(into / "context", **files),
        base_image=PUBLIC,
        log_retention_days=1,
        what="an image",
        large=True,
    )
    outputs = {
        "Uri": image.uri,
        "Digest": image.digest,
        "Base": image.base_digest,
        "Repository": image.repository.repository_name,
    }
    for name, value in outputs.items():
        cdk.CfnOutput(stack, name, value=value)
    app.synth()
    return Assembly(into / "out")


@pytest.fixture(scope="module")
def assemblies(account: Account, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Assembly]:
    """Return the stack with two contents, and with one that cannot be built, their files published."""
    into = tmp_path_factory.mktemp("images")
    broken = "ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nCOPY missing /x\n"
    contents: dict[str, dict[str, str]] = {"first": {}, "second": {"lock": "x==2"}, "broken": {"Dockerfile": broken}}
    found = {name: made(into / name, **files) for name, files in contents.items()}
    for each in found.values():
        each.publish(account, STACK)
    return found


def builds(account: Account) -> list[dict[str, Any]]:
    """Return all builds of all projects, the newest first."""
    client = account.client("codebuild")
    names = client.list_projects()["projects"]
    ids = [each for name in names for each in client.list_builds_for_project(projectName=name)["ids"]]
    return list(client.batch_get_builds(ids=ids)["builds"]) if ids else []


def tags(account: Account, repository: str) -> list[str]:
    found = account.client("ecr").describe_images(repositoryName=repository)["imageDetails"]
    return sorted(tag for image in found for tag in image["imageTags"])


def test_an_image_is_built_once_for_each_content_and_goes_with_its_stack(
    account: Account, assemblies: dict[str, Assembly], plant: Callable[..., None]
) -> None:
    before = account.left()
    stack = assemblies["first"].deploy(account, STACK)
    assert stack.status == "CREATE_COMPLETE", stack.reasons
    first = account.outputs(stack)
    repository, _, tag = first["Uri"].rpartition(":")
    assert repository.endswith(f".amazonaws.com/{first['Repository']}")
    assert tag in tags(account, first["Repository"])
    assert first["Digest"].startswith("sha256:")
    assert first["Base"].removeprefix("sha256:") in tags(account, first["Repository"])[1]
    assert len(builds(account)) == 1

    plant("job-fail", builds(account)[0]["projectName"])
    failed = assemblies["second"].update(account, STACK, stack)
    assert failed.status == "UPDATE_ROLLBACK_COMPLETE", failed.reasons
    for said in (
        "ended FAILED: COMMAND_EXECUTION_ERROR",
        "No matching distribution found for xgboost",
        "aws logs tail",
    ):
        assert said in failed.reasons, failed.reasons
    assert account.outputs(failed) == first
    assert len(builds(account)) == 2, "going back builds nothing"

    changed = assemblies["second"].update(account, STACK, stack)
    second = account.outputs(changed)
    assert changed.status == "UPDATE_COMPLETE", "what failed is no obstacle to the next try"
    assert not {second["Uri"], second["Digest"]} & set(first.values())
    assert second["Base"] == first["Base"]
    assert len(builds(account)) == 3

    back = assemblies["first"].update(account, STACK, stack)
    assert account.outputs(back) == first, "the first image is still there, and told"
    assert len(builds(account)) == 3
    assert account.delete(stack).status == "DELETE_COMPLETE", "with both images"
    assert account.left() == before


def test_a_first_build_that_fails_leaves_nothing(account: Account, assemblies: dict[str, Assembly]) -> None:
    before = account.left()
    stack = assemblies["broken"].deploy(account, STACK)
    assert stack.status == "ROLLBACK_COMPLETE"
    assert '"/missing": not found' in stack.reasons
    assert account.delete(stack).status == "DELETE_COMPLETE"
    assert account.left() == before
