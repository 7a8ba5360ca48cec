"""The steps of `tune`: trials one after another, until the budget is used."""

import time
from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from xgboost_pipeline.model import EDGE, Model, predict
from xgboost_pipeline.progress import say
from xgboost_pipeline.storage import Stored, open_output
from xgboost_pipeline.train.fit import fit
from xgboost_pipeline.train.parts import Parts, open_parts, require_outcomes
from xgboost_pipeline.train.settings import BoosterSettings, GrowthSettings
from xgboost_pipeline.train.steps import training_rows
from xgboost_pipeline.train.threshold import histogram
from xgboost_pipeline.train.workers import Workers, plan_workers
from xgboost_pipeline.tune.search import SAMPLER, SPACE, Trial, best, suggest
from xgboost_pipeline.tune.settings import Settings
from xgboost_pipeline.tune.trials import Trials


def tune(spark: SparkSession, settings: Settings) -> None:
    """Run the trials that are not yet at `settings.output`; raise PipelineError if another search is there."""
    workers = plan_workers(spark, settings)
    features = open_output(settings.features, kind="features")
    parts = open_parts(spark, features, settings.split)
    require_outcomes(parts.counts, ("train", "validation", "tuning"), settings.split)
    trials = Trials(settings.output, _search(settings, features, workers))
    finished = trials.finished()
    say(f"{len(finished)} trials are finished, {settings.trials} wanted")
    deadline = time.monotonic() + 60 * settings.minutes if settings.minutes else float("inf")
    for number in _missing(finished, settings.trials):
        if time.monotonic() > deadline:
            say(f"stopping: {settings.minutes:g} minutes are over")
            break
        trial = _try(parts, settings, workers, finished, number)
        trials.add(trial)
        finished.append(trial)
        trials.write_best(_best(finished, settings))
        say(_line(trial, best(finished, settings.objective), settings.objective))
    if finished:
        trials.write_best(_best(finished, settings))
        say(f"the best settings are in {settings.output}: train --tuned {settings.output}")


def log_loss(predicted: DataFrame) -> float:
    """Return the mean log loss of rows with label and probability."""
    p = F.least(F.greatest(F.col("probability").cast("double"), F.lit(EDGE)), F.lit(1 - EDGE))
    loss = -F.when(F.col("label") == 1, F.log(p)).otherwise(F.log(1 - p))
    return round(float(predicted.agg(F.avg(loss)).collect()[0][0]), 9)


def average_precision(counts: pd.DataFrame) -> float:
    """Return the area under the precision-recall curve of counts as `train.threshold.histogram` returns them."""
    decided = counts["rows"].to_numpy()[::-1].cumsum()
    positives = counts["positives"].to_numpy()[::-1]
    precision = positives.cumsum() / decided
    return float((precision * positives).sum() / positives.sum())


def _missing(finished: Sequence[Trial], wanted: int) -> list[int]:
    done = {trial.number for trial in finished}
    return [number for number in range(wanted) if number not in done]


def _try(parts: Parts, settings: Settings, workers: Workers, finished: Sequence[Trial], number: int) -> Trial:
    start = time.monotonic()
    earlier = [trial for trial in finished if trial.number < number]
    chosen = suggest(earlier, number, settings.objective, settings.seed)
    shared = {field.name: getattr(settings, field.name) for field in fields(GrowthSettings)}
    booster = BoosterSettings(**shared, **chosen)
    fitted = fit(training_rows(parts), parts.columns, booster, workers)
    model = Model(fitted.booster, parts.columns, {}, {}, None, 0.5, {})
    predicted = predict(parts.read("tuning"), model, settings.device)
    logloss = settings.objective == "logloss"
    value = log_loss(predicted) if logloss else average_precision(histogram(predicted))
    seconds = round(time.monotonic() - start, 3)
    return Trial(number, chosen, value, fitted.best_iteration, min(fitted.history["validation"]), seconds)


def _search(settings: Settings, features: Stored, workers: Workers) -> dict[str, Any]:
    """Return what makes trials comparable: the same data, parts, space and growth; not the budget."""
    budget = ("features", "output", "trials", "minutes", "workers", "threads")
    return {name: value for name, value in asdict(settings).items() if name not in budget} | {
        "sampler": SAMPLER,
        "space": {name: str(distribution) for name, distribution in SPACE.items()},
        "fingerprint": features.manifest["fingerprint"],
        "label": features.manifest["label"],
        "columns": [column["name"] for column in features.manifest["columns"]],
        "workers": asdict(workers),
    }


def _best(finished: Sequence[Trial], settings: Settings) -> dict[str, Any]:
    found = best(finished, settings.objective)
    return {
        "settings": found.settings,
        "trial": found.number,
        "value": found.value,
        "objective": settings.objective,
        "split": settings.split,
        "trials": len(finished),
    }


def _line(trial: Trial, found: Trial, objective: str) -> str:
    return (
        f"trial {trial.number}: {objective} {trial.value:.6f}, {trial.best_iteration + 1} trees, "
        f"{trial.seconds:.1f} seconds; best: {found.value:.6f} (trial {found.number})"
    )
