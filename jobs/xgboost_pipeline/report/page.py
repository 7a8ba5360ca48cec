"""The page itself: a template filled with charts, tables and sentences; every value is escaped."""

from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from xgboost_pipeline.report import charts, tables
from xgboost_pipeline.report.ladder import Rung
from xgboost_pipeline.report.models import Evaluated
from xgboost_pipeline.report.text import NOTHING, count, decimal, interval, percent

FORBEARANCE_YEARS = ("2020", "2021")


def page(model: Evaluated, rungs: Sequence[Rung]) -> str:
    """Return the report as one HTML page without outside resources; same input, same text."""
    environment = Environment(
        loader=FunctionLoader(_source), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals |= {"count": count, "decimal": decimal, "percent": percent}
    content = {
        "model": model,
        "metrics": model.metrics,
        "manifest": model.manifest,
        "rungs": rungs,
        "style": Markup(_source("style.css")),  # noqa: S704 - our own file
    }
    template = environment.get_template("report.html.j2")
    return template.render(content | _charts(model, rungs) | _tables(model, rungs) | _words(model))


def headline(model: Evaluated) -> str:
    """Return the result in one sentence."""
    metrics = model.metrics
    caught, lift = metrics["top_decile_capture"], metrics["top_decile_lift"]
    known = interval(metrics["intervals"]["roc_auc"])
    return (
        f"The riskiest tenth holds {percent(caught, 0)} of the loan months before a default, "
        f"{decimal(lift, 1)} times what chance finds; "
        f"ROC AUC {decimal(metrics['roc_auc'])}" + (f" ({known})." if known else ".")
    )


def _charts(model: Evaluated, rungs: Sequence[Rung]) -> dict[str, Markup]:
    metrics, manifest = model.metrics, model.manifest
    return {
        "ladder_chart": charts.ladder(rungs),
        "roc_chart": charts.roc(metrics),
        "pr_chart": charts.precision_recall(metrics),
        "gains_chart": charts.gains(metrics),
        "ks_chart": charts.ks(metrics),
        "calibration_chart": charts.calibration(metrics),
        "quarters_chart": charts.quarters(metrics),
        "importance_chart": charts.importance(manifest["importance"]),
        "learning_chart": charts.learning(manifest["history"], manifest["best_iteration"]),
    }


def _tables(model: Evaluated, rungs: Sequence[Rung]) -> dict[str, Any]:
    metrics, manifest = model.metrics, model.manifest
    current = metrics["current"]
    shown = {"split": model.split, "label": model.label, "best_iteration": manifest["best_iteration"]}
    return {
        "ladder_table": tables.ladder(rungs),
        "all_table": tables.measures(metrics, f"All test rows ({count(metrics['rows'])})"),
        "current_table": tables.measures(current, f"Current today ({count(current['rows'])} rows)", tables.CURRENT)
        if current["rows"]
        else None,
        "tenths_table": tables.tenths(metrics),
        "quarters_table": tables.quarters(metrics),
        "statuses_table": tables.statuses(metrics),
        "funnel": tables.funnel(model),
        "timings_table": tables.timings(manifest),
        "training_table": tables.settings(manifest["settings"] | shown, "Training"),
        "features_table": tables.settings(manifest.get("features_settings", {}), "Features"),
        "versions_table": tables.settings(manifest.get("versions", {}), "Versions"),
        "dictionary_table": tables.dictionary(model.columns),
    }


def _words(model: Evaluated) -> dict[str, Any]:
    metrics = model.metrics
    tested = [row["quarter"] for row in metrics["quarters"] if row["quarter"].startswith(FORBEARANCE_YEARS)]
    return {
        "headline": headline(model),
        "synthetic": model.synthetic,
        "forbearance": tested,
        "cards": [
            ("ROC AUC", decimal(metrics["roc_auc"]), interval(metrics["intervals"]["roc_auc"]) or NOTHING),
            ("PR AUC", decimal(metrics["pr_auc"]), f"base rate {percent(metrics['base_rate'], 2)}"),
            ("KS", decimal(metrics["ks"]), interval(metrics["intervals"]["ks"]) or NOTHING),
            (
                "Top-decile lift",
                f"{decimal(metrics['top_decile_lift'], 1)} x",
                f"{percent(metrics['top_decile_capture'])} caught",
            ),
            ("Predicted / observed", decimal(metrics["calibration_ratio"], 2), "1 is calibrated"),
            ("Current today", decimal(metrics["current"].get("roc_auc")), "ROC AUC where nothing is late yet"),
        ],
    }


def _source(name: str) -> str:
    """Read a file of this package, from a folder or a zip."""
    return (files("xgboost_pipeline.report") / name).read_text(encoding="utf-8")
