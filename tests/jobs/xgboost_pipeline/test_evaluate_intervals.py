"""Intervals by resampling loans: that they cover the truth, and that rows of one loan are not counted as many."""

import numpy as np
import pytest
from model_directories import predictions
from sklearn import metrics as sk

from xgboost_pipeline.evaluate import evaluate
from xgboost_pipeline.evaluate.intervals import intervals

TRUTH = 0.7602499  # P(N(1, 1) > N(0, 1)), the AUC of two normal scores one standard deviation apart


def clustered(loans: int, months: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    """Make loans whose months all have the same outcome and nearly the same score."""
    random = np.random.default_rng(seed)
    label = (random.random(loans) < 0.3).astype(float)
    score = 1 / (1 + np.exp(-(label + random.normal(size=loans))))
    return np.repeat(label, months), np.repeat(score, months), np.repeat(np.arange(loans), months)


def test_the_auc_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    covered = 0
    for seed in range(60):
        low, high = intervals(*clustered(150, 4, seed)[:2], 0.5, clustered(150, 4, seed)[2], 100, seed)["roc_auc"]
        assert low is not None
        assert high is not None
        covered += low <= TRUTH <= high
    assert covered >= 50  # of 60; with rows taken for independent 37 are


def test_intervals_by_loan_are_wider_than_by_row_when_a_loan_has_many_rows() -> None:
    label, score, loan = clustered(200, 9, seed=1)
    by_loan = intervals(label, score, 0.5, loan, 200, seed=7)
    by_row = intervals(label, score, 0.5, np.arange(len(loan)), 200, seed=7)
    ratios = [(by_loan[n][1] - by_loan[n][0]) / (by_row[n][1] - by_row[n][0]) for n in by_loan]  # type: ignore[operator]
    assert min(ratios) > 2  # nine equal rows are one: sqrt(9) = 3 in theory


def test_the_loan_ids_of_the_frame_decide_what_is_drawn_together() -> None:
    frame = predictions(1800)
    by_loan = evaluate(frame, 0.2)["intervals"]["roc_auc"]
    by_row = evaluate(frame.assign(loan_id=np.arange(len(frame))), 0.2)["intervals"]["roc_auc"]
    assert by_loan[1] - by_loan[0] > 1.3 * (by_row[1] - by_row[0])


@pytest.mark.parametrize("rows", [3_000, 40_000])
def test_scores_compared_in_steps_give_the_intervals_of_scores_compared_one_by_one(rows: int) -> None:
    label, score, loan = clustered(rows // 2, 2, seed=2)
    score = np.clip(score + np.random.default_rng(0).normal(scale=0.01, size=len(score)), 0, 1)
    generator = np.random.default_rng(5)
    loans = rows // 2
    drawn = [np.bincount(generator.integers(0, loans, loans), minlength=loans)[loan] for _ in range(20)]
    exact = {
        "roc_auc": [sk.roc_auc_score(label, score, sample_weight=weight) for weight in drawn],
        "pr_auc": [sk.average_precision_score(label, score, sample_weight=weight) for weight in drawn],
        "accuracy": [sk.accuracy_score(label, score >= 0.5, sample_weight=weight) for weight in drawn],
    }
    found = intervals(label, score, 0.5, loan, 20, seed=5)
    for name, values in exact.items():
        assert found[name] == pytest.approx(tuple(np.quantile(values, [0.025, 0.975])), abs=2e-4)


def test_the_gini_interval_follows_from_the_auc_interval() -> None:
    found = evaluate(predictions(600), 0.2, resamples=20)["intervals"]
    assert found["gini"] == pytest.approx([2 * end - 1 for end in found["roc_auc"]])


def test_the_same_seed_gives_the_same_intervals() -> None:
    frame = predictions(600)
    assert evaluate(frame, 0.2, 20, seed=1)["intervals"] == evaluate(frame, 0.2, 20, seed=1)["intervals"]


def test_another_seed_gives_other_intervals() -> None:
    frame = predictions(600)
    assert evaluate(frame, 0.2, 20, seed=1)["intervals"] != evaluate(frame, 0.2, 20, seed=2)["intervals"]


def test_one_loan_has_no_interval() -> None:
    frame = predictions(6).assign(label=np.eye(6)[0])
    assert evaluate(frame, 0.2)["intervals"]["roc_auc"] == [None, None]
