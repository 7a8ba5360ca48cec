"""The service of a head node: installed from an archive, upgraded, removed, and accepted by systemd."""

import os
import shutil
import subprocess
import sys
import zipapp
from collections.abc import Sequence
from pathlib import Path

import pytest

from dcgm_cloudwatch import unit
from dcgm_cloudwatch.install import InstallError, Place, install, interpreter, uninstall
from dcgm_cloudwatch.settings import SettingsError
from tests.docker.dcgm_cloudwatch.process import PACKAGE

GIVEN = {"CLUSTER_NAME": "hpc", "PRESET": "parallelcluster"}


class Commands:
    """Remembers commands instead of running them."""

    def __init__(self, status: int = 0) -> None:
        self.run: list[list[str]] = []
        self.status = status

    def __call__(self, arguments: Sequence[str]) -> int:
        self.run.append(list(arguments))
        return self.status

    @property
    def systemctl(self) -> list[str]:
        return [" ".join(each[1:]) for each in self.run if each[0] == "systemctl"]


def files(root: Path) -> dict[str, bytes]:
    return {str(each.relative_to(root)): each.read_bytes() for each in root.rglob("*") if each.is_file()}


def test_installing_twice_changes_and_restarts_nothing(tmp_path: Path) -> None:
    commands = Commands()
    assert install(Place(tmp_path), GIVEN, sys.executable, commands)
    before = files(tmp_path)
    assert not install(Place(tmp_path), {}, sys.executable, commands)
    assert files(tmp_path) == before
    name = unit.NAME
    assert commands.systemctl == [
        *("daemon-reload", f"enable {name}", f"restart {name}"),
        *("daemon-reload", f"enable {name}", f"start {name}"),
    ]


def test_the_services_own_user_may_read_all_of_it(tmp_path: Path) -> None:
    install(Place(tmp_path), GIVEN, sys.executable, Commands())
    assert {each.stat().st_mode & 0o777 for each in tmp_path.rglob("*") if each.is_file()} == {0o644}


def test_an_upgrade_keeps_the_users_settings_and_restarts(tmp_path: Path) -> None:
    place, commands = Place(tmp_path), Commands()
    install(place, GIVEN, sys.executable, commands)
    place.settings.write_text(place.settings.read_text() + "# mine\nSCRAPE_INTERVAL=300\n")
    place.archive.write_bytes(b"an older one")
    assert install(place, {"SCRAPE_INTERVAL": "30"}, sys.executable, commands)
    assert place.settings.read_text() == "CLUSTER_NAME=hpc\nPRESET=parallelcluster\n# mine\nSCRAPE_INTERVAL=30\n"
    assert commands.systemctl[-1] == f"restart {unit.NAME}"


def test_uninstalling_leaves_settings_unless_purged(tmp_path: Path) -> None:
    place, commands = Place(tmp_path), Commands()
    install(place, GIVEN, sys.executable, commands)
    uninstall(place, commands)
    assert files(tmp_path).keys() == {"etc/dcgm-cloudwatch/settings.env"}
    assert commands.systemctl[-2:] == [f"disable --now {unit.NAME}", "daemon-reload"]
    uninstall(place, commands, purge=True)
    assert not files(tmp_path)


def test_settings_that_cannot_be_used_start_nothing(tmp_path: Path) -> None:
    commands = Commands()
    with pytest.raises(SettingsError, match="CLUSTER_NAME is not set"):
        install(Place(tmp_path), {"PRESET": "parallelcluster"}, sys.executable, commands)
    assert not commands.systemctl


def test_a_machine_without_the_sdk_is_told_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(InstallError, match="no Python 3.9 or newer with boto3"):
        interpreter(Commands(1))
    with pytest.raises(InstallError, match=r"`systemctl daemon-reload` failed.*journalctl"):
        install(Place(tmp_path), GIVEN, sys.executable, Commands(1))


def test_a_python_that_has_the_sdk_is_found() -> None:
    assert interpreter(lambda command: int(command[0] != sys.executable)) == sys.executable


def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    verify = shutil.which("systemd-analyze")
    if verify is None:
        pytest.skip("systemd-analyze is not installed")
    file = tmp_path / unit.NAME
    file.write_text(unit.text(sys.executable, "/opt/x.pyz", "/etc/x"))
    done = subprocess.run([verify, "verify", "--man=no", file], capture_output=True, text=True, check=False)
    assert (done.returncode, said(done.stderr)) == (0, "")
    file.write_text(file.read_text().replace("WatchdogSec=180", "WatchdogSecs=x").replace("Type=notify", "Type=x"))
    done = subprocess.run([verify, "verify", "--man=no", file], capture_output=True, text=True, check=False)
    assert "WatchdogSecs" in done.stderr


def said(text: str) -> str:
    """Return what is said of our unit; a container has no systemd to ask for others."""
    return "\n".join(line for line in text.splitlines() if unit.NAME in line)


def test_the_units_own_command_runs_from_the_archive(tmp_path: Path) -> None:
    """Offline, from nothing but the archive, in an interpreter that sees no other copy of the package."""
    place = Place(tmp_path)
    install(place, GIVEN, sys.executable, Commands())
    (command,) = [line for line in place.unit.read_text().splitlines() if line.startswith("ExecStart=")]
    words = command.removeprefix("ExecStart=").replace(" run", " cost --gpus 16").split()
    here = [str(tmp_path / word.lstrip("/")) if (tmp_path / word.lstrip("/")).is_file() else word for word in words]
    done = subprocess.run(here, capture_output=True, text=True, check=False, env={"PATH": os.environ["PATH"]})
    assert done.returncode == 0, done.stderr
    assert "96 metrics of gpu" in done.stdout


def test_the_archive_installs_itself(tmp_path: Path) -> None:
    """ParallelCluster's setup script has the zip and nothing else."""
    archive = tmp_path / "dcgm-cloudwatch.zip"
    zipapp.create_archive(PACKAGE, archive, filter=lambda path: path.suffix == ".py")
    command = [sys.executable, "-I", str(archive), "install", "--root", f"{tmp_path}/root", "--no-start"]
    command += ["--python", sys.executable, "--set", "CLUSTER_NAME=hpc"]
    for expected in ("installed\n", "nothing to change\n"):
        done = subprocess.run(command, capture_output=True, text=True, check=False, env={"PATH": os.environ["PATH"]})
        assert (done.stdout, done.stderr) == (expected, "")
    assert (tmp_path / "root/opt/dcgm-cloudwatch/dcgm-cloudwatch.pyz").read_bytes() == archive.read_bytes()
