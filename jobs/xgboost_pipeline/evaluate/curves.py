"""The curves behind the numbers, thinned to what a screen can show."""

import numpy as np

from xgboost_pipeline.evaluate.ranking import Array, Found, found, rank

POINTS = 200
DIGITS = 5
Curve = dict[str, list[float]]


def curves(label: Array, probability: Array) -> dict[str, Curve]:
    """Return roc, pr, gains and ks of predictions, (n,); at most 200 points each, empty without both outcomes.

    roc: false_positive_rate, true_positive_rate. pr: recall, precision. gains: depth (share of rows, riskiest first),
    captured (share of positives). ks: depth, positives and negatives (shares found).
    """
    ranking = rank(probability)
    counts = found(ranking, label)
    if counts.one_sided:
        return {"roc": {}, "pr": {}, "gains": {}, "ks": {}}
    hits, misses, depth = _shares(counts)
    precision = counts.positives / (counts.positives + counts.negatives)
    return {
        "roc": thinned({"false_positive_rate": misses, "true_positive_rate": hits}),
        "pr": thinned({"recall": hits[1:], "precision": precision}),
        "gains": thinned({"depth": depth, "captured": hits}),
        "ks": thinned({"depth": depth, "positives": hits, "negatives": misses}),
    }


def thinned(curve: dict[str, Array], points: int = POINTS) -> Curve:
    """Keep at most `points` points of a curve, evenly along its length, with both ends."""
    steps = np.abs(np.diff(np.stack(list(curve.values())), axis=1)).sum(axis=0)
    along = np.append(0.0, np.cumsum(steps))
    kept = np.arange(len(along))
    if len(along) > points:
        kept = np.unique(np.searchsorted(along, np.linspace(0.0, along[-1], points)).clip(max=len(along) - 1))
        kept[-1] = len(along) - 1
    return {name: [round(float(value), DIGITS) for value in values[kept]] for name, values in curve.items()}


def _shares(counts: Found) -> tuple[Array, Array, Array]:
    every = counts.positives + counts.negatives
    hits, misses, depth = (np.append(0.0, part / part[-1]) for part in (counts.positives, counts.negatives, every))
    return hits, misses, depth
