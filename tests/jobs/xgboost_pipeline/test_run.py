"""What `run` leaves of its outputs when it ends well and when it fails; its steps only say which run they are."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from feature_tables import spark

from xgboost_pipeline import storage
from xgboost_pipeline.errors import PipelineError
from xgboost_pipeline.run import Settings, run

ALONE = {"features-forward", "model", "report"}
LADDER = {"features-reference", "model-forward-loan", "model-reference-loan", "model-reference-rows"}


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of a run whose outputs hold only its number: its --test-months."""
    spark()
    numbers: list[str] = []

    def stage(_spark: object, _files: object, plan: Any, path: str) -> None:  # noqa: ANN401 - whatever run hands on
        numbers.append(str(plan.test_months))
        Path(path.removeprefix("file:")).mkdir(parents=True)

    def write(kind: str, given: Any) -> None:  # noqa: ANN401 - the same
        with storage.output(given.output, kind=kind, overwrite=given.overwrite) as out:
            out.write_text("run", numbers[-1])

    monkeypatch.setattr("xgboost_pipeline.features.loan_files.find", lambda _: None)
    monkeypatch.setattr("xgboost_pipeline.features.stage", stage)
    monkeypatch.setattr("xgboost_pipeline.features.build", lambda _, __, out: out.write_text("run", numbers[-1]))
    monkeypatch.setattr("xgboost_pipeline.train.train", lambda _, given: write("model", given))
    monkeypatch.setattr("xgboost_pipeline.report.run", lambda given: write("report", given))
    return Settings(input="in", output=str(tmp_path / "result"), test_months=1)


def left(settings: Settings) -> dict[str, str]:
    """Return which run each output is of."""
    return {path.name: (path / "run").read_text() for path in Path(settings.output).iterdir()}


def fail(_settings: object) -> None:
    raise PipelineError("too late")


def test_a_run_writes_features_models_and_report(settings: Settings) -> None:
    run(settings)
    assert left(settings) == dict.fromkeys(ALONE | LADDER, "1")


def test_a_run_that_fails_late_leaves_nothing(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xgboost_pipeline.report.run", fail)
    with pytest.raises(PipelineError, match="too late"):
        run(settings)
    assert left(settings) == {}


@pytest.mark.parametrize("step", ["features.build", "train.train", "report.run"])
def test_overwriting_that_fails_leaves_the_earlier_run_whole(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    run(settings)
    monkeypatch.setattr(f"xgboost_pipeline.{step}", lambda *_: fail(settings))
    with pytest.raises(PipelineError, match="too late"):
        run(replace(settings, test_months=2, overwrite=True))
    assert left(settings) == dict.fromkeys(ALONE | LADDER, "1")


def test_overwriting_replaces_every_output(settings: Settings) -> None:
    run(settings)
    run(replace(settings, test_months=2, overwrite=True))
    assert left(settings) == dict.fromkeys(ALONE | LADDER, "2")


def test_overwriting_without_the_ladder_leaves_no_ladder_of_the_earlier_run(settings: Settings) -> None:
    run(settings)
    run(replace(settings, test_months=2, without_ladder=True, overwrite=True))
    assert left(settings) == dict.fromkeys(ALONE, "2")


@pytest.mark.parametrize("overwrite", [False, True])
def test_without_the_ladder_its_names_may_be_taken(settings: Settings, *, overwrite: bool) -> None:
    taken = Path(settings.output) / "features-reference"
    taken.mkdir(parents=True)
    (taken / "run").write_text("mine")
    run(replace(settings, without_ladder=True, overwrite=overwrite))
    assert left(settings) == dict.fromkeys(ALONE, "1") | {"features-reference": "mine"}


@pytest.mark.parametrize("name", sorted(ALONE | LADDER))
def test_an_output_that_exists_is_refused_before_anything_is_read(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr("xgboost_pipeline.features.loan_files.find", fail)
    (Path(settings.output) / name).mkdir(parents=True)
    with pytest.raises(PipelineError, match=f"{name} exists: choose another output"):
        run(settings)
