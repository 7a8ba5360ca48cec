"""A rehearsal beside the user's terminal: it answers, two do not meet, and nothing of it outlives its end."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import boto3
import psutil
import pytest

from rehearsal import cli, daemon
from tests.rehearsal.live.account import Account

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def ended(tmp_path: Path) -> Iterator[Path]:
    """A directory whose rehearsal is ended after the test, if it still is up."""
    yield tmp_path
    if daemon.find(tmp_path):
        daemon.down(tmp_path)


def shell(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "rehearsal", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=90)


def test_up_prints_the_environment_that_a_users_own_client_needs_and_down_ends_it(ended: Path) -> None:
    said = shell("up", "--directory", str(ended))
    assert said.returncode == 0, said.stdout
    printed = dict(re.findall(r"^export (\w+)=(.*)$", said.stdout, re.MULTILINE))
    for name in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_REGION", "AWS_CONFIG_FILE", "KUBECONFIG", "PATH"):
        assert name in printed
    assert "unset AWS_PROFILE" in said.stdout
    keys = [shlex.split(printed[name])[0] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")]
    user = boto3.Session(*keys, region_name=printed["AWS_REGION"])
    answered = user.client("sts", endpoint_url=printed["AWS_ENDPOINT_URL"]).get_caller_identity()
    assert answered["Arn"] == "arn:aws:iam::111122223333:user/admin"
    running = daemon.find(ended)
    assert running
    assert shell("down", "--directory", str(ended)).returncode == 0
    assert not running.alive()
    assert daemon.find(ended) is None


def test_a_second_one_in_the_same_directory_is_refused(account: Account, capsys: pytest.CaptureFixture[str]) -> None:
    directory = str(account.world.directory)
    for command in ("up", "run"):
        assert cli.main([command, "--directory", directory]) == 1
        assert "a rehearsal is already up" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["down"], ["state"], ["leftovers"], ["fault", "create", "A"]], ids=lambda c: c[0])
def test_where_none_is_up_a_command_says_so(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([*command, "--directory", str(tmp_path)]) == 1
    assert f"error: no rehearsal is up in {tmp_path}" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["up", "run"])
def test_a_folder_with_somebody_s_files_is_refused_and_left_alone(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Guards against `--directory .`, which once deleted what was there."""
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "text").write_text("years")
    assert cli.main([command, "--directory", str(tmp_path)]) == 1
    assert "holds files that no rehearsal made" in capsys.readouterr().err
    assert (tmp_path / "thesis" / "text").read_text() == "years"


@pytest.mark.parametrize("option", [["--port", "99999"], ["--speed", "0"], ["--speed", "nan"]], ids=" ".join)
def test_a_port_or_speed_that_cannot_be_is_refused(option: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["up", *option])
    assert f"{option[1]!r} is no" in capsys.readouterr().err


def test_of_two_that_start_at_once_in_a_directory_one_is_refused(tmp_path: Path) -> None:
    """Guards against a second one emptying the directory under the first one's feet."""
    (tmp_path / "cdk.json").write_text(json.dumps({"app": "exit 1"}))
    command = [sys.executable, "-m", "rehearsal", "run", "--app", str(tmp_path), "--directory", str(tmp_path / "run")]
    both = [subprocess.Popen(command, cwd=ROOT, stdout=-1, stderr=-1, text=True) for _ in range(2)]
    said = {each.communicate()[1].strip() for each in both}
    refused = [each for each in said if "a rehearsal is already up in" in each]
    assert len(refused) == 1
    assert said - set(refused) == {
        "error: synth: cdk synth --quiet --output " + str(tmp_path / "run/cdk.out") + " ended with status 1"
    }
    assert daemon.find(tmp_path / "run") is None


def test_one_that_is_still_starting_is_waited_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    daemon.claim(tmp_path)
    assert cli.main(["state", "--directory", str(tmp_path)]) == 1
    assert "is still starting: try again" in capsys.readouterr().err


def test_a_start_that_is_broken_off_leaves_no_process(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "rehearsal", "up", "--directory", str(tmp_path / "up")]
    with subprocess.Popen(command, cwd=ROOT, stdout=-1, stderr=-1, text=True) as starting:
        family: list[psutil.Process] = []
        deadline = time.monotonic() + 60
        while not family:
            assert time.monotonic() < deadline
            time.sleep(0.02)
            family = psutil.Process(starting.pid).children(recursive=True)
        starting.send_signal(signal.SIGINT)
        said = starting.communicate()
    assert (starting.returncode, said) == (128 + signal.SIGINT, ("", ""))
    assert not psutil.wait_procs(family, 10)[1]
    assert daemon.find(tmp_path / "up") is None


def test_a_run_can_be_looked_into_and_ended_with_the_cdk_cli(tmp_path: Path) -> None:
    (tmp_path / "cdk.json").write_text(json.dumps({"app": "sleep 300 & echo synthesizing >&2; wait"}))
    command = [sys.executable, "-m", "rehearsal", "run", "--app", str(tmp_path), "--directory", str(tmp_path / "run")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout
        assert any("synthesizing" in line for line in run.stdout)
        deadline = time.monotonic() + 30
        family: list[psutil.Process] = []
        while "sleep" not in {each.name() for each in family}:
            assert time.monotonic() < deadline
            time.sleep(0.1)
            family = psutil.Process(run.pid).children(recursive=True)
        assert cli.main(["leftovers", "--directory", str(tmp_path / "run")]) == 0
        assert shell("down", "--directory", str(tmp_path / "run")).returncode == 0
        run.communicate()
    assert run.returncode == 128 + signal.SIGTERM
    assert not psutil.wait_procs(family, 10)[1]


def test_a_file_left_by_a_dead_rehearsal_is_not_taken_for_a_living_one(tmp_path: Path) -> None:
    """Its process id may be another's by now, whom `down` must not end."""
    mine = {"pid": os.getpid(), "began": 0.0, "port": 1, "speed": 60.0}
    (tmp_path / "running.json").write_text(json.dumps(mine))
    assert daemon.find(tmp_path) is None
