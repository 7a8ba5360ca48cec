"""What a ParallelCluster head node gets of the stack of GPU metrics: commands to type, and what they run."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.stacks.assembly import Assembly
from tests.stacks.gpu_dashboard_stack import PROGRAM, STACK, plain, synthesized

FETCHED = 'for to in "$@"; do :; done; touch "$to"'


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    return synthesized(tmp_path_factory.mktemp("gpus"), parallel_clusters=["hpc-1"])


def test_a_head_node_is_told_what_to_type(assembly: Assembly) -> None:
    outputs = {name: json.dumps(each["Value"]) for name, each in assembly.template(STACK)["Outputs"].items()}
    assert "install --set CLUSTER_NAME=hpc-1 --set AWS_REGION=us-west-2" in outputs["hpc1InstallCommand"]
    assert "AdditionalIamPolicies" in outputs["hpc1PolicySetting"]


def typed(command: str, folder: Path, **fakes: str) -> tuple[int, list[str]]:
    """Type the command among such programs, in a machine of ParallelCluster below `folder`; return what they said."""
    log, temporary = folder / "log", folder / "tmp"
    temporary.mkdir()
    for name, text in {"sudo": '"$@"', **fakes}.items():
        file = folder / name.replace("pyenv", "pc/pyenv/versions")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"#!/bin/sh\nexec >> {log}\n{text}\n")
        file.chmod(0o755)
    environment = {"PATH": f"{folder}:{os.environ['PATH']}", "TMPDIR": str(temporary)}
    here = command.replace("/opt/parallelcluster", f"{folder}/pc")
    done = subprocess.run(["/bin/sh", "-c", here], env=environment, check=False, capture_output=True, text=True)
    assert done.stderr == ""
    assert list(temporary.iterdir()) == [], "nothing is left behind"
    return done.returncode, log.read_text().splitlines() if log.exists() else []


@pytest.fixture
def command(assembly: Assembly) -> str:
    """Return what a head node's administrator types."""
    return str(plain(assembly.template(STACK)["Outputs"]["hpc1InstallCommand"]["Value"]))


def test_what_root_runs_lies_where_nobody_else_can_have_put_it(command: str, tmp_path: Path) -> None:
    """Guards against a name that is known before: whoever makes such a folder first has root run what is in it."""
    fetch = FETCHED + '; stat -c "%a %n" "$(dirname "$to")"'
    status, said = typed(command, tmp_path, aws=fetch, python3='stat -c "%F" "$2"; echo "$@"; exit 7')
    assert status == 7, "the installer's own status"
    folder, kind, arguments = said
    mode, _, made = folder.partition(" ")
    assert (mode, kind) == ("700", "regular empty file")
    assert arguments.startswith(f"-I {made}/dcgm-cloudwatch.pyz install --set CLUSTER_NAME=hpc-1 ")


def test_it_is_installed_by_the_newest_python_of_parallelcluster(command: str, tmp_path: Path) -> None:
    """Guards against the system's own, which in Amazon Linux 2 and RHEL 8 cannot read the program."""
    place = "pyenv/{}/envs/node_virtualenv/bin/python"
    pythons = {place.format(version): f"echo {version}" for version in ("3.9.16", "3.14.2")}
    assert typed(command, tmp_path, aws=FETCHED, python3="echo own", **pythons) == (0, ["3.14.2"])


def test_nothing_runs_as_root_where_the_program_cannot_be_fetched(command: str, tmp_path: Path) -> None:
    assert typed(command, tmp_path, aws="exit 5", python3="echo own") == (5, [])


def test_what_a_head_node_gets_is_the_program_and_python_runs_it(assembly: Assembly) -> None:
    files = json.loads((assembly.folder / f"{STACK}.assets.json").read_text())["files"].values()
    (program,) = [each for each in files if (assembly.folder / each["source"]["path"] / "__main__.py").exists()]
    folder = assembly.folder / program["source"]["path"]
    assert {each.name for each in folder.iterdir()} == {"__main__.py", "dcgm_cloudwatch"}
    assert not list(folder.rglob("__pycache__"))
    own = {each.name for each in (PROGRAM / "dcgm_cloudwatch").glob("*.py")}
    assert {each.name for each in (folder / "dcgm_cloudwatch").iterdir()} >= own
