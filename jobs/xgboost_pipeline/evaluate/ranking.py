"""Rows ordered by score, and what is found among the first of them; ties are one step, so their order never counts."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
TOP = 0.1


@dataclass(frozen=True)
class Ranking:
    """`order`: row numbers by falling score, (n,). `ends`: positions of the last row of each tied score, (k,)."""

    order: npt.NDArray[np.intp]
    ends: npt.NDArray[np.intp]


@dataclass(frozen=True)
class Found:
    """Number of positives and of negatives down to each tied score, highest first; both (k,)."""

    positives: Array
    negatives: Array

    @property
    def one_sided(self) -> bool:
        """Tell whether there are no positives or no negatives, so that nothing can be ranked."""
        return bool(self.positives[-1] == 0 or self.negatives[-1] == 0)


def rank(score: Array) -> Ranking:
    """Order rows by falling score, (n,) with n >= 1."""
    order = np.argsort(-score, kind="stable")
    falling = score[order]
    return Ranking(order, np.append(np.flatnonzero(falling[1:] != falling[:-1]), len(score) - 1))


def found(ranking: Ranking, label: Array) -> Found:
    """Accumulate labels, 0 or 1, (n,) in the order of the rows that were ranked."""
    positives = np.cumsum(label[ranking.order])[ranking.ends]
    return Found(positives, ranking.ends + 1.0 - positives)


def roc_auc(counts: Found) -> float:
    """Return the chance that a positive scores above a negative, ties counting half; NaN if there are not both."""
    if counts.one_sided:
        return np.nan
    steps = np.diff(counts.negatives, prepend=0.0)
    before = np.append(0.0, counts.positives[:-1])
    area = steps @ (counts.positives + before) / 2
    return float(area / (counts.positives[-1] * counts.negatives[-1]))


def pr_auc(counts: Found) -> float:
    """Return average precision, the sum of precision over steps of recall; NaN if there are not both outcomes."""
    if counts.one_sided:
        return np.nan
    every = np.maximum(counts.positives + counts.negatives, np.finfo(float).tiny)
    return float(np.diff(counts.positives, prepend=0.0) @ (counts.positives / every) / counts.positives[-1])


def ks(counts: Found) -> float:
    """Return the widest gap between the shares of positives and of negatives found; NaN if there are not both."""
    if counts.one_sided:
        return np.nan
    gaps = counts.positives / counts.positives[-1] - counts.negatives / counts.negatives[-1]
    return float(max(gaps.max(), 0.0))


def capture(counts: Found, depth: float = TOP) -> float:
    """Return the share of positives among the riskiest `depth` of the rows; a tie across the cut is shared evenly."""
    if counts.positives[-1] == 0:
        return np.nan
    every = np.append(0.0, counts.positives + counts.negatives)
    cut = depth * every[-1]
    return float(np.interp(cut, every, np.append(0.0, counts.positives)) / counts.positives[-1])
