"""A search that goes on where it stopped, and whose best settings train a model."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from feature_tables import feature_rows, spark, spark_frame, write_features
from sklearn.metrics import average_precision_score
from sklearn.metrics import log_loss as sklearn_log_loss

from xgboost_pipeline.errors import PipelineError
from xgboost_pipeline.train import Settings as TrainSettings
from xgboost_pipeline.train.settings import SEARCHED, with_tuned
from xgboost_pipeline.tune import Settings, run, steps
from xgboost_pipeline.tune.search import SPACE, Trial, best, suggest
from xgboost_pipeline.tune.steps import average_precision, log_loss
from xgboost_pipeline.tune.trials import Trials

DEFAULTS = suggest([], 0, "logloss", 1)


def finished(count: int) -> list[Trial]:
    trials: list[Trial] = []
    for number in range(count):
        chosen = suggest(trials, number, "logloss", 5)
        trials.append(Trial(number, chosen, 0.1 * abs(chosen["max_depth"] - 5), 3, 0.3, 1.0))
    return trials


def settings(directory: Path, trials: int, **changes: int) -> Settings:
    return Settings(
        features=str(directory / "features"),
        output=str(directory / "search"),
        trials=trials,
        rounds=changes.get("rounds", 4),
    )


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[int]]:
    """A search of four trials that is killed in its third; the numbers of the trials that the rerun did."""
    directory = tmp_path_factory.mktemp("tune")
    spark()
    write_features(directory / "features", feature_rows(800))
    done: list[int] = []
    original = steps._try  # noqa: SLF001 - the kill must come in the middle

    def killed(*given: Any) -> Trial:  # noqa: ANN401 - handed on as they are
        if given[-1] == 2:
            raise KeyboardInterrupt
        return original(*given)

    def counted(*given: Any) -> Trial:  # noqa: ANN401 - the same
        done.append(given[-1])
        return original(*given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("xgboost_pipeline.tune.steps._try", killed)
        with pytest.raises(KeyboardInterrupt):
            run(settings(directory, 4))
        patch.setattr("xgboost_pipeline.tune.steps._try", counted)
        run(settings(directory, 4))
    return directory, done


def test_a_rerun_does_only_the_trials_that_are_missing(searched: tuple[Path, list[int]]) -> None:
    assert searched[1] == [2, 3]


def test_a_search_leaves_one_file_per_trial(searched: tuple[Path, list[int]]) -> None:
    names = sorted(path.name for path in (searched[0] / "search").iterdir())
    assert names == ["best.json", "search.json", *(f"trial-0000{number}.json" for number in range(4))]


def test_the_best_trial_has_the_lowest_log_loss(searched: tuple[Path, list[int]]) -> None:
    search = searched[0] / "search"
    values = {n: json.loads((search / f"trial-0000{n}.json").read_text())["value"] for n in range(4)}
    assert json.loads((search / "best.json").read_text())["trial"] == min(values, key=lambda n: (values[n], n))


def test_train_takes_the_best_settings(searched: tuple[Path, list[int]]) -> None:
    search = searched[0] / "search"
    chosen = with_tuned(TrainSettings(features="f", output="o", tuned=str(search)))
    expected = json.loads((search / "best.json").read_text())["settings"]
    assert {name: getattr(chosen, name) for name in SEARCHED} == expected


def test_train_refuses_settings_that_were_searched_on_another_split(searched: tuple[Path, list[int]]) -> None:
    with pytest.raises(PipelineError, match="searched on split 'loan_and_time', not 'rows'"):
        with_tuned(TrainSettings(features="f", output="o", split="rows", tuned=str(searched[0] / "search")))


def test_train_refuses_a_directory_without_a_search(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"has no readable best.json"):
        with_tuned(TrainSettings(features="f", output="o", tuned=str(tmp_path)))


@pytest.mark.parametrize(
    "best",
    [
        "[]",
        "{}",
        json.dumps({"trial": 1, "split": "loan_and_time", "settings": {}}),
        json.dumps({"trial": 1, "split": "loan_and_time", "settings": DEFAULTS | {"max_depth": "4"}}),
        json.dumps({"trial": 1, "settings": DEFAULTS}),
    ],
)
def test_train_refuses_a_damaged_best_json_by_name(tmp_path: Path, best: str) -> None:
    (tmp_path / "best.json").write_text(best)
    with pytest.raises(PipelineError, match=r"best\.json is damaged: it lacks .*run `tune --output .*` again"):
        with_tuned(TrainSettings(features="f", output="o", tuned=str(tmp_path)))


@pytest.mark.parametrize("text", ['{"seed": 1', "[]", ""])
def test_a_damaged_search_is_refused_by_name(tmp_path: Path, text: str) -> None:
    (tmp_path / "search.json").write_text(text)
    with pytest.raises(PipelineError, match=r"search\.json is damaged: .*choose another output"):
        Trials(str(tmp_path), {"seed": 1})


def test_other_settings_do_not_go_on_with_a_search(searched: tuple[Path, list[int]]) -> None:
    with pytest.raises(PipelineError, match="holds another search: rounds 4, now 9; choose another output"):
        run(settings(searched[0], 4, rounds=9))


def test_a_directory_of_other_things_is_refused(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("hello")
    with pytest.raises(PipelineError, match="exists and holds no search"):
        Trials(str(tmp_path), {})


SECOND = asdict(finished(2)[1])


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(SECOND)[:20],
        "[1]",
        "{}",
        json.dumps(SECOND | {"settings": {}}),
        json.dumps(SECOND | {"value": None}),
        json.dumps(SECOND | {"value": float("nan")}),
        json.dumps(SECOND | {"number": 7}),
        json.dumps(SECOND | {"settings": SECOND["settings"] | {"colsample_bytree": 9.5}}),
        json.dumps(SECOND | {"settings": SECOND["settings"] | {"max_depth": 4.5}}),
    ],
)
def test_a_damaged_trial_counts_as_not_done_and_is_named(
    tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    trials = Trials(str(tmp_path / "search"), {"seed": 1})
    trials.add(finished(1)[0])
    (tmp_path / "search" / "trial-00001.json").write_text(text)
    assert [trial.number for trial in trials.finished()] == [0]
    assert "search/trial-00001.json is damaged: that trial runs again" in capsys.readouterr().out


def test_trials_come_back_as_they_were_written(tmp_path: Path) -> None:
    trials = Trials(str(tmp_path / "search"), {"seed": 1})
    for trial in reversed(finished(3)):
        trials.add(trial)
    assert trials.finished() == finished(3)


def test_the_first_trial_is_the_default_of_train() -> None:
    assert {getattr(TrainSettings(features="f", output="o"), name) for name in SEARCHED} == set(DEFAULTS.values())


def test_defaults_lie_within_the_space() -> None:
    assert all(SPACE[name]._contains(SPACE[name].to_internal_repr(value)) for name, value in DEFAULTS.items())  # noqa: SLF001 - optuna refuses trials by it


def test_what_is_tried_does_not_depend_on_the_process() -> None:
    assert suggest(finished(8), 8, "logloss", 5) == suggest(finished(8), 8, "logloss", 5)


def test_what_is_tried_depends_on_seed_and_number() -> None:
    tried = [suggest([], number, "logloss", seed) for number, seed in ((1, 5), (2, 5), (1, 50))]
    assert len({trial["learning_rate"] for trial in tried}) == 3


def test_the_best_is_the_highest_pr_auc_and_the_earliest_of_equals() -> None:
    trials = [Trial(number, DEFAULTS, value, 3, 0.3, 1.0) for number, value in enumerate((0.2, 0.4, 0.4))]
    assert best(trials, "pr_auc").number == 1
    assert best(trials, "logloss").number == 0


def test_log_loss_is_that_of_scikit_learn(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    rows = pd.DataFrame({"probability": random.random(500), "label": random.integers(0, 2, 500).astype(float)})
    expected = sklearn_log_loss(rows["label"], rows["probability"])
    assert log_loss(spark_frame(rows, tmp_path / "rows")) == pytest.approx(expected, abs=1e-6)


def test_average_precision_is_that_of_scikit_learn() -> None:
    random = np.random.default_rng(1)
    steps, label = random.integers(0, 50, 500), random.integers(0, 2, 500)
    rows = pd.DataFrame({"step": steps, "rows": 1, "positives": label})
    counts = rows.groupby("step", as_index=False).sum()
    assert average_precision(counts) == pytest.approx(average_precision_score(label, steps))
