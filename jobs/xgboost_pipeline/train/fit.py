"""Fit XGBoost on Spark so that the same rows give the same bytes, whatever partitions they come in."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from xgboost import Booster
from xgboost.spark import SparkXGBClassifier

from xgboost_pipeline.features.columns import Column
from xgboost_pipeline.model import feature_types, names
from xgboost_pipeline.train.settings import SEARCHED, BoosterSettings
from xgboost_pipeline.train.workers import Workers

VALIDATION = "is_validation"
WEIGHT = "weight"
Frames = Iterable[pd.DataFrame]


@dataclass(frozen=True)
class Fitted:
    """A booster of its best iterations only, and log loss by iteration for `train` and `validation`."""

    booster: Booster
    best_iteration: int
    history: dict[str, list[float]]


def fit(rows: DataFrame, columns: Sequence[Column], settings: BoosterSettings, workers: Workers) -> Fitted:
    """Train on the rows that are not `is_validation`, stop early by those that are.

    Needs columns loan_id, month, label, is_validation (boolean), optionally weight, and the model columns (float,
    null = missing). Each worker keeps its rows in Python memory: 4 bytes x rows x columns / workers, and as much
    again while they are binned.
    """
    estimator = _estimator(columns, settings, workers, weighted=WEIGHT in rows.columns)
    with _quiet(), _planned_once(rows.sparkSession):
        model = estimator.fit(settled(rows, workers.count))
    booster = model.get_booster()
    best = booster.best_iteration if settings.early_stopping_rounds else settings.rounds - 1
    summary = model.training_summary
    history = {
        "train": [float(loss) for loss in summary.train_objective_history["logloss"]],
        "validation": [float(loss) for loss in summary.validation_objective_history["logloss"]],
    }
    return Fitted(_best_trees(booster, best), best, history)


def settled(rows: DataFrame, workers: int) -> DataFrame:
    """Put rows where loan and month decide, not the partitions they came from; a loan stays with one worker."""
    return rows.repartition(workers, "loan_id").sortWithinPartitions("loan_id", "month")


class _Classifier(SparkXGBClassifier):
    """SparkXGBClassifier with threads of its own, without its pass over the data that counts classes, and quiet.

    xgboost.spark only knows `spark.task.cpus`: one worker on an executor would use one core of it.
    """

    threads = 1

    def _get_distributed_train_params(self, dataset: DataFrame) -> dict[str, Any]:
        """Count classes on two rows: counting them on all rows costs a shuffle, and there are always two."""
        two = dataset.sparkSession.range(2).select(F.col("id").cast("float").alias("label"))
        return dict(super()._get_distributed_train_params(two))

    def _prepare_input(self, dataset: DataFrame) -> tuple[DataFrame, Any]:
        prepared, properties = super()._prepare_input(dataset)
        plain = prepared.mapInPandas

        def quiet(train: Any, schema: str) -> DataFrame:  # noqa: ANN401 - a function of frames
            return plain(_unprinted(train), schema)

        prepared.mapInPandas = quiet  # type: ignore[method-assign,assignment]
        return prepared, properties

    def _get_xgb_parameters(self, dataset: DataFrame) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        booster, call, matrix = super()._get_xgb_parameters(dataset)
        return booster | {"nthread": self.threads}, call, matrix | {"nthread": self.threads}


def _unprinted(train: Callable[[Frames], Frames]) -> Callable[[Frames], Frames]:
    """Swallow what XGBoost prints in a worker: `Task 0 got rank 0`, which no verbosity turns off, and nothing else."""

    def quiet(frames: Frames) -> Frames:
        with redirect_stdout(StringIO()):
            yield from train(frames)

    return quiet


def _estimator(
    columns: Sequence[Column], settings: BoosterSettings, workers: Workers, *, weighted: bool
) -> SparkXGBClassifier:
    chosen: dict[str, Any] = {name: getattr(settings, name) for name in SEARCHED}
    if settings.early_stopping_rounds:
        chosen["early_stopping_rounds"] = settings.early_stopping_rounds
    estimator = _Classifier(
        features_col=names(columns),
        feature_types=feature_types(columns),
        label_col="label",
        validation_indicator_col=VALIDATION,
        num_workers=workers.count,
        device=settings.device,
        tree_method="hist",
        eval_metric="logloss",
        n_estimators=settings.rounds,
        max_bin=settings.max_bin,
        random_state=settings.seed,
        verbose=False,
        verbosity=0,
        weight_col=WEIGHT if weighted else None,
        **chosen,
    )
    estimator.threads = workers.threads
    return estimator


def _best_trees(booster: Booster, best_iteration: int) -> Booster:
    """Drop the trees after the best one: a reloaded booster would predict with them too."""
    sliced = booster[: best_iteration + 1]
    sliced.feature_names, sliced.feature_types = booster.feature_names, booster.feature_types
    return sliced


@contextmanager
def _planned_once(spark: SparkSession) -> Iterator[None]:
    """Turn adaptive execution off: with it, xgboost.spark's count of partitions runs the whole shuffle once more."""
    key = "spark.sql.adaptive.enabled"
    before = spark.conf.get(key)
    spark.conf.set(key, "false")
    try:
        yield
    finally:
        spark.conf.set(key, str(before))


@contextmanager
def _quiet() -> Iterator[None]:
    logger = logging.getLogger("XGBoost-PySpark")
    before = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(before)
