"""95 % intervals by resampling loans: a loan's months are not independent, so rows would pretend to know more."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from xgboost_pipeline.evaluate.measures import number
from xgboost_pipeline.evaluate.ranking import TOP, Array, Found, capture, ks, pr_auc, rank, roc_auc

Interval = tuple[float | None, float | None]
Integers = npt.NDArray[np.intp]
LEVEL = 0.95
STEPS = 8192  # scores are compared in at most this many steps, finest for the highest: exact up to half as many rows
RANKED: dict[str, Callable[[Found], float]] = {
    "roc_auc": roc_auc,
    "pr_auc": pr_auc,
    "ks": ks,
    "top_decile_capture": capture,
}
INTERVALS = (*RANKED, "accuracy", "brier_skill")


@dataclass(frozen=True)
class Sample:
    """Rows as resampling needs them: `step` 0 = highest scores and `loan` (n,), `defaulted` row numbers of positives,
    `sums` (3, loans) of label, right decisions and squared errors.
    """  # noqa: D205 - one sentence

    step: Integers
    loan: Integers
    defaulted: Integers
    sums: Array
    rows_by_loan: Array


def intervals(
    label: Array, probability: Array, threshold: float, loan: Integers, resamples: int, seed: int
) -> dict[str, Interval]:
    """Return the 2.5 and 97.5 % quantiles over resamples of each measure in `INTERVALS`, gini and top_decile_lift.

    `label`, `probability` and `loan` (numbered from 0) are (n,). Each resample draws as many loans as there are, with
    replacement; a loan's rows all count as often as it is drawn. Fewer than 2 loans or resamples give (None, None).
    """
    loans = int(loan.max()) + 1
    if min(loans, resamples) <= 1:
        return dict.fromkeys((*INTERVALS, "gini", "top_decile_lift"), (None, None))
    sample = _prepared(label, probability, threshold, loan)
    generator = np.random.default_rng(seed)
    drawn = (np.bincount(generator.integers(0, loans, loans), minlength=loans) for _ in range(resamples))
    values = np.array([_measured(sample, times.astype(np.float64)) for times in drawn])
    found = dict(zip(INTERVALS, map(_quantiles, values.T), strict=True))
    return found | {"gini": _of(found["roc_auc"], 2, -1), "top_decile_lift": _of(found["top_decile_capture"], 1 / TOP)}


def _prepared(label: Array, probability: Array, threshold: float, loan: Integers) -> Sample:
    right = (probability >= threshold) == (label == 1)
    by_loan = [np.bincount(loan, weights=values) for values in (label, right, (probability - label) ** 2)]
    return Sample(
        _steps(probability), loan, np.flatnonzero(label), np.stack(by_loan), np.bincount(loan).astype(np.float64)
    )


def _steps(probability: Array) -> Integers:
    """Return each row's step, (n,), 0 for the highest scores; equal scores share one."""
    ranking = rank(probability)
    depth = (ranking.ends + 1) / len(probability)
    step = np.empty(len(probability), dtype=np.intp)
    step[ranking.order] = np.repeat((np.sqrt(depth) * STEPS).astype(np.intp), np.diff(ranking.ends, prepend=-1))
    return step


def _measured(sample: Sample, times: Array) -> tuple[float, ...]:
    """Return the measures when each loan counts `times` (loans,)."""
    weight = times[sample.loan]
    steps = int(sample.step.max()) + 1
    every = np.bincount(sample.step, weights=weight, minlength=steps)
    positives = np.bincount(sample.step[sample.defaulted], weights=weight[sample.defaulted], minlength=steps)
    counts = Found(np.cumsum(positives), np.cumsum(every - positives))
    rate, accuracy, brier = (sample.sums * times).sum(axis=1) / (sample.rows_by_loan * times).sum()
    spread = rate * (1 - rate)
    skill = 1 - brier / spread if spread > 0 else np.nan
    return (*(measure(counts) for measure in RANKED.values()), accuracy, skill)


def _of(ends: Interval, factor: float, offset: float = 0.0) -> Interval:
    """Return the interval of factor * measure + offset."""
    low, high = (None if end is None else number(factor * end + offset) for end in ends)
    return low, high


def _quantiles(values: Array) -> Interval:
    known = values[~np.isnan(values)]
    if not len(known):
        return None, None
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return number(low), number(high)
