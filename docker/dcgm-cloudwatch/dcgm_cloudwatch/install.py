"""Installs and removes the service on a head node, from the very archive that is running, without a network."""

from __future__ import annotations

import glob
import io
import pwd
import shutil
import subprocess
import sys
import tempfile
import zipapp
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dcgm_cloudwatch import unit
from dcgm_cloudwatch.settings import SettingsError, load

# ParallelCluster keeps boto3 in environments of its own
CANDIDATES = ("/opt/parallelcluster/pyenv/versions/*/envs/node_virtualenv/bin/python", "/usr/bin/python3")
OLD, BARE, MISSING = 2, 3, 127  # statuses of the probe: an older Python, one without boto3, none at all
# Older ones can read it, too
PROBE = (
    f"import sys; sys.version_info < (3, 9) and sys.exit({OLD}); "
    f"import importlib.util as u; sys.exit({BARE} if u.find_spec('boto3') is None else 0)"
)
SAID = {OLD: "is older than 3.9", BARE: "has no boto3", MISSING: "is not there"}
MAKE = (
    "make one by `python3 -m venv /opt/boto3 && /opt/boto3/bin/pip install boto3` with a Python of 3.9 or newer "
    "(`dnf install python3.11` where the system's is older), and name it by --python /opt/boto3/bin/python"
)
Run = Callable[[Sequence[str]], int]


class InstallError(Exception):
    """The service cannot be installed; the message says what to do."""


def command(arguments: Sequence[str]) -> int:
    """Run a command, and return its status, as a shell does where it cannot be run."""
    try:
        return subprocess.run(arguments, check=False).returncode  # noqa: S603 - systemctl and Python, by fixed names
    except OSError:
        return MISSING


@dataclass(frozen=True)
class Place:
    """Where everything lies: below `root`, which is / but for images and tests."""

    root: Path = Path("/")

    @property
    def archive(self) -> Path:
        """The program."""
        return self.root / "opt/dcgm-cloudwatch/dcgm-cloudwatch.pyz"

    @property
    def settings(self) -> Path:
        """The settings, which an upgrade leaves as they are."""
        return self.root / "etc/dcgm-cloudwatch/settings.env"

    @property
    def unit(self) -> Path:
        """The systemd unit."""
        return self.root / "etc/systemd/system" / unit.NAME

    @property
    def command(self) -> Path:
        """What people type."""
        return self.root / "usr/local/bin/dcgm-cloudwatch"

    def seen(self, path: Path) -> str:
        """Return a path as it is once `root` is /."""
        return "/" + str(path.relative_to(self.root))


def install(place: Place, given: Mapping[str, str], python: str, run: Run = command, *, start: bool = True) -> bool:
    """Install or upgrade; return whether anything was changed. `given` are settings to add or change.

    Raises InstallError, SettingsError where the settings cannot be used, and OSError.
    """
    settings = merged(place.settings.read_text() if place.settings.exists() else "", given)
    _usable(settings, place.settings)
    chosen, archived = python or interpreter(run), place.seen(place.archive)
    if python and (start or place.root == Path("/")):  # the one of an image cannot be tried here
        _probed(python, run)
    changed = [
        _write(place.archive, archive()),
        _write(place.settings, settings.encode()),
        _write(place.unit, unit.text(chosen, archived, place.seen(place.settings)).encode()),
        _write(place.command, unit.command(chosen, archived).encode(), executable=True),
    ]
    if start:
        _make_user(run)
        _systemctl(run, "daemon-reload")
        _systemctl(run, "enable", unit.NAME)
        _systemctl(run, "restart" if any(changed) else "start", unit.NAME)
    return any(changed)


def uninstall(place: Place, run: Run = command, *, purge: bool = False, stop: bool = True) -> None:
    """Remove the service; its settings, what it has delivered and its user stay unless `purge`."""
    if stop and place.unit.exists():
        _systemctl(run, "disable", "--now", unit.NAME)
        run(["/bin/sh", "-c", unit.imds("unset")])
    for each in (place.unit, place.command):
        each.unlink(missing_ok=True)
    shutil.rmtree(place.archive.parent, ignore_errors=True)
    if stop:
        _systemctl(run, "daemon-reload")
    if purge:
        _purge(place, run, with_user=stop and _has_user())


def _usable(settings: str, place: Path) -> None:
    """Raise SettingsError where settings cannot be used, before any are replaced by them."""
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(settings)
        file.flush()
        try:
            load({}, Path(file.name))
        except SettingsError as error:
            raise SettingsError(str(error).replace(file.name, str(place))) from None


def _has_user() -> bool:
    try:
        pwd.getpwnam(unit.USER)
    except KeyError:
        return False
    return True


def _make_user(run: Run) -> None:
    asked = ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", unit.USER]
    if not _has_user() and run(asked):
        raise InstallError(f"`{' '.join(asked)}` failed: make that user, and install again")


def _purge(place: Place, run: Run, *, with_user: bool) -> None:
    for folder in (place.settings.parent, place.root / "var/lib/dcgm-cloudwatch"):
        shutil.rmtree(folder, ignore_errors=True)
    if with_user:
        run(["userdel", unit.USER])


def interpreter(run: Run = command) -> str:
    """Return a Python of at least 3.9 that has boto3; raises InstallError where there is none."""
    found = (name for each in CANDIDATES for name in sorted(glob.glob(each), reverse=True))  # noqa: PTH207 - absolute
    for each in (*found, sys.executable):
        if run([each, "-I", "-c", PROBE]) == 0:
            return each
    raise InstallError(f"no Python 3.9 or newer with boto3 was found: {MAKE}")


def _probed(python: str, run: Run) -> None:
    """Raise InstallError where the service could not run by this Python."""
    if status := run([python, "-I", "-c", PROBE]):
        raise InstallError(f"--python {python} {SAID.get(status, f'does not run: status {status}')}: {MAKE}")


def merged(old: str, given: Mapping[str, str]) -> str:
    """Return a settings file with some settings changed in place, or added at its end."""
    left, lines = dict(given), []
    for line in old.splitlines():
        name = line.partition("=")[0].strip()
        lines.append(f"{name}={left.pop(name)}" if name in left else line)
    return "\n".join([*lines, *(f"{name}={value}" for name, value in left.items())]) + "\n"


def archive() -> bytes:
    """Return the program as a zip that Python runs: the one that is running, or one made of the package's folder."""
    home = Path(__file__).parents[1]
    if home.is_file():
        return home.read_bytes()
    made = io.BytesIO()
    zipapp.create_archive(
        home, made, main="" if (home / "__main__.py").exists() else "dcgm_cloudwatch.cli:main", filter=_ours
    )
    return made.getvalue()


def _ours(path: Path) -> bool:
    return path.suffix == ".py" and path.parts[0] in ("dcgm_cloudwatch", "__main__.py")


def _write(path: Path, content: bytes, *, executable: bool = False) -> bool:
    """Write what the service's user, who is nobody's, and everybody else may read, whatever umask root has."""
    if path.exists() and path.read_bytes() == content:
        return False
    missing = [each for each in (path.parent, *path.parent.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir()
        each.chmod(0o755)
    path.write_bytes(content)
    path.chmod(0o755 if executable else 0o644)
    return True


def _systemctl(run: Run, *arguments: str) -> None:
    if run(["systemctl", *arguments]):
        raise InstallError(f"`systemctl {' '.join(arguments)}` failed: `journalctl -u {unit.NAME}` says why")
