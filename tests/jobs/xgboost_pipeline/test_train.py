"""`train` from a feature table to a model directory, on a small table with a known signal."""

import io
import json
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import xgboost
from feature_tables import COLUMNS, feature_rows, spark, write_features

from xgboost_pipeline.errors import PipelineError
from xgboost_pipeline.train import Settings, run
from xgboost_pipeline.train.parts import Count, require_outcomes

NAMES = [column.name for column in COLUMNS]


@dataclass(frozen=True)
class Trained:
    """A model directory, the table it was trained on, and what was printed."""

    path: Path
    rows: pd.DataFrame
    log: str

    def json(self, name: str) -> Any:  # noqa: ANN401 - JSON
        return json.loads((self.path / name).read_text())

    def predictions(self) -> pd.DataFrame:
        rows: pd.DataFrame = pq.read_table(self.path / "predictions").to_pandas()
        return rows.sort_values(["loan_id", "month"], ignore_index=True)

    def test_rows(self) -> pd.DataFrame:
        rows = self.rows[self.rows["split_loan_and_time"] == "test"]
        return rows.sort_values(["loan_id", "month"], ignore_index=True)


def trained(directory: Path, rows: pd.DataFrame, **options: Any) -> Trained:  # noqa: ANN401 - whatever the setting is
    spark()
    write_features(directory / "features", rows)
    log = io.StringIO()
    with redirect_stdout(log):
        run(
            Settings(
                features=str(directory / "features"),
                output=str(directory / "model"),
                learning_rate=0.3,
                rounds=80,
                early_stopping_rounds=5,
                resamples=5,
                **options,
            )
        )
    return Trained(directory / "model", rows, log.getvalue())


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return trained(tmp_path_factory.mktemp("plain"), feature_rows())


@pytest.fixture(scope="module")
def other_test_labels(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """The same table with every label turned around that training must not see, its rows in another order."""
    rows = feature_rows()
    hidden = ~rows["split_loan_and_time"].isin(["train", "validation"])
    rows["label"] = rows["label"].where(~hidden, 1 - rows["label"])
    return trained(tmp_path_factory.mktemp("other"), rows.sample(frac=1, random_state=3))


@pytest.fixture(scope="module")
def balanced(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return trained(tmp_path_factory.mktemp("balanced"), feature_rows(6000, base=-4.5), weighting="balanced")


def test_training_stops_early_and_saves_only_the_best_trees(plain: Trained) -> None:
    booster = xgboost.Booster(model_file=plain.path / "model.ubj")
    best = plain.json("manifest.json")["best_iteration"]
    assert best < 80 - 1
    assert booster.num_boosted_rounds() == best + 1


def test_the_native_booster_repeats_every_prediction_bit_for_bit(plain: Trained) -> None:
    types = ["c" if column.type == "category" else "q" for column in COLUMNS]
    rows = plain.test_rows()[NAMES].astype("float32")
    matrix = xgboost.DMatrix(rows, feature_types=types, enable_categorical=True)
    native = xgboost.Booster(model_file=plain.path / "model.ubj").predict(matrix)
    np.testing.assert_array_equal(plain.predictions()["probability"].to_numpy(), native)


def test_predictions_are_the_test_rows_and_no_others(plain: Trained) -> None:
    keys = ["loan_id", "month", "label"]
    expected = plain.test_rows()[keys].astype({"month": "int32", "label": "float32"})
    pd.testing.assert_frame_equal(plain.predictions()[keys], expected, check_dtype=True)


def test_predictions_have_the_columns_that_evaluation_needs(plain: Trained) -> None:
    schema = pq.read_table(plain.path / "predictions").schema
    assert {field.name: str(field.type) for field in schema} == {
        "loan_id": "string",
        "month": "int32",
        "label": "float",
        "status": "int32",
        "probability": "float",
        "logistic": "double",
        "roll_rate": "double",
    }


def test_the_model_finds_what_a_linear_one_cannot(plain: Trained) -> None:
    metrics = plain.json("metrics.json")
    assert metrics["roc_auc"] > metrics["baselines"]["logistic"]["roc_auc"] + 0.02
    assert metrics["baselines"]["logistic"]["roc_auc"] > metrics["baselines"]["roll_rate"]["roc_auc"] + 0.02


def test_roll_rates_are_training_shares_by_status(plain: Trained) -> None:
    training = plain.rows[plain.rows["split_loan_and_time"] == "train"]
    expected = plain.test_rows()["status"].map(training.groupby("status")["label"].mean())
    np.testing.assert_allclose(plain.predictions()["roll_rate"], expected, rtol=1e-6)


def test_each_baseline_decides_by_the_best_f1_on_validation_rows(plain: Trained) -> None:
    known = plain.rows[plain.rows["split_loan_and_time"] == "train"].groupby("status")["label"].mean()
    rows = plain.rows[plain.rows["split_loan_and_time"] == "validation"]
    rates, label = rows["status"].map(known), rows["label"] == 1
    best = max(known, key=lambda rate: 2 * (label & (rates >= rate)).sum() / (label.sum() + (rates >= rate).sum()))
    thresholds = plain.json("metrics.json")["thresholds"]
    assert thresholds["roll_rate"] == pytest.approx(best, abs=1e-5)
    assert thresholds["probability"] == plain.json("manifest.json")["threshold"]
    assert len(set(thresholds.values())) == 3


def test_rows_outside_training_and_validation_change_neither_model_nor_threshold(
    plain: Trained, other_test_labels: Trained
) -> None:
    assert (plain.path / "model.ubj").read_bytes() == (other_test_labels.path / "model.ubj").read_bytes()
    assert plain.json("metrics.json")["thresholds"] == other_test_labels.json("metrics.json")["thresholds"]


def test_turning_test_labels_around_turns_the_evaluation_around(plain: Trained, other_test_labels: Trained) -> None:
    assert other_test_labels.json("metrics.json")["roc_auc"] == pytest.approx(1 - plain.json("metrics.json")["roc_auc"])


def test_weighted_training_still_predicts_the_base_rate(balanced: Trained) -> None:
    observed, predicted = balanced.test_rows()["label"].mean(), balanced.predictions()["probability"].mean()
    assert observed < 0.1
    assert predicted == pytest.approx(observed, rel=0.25)


def test_recalibration_is_saved_with_a_weighted_model(balanced: Trained, plain: Trained) -> None:
    assert balanced.json("manifest.json")["calibration"]["intercept"] < -1
    assert plain.json("manifest.json")["calibration"] is None


def test_the_log_keeps_the_lines_of_the_blueprint(plain: Trained) -> None:
    training = int((plain.rows["split_loan_and_time"] == "train").sum())
    lines = [f"train rows: {training:,}", "Training takes", "Transformation takes", "Evaluation takes", "Accuracy is"]
    found = [plain.log.index(line) for line in lines]
    assert found == sorted(found)


def test_the_log_shows_five_predictions(plain: Trained) -> None:
    assert sum(line.startswith("|0000") for line in plain.log.splitlines()) == 5


def test_the_manifest_describes_data_model_and_settings(plain: Trained) -> None:
    manifest = plain.json("manifest.json")
    assert manifest["fingerprint"] == "0123"
    assert manifest["settings"]["learning_rate"] == 0.3
    assert set(manifest["importance"]) == set(NAMES)
    assert set(manifest["seconds"]) == {"training", "transformation", "evaluation"}
    assert len(manifest["history"]["validation"]) == manifest["best_iteration"] + 1 + 5


@pytest.mark.parametrize("part", ["train", "validation", "test"])
def test_a_part_without_positives_is_refused(part: str) -> None:
    counts = {name: Count(100, 0 if name == part else 5) for name in ("train", "validation", "test")}
    with pytest.raises(PipelineError, match=f"no positives among 100 {part} rows"):
        require_outcomes(counts, ("train", "validation", "test"), "loan")


def test_a_part_without_rows_is_refused() -> None:
    with pytest.raises(PipelineError, match="no validation rows in split loan"):
        require_outcomes({"train": Count(9, 1)}, ("train", "validation"), "loan")


def test_a_failed_training_leaves_nothing(tmp_path: Path) -> None:
    rows = feature_rows(200).assign(label=np.float32(0))
    with pytest.raises(PipelineError, match="no positives"):
        trained(tmp_path, rows)
    assert [path.name for path in tmp_path.iterdir()] == ["features"]


def test_settings_outside_their_range_are_refused() -> None:
    with pytest.raises(PipelineError, match="--subsample is 1.5: give more than 0 and at most 1"):
        Settings(features="a", output="b", subsample=1.5)
