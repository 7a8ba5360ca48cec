"""Resolve and pin what the images install, for their bases: `python docker/lock.py`; needs the network.

With `--check` nothing is written: a resolver sees whether the locks are whole and fit the bases, from wheels' metadata.
Reads each image's `requirements.in` and `base.json`, and writes `requirements.lock`: of each package one wheel, by its
hash, with its name beside it, so that a test without a network can tell whether it fits the base.
"""  # noqa: INP001 - a command, not a package

import json
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import parse_wheel_filename

CONTEXTS = tuple(Path(__file__).parent / name for name in ("dcgm-cloudwatch", "spark-rapids"))
HEADER = "# Written by `python docker/lock.py` from requirements.in and base.json: one wheel of each package.\n"
OLDEST_GLIBC = 5  # of manylinux


def tags(base: Mapping[str, Any]) -> list[Tag]:
    """Return what wheels may be tagged with to run on a base image, the best first."""
    major, minor = map(int, base["python"]["version"].split("."))
    platforms = _platforms(base["glibc"]["version"], base["architecture"])
    plain = compatible_tags((major, minor), f"cp{major}{minor}", platforms)
    return [*cpython_tags((major, minor), platforms=platforms), *plain]


def _platforms(glibc: str, architecture: str) -> list[str]:
    major, minor = map(int, glibc.split("."))
    legacy = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
    found = []
    for older in range(minor, OLDEST_GLIBC - 1, -1):
        found += [f"manylinux_{major}_{older}_{architecture}"]
        found += [f"{legacy[older]}_{architecture}"] if older in legacy else []
    return [*found, f"linux_{architecture}"]


def best(wheels: Iterable[str], base: Mapping[str, Any]) -> str:
    """Return the wheel that pip would take on a base image. ValueError says that none fits."""
    ranks = {tag: rank for rank, tag in enumerate(tags(base))}
    names = list(wheels)
    fitting = {
        name: min((ranks[tag] for tag in parse_wheel_filename(name)[3] if tag in ranks), default=-1) for name in names
    }
    fitting = {name: rank for name, rank in fitting.items() if rank >= 0}
    if not fitting:
        given = f"Python {base['python']['version']}, glibc {base['glibc']['version']} and {base['architecture']}"
        raise ValueError(
            f"None of these wheels runs on {given}: {', '.join(names) or 'there are none'}; ask for another version"
        )
    return min(fitting, key=lambda name: fitting[name])


def lock(resolved: Mapping[str, Any], base: Mapping[str, Any]) -> str:
    """Return the text of a lock from what was resolved, in the form of pylock.toml."""
    return HEADER + "".join(_pin(package, base) for package in resolved["packages"])


def _pin(package: Mapping[str, Any], base: Mapping[str, Any]) -> str:
    hashes = {each["url"].rpartition("/")[2]: each["hashes"]["sha256"] for each in package.get("wheels", ())}
    wheel = best(hashes, base)
    return f"{package['name']}=={package['version']} \\\n    --hash=sha256:{hashes[wheel]}  # {wheel}\n"


def resolve(context: Path, base: Mapping[str, Any]) -> dict[str, Any]:
    """Resolve an image's requirements by uv, from the index that its user has set."""
    with tempfile.TemporaryDirectory() as folder:
        into = Path(folder) / "pylock.toml"
        _uv(base, "compile", str(context / "requirements.in"), "--output-file", str(into))
        return tomllib.loads(into.read_text())


def check(context: Path, base: Mapping[str, Any]) -> None:
    """Resolve an image's lock as its build will, for a base; nothing is downloaded but metadata.

    Raises CalledProcessError, after uv's own words, where a wheel does not run on the base, a package that another one
    needs is not pinned, or versions contradict each other.
    """
    with tempfile.TemporaryDirectory() as folder:
        pinned = ["--require-hashes", "--requirement", str(context / "requirements.lock")]
        _uv(base, "install", "--dry-run", *pinned, "--target", folder)


def _uv(base: Mapping[str, Any], verb: str, *asked: str) -> None:
    platform = f"{base['architecture']}-manylinux_{base['glibc']['version'].replace('.', '_')}"
    limits = ["--python-platform", platform, "--python-version", base["python"]["version"], "--only-binary", ":all:"]
    uv = [str(Path(sys.executable).with_name("uv")), "pip", verb, "--quiet"]
    subprocess.run([*uv, *asked, *limits], check=True)  # noqa: S603 - this project's own


if __name__ == "__main__":
    for each in CONTEXTS:
        recorded = json.loads((each / "base.json").read_text())
        if "--check" not in sys.argv[1:]:
            (each / "requirements.lock").write_text(lock(resolve(each, recorded), recorded))
        check(each, recorded)
