"""The report as text: what it must say, what it must refuse, and that the same models give the same bytes."""

import json
import os
import re
import subprocess
import sys
import zipfile
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from model_directories import COLUMNS, manifest, predictions, write_model

from xgboost_pipeline import storage
from xgboost_pipeline.errors import PipelineError
from xgboost_pipeline.report import Settings, run

LADDER = [("reference", "rows"), ("reference", "loan"), ("forward", "loan"), ("forward", "loan_and_time")]
VOID = {"meta", "link", "br", "path", "use", "rect"}


class Structure(HTMLParser):
    """Collects tags that are left open or closed twice, ids, and addresses that the page would load."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.ids: list[str] = []
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_startendtag(tag, attrs)
        if tag not in VOID - {"path", "use", "rect"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.ids += [identity] if (identity := given.get("id")) else []
        wanted = [given[name] for name in ("src", "href", "xlink:href") if given.get(name)] if tag != "a" else []
        self.loads += [address for address in wanted if address and not address.startswith(("#", "data:"))]

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """One model on each rung of the ladder."""
    folder = tmp_path_factory.mktemp("models")
    return [
        write_model(folder / f"{label}-{split}", manifest(label, split), predictions(1200, skill=3 - step / 2))
        for step, (label, split) in enumerate(LADDER)
    ]


@pytest.fixture(scope="module")
def html(models: list[str], tmp_path_factory: pytest.TempPathFactory) -> str:
    return report(models, tmp_path_factory.mktemp("report") / "out")


def report(models: list[str], output: Path, **options: Any) -> str:  # noqa: ANN401 - whatever Settings takes
    """Write a report on the last model, compared with the others, and return its page."""
    run(Settings(model=models[-1], compare=tuple(models[:-1]), output=str(output), **options))
    return (output / "report.html").read_text(encoding="utf-8")


def one(path: Path, **changes: Any) -> str:  # noqa: ANN401 - any manifest key
    """Report on a single model whose manifest differs in some keys."""
    model = write_model(path / "model", manifest(**changes), predictions(600))
    return report([model], path / "report")


def text(html: str) -> str:
    """Return what a reader sees, without tags and charts."""
    seen = re.sub(r"<(style|svg).*?</\1>", " ", html, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", seen))


def test_every_tag_is_closed_once(html: str) -> None:
    page = Structure()
    page.feed(html)
    assert (page.wrong, page.open) == ([], [])


def test_no_id_is_used_twice(html: str) -> None:
    page = Structure()
    page.feed(html)
    assert len(page.ids) == len(set(page.ids))


def test_nothing_is_loaded_from_outside(html: str) -> None:
    page = Structure()
    page.feed(html)
    assert (page.loads, re.findall(r"@import|url\(['\"]?http|<script", html)) == ([], [])


def test_a_reference_inside_a_chart_points_to_something_in_the_page(html: str) -> None:
    wanted = set(re.findall(r'(?:xlink:href="|url\()#([^")]+)', html))
    assert wanted
    assert wanted <= set(re.findall(r'\bid="([^"]+)"', html))


def test_a_page_is_small_enough_to_mail(html: str) -> None:
    assert len(html.encode()) < 500_000


def test_the_sentence_on_accuracy_is_on_the_page(models: list[str], html: str) -> None:
    assert json.loads((Path(models[-1]) / "metrics.json").read_text())["sentence"] in text(html).replace("&#39;", "'")


def test_rungs_stand_in_the_ladders_order_whatever_the_order_given(models: list[str], tmp_path: Path) -> None:
    shuffled = [models[2], models[0], models[1], models[3]]
    report(shuffled, tmp_path / "report")
    rungs = json.loads((tmp_path / "report" / "metrics.json").read_text())["ladder"]
    assert [(rung["label"], rung["split"]) for rung in rungs] == LADDER


@pytest.mark.parametrize("step", range(4))
def test_a_rung_shows_its_models_own_auc_and_base_rate(models: list[str], html: str, step: int) -> None:
    metrics = json.loads((Path(models[step]) / "metrics.json").read_text())
    row = re.findall(r"<tr>.*?</tr>", html[html.index('id="ladder"') :], flags=re.DOTALL)[step + 1]
    assert f"{metrics['roc_auc']:.3f}" in row
    assert f"{100 * metrics['base_rate']:.2f} %" in row


def test_a_rung_without_a_model_stays_and_says_so(models: list[str], tmp_path: Path) -> None:
    assert text(report(models[3:], tmp_path / "report")).count("Not in this report") == 3


def test_a_model_beside_the_ladder_is_shown_after_it(models: list[str], tmp_path: Path) -> None:
    beside = write_model(tmp_path / "m", manifest("forward", "rows"), predictions(600))
    report([beside, models[3]], tmp_path / "report")
    rungs = json.loads((tmp_path / "report" / "metrics.json").read_text())["ladder"]
    assert rungs[-1]["name"] == "forward label, split by rows"


def test_metrics_json_is_the_models_evaluation_with_the_ladder(models: list[str], tmp_path: Path) -> None:
    report(models, tmp_path / "report")
    ours = json.loads((tmp_path / "report" / "metrics.json").read_text())
    theirs = json.loads((Path(models[-1]) / "metrics.json").read_text())
    assert theirs.items() <= ours.items()


def test_the_same_models_give_the_same_bytes(models: list[str], html: str, tmp_path: Path) -> None:
    assert report(models, tmp_path / "again") == html


def test_made_up_loans_are_called_so_on_top(html: str) -> None:
    assert 'id="banner"' in html
    assert 'class="synthetic"' in html


def test_loans_count_as_made_up_unless_the_manifest_says_otherwise(tmp_path: Path) -> None:
    assert "SYNTHETIC DATA</strong>" in one(tmp_path, synthetic=None)


def test_real_loans_are_not_called_synthetic(tmp_path: Path) -> None:
    assert "synthetic data" not in text(one(tmp_path, synthetic=False)).lower()


def test_a_malicious_seller_name_is_shown_and_not_run(tmp_path: Path) -> None:
    attack = '<script>alert("x")</script>'
    page = one(
        tmp_path,
        importance={attack: 3.0, "$x^2$": 1.0},
        label_definition=attack,
        settings={attack: attack},
        fingerprint=f"'\"><img src=x onerror=alert(1)>{attack}",
    )
    assert "<script" not in page
    assert "<img" not in page
    assert page.count("&lt;script&gt;alert(") >= 4


def test_a_malicious_column_description_is_escaped(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model", manifest(), predictions(600))
    with storage.output(str(tmp_path / "features"), kind="features") as out:
        out.manifest |= {"label": "forward", "fingerprint": manifest()["fingerprint"], "seconds": {"etl": 5.0}}
        out.manifest["columns"] = [{**COLUMNS[0], "description": "</td><script>alert(1)</script>"}]
    assert "<script" not in report([model], tmp_path / "report", features=str(tmp_path / "features"))


@pytest.mark.parametrize(("first_month", "said"), [(24246, True), (24263, True), (24264, False), (24234, False)])
def test_forbearance_is_mentioned_when_2020_or_2021_is_tested(tmp_path: Path, first_month: int, said: bool) -> None:
    model = write_model(tmp_path / "model", manifest(), predictions(600, first_month))
    assert ('id="forbearance"' in report([model], tmp_path / "report")) == said


def test_the_funnel_shows_the_parts_of_the_models_own_split(tmp_path: Path) -> None:
    funnel = one(tmp_path, split="loan").split('id="rows"')[1].split("</section>")[0]
    assert ("137,300" in funnel, "embargo" in funnel) == (True, False)


@pytest.mark.parametrize("step", ["rows read", "malformed", "at risk", "too recent", "censored", "labelled", "embargo"])
def test_the_funnel_names_each_step(html: str, step: str) -> None:
    assert step in text(html.split('id="rows"')[1].split("</section>")[0])


def test_rows_not_at_risk_are_what_reading_left_over(html: str) -> None:
    assert f"{301_245 - 12 - 289_300:,}" in html.split('id="rows"')[1].split("</section>")[0]


def test_the_data_dictionary_lists_every_column(html: str) -> None:
    dictionary = html.split('id="dictionary"')[1]
    assert [c["name"] for c in COLUMNS if f">{c['name']}</th>" not in dictionary] == []


def test_a_reference_model_whose_rows_are_very_late_can_be_reported(tmp_path: Path) -> None:
    frame = predictions(600)
    frame["status"] = np.where(np.arange(600) % 2 == 0, 9.0, np.nan)
    model = write_model(tmp_path / "model", manifest("reference", "rows"), frame)
    assert "No test row is of a loan that is current today" in report([model], tmp_path / "report")


def test_a_model_tested_on_defaults_only_can_be_reported(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model", manifest(), predictions(60).assign(label=np.ones(60)))
    assert "ROC AUC \N{EN DASH}" in text(report([model], tmp_path / "report"))


@pytest.mark.parametrize("metric", ["roc_auc", "intervals", "pr_auc", "base_rate"])
def test_a_compared_model_without_a_metric_is_refused_by_name(models: list[str], tmp_path: Path, metric: str) -> None:
    broken = write_model(tmp_path / "broken", manifest("forward", "loan"), predictions(600), without=metric)
    with pytest.raises(PipelineError, match=rf"model {broken} has no metrics {metric}"):
        report([broken, models[3]], tmp_path / "report")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"fingerprint": "else"}, "fingerprint 'else', not '5f1c0a7be2d94c55'"),
        ({"features_settings": {"salt": "s", "test_months": 6}}, "salt 's', not None"),
        ({"features_settings": {"test_months": 9}}, "test_months 9, not 6"),
    ],
)
def test_a_model_of_other_files_or_split_otherwise_is_refused_with_what_differs(
    models: list[str], tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    other = write_model(tmp_path / "other", manifest("forward", "loan", **changes), predictions(600))
    with pytest.raises(PipelineError, match=f"comes from other data than .*{said}"):
        report([other, models[3]], tmp_path / "report")


def test_features_of_another_label_are_refused(models: list[str], tmp_path: Path) -> None:
    with storage.output(str(tmp_path / "features"), kind="features") as out:
        out.manifest |= {"label": "reference", "fingerprint": manifest()["fingerprint"], "columns": []}
    with pytest.raises(PipelineError, match="label 'reference'"):
        report(models[3:], tmp_path / "report", features=str(tmp_path / "features"))


def test_a_failed_report_leaves_nothing(models: list[str], tmp_path: Path) -> None:
    with pytest.raises(PipelineError):
        report([str(tmp_path / "no-model"), models[3]], tmp_path / "report")
    assert list(tmp_path.iterdir()) == []


def test_a_report_is_not_overwritten_unasked(models: list[str], tmp_path: Path) -> None:
    (tmp_path / "report").mkdir()
    with pytest.raises(PipelineError, match="exists"):
        report(models[3:], tmp_path / "report")


def test_a_report_is_replaced_when_asked(models: list[str], tmp_path: Path) -> None:
    with storage.output(str(tmp_path / "report"), kind="report") as out:
        out.write_text("report.html", "old")
    assert report(models[3:], tmp_path / "report", overwrite=True) != "old"


def test_code_in_a_zip_and_a_process_with_other_hashes_write_the_same_bytes(
    models: list[str], html: str, tmp_path: Path
) -> None:
    """On EMR the package travels as a zip, where no file of it can be opened by path."""
    package = Path(storage.__file__).parents[1]
    with zipfile.ZipFile(tmp_path / "job.zip", "w") as archive:
        for file in package.rglob("*"):
            if file.is_file() and file.suffix != ".pyc":
                archive.write(file, Path("xgboost_pipeline") / file.relative_to(package))
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'job.zip')!r})\n"
        "from xgboost_pipeline.report import Settings, run\n"
        "assert 'job.zip' in run.__code__.co_filename\n"
        f"run(Settings(model={models[-1]!r}, compare={tuple(models[:-1])!r}, output={str(tmp_path / 'out')!r}))"
    )
    subprocess.run([sys.executable, "-c", program], check=True, env=os.environ | {"PYTHONHASHSEED": "4711"})
    assert (tmp_path / "out" / "report.html").read_text(encoding="utf-8") == html
