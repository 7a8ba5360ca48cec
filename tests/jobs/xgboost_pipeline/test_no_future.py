"""Features at month t stay the same to the byte when every later row is deleted or altered."""

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest
from comparison import Cell, assert_same
from feature_runs import FIXED, Features, features, settings, write_portfolio
from oracle import CATEGORIES
from portfolios import FIRST, LAST, MONTHS, TEXTS, Loan, Row, another, portfolio
from raw_files import period

from xgboost_pipeline.features import loan_files, staging, table
from xgboost_pipeline.features.columns import forward_columns
from xgboost_pipeline.session import spark_session

Rows = dict[tuple[str, int], dict[str, Cell]]


class Pair(NamedTuple):
    """Feature rows of the same loans and months, made from the whole history and from one with another future."""

    whole: Rows
    other: Rows
    histories: list[Loan]
    altered: list[Loan]


def month_of(row: Row) -> int:
    return int(row[3][2:]) * 12 + int(row[3][:2]) - 1


def later_rows_changed(random: Random, later: Loan) -> Loan:
    return [another(random, row, random.choice(("00", "01", "02", "03", "05", "XX", ""))) for row in later]


def lost_next_month(_random: Random, later: Loan) -> Loan:
    """Delete all but the next month and make it a loss: the row before has label 1 and is kept."""
    return [row | {40: "07", 44: "09", 12: "0.00"} for row in later[:1]]


def prepaid_next_month(_random: Random, later: Loan) -> Loan:
    """Delete all but the next month and make it a prepayment: the rows before are kept as negatives."""
    return [row | {40: "", 44: "01", 12: "0.00"} for row in later[:1]]


def deleted(_random: Random, _later: Loan) -> Loan:
    return []


FUTURES: tuple[Callable[[Random, Loan], Loan], ...] = (
    later_rows_changed,
    later_rows_changed,
    lost_next_month,
    prepaid_next_month,
    deleted,
)


def decoded(found: Features) -> Rows:
    """Return the features alone, categories as the text they stand for: code books follow all rows' frequencies."""
    return {
        key: {name: _cell(found, name, row[name]) for name in row if name not in FIXED}
        for key, row in found.rows.items()
    }


def _cell(found: Features, name: str, cell: Cell) -> Cell:
    if name not in CATEGORIES:
        return cell
    assert isinstance(cell, float)
    return found.books[name][int(cell) - 1] if cell else ""


@pytest.fixture(scope="module")
def forward(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """Give each loan a month t of its own and another future after it; keep the rows up to t that both tables have."""
    directory, random = tmp_path_factory.mktemp("future"), Random(20)
    histories = portfolio(random, 200)
    cuts = {rows[0][2]: FIRST + random.randrange(1, MONTHS - 12) for rows in histories[:-1]} | {
        histories[-1][0][2]: LAST
    }
    altered = [_cut(random, rows, cuts[rows[0][2]]) for rows in histories]
    whole, other = (_table(directory / name, loans, "forward") for name, loans in (("a", histories), ("b", altered)))
    both = [key for key in whole.keys() & other.keys() if key[1] <= cuts[key[0]]]
    assert len([key for key in both if key[1] == cuts[key[0]]]) > 50, "too few rows at the very month of the cut"
    return Pair({key: whole[key] for key in both}, {key: other[key] for key in both}, histories, altered)


def _cut(random: Random, rows: Loan, cut: int) -> Loan:
    future = random.choice(FUTURES)(random, [row for row in rows if month_of(row) > cut])
    return [row for row in rows if month_of(row) <= cut] + future


def _table(directory: Path, histories: list[Loan], label: str) -> Rows:
    write_portfolio(directory / "in", histories)
    return decoded(features(settings(directory / "in", directory / "out", label)))


def test_forward_features_do_not_change_with_the_rows_after_their_month(forward: Pair) -> None:
    assert_same(forward.whole, forward.other, forward.histories)


def test_a_feature_that_reads_the_next_month_is_found_out(forward: Pair) -> None:
    with pytest.raises(AssertionError, match="planted"):
        assert_same(_planted(forward.whole, forward.histories), _planted(forward.other, forward.altered))


def _planted(rows: Rows, histories: list[Loan]) -> Rows:
    """Add the status of the loan's next month as a feature."""
    status = {(row[2], month_of(row)): row[40] for loan in histories for row in loan}
    return {(loan, month): cells | {"planted": status.get((loan, month + 1))} for (loan, month), cells in rows.items()}


def test_reference_features_do_not_change_with_the_data_after_their_month(tmp_path: Path) -> None:
    histories = portfolio(Random(21), 80)
    until = LAST - 3
    shorter = [[row for row in rows if month_of(row) <= until] for rows in histories]
    whole, other = (_table(tmp_path / name, loans, "reference") for name, loans in (("a", histories), ("b", shorter)))
    assert_same({key: cells for key, cells in whole.items() if key[1] <= until}, other, histories)
    assert period(until) in {row[3] for rows in shorter for row in rows}


def test_scored_features_do_not_change_when_every_later_row_of_every_loan_is_deleted(tmp_path: Path) -> None:
    histories = portfolio(Random(22), 120)
    until = LAST - 12
    shorter = [[row for row in rows if month_of(row) <= until] for rows in histories]
    whole, other = (_scored(tmp_path / name, loans) for name, loans in (("a", histories), ("b", shorter)))
    assert max(month for _, month in other) == until
    assert_same({key: cells for key, cells in whole.items() if key[1] <= until}, other, histories)


def _scored(directory: Path, histories: list[Loan]) -> Rows:
    """Return the features as `score` makes them: no label, so rows of the last month are kept."""
    spark, values = spark_session("tests"), {name: sorted(set(TEXTS[field])) for name, field in CATEGORIES.items()}
    write_portfolio(directory / "in", histories)
    files = loan_files.find(str(directory / "in"))
    staged, _ = staging.write(spark, files, str(directory / "staged"), 0.0)
    scored = table.scoring_rows(staged, values).select("loan_id", "month", *table.as_float32(forward_columns()))
    rows = [row.asDict() for row in scored.collect()]
    return {(row.pop("loan_id"), row.pop("month")): row for row in rows}
