"""The verbs over runs on a real control plane and real Spark: a team's runs from start to report."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from operations import cli
from rehearsal import tools
from tests.operations.fake_aws import ROOT
from tests.rehearsal.emr.conftest import Site, Team, site  # noqa: F401 - a fixture

CODE = """
import sys
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
print("features take", spark.range(10).count(), "seconds", flush=True)
options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
spark.range(3).write.mode("overwrite").csv(options["--output"] + "/numbers")
spark.stop()
"""
Run = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def team(site: Site) -> Iterator[Team]:  # noqa: F811 - the fixture of that name
    made = site.team()
    yield made
    made.cancel_all()


@pytest.fixture
def run(team: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command line in the rehearsal's environment; return its exit status and what it has printed."""
    for name in tools.FORGOTTEN:
        monkeypatch.delenv(name, raising=False)
    for name, value in tools.environment(team.world).items():
        monkeypatch.setenv(name, value)
    blueprint = tmp_path / "blueprint.yaml"
    text = (ROOT / "examples/minimal-cost.yaml").read_text()
    blueprint.write_text(text.replace("rapids-minimal", team.cluster).replace("emr-ml-team-a", team.name))

    def execute(verb: str, *arguments: str) -> tuple[int, str]:
        status = cli.main([verb, "--config", str(blueprint), *arguments])
        said = capsys.readouterr()
        return status, said.out + said.err

    return execute


def arguments(team: Team, run_id: str) -> list[str]:
    found: list[str] = team.run(run_id)["jobDriver"]["sparkSubmitJobDriver"]["entryPointArguments"]
    return found


def test_a_run_is_watched_read_its_report_brought_here_and_then_repeated_and_cancelled(
    team: Team, run: Run, tmp_path: Path
) -> None:
    assert run("list") == (1, f"error: {team.name} has no runs yet\n")
    output = f"s3://{team.bucket}/{team.name}/output/first"
    first = team.start(CODE, "--output", output, "--resamples", "7")
    status, said = run("watch", "--every", "1")
    assert status == 0, said
    assert f"{first} is COMPLETED" in said
    assert "  features take 10 seconds" in said
    assert "features take 10 seconds" in run("logs", first)[1].splitlines()
    team.put("output/first/report/report.html", "<html>the report</html>")
    folder = tmp_path / "here"
    assert run("report", "--into", str(folder)) == (0, f"open {folder}/report.html in a browser\n")
    assert (folder / "report.html").read_text() == "<html>the report</html>"

    before: list[Any] = team.emr.list_job_runs(virtualClusterId=team.virtual_cluster)["jobRuns"]
    status, said = run("start", "--dry-run")
    assert (status, json.loads(said)["virtualClusterId"]) == (0, team.virtual_cluster)
    assert len(team.emr.list_job_runs(virtualClusterId=team.virtual_cluster)["jobRuns"]) == len(before)
    status, said = run("start")
    second = said.strip()
    assert (status, second != first) == (0, True)
    assert arguments(team, second)[::2] == arguments(team, first)[::2]
    assert arguments(team, second)[1] != output
    assert run("cancel", second) == (0, f"{second} is being cancelled\n")
    status, said = run("watch", "--every", "1")
    assert (status, f"{second} has ended as CANCELLED" in said) == (1, True)
    assert run("cancel", second) == (0, f"{second} has ended before, as CANCELLED\n")
    assert "has written no report" in run("report", second)[1]
    assert [line.split()[:2] for line in run("list")[1].splitlines()] == [[second, "CANCELLED"], [first, "COMPLETED"]]
