"""The benchmark of the rehearsal."""

import json
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

import stand_in
import stand_in_app
from stand_in import Row

ROWS = {"start": Row(8.0, 6.0), "deploy": Row(40.0, 30.0, 5.0), "destroy": Row(30.1, 20.0, 2.0)}


def test_a_goal_that_is_missed_is_marked_and_fails() -> None:
    said = stand_in.text(ROWS, {"the daemon": 400 << 20, "Spark": 900 << 20}, 1200 << 20)
    assert "8.0 s     6.0 CPU-s" in said
    assert [line.split("(goal ")[1].split(")")[0] for line in said.splitlines()[1:]] == [
        "8 s: met",
        "45 s: met",
        "30 s: MISSED",
        "2048 MiB: met",
    ]
    assert "the daemon 400 MiB, Spark 900 MiB" in said
    assert not stand_in.good(ROWS, 1200 << 20)


@pytest.mark.parametrize(("peak", "met"), [(2048 << 20, True), ((2048 << 20) + 1, False)])
def test_memory_has_a_goal_too(peak: int, met: bool) -> None:
    assert stand_in.good(ROWS | {"destroy": Row(30.0, 20.0)}, peak) is met


def test_what_a_function_starts_is_not_the_rehearsal_s_own(tmp_path: Path) -> None:
    """Guards against a function's kubectl, which the goal does not count, being taken for the daemon's."""
    child = "import sys; print(1, flush=True); sys.stdin.read()"
    program = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    place = tmp_path / "functions" / "a"
    place.mkdir(parents=True)
    with subprocess.Popen([sys.executable, "-c", program, f"{place}/task"], stdin=-1, stdout=-1) as function:
        assert function.stdout
        assert function.stdin
        function.stdout.readline()
        found = list(stand_in.parts(psutil.Process()))
        mine = {each.pid for each in psutil.Process(function.pid).children()} | {function.pid}
        function.stdin.close()
    assert len(mine) == 2
    assert {part for process, part in found if process.pid in mine} == {"functions"}
    assert found[0] == (psutil.Process(), "the daemon")


def test_the_app_has_as_many_resources_as_the_goals_are_about() -> None:
    templates = [Path(each.template_full_path) for each in stand_in_app.build().synth().stacks]
    resources = [each for file in templates for each in json.loads(file.read_text())["Resources"].values()]
    assert len(resources) == 120
    assert len({each["Type"] for each in resources}) >= 40
