"""How far new rows are from the training rows: the population stability index (PSI) per column and of the score."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from xgboost_pipeline.features.columns import Column

QUANTILES = np.arange(1, 10) / 10
CODES = 20  # category codes go by frequency: the rarer ones share one bin
FLOOR = 1e-4  # an empty bin has no logarithm
MODERATE, SIGNIFICANT = 0.1, 0.25
SCORE = "probability"

Shares = npt.NDArray[np.float64]


def distribution(sample: pd.DataFrame, columns: Sequence[Column]) -> dict[str, dict[str, Any]]:
    """Describe each column of a sample by bins and their shares: {column: {edges or codes, shares}}.

    Numbers have at most 10 quantile bins (bin i holds edge[i-1] < value <= edge[i]), then one for missing values;
    categories one bin per code 0 to 19, then one for all others. Needs the columns, as float with NaN = missing.
    """
    return {column.name: _described(sample[column.name].to_numpy(np.float64), column.type) for column in columns}


def described_score(probability: npt.NDArray[np.floating[Any]]) -> dict[str, Any]:
    """Describe predicted probabilities as `distribution` does a column."""
    return _described(np.asarray(probability, np.float64), "numeric")


def drift(expected: Mapping[str, Mapping[str, Any]], sample: pd.DataFrame, columns: Sequence[Column]) -> dict[str, Any]:
    """Compare new rows with the training distribution: PSI and band per column and of the score, and a verdict.

    The verdict is the score's band, the classic PSI: calendar columns such as vintage always move on.
    `sample` has the columns and `probability`; `expected` is what `train` saved for them.
    """
    measured = {name: _measured(expected[name], sample[name]) for name in [c.name for c in columns]}
    score = _measured(expected[SCORE], sample[SCORE])
    return {
        "rows": len(sample),
        "columns": measured,
        "score": score,
        "shifted": [name for name, found in measured.items() if found["psi"] >= SIGNIFICANT],
        "verdict": score["band"],
        "bands": {"stable": f"PSI < {MODERATE}", "moderate": f"< {SIGNIFICANT}", "significant": "above"},
    }


def psi(expected: Shares, actual: Shares) -> float:
    """Return the population stability index of two distributions over the same bins; 0 if they are equal."""
    before, now = np.maximum(expected, FLOOR), np.maximum(actual, FLOOR)
    return float(np.sum((now - before) * np.log(now / before)))


def band(value: float) -> str:
    """Return the usual reading of a PSI: stable, moderate or significant."""
    return "stable" if value < MODERATE else "moderate" if value < SIGNIFICANT else "significant"


def _measured(expected: Mapping[str, Any], values: "pd.Series[float]") -> dict[str, Any]:
    now = _shares(values.to_numpy(np.float64), expected)
    value = round(psi(np.asarray(expected["shares"]), now), 6)
    return {"psi": value, "band": band(value)}


def _described(values: Shares, kind: str) -> dict[str, Any]:
    known = values[~np.isnan(values)]
    if kind == "category":
        bins: dict[str, Any] = {"codes": list(range(CODES))}
    else:
        bins = {"edges": np.unique(np.quantile(known, QUANTILES)).tolist() if len(known) else []}
    return bins | {"shares": np.round(_shares(values, bins), 9).tolist()}


def _shares(values: Shares, bins: Mapping[str, Any]) -> Shares:
    if "codes" in bins:
        last = len(bins["codes"])
        place = np.where(values < last, np.nan_to_num(values), last).astype(np.int64)
    else:
        last = len(bins["edges"]) + 1
        place = np.where(np.isnan(values), last, np.searchsorted(bins["edges"], values, side="left"))
    return np.bincount(place, minlength=last + 1) / max(len(values), 1)
