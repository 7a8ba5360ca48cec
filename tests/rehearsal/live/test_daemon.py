"""A rehearsal beside the user's terminal: it answers, two do not meet, and nothing of it outlives its end."""

import json
import os
import re
import shlex
import subprocess
import sys
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
    assert not psutil.pid_exists(running.pid)
    assert daemon.find(ended) is None


def test_a_second_one_in_the_same_directory_is_refused(account: Account, capsys: pytest.CaptureFixture[str]) -> None:
    directory = str(account.world.directory)
    assert cli.main(["up", "--directory", directory]) == 1
    assert "a rehearsal is already up" in capsys.readouterr().out
    assert cli.main(["run", "--directory", directory]) == 1
    assert "end it first with `python -m rehearsal down`" in capsys.readouterr().out


@pytest.mark.parametrize("command", [["down"], ["state"], ["leftovers"], ["fault", "create", "A"]], ids=lambda c: c[0])
def test_where_none_is_up_a_command_says_so(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([*command, "--directory", str(tmp_path)]) == 1
    assert f"error: no rehearsal is up in {tmp_path}" in capsys.readouterr().out


def test_a_file_left_by_a_dead_rehearsal_is_not_taken_for_a_living_one(tmp_path: Path) -> None:
    """Its process id may be another's by now, whom `down` must not end."""
    mine = {"pid": os.getpid(), "began": 0.0, "port": 1, "speed": 60.0}
    (tmp_path / "running.json").write_text(json.dumps(mine))
    assert daemon.find(tmp_path) is None
