"""Scoring raw files with a saved model, in a fresh process and without the data it was trained on."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import xgboost
from feature_runs import settings as feature_settings
from feature_runs import write_portfolio
from feature_tables import spark
from portfolios import LAST, portfolio
from raw_files import period

from xgboost_pipeline import features, model, months, score, train
from xgboost_pipeline.errors import PipelineError
from xgboost_pipeline.storage import output

DEAL_NAME = 104  # where synthetic files say what they are
FRESH = "import sys; from xgboost_pipeline.score import Settings, run; i, m, o = sys.argv[1:]; "
FRESH += "run(Settings(input=i, model=m, output=o, months='all'))"


@dataclass(frozen=True)
class Scored:
    """Raw files, the model, and what scoring all months in a fresh process wrote and printed."""

    directory: Path
    log: str

    def settings(self, name: str, **changes: str) -> score.Settings:
        raw, trained = str(self.directory / "raw"), str(self.directory / "model")
        return replace(score.Settings(input=raw, model=trained, output=str(self.directory / name)), **changes)  # type: ignore[arg-type]

    def scores(self, name: str = "all") -> pd.DataFrame:
        rows: pd.DataFrame = pq.read_table(self.directory / name / "scores").to_pandas()
        return rows


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Scored:
    directory = tmp_path_factory.mktemp("score")
    spark()
    write_portfolio(directory / "raw", portfolio(Random(3), 400))
    features.run(feature_settings(directory / "raw", directory / "features"))
    made, output_uri = str(directory / "features"), str(directory / "model")
    chosen = train.Settings(features=made, output=output_uri, rounds=12, learning_rate=0.3, weighting="balanced")
    train.run(replace(chosen, resamples=2))
    shutil.rmtree(directory / "features")
    command = [sys.executable, "-c", FRESH, *(str(directory / name) for name in ("raw", "model", "all"))]
    fresh = {**os.environ, "XGBOOST_PIPELINE_MASTER": "local[2]"}
    done = subprocess.run(command, capture_output=True, text=True, env=fresh, check=False)
    assert done.returncode == 0, done.stderr
    return Scored(directory, done.stdout)


def test_scoring_the_test_rows_again_gives_the_same_bits(scored: Scored) -> None:
    tested = pq.read_table(scored.directory / "model" / "predictions").to_pandas()
    tested["month"] = tested["month"].map(months.name)
    both = tested.merge(scored.scores(), on=["loan_id", "month"], suffixes=("", "_again"))
    assert len(both) == len(tested) > 100
    np.testing.assert_array_equal(both["probability_again"], both["probability"])


def test_scores_are_loan_month_probability_and_decision(scored: Scored) -> None:
    schema = pq.read_table(scored.directory / "all" / "scores").schema
    found = {field.name: str(field.type) for field in schema}
    assert found == {"loan_id": "string", "month": "string", "probability": "float", "decision": "bool"}


def test_a_decision_is_a_probability_of_at_least_the_threshold(scored: Scored) -> None:
    threshold = json.loads((scored.directory / "model" / "manifest.json").read_text())["threshold"]
    rows = scored.scores()
    assert (rows["decision"] == (rows["probability"].astype(float) >= threshold)).all()
    assert 0 < rows["decision"].mean() < 1


def test_only_scores_drift_and_manifest_are_left(scored: Scored) -> None:
    assert {path.name for path in (scored.directory / "all").iterdir()} == {"scores", "drift.json", "manifest.json"}


def test_drift_is_measured_for_every_column_and_the_score(scored: Scored) -> None:
    columns = json.loads((scored.directory / "model" / "features.json").read_text())
    found = json.loads((scored.directory / "all" / "drift.json").read_text())
    assert set(found["columns"]) == {column["name"] for column in columns}
    assert found["score"]["psi"] >= 0


def test_a_summary_is_printed(scored: Scored) -> None:
    rows = len(scored.scores())
    assert f"scored {rows:,} rows of" in scored.log
    assert "drift: the scores are" in scored.log


def test_the_latest_month_alone_is_scored_by_default(scored: Scored) -> None:
    score.run(scored.settings("latest"))
    latest, every = scored.scores("latest"), scored.scores()
    assert set(latest["month"]) == {months.name(LAST)}
    expected = every[every["month"] == months.name(LAST)].sort_values("loan_id", ignore_index=True)
    pd.testing.assert_frame_equal(latest.sort_values("loan_id", ignore_index=True), expected)


def test_a_damaged_model_is_refused_and_nothing_is_written(scored: Scored, tmp_path: Path) -> None:
    shutil.copytree(scored.directory / "model", tmp_path / "model")
    (tmp_path / "model" / "model.ubj").write_bytes(b"{}")
    with pytest.raises(PipelineError, match="damaged"):
        score.run(scored.settings("none", model=str(tmp_path / "model")))
    assert not (scored.directory / "none").exists()


def test_a_model_for_other_columns_is_refused_by_their_names(scored: Scored, tmp_path: Path) -> None:
    known = model.load(str(scored.directory / "model"))
    columns = (replace(known.columns[0], name="income", type="numeric"), *known.columns[1:])
    data = pd.DataFrame(np.eye(len(columns), dtype="float32"), columns=model.names(columns))
    types = model.feature_types(columns)
    matrix = xgboost.DMatrix(data, np.arange(len(columns)) % 2, feature_types=types, enable_categorical=True)
    other = replace(known, columns=columns, booster=xgboost.train({"objective": "binary:logistic"}, matrix, 1))
    with output(str(tmp_path / "model"), kind="model") as out:
        model.save(other, out)
    with pytest.raises(PipelineError, match="made for other columns.*income"):
        score.run(scored.settings("none", model=str(tmp_path / "model")))
    assert not (scored.directory / "none").exists()


def test_cuda_without_a_cuda_build_is_refused_before_anything_is_read(
    scored: Scored, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xgboost.build_info", lambda: {"USE_CUDA": False})
    with pytest.raises(PipelineError, match="--device is cuda, but this XGBoost .* is built without CUDA"):
        score.run(scored.settings("none", device="cuda", input="nowhere"))


@pytest.mark.parametrize("deal", ["SYN 1", "REAL 1"])
def test_scores_are_synthetic_if_their_files_are_whatever_the_model_was_made_from(
    scored: Scored, tmp_path: Path, deal: str
) -> None:
    histories = [[row | {DEAL_NAME: deal} for row in rows] for rows in portfolio(Random(3), 20)]
    write_portfolio(tmp_path / "raw", histories)
    score.run(scored.settings("none", input=str(tmp_path / "raw"), output=str(tmp_path / "out")))
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["synthetic"] == (deal == "SYN 1")


@pytest.mark.parametrize(("held", "warned"), [(1, True), (12, True), (13, False)])
def test_fewer_months_than_payment_history_looks_back_are_said(
    scored: Scored, tmp_path: Path, capsys: pytest.CaptureFixture[str], held: int, *, warned: bool
) -> None:
    wanted = {period(LAST - back) for back in range(held)}
    histories = [[row for row in rows if row[3] in wanted] for rows in portfolio(Random(3), 60)]
    write_portfolio(tmp_path / "raw", [rows for rows in histories if rows])
    score.run(scored.settings("none", input=str(tmp_path / "raw"), output=str(tmp_path / "out")))
    said = f"warning: the files hold {held} months, {months.name(LAST - held + 1)} to {months.name(LAST)}, and payment"
    assert (said in capsys.readouterr().out) == warned


def test_a_features_directory_is_no_model(scored: Scored) -> None:
    with pytest.raises(PipelineError, match="holds 'scores', not 'model'"):
        score.run(scored.settings("none", model=str(scored.directory / "all")))
