"""Every operator up to the feature table can run on a GPU: RAPIDS says so, in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import gpu_plan
import rapids_jar
from gpu_verdict import python_nodes, refused
from xgboost_pipeline.features.columns import forward_columns, reference_columns

pytestmark = pytest.mark.timeout(1800)
KEYS = 7
REASON = gpu_plan.RESULT.with_suffix(".skipped")  # `make test` prints it last


@pytest.fixture(scope="module")
def result() -> dict[str, Any]:
    REASON.unlink(missing_ok=True)
    command = [sys.executable, str(Path(gpu_plan.__file__))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == gpu_plan.SKIPPED and not rapids_jar.is_present():
        REASON.parent.mkdir(exist_ok=True)
        REASON.write_text(done.stdout.splitlines()[-1] + "\n")
        pytest.skip(done.stdout.splitlines()[-1])
    assert done.returncode in (0, 1), done.stdout[-2000:] + done.stderr[-4000:]
    return dict(json.loads(gpu_plan.RESULT.read_text()))


def test_wrong_plans_are_reported(result: dict[str, Any]) -> None:
    assert result["missed"] == []
    assert len(result["controls"]) == 4


@pytest.mark.parametrize("label", ["forward", "reference", "one-hot"])
def test_features_runs_on_the_gpu_without_python(result: dict[str, Any], label: str) -> None:
    step = result["steps"][f"features {label}"]
    assert step["faults"] == []
    assert step["python"] == []
    assert step["queries"] > 3


@pytest.mark.parametrize("step", ["train", "train balanced", "score"])
def test_training_and_scoring_leave_the_gpu_for_xgboost_alone(result: dict[str, Any], step: str) -> None:
    assert result["steps"][step]["faults"] == []
    assert "ArrowEvalPython predict_udf" in result["steps"][step]["python"]


@pytest.mark.parametrize(
    ("step", "frame", "columns"),
    [
        ("features forward", "write table", forward_columns()),
        ("features reference", "write table", reference_columns()),
        ("train", "fit", forward_columns()),
        ("train", "transform", forward_columns()),
        ("score", "transform", forward_columns()),
    ],
)
def test_frames_are_judged_at_full_width(
    result: dict[str, Any], step: str, frame: str, columns: tuple[Any, ...]
) -> None:
    assert {column.name for column in columns} <= set(result["steps"][step]["frames"][frame])


def test_python_functions_are_found_in_a_plan_without_those_in_their_arguments() -> None:
    plan = "(3) ArrowEvalPython\nInput [1]: [a#1]\nArguments: [f(struct(a, a#1))#2, g(a#1)#3], [p0#4, p1#5], 200\n\n"
    assert python_nodes(plan) == ["ArrowEvalPython f", "ArrowEvalPython g"]


def test_python_without_a_named_function_is_found() -> None:
    assert python_nodes("(3) FlatMapGroupsInPandas [codegen id : 1]\nInput [1]: [a#1]\n") == [
        "FlatMapGroupsInPandas number 3"
    ]


def test_refused_operators_are_told_from_their_expressions() -> None:
    lines = [
        "!Exec <SortExec> cannot run on GPU because",
        "  ! <RDDScanExec> cannot run",
        "    @Expression <Alias> could run on GPU",
        "*Exec <FilterExec> will run on GPU",
        "!Output <InsertIntoHadoopFsRelationCommand> cannot run",
    ]
    assert refused(lines) == [lines[0], lines[1].strip(), lines[4]]
