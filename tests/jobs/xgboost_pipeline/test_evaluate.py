"""What `evaluate` computes: by hand, against scikit-learn, and by properties that must hold for any predictions."""

import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from model_directories import predictions
from sklearn import metrics as sk

from xgboost_pipeline.errors import PipelineError
from xgboost_pipeline.evaluate import evaluate

Array = npt.NDArray[np.float64]
MEASURES = ("accuracy", "precision", "recall", "f1", "roc_auc", "gini", "pr_auc", "ks", "log_loss", "brier")


def frame(
    label: list[float], probability: list[float], loans: list[str] | None = None, **columns: list[float]
) -> pd.DataFrame:
    """Make predictions of the model; the other columns are neutral unless given."""
    rows = len(label)
    known = {
        "loan_id": loans or [f"L{number}" for number in range(rows)],
        "month": [24240] * rows,
        "label": label,
        "status": [0.0] * rows,
        "probability": probability,
        "logistic": [0.5] * rows,
        "roll_rate": [0.1] * rows,
    }
    return pd.DataFrame(known | columns)


# Four rows, riskiest first: default, good, default, good; threshold 0.35 flags the first three.
FOUR = frame([1.0, 0.0, 1.0, 0.0], [0.8, 0.6, 0.4, 0.1])


@pytest.mark.parametrize(
    ("measure", "by_hand"),
    [
        ("base_rate", 2 / 4),
        ("accuracy", 3 / 4),  # wrong about the good loan at 0.6 only
        ("precision", 2 / 3),
        ("recall", 1.0),
        ("f1", 4 / 5),
        ("roc_auc", 3 / 4),  # of 4 pairs one is the wrong way round
        ("gini", 1 / 2),
        ("pr_auc", (1 + 2 / 3) / 2),
        ("ks", 1 / 2),
        ("log_loss", -np.log([0.8, 0.4, 0.4, 0.9]).mean()),
        ("brier", (0.2**2 + 0.6**2 + 0.6**2 + 0.1**2) / 4),
        ("brier_skill", 1 - (0.04 + 0.36 + 0.36 + 0.01) / 4 / 0.25),
        ("calibration_ratio", 1.9 / 4 / 0.5),
        ("top_decile_capture", 0.4 / 2),  # a tenth of four rows is 0.4 of the first, a default
        ("top_decile_lift", 2.0),
    ],
)
def test_a_measure_is_what_four_rows_give_by_hand(measure: str, by_hand: float) -> None:
    assert evaluate(FOUR, 0.35)[measure] == pytest.approx(by_hand, abs=1e-9)


def test_the_confusion_of_four_rows_is_counted_by_hand() -> None:
    counts = {"true_positives": 2, "false_positives": 1, "false_negatives": 0, "true_negatives": 1}
    assert evaluate(FOUR, 0.35)["confusion"] == counts


def test_a_probability_equal_to_the_threshold_is_flagged() -> None:
    assert evaluate(FOUR, 0.4)["confusion"]["false_negatives"] == 0


def test_accuracy_is_the_share_of_right_decisions_and_never_weighted_f1() -> None:
    """The reference printed its evaluator's default metric, weighted F1, under the name of accuracy."""
    label, probability = [1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.9, 0.1, 0.1, 0.9, 0.1, 0.1, 0.1, 0.1]
    decided = [value >= 0.5 for value in probability]
    found = evaluate(frame(label, probability), 0.5)["accuracy"]
    assert found == 5 / 8
    assert found != pytest.approx(sk.f1_score(label, decided, average="weighted"))


def test_the_sentence_sets_accuracy_beside_predicting_no_default_for_all() -> None:
    assert evaluate(FOUR, 0.35)["sentence"] == "Accuracy 0.7500; predicting 'no default' for all: 0.5000"


@pytest.mark.parametrize(
    ("measure", "worth"),
    [
        ("accuracy", 0.5),
        ("precision", None),
        ("recall", 0.0),
        ("roc_auc", 0.5),
        ("pr_auc", 0.5),
        ("ks", 0.0),
        ("top_decile_capture", 0.1),
        ("top_decile_lift", 1.0),
        ("log_loss", None),
        ("brier_skill", -1.0),
    ],
)
def test_never_saying_default_is_worth_what_chance_is(measure: str, worth: float | None) -> None:
    assert evaluate(FOUR, 0.35)["baselines"]["all_negative"][measure] == worth


def test_a_loan_that_defaults_is_counted_once_however_many_of_its_months_are_before_the_default() -> None:
    rows = frame([1.0, 1.0, 0.0, 1.0, 0.0], [0.5] * 5, loans=["A", "A", "A", "B", "C"])
    found = evaluate(rows, 0.5)
    assert (found["positives"], found["defaulted_loans"], found["loans"]) == (3, 2, 3)


def test_a_baseline_decides_by_its_own_threshold() -> None:
    logistic, roll_rate = [0.3, 0.2, 0.2, 0.1], [0.04, 0.01, 0.01, 0.01]
    rows = frame([1.0, 0.0, 1.0, 0.0], [0.8, 0.6, 0.4, 0.1], logistic=logistic, roll_rate=roll_rate)
    found = evaluate(rows, 0.35, baseline_thresholds={"logistic": 0.2, "roll_rate": 0.02})
    assert found["thresholds"] == {"probability": 0.35, "logistic": 0.2, "roll_rate": 0.02}
    for name, f1 in (("logistic", 4 / 5), ("roll_rate", 2 / 3)):
        assert found["baselines"][name]["f1"] == pytest.approx(f1)
    assert found["f1"] == 4 / 5


def test_a_tie_across_the_cut_of_the_top_decile_is_shared_evenly() -> None:
    assert evaluate(frame([1.0] + [0.0] * 9, [0.5] * 10), 0.5)["top_decile_capture"] == pytest.approx(0.1)


def scored(rows: int, seed: int, ties: int = 1000) -> tuple[Array, Array]:
    random = np.random.default_rng(seed)
    probability = np.round(random.random(rows) * 0.98 + 0.01, int(np.log10(ties)))
    label = (random.random(rows) < probability**2).astype(float)
    label[:2] = 0, 1
    return label, probability


@pytest.mark.parametrize("ties", [10, 1000, 10**9])
@pytest.mark.parametrize("name", MEASURES)
def test_a_measure_agrees_with_scikit_learn_with_and_without_ties(name: str, ties: int) -> None:
    label, probability = scored(500, seed=1, ties=ties)
    decided = probability >= 0.5
    false_rate, true_rate, _ = sk.roc_curve(label, probability)
    theirs = {
        "accuracy": sk.accuracy_score(label, decided),
        "precision": sk.precision_score(label, decided),
        "recall": sk.recall_score(label, decided),
        "f1": sk.f1_score(label, decided),
        "roc_auc": sk.roc_auc_score(label, probability),
        "gini": 2 * sk.roc_auc_score(label, probability) - 1,
        "pr_auc": sk.average_precision_score(label, probability),
        "ks": max(true_rate - false_rate),
        "log_loss": sk.log_loss(label, probability),
        "brier": sk.brier_score_loss(label, probability),
    }
    ours = evaluate(frame(label.tolist(), probability.tolist()), 0.5, resamples=0)
    assert ours[name] == pytest.approx(theirs[name], abs=1e-9)


outcomes = st.lists(st.tuples(st.booleans(), st.integers(1, 40)), min_size=2, max_size=60).filter(
    lambda rows: len({positive for positive, _ in rows}) == 2
)


def as_frame(rows: list[tuple[bool, int]]) -> pd.DataFrame:
    return frame([float(positive) for positive, _ in rows], [score / 50 for _, score in rows])


@given(outcomes)
@examples(max_examples=40)
def test_ranking_measures_survive_any_rising_transform_of_the_scores(rows: list[tuple[bool, int]]) -> None:
    before = as_frame(rows)
    after = before.assign(probability=before["probability"] ** 3 / 2)
    names = ("roc_auc", "gini", "pr_auc", "ks", "top_decile_capture", "top_decile_lift")
    first, second = evaluate(before, 0.5, resamples=0), evaluate(after, 0.5, resamples=0)
    assert [first[name] for name in names] == [second[name] for name in names]


@given(outcomes)
@examples(max_examples=40)
def test_turning_the_scores_round_turns_auc_round(rows: list[tuple[bool, int]]) -> None:
    before = as_frame(rows)
    after = before.assign(probability=1 - before["probability"])
    areas = [evaluate(given_, 0.5, resamples=0)["roc_auc"] for given_ in (before, after)]
    assert sum(areas) == pytest.approx(1)


@given(outcomes, st.randoms(use_true_random=False))
@examples(max_examples=25)
def test_the_order_of_the_rows_changes_nothing(rows: list[tuple[bool, int]], random: Any) -> None:  # noqa: ANN401
    before = as_frame(rows)
    shuffled = before.sample(frac=1, random_state=random.randrange(1000))
    assert evaluate(before, 0.5, resamples=10) == evaluate(shuffled, 0.5, resamples=10)


def test_the_result_is_json_without_nan() -> None:
    assert json.loads(json.dumps(evaluate(predictions(600), 0.2, resamples=10), allow_nan=False))["rows"] == 600


def test_a_slice_without_negatives_has_no_rank_and_does_not_fail() -> None:
    current = evaluate(frame([1.0, 1.0, 0.0], [0.9, 0.8, 0.1], status=[0.0, 0.0, 1.0]), 0.5)["current"]
    assert (current["rows"], current["roc_auc"], current["intervals"]["roc_auc"]) == (2, None, [None, None])


def test_no_current_loans_leave_an_empty_block() -> None:
    current = evaluate(frame([1.0, 0.0], [0.9, 0.1], status=[1.0, 2.0]), 0.5)["current"]
    assert current == {"rows": 0, "loans": 0, "positives": 0, "defaulted_loans": 0, "base_rate": None}


def test_loans_that_are_current_are_measured_apart() -> None:
    rows = frame([1.0, 0.0, 1.0, 0.0], [0.2, 0.3, 0.9, 0.1], status=[0.0, 0.0, 1.0, np.nan])
    assert evaluate(rows, 0.5)["current"]["roc_auc"] == 0.0


def test_each_quarter_has_its_own_rates_and_auc() -> None:
    rows = frame([1.0, 0.0, 0.0, 0.0], [0.9, 0.1, 0.3, 0.1], month=[24240, 24242, 24243, 24245])
    found = [
        (q["quarter"], q["rows"], q["predicted"], q["observed"], q["roc_auc"]) for q in evaluate(rows, 0.5)["quarters"]
    ]
    assert found == [("2020Q1", 2, 0.5, 0.5, 1.0), ("2020Q2", 2, 0.2, 0.0, None)]


def test_calibration_keeps_equal_probabilities_in_one_bin() -> None:
    tenths = evaluate(frame([1.0, 0.0] * 10, [0.1] * 15 + [0.6] * 5), 0.5)["calibration"]
    assert [(row["rows"], row["lowest"], row["highest"]) for row in tenths] == [(15, 0.1, 0.1), (5, 0.6, 0.6)]


def test_calibration_has_ten_bins_that_hold_every_row() -> None:
    label, probability = scored(1000, seed=2, ties=10**9)
    tenths = evaluate(frame(label.tolist(), probability.tolist()), 0.5, resamples=0)["calibration"]
    assert [row["rows"] for row in tenths] == [100] * 10


def test_roll_rates_tell_unknown_and_very_late_apart() -> None:
    rows = frame([1.0, 0.0, 1.0, 0.0], [0.5] * 4, status=[0.0, np.nan, 7.0, 12.0])
    assert [row["status"] for row in evaluate(rows, 0.5)["roll_rates"]] == ["0", "6+", "unknown"]


def test_curves_are_thinned_to_200_points_and_keep_their_ends() -> None:
    label, probability = scored(5000, seed=3, ties=10**9)
    roc = evaluate(frame(label.tolist(), probability.tolist()), 0.5, resamples=0)["curves"]["probability"]["roc"]
    ends = (roc["false_positive_rate"][0], roc["true_positive_rate"][0], roc["false_positive_rate"][-1])
    assert (ends, len(roc["true_positive_rate"]) <= 200) == ((0, 0, 1), True)


def test_a_thinned_roc_curve_still_has_its_area() -> None:
    label, probability = scored(5000, seed=3, ties=10**9)
    found = evaluate(frame(label.tolist(), probability.tolist()), 0.5, resamples=0)
    roc = found["curves"]["probability"]["roc"]
    area = np.trapezoid(roc["true_positive_rate"], roc["false_positive_rate"])
    assert area == pytest.approx(found["roc_auc"], abs=0.002)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (frame([0.0, 0.0], [0.1, 0.2]), "no positives among 2 test rows"),
        (frame([], []), "no positives among 0 test rows"),
        (frame([1.0, 2.0], [0.1, 0.2]), "labels of test rows must be 0 or 1"),
        (frame([1.0, 0.0], [0.1, np.nan]), "probability of some test rows is missing"),
        (frame([1.0, 0.0], [0.1, 1.2]), "probability of some test rows is missing or outside 0 to 1"),
        (frame([1.0, 0.0], [0.1, 0.2]).drop(columns="roll_rate"), "no column roll_rate"),
    ],
)
def test_predictions_that_cannot_be_measured_are_refused_in_one_sentence(rows: pd.DataFrame, said: str) -> None:
    with pytest.raises(PipelineError, match=said):
        evaluate(rows, 0.5)
