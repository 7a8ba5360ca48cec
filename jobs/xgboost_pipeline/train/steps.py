"""The steps of `train`, from a feature table to a model directory."""

from dataclasses import asdict, dataclass, field
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from xgboost_pipeline.drift import SCORE, described_score, distribution
from xgboost_pipeline.evaluate import evaluate
from xgboost_pipeline.model import Calibration, Model, importance, predict, save
from xgboost_pipeline.progress import say, timed
from xgboost_pipeline.sampling import sample_loans
from xgboost_pipeline.storage import Output, Stored, open_output, output
from xgboost_pipeline.train.baselines import fit_logistic, logistic_expression, roll_rate_expression, roll_rates
from xgboost_pipeline.train.calibration import odds_histogram, platt
from xgboost_pipeline.train.fit import VALIDATION, WEIGHT, Fitted, fit
from xgboost_pipeline.train.parts import Parts, open_parts, require_outcomes
from xgboost_pipeline.train.settings import Settings, with_tuned
from xgboost_pipeline.train.threshold import best_threshold, histogram, steps_to_scores
from xgboost_pipeline.train.workers import Workers, plan_workers

SAMPLE_ROWS = 50_000  # the logistic baseline and the PSI bins learn no more from more rows
EVALUATED_ROWS = 4_000_000  # 40 bytes each in the driver's memory, several times over while metrics are computed
PREDICTED = ("loan_id", "month", "label", "status", "probability", "logistic", "roll_rate")


@dataclass
class Training:
    """What the steps of one training share: rows, settings, seconds of each step.

    `validation`: the model's validation scores (`histogram`); `thresholds`: those of the baselines.
    """

    spark: SparkSession
    settings: Settings
    features: Stored
    parts: Parts
    workers: Workers
    seconds: dict[str, float] = field(default_factory=dict)
    validation: pd.DataFrame = field(default_factory=pd.DataFrame)
    thresholds: dict[str, float] = field(default_factory=dict)


def train(spark: SparkSession, settings: Settings) -> None:
    """Train on `settings.features` and write the model to `settings.output`; raise PipelineError if that cannot be."""
    settings = with_tuned(settings)
    workers = plan_workers(spark, settings)
    features = open_output(settings.features, kind="features")
    with output(settings.output, kind="model", overwrite=settings.overwrite) as out:
        parts = open_parts(spark, features, settings.split)
        calibrating = ("calibration",) * (settings.weighting == "balanced")
        require_outcomes(parts.counts, ("train", "validation", *calibrating, "test"), settings.split)
        training = Training(spark, settings, features, parts, workers)
        fitted = _fit(training)
        model = _decided(training, fitted)
        sample = parts.sample("train", SAMPLE_ROWS).drop("loan_id", "month", "part", "status").toPandas()
        _write_distribution(training, model, sample, out)
        _write_predictions(training, model, sample, out)
        _write_metrics(training, model, out)
        model.manifest["seconds"] = training.seconds
        save(model, out)


def training_rows(parts: Parts, *, balanced: bool = False) -> DataFrame:
    """Return the rows that `fit` needs: train and validation, the latter marked, positives weighted if `balanced`."""
    rows = parts.read("train", "validation").withColumn(VALIDATION, F.col("part") == "validation")
    if not balanced:
        return rows
    count = parts.counts["train"]
    weight = (count.rows - count.positives) / count.positives
    return rows.withColumn(WEIGHT, F.when(F.col("label") == 1, weight).otherwise(1.0).cast("float"))


def _fit(training: Training) -> Fitted:
    settings, workers = training.settings, training.workers
    say(f"training at most {settings.rounds} trees: {workers.count} workers, {workers.threads} threads each")
    rows = training_rows(training.parts, balanced=settings.weighting == "balanced")
    with timed("Training") as watch:
        fitted = fit(rows, training.parts.columns, settings, workers)
    training.seconds["training"] = watch.seconds
    say(f"best iteration {fitted.best_iteration}, validation log loss {min(fitted.history['validation']):.6f}")
    return fitted


def _decided(training: Training, fitted: Fitted) -> Model:
    """Build the model, calibrate it if it was weighted, and choose its threshold on validation rows."""
    features, settings = training.features, training.settings
    model = Model(
        booster=fitted.booster,
        columns=training.parts.columns,
        codebooks=features.read_json("codebooks.json"),
        normalisation=features.read_json("normalisation.json"),
        calibration=None,
        threshold=0.5,
        manifest=_described(training, fitted),
        uri=settings.output,
    )
    if settings.weighting == "balanced":
        model = model.replace(calibration=_calibration(training, model))
    training.validation = histogram(predict(training.parts.read("validation"), model, settings.device))
    if len(training.validation) == 1:
        say(
            "warning: every validation row has the same probability, so nothing was learned; "
            "give more data, or lower --min-child-weight, the evidence that a leaf needs"
        )
    threshold = best_threshold(training.validation)
    say(f"threshold {threshold:.4f}: the highest F1 on validation rows")
    return model.replace(threshold=threshold)


def _calibration(training: Training, model: Model) -> Calibration:
    predicted = predict(training.parts.read("calibration"), model, training.settings.device)
    calibration = platt(odds_histogram(predicted))
    say(f"recalibrated: log odds x {calibration.slope:.4f} + {calibration.intercept:.4f}")
    return calibration


def _described(training: Training, fitted: Fitted) -> dict[str, Any]:
    source = training.features.manifest
    copied = ("label", "label_definition", "fingerprint", "synthetic", "funnel", "months", "encoding", "normalise")
    return {name: source[name] for name in copied} | {
        "split": training.settings.split,
        "settings": asdict(training.settings),
        "workers": asdict(training.workers),
        "features_settings": source["settings"],
        "features_seconds": source["seconds"],
        "rounds": training.settings.rounds,
        "best_iteration": fitted.best_iteration,
        "importance": importance(fitted.booster, training.parts.columns),
        "history": fitted.history,
    }


def _write_distribution(training: Training, model: Model, sample: pd.DataFrame, out: Output) -> None:
    """Save what drift is measured against: columns of training rows, scores of validation rows (not trained on)."""
    columns = distribution(sample, model.columns) | {SCORE: described_score(steps_to_scores(training.validation))}
    out.write_json("distribution.json", {"rows": len(sample), "columns": columns})


def _write_predictions(training: Training, model: Model, sample: pd.DataFrame, out: Output) -> None:
    """Predict the test rows with the model and both baselines, whose thresholds are chosen as the model's is."""
    parts = training.parts
    baselines = {
        "logistic": logistic_expression(fit_logistic(sample, model.columns)),
        "roll_rate": roll_rate_expression(roll_rates(parts.statuses)),
    }
    validation = parts.read("validation")
    for name, probability in baselines.items():
        scored = validation.select("label", probability.alias("probability"))
        training.thresholds[name] = best_threshold(histogram(scored))
    with timed("Transformation") as watch:
        rows = parts.read("test").withColumns(baselines)
        predicted = predict(rows, model, training.settings.device)
        predicted.select(*PREDICTED).write.parquet(out.path("predictions"))
    training.seconds["transformation"] = watch.seconds
    training.spark.read.parquet(out.path("predictions")).limit(5).show()


def _write_metrics(training: Training, model: Model, out: Output) -> None:
    count = training.parts.counts["test"].rows
    with timed("Evaluation") as watch:
        predicted = training.spark.read.parquet(out.path("predictions"))
        frame = sample_loans(predicted, count, EVALUATED_ROWS).withColumn("loan_id", F.xxhash64("loan_id")).toPandas()
        settings = training.settings
        metrics = evaluate(frame, model.threshold, settings.resamples, settings.seed, training.thresholds)
    training.seconds["evaluation"] = watch.seconds
    metrics["evaluated"] = {"rows": len(frame), "test_rows": count, "sampled": len(frame) < count}
    out.write_json("metrics.json", metrics)
    say(f"Accuracy is {metrics['accuracy']}")
