"""Model directories as `train` writes them, made in a second: their metrics are real, their models are not."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from xgboost_pipeline import storage
from xgboost_pipeline.evaluate import evaluate

COLUMNS = [
    {
        "name": name,
        "type": kind,
        "source": source,
        "missing": "kept",
        "description": f"{name.replace('_', ' ')}, as published",
        "unit": unit,
    }
    for name, kind, source, unit in (
        ("current_loan_delinquency_status", "numeric", "40", "months"),
        ("borrower_credit_score", "numeric", "24, 111", "points"),
        ("orig_ltv", "numeric", "20", "percent"),
        ("dti", "numeric", "23", "percent"),
        ("seller_name", "category", "5", ""),
        ("months_late_last_12", "numeric", "40", "months"),
        ("orig_interest_rate", "numeric", "8", "percent"),
    )
]
FUNNEL: dict[str, Any] = {
    "read": 301_245,
    "malformed": 12,
    "at_risk": 289_300,
    "too_recent": 57_100,
    "censored": 3_410,
    "labelled": 228_790,
    "positives": 5_730,
    "split_rows": {"train": 137_274, "validation": 22_879, "calibration": 11_440, "tuning": 11_439, "test": 45_758},
    "split_loan": {"train": 137_300, "validation": 22_900, "calibration": 11_400, "tuning": 11_400, "test": 45_790},
    "split_loan_and_time": {
        "train": 90_120,
        "validation": 15_010,
        "calibration": 7_450,
        "tuning": 7_500,
        "test": 6_020,
        "embargo": 60_300,
        "unused": 42_390,
    },
}


def predictions(rows: int = 6000, first_month: int = 24288, skill: float = 1.3, seed: int = 3) -> pd.DataFrame:
    """Make test rows of 6 months with the columns of `predictions/`; `skill` is the weight of what is known."""
    random = np.random.default_rng(seed)
    loan = np.repeat(np.arange(rows // 6), 6)
    risk = random.normal(size=rows // 6)[loan]
    status = random.choice([0, 1, 2, 3], size=len(loan), p=[0.94, 0.04, 0.015, 0.005])
    odds = -4.4 + skill * risk + 1.3 * status
    chance = 1 / (1 + np.exp(-odds))
    label = (random.random(rows // 6)[loan] < chance).astype(float)
    return pd.DataFrame(
        {
            "loan_id": [f"L{number:06d}" for number in loan],
            "month": first_month + np.tile(np.arange(6), rows // 6),
            "label": label,
            "status": status,
            "probability": chance.astype(np.float32),
            "logistic": 1 / (1 + np.exp(-(odds + random.normal(scale=0.8, size=len(loan))))),
            "roll_rate": np.array([0.02, 0.09, 0.25, 0.5])[status],
        }
    )


def manifest(label: str = "forward", split: str = "loan_and_time", **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - any manifest key
    """Return a model manifest's free keys; `changes` replace some."""
    losses = [0.5 * 0.88**round_ + 0.085 for round_ in range(60)]
    return {
        "label": label,
        "label_definition": "1 if the loan is 120+ days late in any of the 12 months after this one",
        "split": split,
        "settings": {"rounds": 300, "learning_rate": 0.1, "max_depth": 6, "seed": 7, "split": split},
        "fingerprint": "5f1c0a7be2d94c55",
        "synthetic": True,
        "features_settings": {"label": label, "encoding": "code", "input": ["loans"], "test_months": 6},
        "features_seconds": {"etl": 31.4},
        "funnel": FUNNEL,
        "months": {"first": 24240, "last": 24305, "test_first": 24288, "test_last": 24293},
        "rounds": 300,
        "best_iteration": 47,
        "threshold": 0.18,
        "calibration": None,
        "importance": {column["name"]: 100.0 * 0.6**place for place, column in enumerate(COLUMNS)},
        "history": {"train": losses, "validation": [loss + 0.00004 * (r - 40) ** 2 for r, loss in enumerate(losses)]},
        "seconds": {"training": 24.9, "transformation": 3.2, "evaluation": 1.1},
        **changes,
    }


def write_model(path: Path, described: dict[str, Any], frame: pd.DataFrame, without: str = "") -> str:
    """Write a model directory and return its path; `without` names a metric to leave out."""
    metrics = evaluate(
        frame, described["threshold"], resamples=50, baseline_thresholds={"logistic": 0.15, "roll_rate": 0.2}
    )
    metrics.pop(without, None)
    with storage.output(str(path), kind="model") as out:
        out.manifest |= described
        out.write_json("metrics.json", metrics)
        out.write_json("features.json", COLUMNS)
    return str(path)
