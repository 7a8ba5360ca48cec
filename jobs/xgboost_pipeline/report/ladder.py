"""The honesty ladder: the same data asked ever more honestly, and what each step takes away."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from xgboost_pipeline.report.models import Evaluated

STEPS: dict[tuple[str, str], tuple[str, str]] = {
    ("reference", "rows"): (
        "Reference label, random rows",
        "Where the blueprint stands: the label counts the present month, and most test rows have sister months of the "
        "same loan in training.",
    ),
    ("reference", "loan"): (
        "Reference label, by loan",
        "Removes recognition: every month of a test loan is kept from training, so no loan can be remembered.",
    ),
    ("forward", "loan"): (
        "Forward label, by loan",
        "Removes the answer from the question: only loans that are not 120+ days late now, and only what happens in "
        "the 12 months after; months whose outcome cannot be known yet are left out. The features change with it: the "
        "27 of the blueprint give way to those with payment history.",
    ),
    ("forward", "loan_and_time"): (
        "Forward label, by loan and time",
        "Removes hindsight: the test months begin after the last training outcome was known, as in real use.",
    ),
}
BESIDE = "Not a step of the ladder; shown for comparison."


@dataclass(frozen=True)
class Rung:
    """A step: its name, what it removes, and the model that stands on it, None if none was given."""

    name: str
    removes: str
    model: Evaluated | None
    main: bool = False


def ladder(models: Sequence[Evaluated]) -> list[Rung]:
    """Put models on the steps of the ladder, in its order; the first model is the report's own.

    Steps without a model stay in place, and models beside the ladder come last.
    """
    keys = [*STEPS, *dict.fromkeys(key for key in map(_key, models) if key not in STEPS)]
    return [rung for key in keys for rung in _rungs(key, models)]


def rungs_given(rungs: Sequence[Rung]) -> list[dict[str, Any]]:
    """Return the metrics of the rungs that have a model, ready for JSON."""
    return [
        {
            "name": rung.name,
            "label": rung.model.label,
            "split": rung.model.split,
            "roc_auc_interval": rung.model.metrics["intervals"]["roc_auc"],
            **{name: rung.model.metrics[name] for name in ("rows", "loans", "base_rate", "roc_auc", "pr_auc")},
        }
        for rung in rungs
        if rung.model
    ]


def _rungs(key: tuple[str, str], models: Sequence[Evaluated]) -> list[Rung]:
    name, removes = STEPS.get(key, (f"{key[0]} label, split by {key[1].replace('_', ' ')}", BESIDE))
    standing = [Rung(name, removes, model, main=model is models[0]) for model in models if _key(model) == key]
    return standing or [Rung(name, removes, None)]


def _key(model: Evaluated) -> tuple[str, str]:
    return model.label, model.split
