"""The whole story of `make demo`, on few loans and the smallest system."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.rehearsal.unused_permissions import denied, role_paths, stale, unexplained

ROOT = Path(__file__).resolve().parents[2]
MINIMAL = ROOT / "examples/minimal-cost.yaml"


def python(*command: str) -> str:
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
    return done.stdout


def generate(rows: int, seed: int, into: Path) -> None:
    places = ["--output", str(into), "--truth", f"{into}-truth"]
    python("xgboost_pipeline", "generate", "--rows", str(rows), "--seed", str(seed), *places)


def every_permission_is_used_or_has_a_reason(directory: Path) -> None:
    """See that no role is granted anything for nothing, and none was denied what it needs."""
    uses, paths = json.loads((directory / "grants.json").read_text()), role_paths(directory / "cdk.out")
    roles = {paths[place]: record for place, record in uses.items() if place in paths}
    assert len(roles) > 20
    assert unexplained(roles) == []
    assert stale(roles) == []
    assert denied(roles) == []


@pytest.mark.timeout(2400)  # six minutes on two idle processors
def test_the_app_is_deployed_runs_the_pipeline_and_is_gone_again(tmp_path: Path) -> None:
    data, result, new = (tmp_path / name for name in ("data", "result", "new"))
    generate(60_000, 1, data)
    places = ["--directory", str(tmp_path / "rehearsal"), "--data", str(data), "--result", str(result)]
    told = python("rehearsal", "demo", "--config", str(MINIMAL), *places)
    outputs = dict(re.findall(r"^(\w+) = (.+)$", told, re.MULTILINE))
    assert outputs["State"] == "COMPLETED"
    assert int(outputs["Rows"]) > 50_000
    assert float(outputs["RocAuc"]) > 0.5
    assert (result / "report" / "report.html").is_file()
    assert "left after destroy: 0, of which 0 unexplained" in told
    every_permission_is_used_or_has_a_reason(tmp_path / "rehearsal")

    generate(20_000, 2, new)
    scored = python(
        *("xgboost_pipeline", "score", "--input", str(new), "--model", str(result / "model")),
        *("--output", str(tmp_path / "scores")),
    )
    (rows,) = re.findall(r"scored ([\d,]+) rows", scored)
    assert int(rows.replace(",", "")) > 100, "the model that the job has left knows new files"
