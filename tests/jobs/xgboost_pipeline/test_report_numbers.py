"""Numbers that a reader could misread: how many loans defaulted, who decides by what, and what became of the rows."""

import json
import re
from pathlib import Path

import pytest
from model_directories import FUNNEL, manifest, predictions, write_model

from xgboost_pipeline.errors import PipelineError
from xgboost_pipeline.report import Settings, run


def section(page: str, name: str) -> str:
    """Return what a reader sees of a section."""
    found = page.split(f'id="{name}"')[1].split("</section>")[0]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found))


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report on a model whose row funnel has counts that the report does not know."""
    folder = tmp_path_factory.mktemp("numbers")
    described = manifest(funnel=FUNNEL | {"no_status": 4321, "gone_before": 98_765})
    model = write_model(folder / "model", described, predictions(1200))
    run(Settings(model=model, output=str(folder / "report")))
    return folder / "report"


@pytest.fixture(scope="module")
def page(report: Path) -> str:
    return (report / "report.html").read_text(encoding="utf-8")


def test_distinct_loans_stand_beside_loan_months(report: Path, page: str) -> None:
    metrics = json.loads((report / "metrics.json").read_text())
    rows = predictions(1200)
    assert metrics["defaulted_loans"] == rows[rows["label"] == 1]["loan_id"].nunique() < metrics["positives"]
    assert f"before the default of one of {metrics['defaulted_loans']} loans" in page


def test_the_header_says_why_accuracy_may_be_below_that_of_no_default_for_all(page: str) -> None:
    header = page.split("<header>")[1].split("</header>")[0]
    assert "the threshold seeks the best F1" in header


def test_the_threshold_of_each_score_is_shown(report: Path, page: str) -> None:
    thresholds = json.loads((report / "metrics.json").read_text())["thresholds"]
    shown = section(page, "measures")
    for name, title in (("probability", "model"), ("logistic", "logistic"), ("roll_rate", "roll-rate table")):
        assert f"{title} {thresholds[name]:.4f}" in shown


@pytest.mark.parametrize("bar", ["no status 4,321", "gone before 98,765"])
def test_a_count_that_the_funnel_does_not_know_is_shown_by_its_name(page: str, bar: str) -> None:
    assert bar in section(page, "rows")


@pytest.mark.parametrize("metric", ["defaulted_loans", "thresholds"])
def test_a_model_that_was_evaluated_without_them_is_refused(tmp_path: Path, metric: str) -> None:
    model = write_model(tmp_path / "model", manifest(), predictions(600), without=metric)
    with pytest.raises(PipelineError, match=f"has no metrics {metric}, .*run `train` again"):
        run(Settings(model=model, output=str(tmp_path / "report")))
