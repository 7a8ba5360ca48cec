"""The commands do in a shell what they say, with a stand-in for the AWS CLI."""

import subprocess
from pathlib import Path

import pytest

from tests.stacks.assembly import Assembly
from tests.stacks.observability_stacks import synthesized

# Draws a password as the AWS CLI prints it; notes what it is called with, and what it is given to store.
CLI = """#!/bin/sh
echo "$@" >> "$NOTES/called"
case "$2" in
  get-random-password) echo drawn-password ;;
  put-secret-value) cat > "$NOTES/stored" ;;
esac
"""


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    return synthesized(tmp_path_factory.mktemp("observed"))


def test_a_new_password_is_stored_as_it_was_drawn_and_is_in_no_list_of_processes(
    assembly: Assembly, tmp_path: Path
) -> None:
    command = assembly.template("Observability")["Outputs"]["NewGrafanaPassword"]["Value"]
    (tmp_path / "aws").write_text(CLI)
    (tmp_path / "aws").chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "NOTES": str(tmp_path)}
    subprocess.run(["/bin/sh", "-c", command], env=environment, check=True, timeout=30)
    assert (tmp_path / "stored").read_bytes() == b"drawn-password"
    called = (tmp_path / "called").read_text()
    assert "drawn-password" not in called
    assert "--secret-id observed-grafana --secret-string file:///dev/stdin" in called
    assert "--password-length 40" in called
