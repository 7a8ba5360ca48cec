"""Builds Prometheus and promtool once, from Go modules: `python -m rehearsal.prometheus.build`."""

import fcntl
import hashlib
import os
import platform
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from rehearsal.kubernetes import golang
from rehearsal.kubernetes.build import BuildError, progress

SOURCES = Path(__file__).parent / "module"
CACHE = Path(__file__).parents[2] / ".cache"
READY = "PROMETHEUS"  # environment variable that names a folder with both ready programs
MODULE = "github.com/prometheus/prometheus"
NAMES = ("prometheus", "promtool")
# As the chart's image is built, less the web pages, and less all service discovery but Kubernetes' own
TAGS = "netgo,remove_all_sd,enable_kubernetes_sd"


@dataclass(frozen=True)
class Programs:
    """The two built programs."""

    prometheus: Path
    promtool: Path


def version() -> str:
    """Return the version of Prometheus that is built, as in `3.14.0`; its module counts 3.14 as 0.314."""
    lines = (SOURCES / "go.mod").read_text().splitlines()
    module = next(line.split()[1] for line in lines if line.strip().startswith(f"{MODULE} v"))
    _, minor, patch = module.removeprefix("v").split(".")
    return f"{minor[0]}.{int(minor[1:])}.{patch}"


def folder() -> Path:
    """Return the folder of the programs: it changes with their versions and with the machine's kind."""
    digest = hashlib.sha256(f"{sys.platform} {platform.machine()} {TAGS}".encode())
    for source in sorted(SOURCES.iterdir()):
        digest.update(source.name.encode() + b"\0" + source.read_bytes())
    return CACHE / "prometheus" / digest.hexdigest()[:16]


def programs() -> Programs:
    """Return the built programs; raise BuildError where there are none."""
    named = os.environ.get(READY)
    place = Path(named) if named else folder()
    found = Programs(*(place / name for name in NAMES))
    if not all(os.access(program, os.X_OK) for program in (found.prometheus, found.promtool)):
        remedy = f"correct {READY}" if named else f"run `make prometheus`, or set {READY}"
        raise BuildError(f"there is no {' and '.join(NAMES)} in {place}; {remedy} to a folder that holds both")
    return found


def build() -> Programs:
    """Return the programs, built now if they were not; some minutes, 2 GB of downloads and caches."""
    place = folder()
    if os.environ.get(READY) or place.exists():
        return programs()
    place.parent.mkdir(parents=True, exist_ok=True)
    with (place.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two sessions at once would only slow each other
        if not place.exists():
            with tempfile.TemporaryDirectory(dir=place.parent) as scratch:
                target = Path(scratch) / "built"
                _compile(golang.find(CACHE), target)
                target.rename(place)
    return programs()


def _compile(go: Path, target: Path) -> None:
    packages = [f"{MODULE}/cmd/{name}" for name in NAMES]
    listed = ["list", "-deps", "-tags", TAGS, *packages]
    total = len(_started(go, listed, stdout=subprocess.PIPE).communicate()[0].split())
    target.mkdir()
    mark = f"-s -w -X github.com/prometheus/common/version.Version={version()}"
    options = ["-v", "-trimpath", "-buildvcs=false", "-tags", TAGS, "-ldflags", mark, "-o", f"{target}/"]
    process = _started(go, ["build", *options, *packages], stderr=subprocess.PIPE)
    last = progress(process.stderr or (), total, _say)
    if process.wait():
        raise BuildError(f"the build of Prometheus failed: {last[-2000:]}")


def _started(
    go: Path, arguments: list[str], *, stdout: int | None = None, stderr: int | None = None
) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603 - our own arguments
        [go, *arguments],
        cwd=SOURCES,
        env=golang.environment(CACHE),
        text=True,
        preexec_fn=lambda: os.nice(10),  # noqa: PLW1509 - this command has one thread
        stdout=stdout,
        stderr=stderr,
    )


def _say(message: str) -> None:
    print(f"prometheus: {message}", flush=True)  # noqa: T201 - this command reports


def main() -> None:
    """Build what is missing, and say where it lies."""
    try:
        found = build()
    except (BuildError, golang.GoError) as error:
        sys.exit(f"error: {error}")
    _say(f"ready: {found.prometheus} and {found.promtool}, version {version()}")


if __name__ == "__main__":
    main()
