"""What a model must beat: the roll-rate table and a logistic model, applied as plain Spark expressions."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import chain
from operator import add

import numpy as np
import numpy.typing as npt
import pandas as pd
from pyspark.sql import Column as SparkColumn
from pyspark.sql import functions as F
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from xgboost_pipeline.features.columns import Column
from xgboost_pipeline.train.parts import Count

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class RollRates:
    """Share of label 1 by current delinquency status among training rows, and among all of them."""

    by_status: dict[int, float]
    overall: float


@dataclass(frozen=True)
class Number:
    """A numeric column's part of the log odds: slope * (value - mean), or `missing` where there is no value."""

    name: str
    mean: float
    slope: float
    missing: float


@dataclass(frozen=True)
class Logistic:
    """A logistic model on the same columns: intercept, numbers, and one weight per code of each category."""

    intercept: float
    numbers: tuple[Number, ...]
    categories: dict[str, dict[int, float]]


def roll_rates(statuses: Mapping[int | None, Count]) -> RollRates:
    """Return the rates of training rows that were counted by status (None = unknown)."""
    known = {status: count.positives / count.rows for status, count in statuses.items() if status is not None}
    rows, positives = (sum(getattr(count, name) for count in statuses.values()) for name in ("rows", "positives"))
    return RollRates(known, positives / rows)


def roll_rate_expression(rates: RollRates) -> SparkColumn:
    """Return the rate of the row's `status` as double; the overall rate where it is null or was never seen."""
    return F.coalesce(_lookup("status", rates.by_status), F.lit(rates.overall))


def fit_logistic(sample: pd.DataFrame, columns: Sequence[Column]) -> Logistic:
    """Fit on a sample of training rows: model columns and label, NaN = missing.

    Numbers are standardised, missing ones get a weight of their own; categories are one weight per code.
    """
    numbers = [column.name for column in columns if column.type != "category"]
    codes = {c.name: np.unique(sample[c.name].to_numpy(np.int32)) for c in columns if c.type == "category"}
    values = sample[numbers].to_numpy(np.float64)
    missing = np.isnan(values)
    mean, scale = _mean_and_scale(values, missing)
    standard = np.where(missing, 0.0, (values - mean) / scale)
    onehot = [sample[name].to_numpy(np.int32)[:, None] == known for name, known in codes.items()]
    matrix = np.hstack([standard, missing, *onehot])
    intercept, weights = _solve(matrix, sample["label"].to_numpy())
    slopes, gaps, rest = np.split(weights, [len(numbers), 2 * len(numbers)])
    parts = zip(numbers, mean.tolist(), (slopes / scale).tolist(), gaps.tolist(), strict=True)
    return Logistic(intercept, tuple(Number(*part) for part in parts), _by_code(codes, rest))


def logistic_expression(model: Logistic) -> SparkColumn:
    """Return the logistic model's probability as double; a code it never saw weighs nothing."""
    numbers = [F.coalesce((F.col(n.name).cast("double") - n.mean) * n.slope, F.lit(n.missing)) for n in model.numbers]
    categories = [F.coalesce(_lookup(name, weights), F.lit(0.0)) for name, weights in model.categories.items()]
    odds = reduce(add, [*numbers, *categories], F.lit(model.intercept))
    return 1 / (1 + F.exp(-odds))


def _solve(matrix: Array, label: Array) -> tuple[float, Array]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a baseline that is nearly there is a baseline
        fitted = LogisticRegression(solver="newton-cholesky").fit(matrix, label)
    return float(fitted.intercept_[0]), fitted.coef_[0]


def _mean_and_scale(values: Array, missing: npt.NDArray[np.bool_]) -> tuple[Array, Array]:
    known = np.maximum((~missing).sum(axis=0), 1)
    mean = np.where(missing, 0.0, values).sum(axis=0) / known
    spread = np.sqrt((np.where(missing, 0.0, values - mean) ** 2).sum(axis=0) / known)
    return mean, np.where(spread > 0, spread, 1.0)


def _by_code(codes: dict[str, npt.NDArray[np.int32]], weights: Array) -> dict[str, dict[int, float]]:
    ends = np.cumsum([len(known) for known in codes.values()])
    pieces = np.split(weights, ends[:-1]) if codes else []
    return {
        name: dict(zip(known.tolist(), piece.tolist(), strict=True))
        for (name, known), piece in zip(codes.items(), pieces, strict=True)
    }


def _lookup(column: str, values: dict[int, float]) -> SparkColumn:
    pairs = chain.from_iterable((F.lit(key), F.lit(value)) for key, value in values.items())
    return F.element_at(F.create_map(*pairs), F.col(column).cast("int"))
