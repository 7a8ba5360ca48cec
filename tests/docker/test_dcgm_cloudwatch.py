"""The exporter's image, and the oldest Python that its package runs on."""

import ast
import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hadolint import linted
from packaging.tags import Tag
from packaging.utils import canonicalize_name, parse_wheel_filename

ROOT = Path(__file__).parents[2]
CONTEXT = ROOT / "docker" / "dcgm-cloudwatch"
DOCKERFILE = (CONTEXT / "Dockerfile").read_text()
BASE: dict[str, Any] = json.loads((CONTEXT / "base.json").read_text())
PIN = re.compile(r"([\w.-]+)==([\w.]+) \\\n {4}--hash=sha256:([0-9a-f]{64})  # (\S+\.whl)\n")
OLDEST = (3, 9)  # Amazon Linux 2023's own, on head nodes
MODULES = sorted((CONTEXT / "dcgm_cloudwatch").glob("*.py"))


def pins() -> dict[str, tuple[str, str]]:
    """Return version and wheel of each package of the lock."""
    text = (CONTEXT / "requirements.lock").read_text()
    assert len(PIN.findall(text)) == len(re.findall(r"(?m)^[a-z]", text)), "every line is a pin"
    return {name: (version, wheel) for name, version, _, wheel in PIN.findall(text)}


def test_every_wheel_runs_anywhere_and_is_the_one_that_its_line_pins() -> None:
    for name, (version, wheel) in pins().items():
        of, wheels_version, _, tags = parse_wheel_filename(wheel)
        assert (of, str(wheels_version)) == (canonicalize_name(name), version)
        assert Tag("py3", "none", "any") in tags


def test_the_sdk_is_the_one_that_the_tests_use() -> None:
    group = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]["rehearsal"]
    asked = re.findall(r"(?m)^([\w-]+)==([\w.]+)", (CONTEXT / "requirements.in").read_text())
    assert [f"{name}=={version}" for name, version in asked] == [each for each in group if each.startswith("boto3==")]
    assert pins()["boto3"][0] == asked[0][1]


def test_nothing_but_the_standard_library_and_the_sdk_is_imported() -> None:
    allowed = {"boto3", "botocore", "dcgm_cloudwatch"}
    for module in MODULES:
        for node in ast.walk(ast.parse(module.read_text())):
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            tops = {name.split(".")[0] for name in names}
            assert tops <= allowed | set(sys.stdlib_module_names), module.name


def test_the_oldest_python_reads_every_module() -> None:
    for module in MODULES:
        ast.parse(module.read_text(), feature_version=OLDEST)


def checked(folder: Path) -> str:
    """Return what mypy says of the modules in a folder for the oldest Python, whose library it knows name by name."""
    options = ["--no-site-packages", "--ignore-missing-imports", "--no-incremental", "--cache-dir=/dev/null"]
    version = f"--python-version={OLDEST[0]}.{OLDEST[1]}"
    command = [sys.executable, "-m", "mypy", "--config-file=", version, *options, str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def test_the_oldest_python_has_all_that_is_used(tmp_path: Path) -> None:
    """No such Python is needed for it."""
    package = tmp_path / "dcgm_cloudwatch"
    shutil.copytree(CONTEXT / "dcgm_cloudwatch", package, ignore=shutil.ignore_patterns("__pycache__"))
    (package / "newer.py").write_text(
        "import itertools\nfrom datetime import UTC\n\nprint(UTC, itertools.pairwise, (1).bit_count())\n"
    )
    said = checked(package)
    assert re.findall(r'newer.py:\d+: error: .*"(UTC|pairwise|bit_count)"', said) == ["UTC", "pairwise", "bit_count"]
    assert [line for line in said.splitlines() if ": error: " in line and "newer.py" not in line] == []


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.stem)
def test_annotations_are_never_evaluated(module: Path) -> None:
    """Python 3.9 knows no `X | None`."""
    assert "from __future__ import annotations" in module.read_text() or not module.read_text().count("\n") > 1


def test_the_oldest_python_runs_what_needs_no_sdk(tmp_path: Path) -> None:
    python = next((each for name in ("python3.9", "python3.10") if (each := working(name))), None)
    if python is None:
        pytest.skip("neither Python 3.9 nor 3.10 is installed")
    command = [python, "-B", "-m", "dcgm_cloudwatch", "cost", "--gpus", "16"]
    done = subprocess.run(
        command,
        cwd=CONTEXT,
        env={"CLUSTER_NAME": "c", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "192 metrics of gpu" in done.stdout


def working(name: str) -> str | None:
    """Return a Python of that name that starts; pyenv has names of what it does not start."""
    found = shutil.which(name)
    if found and subprocess.run([found, "-c", ""], capture_output=True, check=False).returncode == 0:
        return found
    return None


def test_the_dockerfile_is_clean() -> None:
    assert linted(DOCKERFILE) == ""


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("USER 65532:65532", "USER root", "DL3002"),
        ("${BASE_IMAGE}\n\nLABEL", "python\n\nLABEL", "DL3006"),
        ("COPY requirements.lock", "ADD requirements.lock", "DL3020"),
        ("--no-cache-dir ", "", "DL3042"),
    ],
)
def test_the_linter_finds_what_is_wrong(old: str, new: str, rule: str) -> None:
    assert old in DOCKERFILE
    assert rule in linted(DOCKERFILE.replace(old, new).replace("python -m pip", "pip"))


def test_only_what_is_built_is_in_the_context() -> None:
    let_in = [line[1:] for line in (CONTEXT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    copied = re.findall(r"(?m)^(?:COPY|ADD) (\S+) ", DOCKERFILE)
    assert sorted(let_in) == sorted([*copied, "Dockerfile"])


def test_it_ends_as_nobody_and_starts_the_exporter() -> None:
    assert re.findall(r"(?m)^USER (\S+)$", DOCKERFILE)[-1] == "65532:65532"
    assert DOCKERFILE.rstrip().endswith('ENTRYPOINT ["dcgm-cloudwatch"]\nCMD ["run"]')


def test_what_people_type_in_the_pod_runs_the_package(tmp_path: Path) -> None:
    (made,) = re.findall(r"(?m)^RUN (printf .*) > /usr/local/bin/dcgm-cloudwatch ", DOCKERFILE)
    command = tmp_path / "dcgm-cloudwatch"
    command.write_text(subprocess.run(["/bin/sh", "-c", made], capture_output=True, text=True, check=True).stdout)
    command.chmod(0o755)
    (folder,) = re.findall(r"PYTHONPATH=(\S+)", DOCKERFILE)
    assert f"COPY dcgm_cloudwatch {folder}/dcgm_cloudwatch" in DOCKERFILE
    environment = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "PYTHONPATH": str(CONTEXT)}
    arguments = [str(command), "cost", "--gpus", "16"]
    done = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "16 GPUs" in done.stdout


def test_the_base_is_named_by_its_version() -> None:
    assert re.fullmatch(rf"\S+python:{re.escape(BASE['python']['version'])}-slim-\w+", BASE["image"])
