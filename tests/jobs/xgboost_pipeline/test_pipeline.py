"""The whole job as users run it: raw files in, report and scores out, against what the generator knows to be true."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import roc_auc_score

pytestmark = pytest.mark.timeout(1800)  # minutes where other tests take both processors
ROWS = 600_000
CEILING_ROWS = 3_000_000  # fewer leave too few defaulted loans to learn from, and luck in six test months decides
CEILING_GAP = 0.03


@dataclass(frozen=True)
class Run:
    """The directories of a run, and what it printed."""

    input: Path
    truth: Path
    result: Path
    log: str


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("pipeline")
    files, truth, result = folder / "input", folder / "truth", folder / "result"
    job("generate", "--rows", str(ROWS), "--output", str(files), "--truth", str(truth))
    log = job("run", "--input", str(files), "--output", str(result))
    return Run(files, truth, result, log)


def job(*arguments: str) -> str:
    """Run a verb as a user does, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "xgboost_pipeline", *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def with_truth(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Test rows of a model on enough loans, with the true probability beside the predicted one."""
    folder = tmp_path_factory.mktemp("ceiling")
    files, truth, features, model = (str(folder / name) for name in ("input", "truth", "features", "model"))
    job("generate", "--rows", str(CEILING_ROWS), "--output", files, "--truth", truth)
    job("features", "--input", files, "--output", features)
    shutil.rmtree(files)
    job("train", "--features", features, "--output", model)
    predictions = pq.read_table(f"{model}/predictions").to_pandas()
    known = pq.read_table(f"{truth}/table").to_pandas().rename(columns={"probability": "truth"})
    joined: pd.DataFrame = predictions.merge(known, on=["loan_id", "month"], how="left", validate="one_to_one")
    assert joined.truth.notna().all()
    return joined


def predicted(run: Run) -> pd.DataFrame:
    table: pd.DataFrame = pq.read_table(run.result / "model" / "predictions").to_pandas()
    return table


@pytest.mark.parametrize("population", ["all", "current"])
def test_the_auc_is_close_to_that_of_the_true_probabilities(with_truth: pd.DataFrame, population: str) -> None:
    rows = with_truth[with_truth.status == 0] if population == "current" else with_truth
    ceiling = roc_auc_score(rows.label, rows.truth)
    assert ceiling > 0.7, "the truth itself does not separate: the comparison would mean nothing"
    assert roc_auc_score(rows.label, rows.probability) > ceiling - CEILING_GAP


def test_the_honesty_ladder_falls_with_each_leak_that_is_closed(run: Run) -> None:
    ladder = json.loads((run.result / "report" / "metrics.json").read_text())["ladder"]
    aucs = [rung["roc_auc"] for rung in ladder]
    assert len(aucs) == 4
    assert aucs[0] > aucs[1] > max(aucs[2:])


def test_the_model_beats_both_baselines(run: Run) -> None:
    metrics = json.loads((run.result / "model" / "metrics.json").read_text())
    for baseline in ("logistic", "roll_rate"):
        assert metrics["roc_auc"] > metrics["baselines"][baseline]["roc_auc"]


@pytest.mark.parametrize(
    "line",
    [
        "rows read",
        "ETL takes",
        "Training takes",
        "Transformation takes",
        "Evaluation takes",
        "Accuracy is",
        "|probability|",
    ],
)
def test_the_driver_log_keeps_the_lines_that_people_know(run: Run, line: str) -> None:
    assert line in run.log.replace(" probability|", "|probability|")


def test_accuracy_is_the_share_of_right_decisions(run: Run) -> None:
    rows = predicted(run)
    threshold = json.loads((run.result / "model" / "manifest.json").read_text())["threshold"]
    right = ((rows.probability >= threshold) == (rows.label == 1)).mean()
    printed = re.findall(r"Accuracy is ([0-9.]+)", run.log)
    assert len(printed) == 4
    assert float(printed[-1]) == pytest.approx(right, abs=1e-9)


def test_scoring_the_test_rows_again_gives_the_same_predictions(run: Run, tmp_path: Path) -> None:
    job(
        "score",
        "--months",
        "all",
        "--input",
        str(run.input),
        "--model",
        str(run.result / "model"),
        "--output",
        str(tmp_path / "scores"),
    )
    scores = pq.read_table(tmp_path / "scores" / "scores").to_pandas()
    evaluated = predicted(run)[["loan_id", "month", "probability"]]
    evaluated["month"] = [f"{month // 12}-{month % 12 + 1:02d}" for month in evaluated.month]
    both = evaluated.merge(scores, on=["loan_id", "month"], how="left", suffixes=("", "_again"), validate="one_to_one")
    assert (both.probability == both.probability_again).all()


def test_nothing_is_left_beside_the_outputs(run: Run) -> None:
    assert {path.name for path in run.result.iterdir()} == {
        "features-forward",
        "features-reference",
        "model",
        "model-forward-loan",
        "model-reference-loan",
        "model-reference-rows",
        "report",
    }
