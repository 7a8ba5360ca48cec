"""Which Python the service of a head node gets: one that can run it, or a sentence before anything is written."""

import ast
import re
import runpy
import sys
from pathlib import Path

import pytest

from dcgm_cloudwatch.install import OLD, PROBE, InstallError, Place, install, interpreter
from tests.docker.dcgm_cloudwatch.process import PACKAGE

GIVEN = {"CLUSTER_NAME": "hpc", "PRESET": "parallelcluster"}


def test_a_machine_without_the_sdk_is_told_what_to_install() -> None:
    with pytest.raises(InstallError, match=r"no Python 3.9 or newer with boto3.*dnf install python3\.11"):
        interpreter(lambda _: 1)


@pytest.mark.parametrize(
    ("script", "said_"),
    [("exit 2", "is older than 3.9"), ("exit 3", "has no boto3"), ("exit 1", "does not run: status 1"), ("", "")],
    ids=["older", "without boto3", "broken", "not there"],
)
def test_a_python_that_cannot_run_it_is_refused_before_anything_is_written(
    script: str, said_: str, tmp_path: Path
) -> None:
    python, root = tmp_path / "python", tmp_path / "root"
    if script:
        python.write_text(f"#!/bin/sh\n{script}\n")
        python.chmod(0o755)
    with pytest.raises(InstallError, match=rf"--python {python} {said_ or 'is not there'}.*/opt/boto3/bin/python"):
        install(Place(root), GIVEN, str(python))
    assert not root.exists()


@pytest.mark.parametrize(("found", "status"), [((3, 6, 8), OLD), ((3, 8, 19), OLD), ((3, 9, 0), 0)])
def test_what_is_asked_of_a_python_tells_its_age(
    found: tuple[int, ...], status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "version_info", found)
    with pytest.raises(SystemExit) as ended:
        exec(PROBE, {})  # noqa: S102 - as that Python does
    assert ended.value.code == status


def test_an_older_python_is_told_what_to_start_the_archive_by(monkeypatch: pytest.MonkeyPatch) -> None:
    """Amazon Linux 2 has 3.7 and RHEL 8 has 3.6, of which neither can read the package itself."""
    monkeypatch.setattr(sys, "version_info", (3, 6, 8))
    started = PACKAGE / "__main__.py"
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(started), run_name="__main__")
    assert "this is Python 3.6.8, and 3.9 or newer with boto3 is needed" in str(ended.value.code)
    assert "/opt/parallelcluster/pyenv/versions/*/envs/node_virtualenv/bin/python" in str(ended.value.code)
    text = started.read_text()
    ast.parse(text, feature_version=(3, 4))
    assert "__future__" not in text, "which 3.6 has no annotations in"
    assert not re.search(r"\bf[\"']", text), "which Python 2 cannot read"


def test_a_python_that_has_the_sdk_is_found() -> None:
    assert interpreter(lambda command: int(command[0] != sys.executable)) == sys.executable
