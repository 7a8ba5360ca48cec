"""The tables of a report: what stands in each cell, as text."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from xgboost_pipeline.report.ladder import Rung
from xgboost_pipeline.report.models import Evaluated
from xgboost_pipeline.report.text import NOTHING, count, decimal, duration, interval, percent

MEASURES = (
    ("roc_auc", "ROC AUC", "chance that a default ranks above a good loan"),
    ("gini", "Gini", "2 x ROC AUC - 1"),
    ("pr_auc", "PR AUC", "average precision; the base rate is what chance gives"),
    ("ks", "KS", "widest gap between defaults and good loans found"),
    ("top_decile_capture", "Top-decile capture", "share of defaults among the riskiest tenth"),
    ("top_decile_lift", "Top-decile lift", "the same, against chance"),
    ("brier_skill", "Brier skill", "error saved against always saying the base rate"),
    ("brier", "Brier score", "mean squared error of the probability"),
    ("log_loss", "Log loss", "lower is better"),
    ("calibration_ratio", "Predicted / observed", "1 is calibrated"),
    ("accuracy", "Accuracy", "share of decisions that are right"),
    ("precision", "Precision", "share of flagged loan months that default"),
    ("recall", "Recall", "share of loan months before a default that are flagged"),
    ("f1", "F1", "of the default class"),
)
CURRENT = (
    "roc_auc",
    "gini",
    "pr_auc",
    "ks",
    "top_decile_capture",
    "top_decile_lift",
    "brier_skill",
    "calibration_ratio",
)
BASELINES = ("logistic", "roll_rate", "all_negative")
SHORT = {"brier": 5, "log_loss": 4, "accuracy": 4}
PARTS = ("train", "validation", "calibration", "tuning", "test", "embargo", "unused")
UNUSED = ("embargo", "unused")
FUNNEL = (
    ("malformed", "malformed", True),
    ("no_upb", "no balance", True),
    ("not_at_risk", "not at risk: 120+ days late, gone or unknown", True),
    ("at_risk", "at risk", False),
    ("too_recent", "too recent: 12 months are not over", True),
    ("censored", "censored: left, outcome unknown", True),
    ("labelled", "labelled", False),
    ("positives", "of these, defaults", False),
)


@dataclass(frozen=True)
class Table:
    """A table of text: each row's first cell heads it, and `numbers` tells how many cells after that are numbers."""

    caption: str
    header: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    numbers: int = 0


@dataclass(frozen=True)
class Bar:
    """A row of the funnel: its name, its count, the share of all rows read, and whether it leaves here."""

    name: str
    rows: int
    share: float
    leaves: bool = False
    part: bool = False


def measures(block: dict[str, Any], caption: str, names: Sequence[str] = ()) -> Table:
    """Set the model beside the baselines, a row a measure; `block` is `evaluate`'s, of all rows or of current loans."""
    rows = [(title, *_measured(block, name), said) for name, title, said in MEASURES if not names or name in names]
    header = ("", "model", "95 % interval", "logistic", "roll-rate table", "all negative", "meaning")
    return Table(caption, header, rows, numbers=5)


def ladder(rungs: Sequence[Rung]) -> Table:
    """Return a row for each rung, with a dash where no model stands on it."""
    header = ("rung", "ROC AUC", "95 % interval", "PR AUC", "base rate", "test rows")
    return Table("The honesty ladder", header, [_rung(rung) for rung in rungs], numbers=5)


def quarters(metrics: dict[str, Any]) -> Table:
    """Return predicted against observed per quarter."""
    rows = [
        (row["quarter"], *_compared(row), decimal(row["ratio"], 2), decimal(row["roc_auc"]))
        for row in metrics["quarters"]
    ]
    header = ("quarter", "loan months", "defaults", "predicted", "observed", "predicted / observed", "ROC AUC")
    return Table("Predicted and observed by quarter", header, rows, numbers=6)


def statuses(metrics: dict[str, Any]) -> Table:
    """Return the roll-rate table beside the model and what happened."""
    rows = [(_late(row["status"]), *_compared(row), percent(row["roll_rate"], 2)) for row in metrics["roll_rates"]]
    header = ("status now", "loan months", "defaults", "model", "observed", "roll-rate table")
    return Table("Default rate by delinquency status now", header, rows, numbers=5)


def tenths(metrics: dict[str, Any]) -> Table:
    """Return predicted against observed by tenth of predicted risk, riskiest first."""
    rows = [
        (
            f"{decimal(100 * row['lowest'], 2)} to {percent(row['highest'], 2)}",
            *_compared(row),
            decimal(row["ratio"], 2),
        )
        for row in reversed(metrics["calibration"])
    ]
    header = ("predicted risk", "loan months", "defaults", "predicted", "observed", "predicted / observed")
    return Table("Calibration by tenth of predicted risk", header, rows, numbers=5)


def funnel(model: Evaluated) -> list[Bar]:
    """Return what became of the rows, from reading to the parts of the model's split."""
    counts = dict(model.manifest["funnel"])
    read = counts.get("read") or 1
    if "at_risk" in counts:
        counts["not_at_risk"] = counts.get("read", 0) - counts.get("malformed", 0) - counts["at_risk"]
    parts = counts.get(f"split_{model.split}", {})
    steps = [Bar(title, counts[name], counts[name] / read, leaves) for name, title, leaves in FUNNEL if name in counts]
    kept = [
        Bar(name, parts[name], parts[name] / read, leaves=name in UNUSED, part=True) for name in PARTS if name in parts
    ]
    return [Bar("rows read", counts.get("read", 0), 1.0), *steps, *_further(counts, read), *kept]


def _further(counts: dict[str, Any], read: int) -> list[Bar]:
    """Return the counts that are not known here, so that no step of `features` goes unseen."""
    known = {"read", "not_at_risk", *(name for name, _, _ in FUNNEL)}
    return [
        Bar(name.replace("_", " "), rows, rows / read)
        for name, rows in sorted(counts.items())
        if name not in known and not isinstance(rows, dict)
    ]


def timings(manifest: dict[str, Any]) -> Table:
    """Return the seconds of each step."""
    seconds = manifest.get("features_seconds", {}) | manifest.get("seconds", {})
    order = {name: place for place, name in enumerate(("etl", "training", "transformation", "evaluation"))}
    named = sorted(seconds.items(), key=lambda item: (order.get(item[0], len(order)), item[0]))
    titles = {"etl": "ETL"}
    rows = [(titles.get(n, n.capitalize()), duration(s)) for n, s in named]
    return Table("Timings", ("step", "wall time"), rows, numbers=1)


def settings(values: dict[str, Any], caption: str) -> Table:
    """Return names and values, by name."""
    return Table(caption, ("setting", "value"), [(name, _shown(value)) for name, value in sorted(values.items())])


def dictionary(columns: Sequence[dict[str, Any]]) -> Table:
    """Return the data dictionary of the model's columns."""
    names = ("name", "type", "source", "missing", "description", "unit")
    header = ("column", "type", "raw field", "missing value", "meaning", "unit")
    rows = [tuple(str(column.get(name, "")) for name in names) for column in columns]
    return Table("Data dictionary", header, rows)


def _measured(block: dict[str, Any], name: str) -> tuple[str, ...]:
    digits = SHORT.get(name, 3)
    others = [decimal(block["baselines"][baseline][name], digits) for baseline in BASELINES]
    return decimal(block[name], digits), interval(block["intervals"].get(name), digits), *others


def _rung(rung: Rung) -> tuple[str, ...]:
    if not rung.model:
        return rung.name, *[NOTHING] * 5
    metrics = rung.model.metrics
    ends = interval(metrics["intervals"]["roc_auc"])
    shares = percent(metrics["base_rate"], 2), count(metrics["rows"])
    return rung.name, decimal(metrics["roc_auc"]), ends, decimal(metrics["pr_auc"]), *shares


def _compared(row: dict[str, Any]) -> tuple[str, str, str, str]:
    return count(row["rows"]), count(row["positives"]), percent(row["predicted"], 2), percent(row["observed"], 2)


def _late(status: str) -> str:
    titles = {"0": "current", "1": "30 days late", "2": "60 days late", "3": "90 days late", "unknown": "unknown"}
    return titles.get(status, f"{status} months late")


def _shown(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or NOTHING
    return NOTHING if value in ("", None) else str(value)
