"""`evaluate`: predictions and outcomes in, everything the report says about them out."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from xgboost_pipeline import months
from xgboost_pipeline.errors import PipelineError
from xgboost_pipeline.evaluate.curves import curves
from xgboost_pipeline.evaluate.intervals import LEVEL, intervals
from xgboost_pipeline.evaluate.measures import confusion, measures
from xgboost_pipeline.evaluate.slices import by_quarter, by_risk, by_status

SCORES = ("probability", "logistic", "roll_rate")
COLUMNS = ("loan_id", "month", "label", "status", *SCORES)


def evaluate(
    frame: pd.DataFrame,
    threshold: float,
    resamples: int = 200,
    seed: int = 7,
    baseline_thresholds: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """Measure predictions against outcomes; the order of the rows does not matter.

    `frame`: loan_id (any), month (int index), label (0 or 1), status (months past due now, null = unknown), and the
    probabilities probability (the model), logistic and roll_rate (baselines). `threshold`: the least probability that
    is decided as default; `baseline_thresholds`: the same for logistic and roll_rate, where theirs differ from the
    model's. Raises PipelineError for missing columns, no rows, other values, or no positives.

    Returns, ready for JSON, None being what cannot be computed:
    sentence, threshold, thresholds {probability, logistic, roll_rate}, months {first, last} as YYYY-MM, resampling
    {resamples, seed, level, unit}; rows, loans, positives, defaulted_loans (loans with a positive row), base_rate,
    the measures of `measures`, intervals {measure: [low, high]};
    baselines {all_negative, roll_rate, logistic: measures}; current: the same block for loans that are current now
    (status 0), without measures where there are none; confusion; calibration (`by_risk`), quarters (`by_quarter`),
    roll_rates (`by_status`); curves {probability, logistic, roll_rate: `curves`}.
    """
    _check(frame, threshold)
    rows = frame.assign(loan=pd.factorize(frame["loan_id"], sort=True)[0]).sort_values(["loan", "month"])
    label, scores = rows["label"].to_numpy(np.float64), _scores(rows)
    thresholds = dict.fromkeys(SCORES, threshold) | dict(baseline_thresholds or {})
    block = _block(rows, thresholds, resamples, seed)
    return block | {
        "sentence": _sentence(block),
        "threshold": threshold,
        "thresholds": thresholds,
        "months": {"first": months.name(int(rows["month"].min())), "last": months.name(int(rows["month"].max()))},
        "resampling": {"resamples": resamples, "seed": seed, "level": LEVEL, "unit": "loan"},
        "confusion": confusion(label, scores["probability"], threshold),
        "current": _block(rows[rows["status"] == 0], thresholds, resamples, seed),
        "calibration": by_risk(rows),
        "quarters": by_quarter(rows),
        "roll_rates": by_status(rows),
        "curves": {name: curves(label, score) for name, score in scores.items()},
    }


def _block(rows: pd.DataFrame, thresholds: Mapping[str, float], resamples: int, seed: int) -> dict[str, Any]:
    """Return counts, measures, intervals and baselines of some rows; only the counts where there are none."""
    if rows.empty:
        return {"rows": 0, "loans": 0, "positives": 0, "defaulted_loans": 0, "base_rate": None}
    label, scores = rows["label"].to_numpy(np.float64), _scores(rows)
    loan = np.unique(rows["loan"].to_numpy(), return_inverse=True)[1]
    baselines = {name: measures(label, scores[name], thresholds[name]) for name in ("roll_rate", "logistic")}
    baselines["all_negative"] = measures(label, np.zeros(len(rows)), threshold=np.inf)
    return {
        "rows": len(rows),
        "loans": int(loan.max()) + 1,
        "positives": int(label.sum()),
        "defaulted_loans": len(np.unique(loan[label == 1])),
        "base_rate": round(float(label.mean()), 10),
        **measures(label, scores["probability"], thresholds["probability"]),
        "intervals": {
            name: list(interval)
            for name, interval in intervals(
                label, scores["probability"], thresholds["probability"], loan, resamples, seed
            ).items()
        },
        "baselines": baselines,
    }


def _scores(rows: pd.DataFrame) -> dict[str, np.ndarray[Any, np.dtype[np.float64]]]:
    return {name: rows[name].to_numpy(np.float64) for name in SCORES}


def _sentence(block: dict[str, Any]) -> str:
    nothing = block["baselines"]["all_negative"]["accuracy"]
    return f"Accuracy {block['accuracy']:.4f}; predicting 'no default' for all: {nothing:.4f}"


def _check(frame: pd.DataFrame, threshold: float) -> None:
    missing = [name for name in COLUMNS if name not in frame.columns]
    if missing:
        raise PipelineError(f"predictions have no column {', '.join(missing)}; needed are {', '.join(COLUMNS)}")
    if not np.isfinite(threshold):
        raise PipelineError(f"threshold {threshold} is not a probability: give one from 0 to 1")
    for name in SCORES:
        if not frame[name].between(0, 1).all():
            raise PipelineError(f"{name} of some test rows is missing or outside 0 to 1; run `train` again")
    _check_labels(frame["label"])


def _check_labels(label: "pd.Series[float]") -> None:
    if not label.isin([0, 1]).all():
        raise PipelineError("labels of test rows must be 0 or 1; run `features` again")
    if not (label == 1).any():
        raise PipelineError(
            f"no positives among {len(label):,} test rows, so nothing can be measured: "
            "give more loans, or more --test-months to `features`"
        )
