"""Measures of one set of predictions; None stands for what cannot be computed, such as ranking a single outcome."""

import numpy as np

from xgboost_pipeline.evaluate.ranking import TOP, Array, capture, found, ks, pr_auc, rank, roc_auc

Measures = dict[str, float | None]
DIGITS = 10  # beyond them the order of additions shows
EDGE = 1e-15


def measures(label: Array, probability: Array, threshold: float) -> Measures:
    """Return every measure of predictions, (n,) with n >= 1; a row is decided positive from `threshold` on.

    Keys: accuracy (share of right decisions), precision, recall, f1, roc_auc, gini, pr_auc (average precision), ks,
    log_loss, brier, brier_skill (against always saying the base rate), calibration_ratio (predicted / observed),
    top_decile_capture, top_decile_lift.
    """
    return (
        decisions(confusion(label, probability, threshold))
        | ranked(label, probability)
        | probabilities(label, probability)
    )


def confusion(label: Array, probability: Array, threshold: float) -> dict[str, int]:
    """Count right and wrong decisions of both kinds."""
    decided, positive = probability >= threshold, label == 1
    return {
        "true_positives": int((decided & positive).sum()),
        "false_positives": int((decided & ~positive).sum()),
        "false_negatives": int((~decided & positive).sum()),
        "true_negatives": int((~decided & ~positive).sum()),
    }


def decisions(counts: dict[str, int]) -> Measures:
    """Return accuracy, precision, recall and f1 of confusion counts; of the positive class, never averaged."""
    right, wrong = counts["true_positives"], counts["false_positives"] + counts["false_negatives"]
    return {
        "accuracy": _ratio(right + counts["true_negatives"], sum(counts.values())),
        "precision": _ratio(right, right + counts["false_positives"]),
        "recall": _ratio(right, right + counts["false_negatives"]),
        "f1": _ratio(2 * right, 2 * right + wrong),
    }


def ranked(label: Array, probability: Array) -> Measures:
    """Return what depends on the order of the predictions only."""
    ranking = rank(probability)
    counts = found(ranking, label)
    area, share = roc_auc(counts), capture(counts)
    return {
        "roc_auc": number(area),
        "gini": number(2 * area - 1),
        "pr_auc": number(pr_auc(counts)),
        "ks": number(ks(counts)),
        "top_decile_capture": number(share),
        "top_decile_lift": number(share / TOP),
    }


def probabilities(label: Array, probability: Array) -> Measures:
    """Return what depends on the predictions being probabilities; log_loss is None where one is 0 or 1 and wrong."""
    rate = label.mean()
    brier = ((probability - label) ** 2).mean()
    loss = -np.log(np.maximum(np.where(label == 1, probability, 1 - probability), EDGE))
    return {
        "log_loss": None if loss.max() >= -np.log(EDGE) else number(loss.mean()),
        "brier": number(brier),
        "brier_skill": _ratio(rate * (1 - rate) - brier, rate * (1 - rate)),
        "calibration_ratio": _ratio(probability.mean(), rate),
    }


def number(value: float) -> float | None:
    """Round a measure; None for NaN, which JSON cannot hold."""
    return None if np.isnan(value) else round(float(value), DIGITS)


def _ratio(part: float, whole: float) -> float | None:
    return number(part / whole) if whole else None
