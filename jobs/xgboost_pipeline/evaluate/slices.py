"""Predictions against outcomes in slices of the rows: by predicted risk, by quarter, by delinquency status."""

from typing import Any

import numpy as np
import pandas as pd

from xgboost_pipeline import months
from xgboost_pipeline.evaluate.measures import number, ranked
from xgboost_pipeline.evaluate.ranking import Array

LAST_STATUS = 6  # only under label `reference` are there rows this late


def by_risk(frame: pd.DataFrame, bins: int = 10) -> list[dict[str, Any]]:
    """Compare predicted with observed in tenths of the rows by probability; equal probabilities stay together.

    Needs columns probability and label. Keys: rows, lowest, highest, predicted, observed.
    """
    score = frame["probability"].to_numpy(np.float64)
    last = len(score) * np.arange(1, bins) // bins - 1
    edges = np.unique(np.sort(score)[last[last >= 0]])
    return [
        _compared(part) | {"lowest": number(part["probability"].min()), "highest": number(part["probability"].max())}
        for _, part in frame.groupby(np.searchsorted(edges, score), sort=True)
    ]


def by_quarter(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Compare predicted with observed in each calendar quarter; needs columns month, probability and label.

    Keys: quarter, rows, positives, predicted, observed, ratio (predicted / observed), roc_auc.
    """
    names = frame["month"].map({month: months.quarter(int(month)) for month in frame["month"].unique()})
    return [
        {"quarter": str(name), **_compared(part), "roc_auc": ranked(*_columns(part))["roc_auc"]}
        for name, part in frame.groupby(names, sort=True)
    ]


def by_status(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Compare predicted with observed by months past due now: the roll-rate table.

    Needs columns status, probability, roll_rate and label. Keys: status (`0` ... `5`, `6+`, `unknown`), rows,
    positives, predicted, observed, ratio, roll_rate (what the table learnt from training rows says).
    """
    late = frame["status"].clip(upper=LAST_STATUS).fillna(LAST_STATUS + 1).astype(int)
    return [
        {"status": _status(int(str(status))), **_compared(part), "roll_rate": number(part["roll_rate"].mean())}
        for status, part in frame.groupby(late, sort=True)
    ]


def _status(months_late: int) -> str:
    return {LAST_STATUS: f"{LAST_STATUS}+", LAST_STATUS + 1: "unknown"}.get(months_late, str(months_late))


def _columns(part: pd.DataFrame) -> tuple[Array, Array]:
    return part["label"].to_numpy(np.float64), part["probability"].to_numpy(np.float64)


def _compared(part: pd.DataFrame) -> dict[str, Any]:
    label, probability = _columns(part)
    observed, predicted = label.mean(), probability.mean()
    return {
        "rows": len(part),
        "positives": int(label.sum()),
        "predicted": number(predicted),
        "observed": number(observed),
        "ratio": number(predicted / observed) if observed else None,
    }
