"""Fitting on Spark: the same bytes from the same rows, and nothing learned from noise."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xgboost
from feature_tables import COLUMNS, feature_rows, spark, spark_frame
from pyspark.sql import DataFrame
from sklearn.metrics import roc_auc_score

from xgboost_pipeline.train.fit import Fitted, fit
from xgboost_pipeline.train.settings import BoosterSettings
from xgboost_pipeline.train.workers import Workers

NAMES = [column.name for column in COLUMNS]
SAMPLED = BoosterSettings(rounds=12, learning_rate=0.3, subsample=0.8, colsample_bytree=0.8, max_depth=4)
PLAIN = BoosterSettings(rounds=25, learning_rate=0.2, subsample=1.0, colsample_bytree=1.0)


def spark_rows(rows: pd.DataFrame, path: Path) -> DataFrame:
    return marked(spark_frame(rows[rows["split_loan"].isin(["train", "validation"])], path))


def marked(frame: DataFrame) -> DataFrame:
    return frame.withColumn("is_validation", frame["split_loan"] == "validation")


def auc_on_test(fitted: Fitted, rows: pd.DataFrame) -> float:
    held_out = rows[rows["split_loan"] == "test"]
    types = ["c" if column.type == "category" else "q" for column in COLUMNS]
    matrix = xgboost.DMatrix(held_out[NAMES].astype("float32"), feature_types=types, enable_categorical=True)
    return float(roc_auc_score(held_out["label"], fitted.booster.predict(matrix)))


@pytest.fixture(scope="module")
def large() -> pd.DataFrame:
    return feature_rows(9000, seed=2)


def test_files_and_order_of_the_input_do_not_change_the_model(tmp_path: Path) -> None:
    """Files, not `repartition`: Spark would drop one that another follows, and the test could not fail."""
    rows, models = feature_rows(600), set()
    for count in (2, 5, 9):
        shuffled = rows.sample(frac=1, random_state=count)
        for index in range(count):
            spark_rows(shuffled.iloc[index::count], tmp_path / str(count) / f"file={index}")
        fitted = fit(marked(spark().read.parquet(str(tmp_path / str(count)))), COLUMNS, SAMPLED, Workers(2, 1))
        models.add(bytes(fitted.booster.save_raw("ubj")))
    assert len(models) == 1


def test_two_workers_are_as_good_as_one(large: pd.DataFrame, tmp_path: Path) -> None:
    rows = spark_rows(large, tmp_path / "rows")
    one, two = (auc_on_test(fit(rows, COLUMNS, PLAIN, Workers(count, 1)), large) for count in (1, 2))
    assert one > 0.75
    assert two == pytest.approx(one, abs=0.002)


def test_shuffled_labels_teach_nothing(large: pd.DataFrame, tmp_path: Path) -> None:
    for seed in range(5):
        label = np.random.default_rng(seed).permutation(large["label"].to_numpy())
        shuffled = large.assign(label=label)
        fitted = fit(spark_rows(shuffled, tmp_path / str(seed)), COLUMNS, PLAIN, Workers(1, 2))
        assert auc_on_test(fitted, shuffled) == pytest.approx(0.5, abs=0.02)


def test_without_early_stopping_all_trees_grow(tmp_path: Path) -> None:
    settings = BoosterSettings(rounds=7, early_stopping_rounds=0)
    fitted = fit(spark_rows(feature_rows(300), tmp_path / "rows"), COLUMNS, settings, Workers(1, 1))
    assert fitted.booster.num_boosted_rounds() == 7
    assert fitted.best_iteration == 6
