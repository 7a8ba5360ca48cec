"""The commands do in a shell what they say, with a stand-in for the AWS CLI."""

import base64
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from rapids_eks.gpu_metrics import rules
from tests.stacks.assembly import Assembly
from tests.stacks.observability_stacks import synthesized

# Draws a password, and shows rules, as the AWS CLI prints both; notes what it is called with, and what it stores.
CLI = f"""#!/bin/sh
echo "$@" >> "$NOTES/called"
case "$2" in
  get-random-password) echo drawn-password ;;
  put-secret-value) cat > "$NOTES/stored" ;;
  describe-rule-groups-namespace) echo {base64.b64encode(rules.data().encode()).decode()} ;;
esac
"""


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    return synthesized(tmp_path_factory.mktemp("observed"))


@pytest.fixture
def typed(assembly: Assembly, tmp_path: Path) -> Callable[[str], str]:
    """Return what types an output's command into a shell, and answers what it prints; notes are in `tmp_path`."""
    (tmp_path / "aws").write_text(CLI)
    (tmp_path / "aws").chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "NOTES": str(tmp_path)}

    def run(output: str) -> str:
        value = assembly.template("Observability")["Outputs"][output]["Value"]
        command = "".join(map(_text, value["Fn::Join"][1])) if isinstance(value, dict) else value
        done = subprocess.run(
            ["/bin/sh", "-c", command], env=environment, check=True, timeout=30, capture_output=True, text=True
        )
        return done.stdout

    return run


def _text(part: str | dict[str, object]) -> str:
    """Return a part of a joined text; what only CloudFormation knows stands for itself."""
    return part if isinstance(part, str) else "x"


def test_the_rules_are_shown_as_they_were_written(typed: Callable[[str], str]) -> None:
    assert typed("Rules") == rules.data()


@pytest.mark.parametrize(("output", "protocol"), [("Subscribe", "email"), ("SubscribeUrl", "https")])
def test_people_and_programs_can_be_told_of_alerts(
    typed: Callable[[str], str], tmp_path: Path, output: str, protocol: str
) -> None:
    typed(output)
    assert f" --protocol {protocol} --notification-endpoint " in (tmp_path / "called").read_text()


def test_a_new_password_is_stored_as_it_was_drawn_and_is_in_no_list_of_processes(
    typed: Callable[[str], str], tmp_path: Path
) -> None:
    typed("NewGrafanaPassword")
    assert (tmp_path / "stored").read_bytes() == b"drawn-password"
    called = (tmp_path / "called").read_text()
    assert "drawn-password" not in called
    assert "--secret-id observed-grafana --secret-string file:///dev/stdin" in called
    assert "--password-length 40" in called
