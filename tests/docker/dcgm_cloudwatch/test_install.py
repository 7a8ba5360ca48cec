"""The service of a head node: installed from an archive, upgraded, removed, and accepted by systemd."""

import os
import pwd
import shlex
import shutil
import subprocess
import sys
import zipapp
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from dcgm_cloudwatch import unit
from dcgm_cloudwatch.install import PROBE, InstallError, Place, install, uninstall
from dcgm_cloudwatch.settings import SettingsError
from tests.docker.dcgm_cloudwatch.clock import Clock
from tests.docker.dcgm_cloudwatch.cloudwatch_port import CloudWatchPort
from tests.docker.dcgm_cloudwatch.fleet import fleet_at, history
from tests.docker.dcgm_cloudwatch.process import PACKAGE, Exporter, wait_until
from tests.docker.dcgm_cloudwatch.prometheus_port import PrometheusPort

GIVEN = {"CLUSTER_NAME": "hpc", "PRESET": "parallelcluster"}


class Commands:
    """Remembers commands instead of running them; every Python that is tried will do."""

    def __init__(self, status: int = 0) -> None:
        self.run: list[list[str]] = []
        self.status = status

    def __call__(self, arguments: Sequence[str]) -> int:
        self.run.append(list(arguments))
        return 0 if PROBE in arguments else self.status

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
    assert modes(tmp_path) == {"folder": {0o755}, "file": {0o644, 0o755}}
    place = Place(tmp_path)
    assert place.command.stat().st_mode & 0o777 == 0o755
    assert place.settings.stat().st_mode & 0o777 == 0o644


def test_a_strict_umask_hides_nothing_from_the_service(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        install(Place(tmp_path), GIVEN, sys.executable, Commands())
    finally:
        os.umask(before)
    assert modes(tmp_path) == {"folder": {0o755}, "file": {0o644, 0o755}}


def modes(root: Path) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {"folder": set(), "file": set()}
    for each in root.rglob("*"):
        found["folder" if each.is_dir() else "file"].add(each.stat().st_mode & 0o777)
    return found


def test_the_service_s_user_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against an id that changes with each start: ParallelCluster gives credentials by it."""
    install(Place(tmp_path), GIVEN, sys.executable, commands := Commands())
    (made,) = [each for each in commands.run if each[0] == "useradd"]
    assert made[-1] == unit.USER
    assert commands.run.index(made) < commands.run.index(["systemctl", "daemon-reload"])
    monkeypatch.setattr(pwd, "getpwnam", lambda _: object())
    install(Place(tmp_path), GIVEN, sys.executable, commands := Commands())
    assert "useradd" not in [each[0] for each in commands.run]
    uninstall(Place(tmp_path), commands)
    assert "userdel" not in [each[0] for each in commands.run], "it owns what is kept"
    uninstall(Place(tmp_path), commands, purge=True)
    assert commands.run[-1] == ["userdel", unit.USER]


def test_an_image_gets_neither_user_nor_service(tmp_path: Path) -> None:
    install(Place(tmp_path), GIVEN, sys.executable, commands := Commands(), start=False)
    assert commands.run == []


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
    assert [each[-1] for each in commands.run if each[0] == "/bin/sh"] == [unit.imds("unset")]
    uninstall(place, commands, purge=True)
    assert not files(tmp_path)


def test_settings_that_cannot_be_used_start_nothing(tmp_path: Path) -> None:
    commands = Commands()
    with pytest.raises(SettingsError, match="CLUSTER_NAME is not set"):
        install(Place(tmp_path), {"PRESET": "parallelcluster"}, sys.executable, commands)
    assert not commands.systemctl


def test_settings_that_cannot_be_used_replace_none(tmp_path: Path) -> None:
    """The service would end at its next start, which may be weeks later."""
    place = Place(tmp_path)
    install(place, GIVEN, sys.executable, Commands())
    before = files(tmp_path)
    with pytest.raises(SettingsError, match="SCRAPE_INTERVAL=7: give a whole number"):
        install(place, {"SCRAPE_INTERVAL": "7"}, sys.executable, commands := Commands())
    assert (files(tmp_path), commands.run) == (before, [])
    place.settings.write_text("CLUSTER_NAME=hpc\nCOLOUR=red\n")
    with pytest.raises(SettingsError, match=f"{place.settings}:2: 'COLOUR=red' is no setting"):
        install(place, {}, sys.executable, Commands())


def test_a_command_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InstallError, match=r"`useradd .* dcgm-cloudwatch` failed: make that user"):
        install(Place(tmp_path), GIVEN, sys.executable, Commands(1))
    monkeypatch.setattr(pwd, "getpwnam", lambda _: object())
    with pytest.raises(InstallError, match=r"`systemctl daemon-reload` failed.*journalctl"):
        install(Place(tmp_path), GIVEN, sys.executable, Commands(1))


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


def test_the_units_own_command_delivers(
    tmp_path: Path,
    exporter: Callable[..., Exporter],
    prometheus: PrometheusPort,
    cloudwatch: CloudWatchPort,
    clock: Clock,
) -> None:
    """Offline, from nothing but the archive and its settings, in an interpreter that sees no other copy of it."""
    prometheus.series = history(clock.start, clock.start + 60, fleet_at(1))
    clock.now = clock.start + 110
    place, made = Place(tmp_path), exporter()
    own = {name: made.environment.pop(name) for name in ("PROMETHEUS_URL", "AWS_REGION", "WATERMARK", "LISTEN")}
    for name in ("PYTHONPATH", "CLUSTER_NAME", "BACKLOG_REQUESTS"):
        del made.environment[name]
    install(place, {**GIVEN, **own, "FIRST_BACKFILL": "120"}, sys.executable, Commands())
    (command,) = [line for line in place.unit.read_text().splitlines() if line.startswith("ExecStart=")]
    here = [
        str(tmp_path / word.lstrip("/")) if (tmp_path / word.lstrip("/")).is_file() else word
        for word in command.removeprefix("ExecStart=").split()
    ]
    assert here[-1] == "run"
    with made.log.open("wb") as log:
        process = subprocess.Popen(here, env=made.environment, stdout=log, stderr=log, cwd="/")
    made.processes.append(process)
    wait_until(lambda: process.poll() is not None or cloudwatch.data(), "a delivery")
    process.terminate()
    assert process.wait() == 0, made.log.read_text()
    assert "GPUUtilization" in {name for name, _ in cloudwatch.data()}
    assert (tmp_path / "watermark.json").exists()


FAKE_IPTABLES = """#!/bin/sh
test "$*" = "-w -C PARALLELCLUSTER_IMDS --destination 169.254.169.254 -j REJECT" && exit {status}
exit 9
"""


@pytest.mark.parametrize(("status", "expected"), [(0, "--allow dcgm-cloudwatch\n"), (1, "")])
def test_the_instance_s_credentials_are_asked_for_where_they_are_kept_from_users(
    tmp_path: Path, status: int, expected: str
) -> None:
    """Where they are not kept from any, ParallelCluster's script would keep them from all others, root too."""
    script, said = tmp_path / "imds-access.sh", tmp_path / "said"
    for file, text in ((script, f'#!/bin/sh\necho "$@" > {said}\n'), (tmp_path / "iptables", FAKE_IPTABLES)):
        file.write_text(text.format(status=status))
        file.chmod(0o755)
    text = unit.text(sys.executable, "/opt/x.pyz", "/etc/x").replace(unit.IMDS_ACCESS, str(script))
    (line,) = [line for line in text.splitlines() if line.startswith("ExecStartPre=")]
    assert line.startswith("ExecStartPre=+"), "as root"
    words = shlex.split(line.removeprefix("ExecStartPre=+"))
    path = f"{tmp_path}:{os.environ['PATH']}"
    assert subprocess.run(words, env={"PATH": path}, check=False).returncode == 0
    assert (said.read_text() if said.exists() else "") == expected
    script.unlink()
    assert subprocess.run(words, env={"PATH": path}, check=False).returncode == 0, "no ParallelCluster"


def test_the_service_keeps_its_user_from_start_to_start() -> None:
    text = unit.text(sys.executable, "/opt/x.pyz", "/etc/x")
    assert f"\nUser={unit.USER}\n" in text
    assert "DynamicUser" not in text


@pytest.mark.parametrize(
    ("user", "arguments", "expected"),
    [
        ("root", "check", "runuser -u dcgm-cloudwatch -- "),
        ("ec2-user", "--settings x check", "sudo -u dcgm-cloudwatch "),
        ("ec2-user", "install --set A=b", "sudo -u root "),
        ("root", "uninstall --purge", ""),
        ("ec2-user", "cost --gpus 8", ""),
        ("dcgm-cloudwatch", "once", ""),
    ],
)
def test_the_command_runs_each_verb_as_whoever_may(tmp_path: Path, user: str, arguments: str, expected: str) -> None:
    """Guards against a check by root, who has credentials that the service has not, and whose files it cannot read."""
    fakes = {name: f'#!/bin/sh\necho {name} "$@"\n' for name in ("runuser", "sudo")}
    who = f"case $1 in -u) echo {0 if user == 'root' else 1000} ;; *) echo {user} ;; esac"
    python = tmp_path / "python"
    fakes |= {"id": f"#!/bin/sh\n{who}\n", "python": f'#!/bin/sh\necho {python} "$@"\n'}
    for name, text in fakes.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    command = tmp_path / "dcgm-cloudwatch"
    command.write_text(unit.command(str(python), "/opt/x.pyz"))
    path = f"{tmp_path}:{os.environ['PATH']}"
    done = subprocess.run(
        ["/bin/sh", command, *arguments.split()], env={"PATH": path}, capture_output=True, text=True, check=False
    )
    assert done.stdout == f"{expected}{python} -I /opt/x.pyz {arguments}\n", done.stderr


def test_what_is_paid_needs_no_settings(tmp_path: Path) -> None:
    place = Place(tmp_path)
    install(place, GIVEN, sys.executable, Commands())
    command = [sys.executable, "-I", str(place.archive), "cost", "--gpus", "16"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={"PRESET": "parallelcluster"})
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
