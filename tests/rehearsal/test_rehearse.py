"""The whole story with the real cdk CLI, and what counts as left over."""

import subprocess
import sys
from pathlib import Path

import pytest

from rehearsal.left_over import LeftOver
from rehearsal.world import World

ROOT = Path(__file__).resolve().parents[2]
STEPS = ("synth", "bootstrap", "deploy", "deploy without a change", "diff", "destroy", "deploy again", "destroy again")


@pytest.mark.timeout(900)
def test_the_sample_is_deployed_twice_and_destroyed_twice_and_nothing_unexplained_is_left(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "rehearsal", "run", "--directory", str(tmp_path), "--app", "tests/rehearsal/app"]
    done = subprocess.run(
        [*command, "--expect", "logs LogGroup */aws/lambda/*"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
    steps = [line[2:28].strip() for line in done.stdout.splitlines() if line.endswith(" s") and line.startswith("  ")]
    assert steps == list(STEPS)
    assert "CREATE_COMPLETE         | AWS::EKS::Nodegroup" in done.stdout
    assert "left after destroy again: 14, of which 0 unexplained" in done.stdout


def test_what_no_pattern_expects_is_unexplained(tmp_path: Path) -> None:
    found = ["logs LogGroup arn:aws:logs:us-west-2:1:log-group:/aws/lambda/x", "ec2 Volume vol-1"]
    left = LeftOver(World(tmp_path, 0), ["logs LogGroup */aws/lambda/*"], {"destroy": found})
    assert not left.is_explained
    assert left.unexplained(found) == ["ec2 Volume vol-1"]
    table = "\n".join(left.lines())
    assert "! ec2 Volume vol-1" in table
    assert f"  {found[0]} (expected: logs LogGroup */aws/lambda/*)" in table
    assert "left after destroy: 2, of which 1 unexplained" in table


def test_what_a_deletion_policy_keeps_is_explained_by_it(tmp_path: Path) -> None:
    found = ["s3 Bucket arn:aws:s3:::data-1", "s3 Bucket arn:aws:s3:::other-data-1"]
    left = LeftOver(World(tmp_path, 0), found={"destroy": found}, kept=frozenset({"data-1"}))
    assert left.unexplained(found) == ["s3 Bucket arn:aws:s3:::other-data-1"]
    assert "  s3 Bucket arn:aws:s3:::data-1 (kept by its DeletionPolicy)" in "\n".join(left.lines())
