"""Threshold, recalibration and baselines, against plain arithmetic."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from feature_tables import COLUMNS, feature_rows, spark, spark_frame
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from xgboost_pipeline.train.baselines import (
    Logistic,
    Number,
    RollRates,
    fit_logistic,
    logistic_expression,
    roll_rate_expression,
)
from xgboost_pipeline.train.calibration import odds_histogram, platt
from xgboost_pipeline.train.threshold import best_threshold, histogram

NAMES = [column.name for column in COLUMNS]


def f1(label: np.ndarray, decided: np.ndarray) -> float:  # type: ignore[type-arg]
    return float(2 * (label & decided).sum() / (label.sum() + decided.sum()))


@given(st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=1).filter(lambda rows: any(y for _, y in rows)))
def test_no_other_threshold_has_a_higher_f1(rows: list[tuple[int, bool]]) -> None:
    steps, labels = np.array([step for step, _ in rows]), np.array([label for _, label in rows])
    counts = pd.DataFrame({"step": steps, "rows": 1, "positives": labels}).groupby("step", as_index=False).sum()
    scores = {step: f1(labels, steps >= step) for step in set(steps)}
    chosen = round(best_threshold(counts) * 100_000)
    assert scores[chosen] == pytest.approx(max(scores.values()))


def test_equal_f1_goes_to_fewer_alarms() -> None:
    counts = pd.DataFrame({"step": [10_000, 50_000], "rows": [2, 1], "positives": [1.0, 1.0]})
    assert best_threshold(counts) == 0.1
    even = pd.DataFrame({"step": [10_000, 50_000], "rows": [3, 1], "positives": [1.0, 1.0]})
    assert best_threshold(even) == 0.5


def test_histogram_counts_rows_and_positives_by_probability() -> None:
    frame = spark().createDataFrame([(0.25, 1.0), (0.250004, 0.0), (0.9, 1.0)], ["probability", "label"])
    assert histogram(frame).to_dict("list") == {"step": [25_000, 90_000], "rows": [2, 1], "positives": [1.0, 1.0]}


def test_platt_finds_the_scaling_that_was_hidden(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    odds = random.normal(-1, 2, 200_000)
    label = random.random(len(odds)) < 1 / (1 + np.exp(-(0.7 * odds - 1.5)))
    table = pd.DataFrame({"probability": 1 / (1 + np.exp(-odds)), "label": label.astype(float)})
    found = platt(odds_histogram(spark_frame(table, tmp_path / "rows")))
    assert found.slope == pytest.approx(0.7, abs=0.02)
    assert found.intercept == pytest.approx(-1.5, abs=0.02)


def test_a_status_never_seen_gets_the_overall_rate() -> None:
    frame = spark().createDataFrame([(0,), (7,), (None,)], "status int")
    rated = frame.select(roll_rate_expression(RollRates({0: 0.01, 1: 0.3}, 0.05)).alias("rate"))
    assert [row.rate for row in rated.collect()] == [0.01, 0.05, 0.05]


def test_the_logistic_expression_is_the_arithmetic_of_its_weights() -> None:
    model = Logistic(-1.0, (Number("dti", 30.0, 0.1, 0.7),), {"state": {1: 0.5, 2: -0.5}})
    frame = spark().createDataFrame([(40.0, 1.0), (None, 2.0), (30.0, 9.0)], "dti float, state float")
    found = [row.p for row in frame.select(logistic_expression(model).alias("p")).collect()]
    assert found == pytest.approx([1 / (1 + np.exp(-odds)) for odds in (0.5, -0.8, -1.0)])


def test_the_logistic_baseline_learns_numbers_categories_and_gaps(tmp_path: Path) -> None:
    rows = feature_rows(1500)
    sample = rows[["label", *NAMES]].astype("float32")
    expression = logistic_expression(fit_logistic(sample, COLUMNS))
    predicted = spark_frame(sample, tmp_path / "rows").select("label", expression.alias("p")).toPandas()
    assert roc_auc_score(predicted["label"], predicted["p"]) > 0.66
    assert predicted["p"].mean() == pytest.approx(predicted["label"].mean(), abs=0.005)


def test_a_column_that_is_always_missing_does_not_hurt() -> None:
    sample = feature_rows(300)[["label", *NAMES]].astype("float32").assign(dti=np.float32(np.nan))
    dti = next(number for number in fit_logistic(sample, COLUMNS).numbers if number.name == "dti")
    assert dti.slope == 0
