from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from xgboost_pipeline.generate import Settings, run
from xgboost_pipeline.generate.hazards import MOVES, move_probabilities
from xgboost_pipeline.generate.loans import draw_loans
from xgboost_pipeline.generate.macro import macro_path
from xgboost_pipeline.generate.truth import default_probability

Floats = npt.NDArray[np.float64]
MONTHS = 66
EVENT, CENSORED, PREPAID = {"02", "03", "09", "15"}, {"06", "16", "96", "97", "98", "gone"}, {"01"}


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Return the at-risk rows with the label that the raw rows give, None where it is not known, and the truth."""
    base = tmp_path_factory.mktemp("generated")
    run(Settings(output=f"{base}/files", truth=f"{base}/truth", rows=300_000, workers=1))
    rows = [row for path in sorted((base / "files").glob("*.csv")) for row in _rows(path)]
    truth = pd.read_parquet(base / "truth" / "table")
    return pd.DataFrame(rows, columns=["loan_id", "month", "status", "label"]).merge(truth, how="outer")


def _rows(path: Path) -> list[tuple[str, int, int, int | None]]:
    loans: dict[str, list[tuple[int, str, str]]] = {}
    for line in path.read_text().splitlines():
        field = line.split("|")
        month = int(field[2][2:]) * 12 + int(field[2][:2]) - 1
        loans.setdefault(field[1], []).append((month, field[39], field[43]))
    return [(loan, *row) for loan, history in loans.items() for row in _labels(history)]


def _labels(history: list[tuple[int, str, str]]) -> list[tuple[int, int, int | None]]:
    last = 2018 * 12 + MONTHS - 1
    outcome = {month: "event" for month, status, code in history if code in EVENT or _number(status) >= 4}
    end, _, code = history[-1]
    if code in CENSORED:
        outcome.setdefault(end, "censored")
    if not code and end < last:
        outcome[end + 1] = "censored"
    return [
        (month, _number(status), _label([outcome.get(month + ahead) for ahead in range(1, 13)], month + 12 > last))
        for month, status, code in history
        if not code and 0 <= _number(status) < 4
    ]


def _number(status: str) -> int:
    return int(status) if status.isdigit() else -1


def _label(ahead: list[str | None], too_recent: bool) -> int | None:
    if too_recent or ("censored" in ahead and "event" not in ahead):
        return None
    return int("event" in ahead)


def _known(labelled: pd.DataFrame) -> pd.DataFrame:
    return labelled[labelled.label.notna()]


def _z(rows: pd.DataFrame) -> float:
    """Return how many standard errors outcome and truth differ by; rows of one loan count together."""
    excess = (rows.label - rows.probability).groupby(rows.loan_id).sum()
    return float(excess.sum() / np.sqrt((excess**2).sum()))


def _expected_auc(probability: Floats) -> float:
    """Return the ROC AUC that the truth reaches in expectation: each row counts as default by its probability."""
    classes = np.repeat([1, 0], probability.size)
    weights = np.concatenate([probability, 1 - probability])
    return float(roc_auc_score(classes, np.tile(probability, 2), sample_weight=weights))


def test_truth_is_given_for_exactly_the_rows_at_risk(labelled: pd.DataFrame) -> None:
    assert labelled.status.notna().all()
    assert labelled.probability.between(0, 1, inclusive="neither").all()
    assert not labelled.duplicated(["loan_id", "month"]).any()


def test_truth_equals_the_observed_default_rate(labelled: pd.DataFrame) -> None:
    assert abs(_z(_known(labelled))) < 3.5


def test_truth_equals_the_observed_default_rate_in_each_decile(labelled: pd.DataFrame) -> None:
    known = _known(labelled)
    for _, decile in known.groupby(pd.qcut(known.probability, 10, labels=False)):
        assert abs(_z(decile)) < 3.5


@pytest.mark.parametrize("status", [0, 1, 2, 3])
def test_truth_equals_the_observed_default_rate_in_each_status(labelled: pd.DataFrame, status: int) -> None:
    known = _known(labelled)
    assert abs(_z(known[known.status == status])) < 3.5


def test_base_rate_is_plausible(labelled: pd.DataFrame) -> None:
    assert 0.01 < _known(labelled).label.mean() < 0.03


def test_truth_ranks_loans_in_the_usual_band(labelled: pd.DataFrame) -> None:
    known = _known(labelled)
    assert 0.80 < roc_auc_score(known.label, known.probability) < 0.90


def test_truth_ranks_loans_that_are_current(labelled: pd.DataFrame) -> None:
    current = _known(labelled)[lambda rows: rows.status == 0]
    assert 0.70 < roc_auc_score(current.label, current.probability) < 0.85


def test_the_last_labelled_months_are_harder_than_random_ones(labelled: pd.DataFrame) -> None:
    known = _known(labelled)
    late = known[known.month > known.month.max() - 6]
    assert _expected_auc(late.probability.to_numpy()) < _expected_auc(known.probability.to_numpy()) - 0.005


def test_default_rates_differ_between_periods(labelled: pd.DataFrame) -> None:
    by_year = labelled.groupby((labelled.month - labelled.month.min()) // 12).probability.mean()
    assert by_year.max() > 1.3 * by_year.min()


def _moves(months: int, loans: int) -> Floats:
    macro = macro_path(3, months)
    drawn = draw_loans(np.random.default_rng(3), macro, months, 1, np.arange(loans))
    return move_probabilities(drawn, macro, np.arange(months + 12))


def test_probability_equals_the_product_of_twelve_transition_matrices() -> None:
    moves = _moves(60, 5)
    found = default_probability(moves)
    for month in (0, 30, 59):
        for loan in range(5):
            chain = np.eye(9)
            for ahead in range(1, 13):
                chain = chain @ _matrix(moves[month + ahead, :, loan])
            event, removed = chain[:5, 5] + chain[:5, 6], chain[:5, 8]
            np.testing.assert_allclose(found[month, :, loan], event / (1 - removed), rtol=1e-12)


def _matrix(moves: Floats) -> Floats:
    matrix = np.eye(9)
    for probability, (source, target) in zip(moves, MOVES, strict=True):
        matrix[source, target] += probability
        matrix[source, source] -= probability
    return matrix


def test_moves_are_probabilities_that_leave_room_to_stay() -> None:
    moves = _moves(120, 2_000)
    leaving = np.stack(
        [sum(moves[:, at] for at, (start, _) in enumerate(MOVES) if start == state) for state in range(5)]
    )
    assert moves.min() > 0
    assert leaving.max() < 1


def test_worse_states_lead_to_default_more_often() -> None:
    probability = default_probability(_moves(60, 500))
    assert (np.diff(probability, axis=1) > 0).all()
