from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from xgboost_pipeline.generate import Settings, run
from xgboost_pipeline.generate.hazards import move_probabilities
from xgboost_pipeline.generate.loans import draw_loans
from xgboost_pipeline.generate.macro import macro_path
from xgboost_pipeline.generate.performance import simulate

NAMES = {
    2: "loan", 3: "period", 5: "seller", 8: "rate", 9: "current_rate", 10: "original", 12: "balance", 16: "age",
    20: "ltv", 21: "cltv", 23: "dti", 24: "score", 31: "state", 40: "status", 41: "history", 42: "modified", 44: "code",
    45: "code_date", 46: "removed", 63: "deferred",
}  # fmt: skip
CODES = {"01", "02", "03", "06", "09", "15", "16", "96", "97", "98"}
ORIGINATION = [*range(4, 9), 10, *range(13, 16), *range(19, 40)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("generated")
    run(Settings(output=f"{base}/files", truth=f"{base}/truth", rows=100_000, workers=1))
    return base / "files"


@pytest.fixture(scope="module")
def raw(folder: Path) -> pd.DataFrame:
    return pd.concat([_read(path) for path in sorted(folder.glob("*.csv"))], ignore_index=True)


def _read(path: Path) -> pd.DataFrame:
    lines = path.read_text(encoding="ascii").splitlines()
    fields = pd.DataFrame([line.split("|") for line in lines], dtype=object)
    fields.columns = pd.RangeIndex(1, fields.shape[1] + 1)
    return fields.assign(file=path.stem, width=fields.shape[1])


@pytest.fixture(scope="module")
def rows(raw: pd.DataFrame) -> pd.DataFrame:
    named = raw.rename(columns=NAMES)
    return named.assign(month=named.period.str[2:].astype(int) * 12 + named.period.str[:2].astype(int) - 1)


def test_there_is_one_file_for_each_quarter_of_the_months(folder: Path) -> None:
    names = [f"{year}Q{quarter}.csv" for year in range(2018, 2024) for quarter in range(1, 5)][:22]
    assert sorted(path.name for path in folder.iterdir()) == [*names, "manifest.json"]


def test_older_quarters_are_108_then_110_and_the_newest_113_fields_wide(rows: pd.DataFrame) -> None:
    widths = rows.groupby("file").width.agg(["min", "max"])
    assert (widths["min"] == widths["max"]).all()
    assert widths["min"].is_monotonic_increasing
    assert set(widths["min"]) == {108, 110, 113}


def test_lines_have_no_quotes_and_no_carriage_returns(folder: Path) -> None:
    content = b"".join(path.read_bytes() for path in folder.glob("*.csv"))
    assert not set(b'"\r') & set(content)


def test_a_row_is_about_as_long_as_in_the_real_files(folder: Path, rows: pd.DataFrame) -> None:
    assert 250 <= sum(path.stat().st_size for path in folder.glob("*.csv")) / len(rows) <= 330


def test_rows_are_near_the_target(rows: pd.DataFrame) -> None:
    assert len(rows) == pytest.approx(100_000, rel=0.05)


def test_a_loan_is_in_exactly_one_file(rows: pd.DataFrame) -> None:
    assert not rows[["loan", "file"]].drop_duplicates().loan.duplicated().any()


def test_a_loan_begins_in_the_quarter_of_its_file(rows: pd.DataFrame) -> None:
    first = rows.groupby("loan").agg(month=("month", "min"), file=("file", "first"))
    quarter = (first.month // 12).astype(str) + "Q" + (first.month % 12 // 3 + 1).astype(str)
    assert (quarter == first.file).all()


def test_rows_of_a_loan_follow_one_another_month_by_month(rows: pd.DataFrame) -> None:
    same = rows.loan.eq(rows.loan.shift())
    assert (~same).sum() == rows.loan.nunique()
    assert (rows.month.diff()[same] == 1).all()


def test_the_data_spans_its_months(rows: pd.DataFrame) -> None:
    assert rows.month.max() - rows.month.min() + 1 == 66


def test_origination_fields_are_repeated_on_each_row(raw: pd.DataFrame) -> None:
    assert len(raw[[2, *ORIGINATION]].drop_duplicates()) == len(raw[[2]].drop_duplicates())


def test_every_zero_balance_code_occurs(rows: pd.DataFrame) -> None:
    assert set(rows.code) == CODES | {""}


def test_zero_balance_codes_stand_on_the_last_row_only(rows: pd.DataFrame) -> None:
    last = ~rows.duplicated("loan", keep="last")
    assert (rows.code[~last] == "").all()


def test_some_loans_vanish_without_a_code(rows: pd.DataFrame) -> None:
    last = rows[~rows.duplicated("loan", keep="last")]
    assert ((last.code == "") & (last.month < rows.month.max())).any()


def test_a_row_with_a_code_has_no_balance_but_what_was_removed(rows: pd.DataFrame) -> None:
    ended = rows[rows.code != ""]
    assert (ended.balance == "0.00").all()
    assert (ended.removed.astype(float) > 0).all()
    assert (ended.code_date == ended.period).all()


def test_the_status_of_an_ended_loan_is_blank_unknown_or_the_last_known(rows: pd.DataFrame) -> None:
    assert {"", "XX", "00"} <= set(rows.status[rows.code != ""])


def test_status_is_two_digits_or_unknown_while_a_loan_goes_on(rows: pd.DataFrame) -> None:
    going_on = rows.status[rows.code == ""]
    assert going_on.str.fullmatch(r"\d\d|XX").all()
    assert 0.0005 < (going_on == "XX").mean() < 0.01


def test_the_first_month_at_120_days_is_never_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xgboost_pipeline.generate.performance.UNKNOWN_SHARE", 1)
    rng, macro = np.random.default_rng(5), macro_path(5, 60)
    loans = draw_loans(rng, macro, 60, 0, np.arange(2_000))
    lives = simulate(rng, loans, move_probabilities(loans, macro, np.arange(60)), 60)
    going_on = lives.present & (lives.code == 0)
    assert (lives.status[going_on & ~lives.unknown] == 4).all()
    assert not lives.unknown[lives.status == 4].any()


def test_loans_fall_further_behind_than_120_days(rows: pd.DataFrame) -> None:
    assert rows.status[rows.status.str.fullmatch(r"\d\d")].astype(int).max() >= 8


def test_loans_in_default_can_recover(rows: pd.DataFrame) -> None:
    in_default = rows.status.isin([f"{status:02d}" for status in range(4, 100)])
    assert (in_default & rows.loan.eq(rows.loan.shift(-1)) & (rows.status.shift(-1) == "00")).any()


def test_balance_is_not_told_in_the_first_six_months_of_age(rows: pd.DataFrame) -> None:
    going_on = rows[rows.code == ""]
    not_told = going_on.balance.isin(["", "0.00"])
    assert (not_told == (going_on.age.astype(int) < 6)).all()


def test_a_balance_not_told_is_blank_in_narrow_files_and_zero_in_wider_ones(rows: pd.DataFrame) -> None:
    not_told = rows[(rows.code == "") & (rows.age.astype(int) < 6)]
    assert set(not_told.balance[not_told.width == 108]) == {""}
    assert set(not_told.balance[not_told.width > 108]) == {"0.00"}


def test_a_told_balance_never_exceeds_the_original_one(rows: pd.DataFrame) -> None:
    told = rows[~rows.balance.isin(["", "0.00"])]
    assert (told.balance.astype(float) <= told.original.astype(float)).all()


def test_credit_scores_move_from_field_24_to_field_111(rows: pd.DataFrame) -> None:
    wide = rows[(rows.width == 113) & (rows[111] != "")]
    assert set(wide.score == "") == {True, False}
    assert (wide.score[wide.score != ""] == wide[111][wide.score != ""]).all()
    assert rows[111][rows.width < 113].isna().all()


@pytest.mark.parametrize("field", ["score", "ltv", "cltv", "dti"])
def test_some_numbers_are_missing(rows: pd.DataFrame, field: str) -> None:
    assert 0 < (rows[field][rows.width < 113] == "").mean() < 0.05


def test_rare_sellers_are_equally_rare(rows: pd.DataFrame) -> None:
    rare = rows[rows.seller.str.startswith("Community Bank")]
    assert not rare[["seller", "loan"]].drop_duplicates().seller.duplicated().any()
    assert rare.seller.value_counts().duplicated().any()


def test_the_newest_quarters_have_sellers_never_seen_before(rows: pd.DataFrame) -> None:
    old, new = (set(rows.seller[chosen]) for chosen in (rows.width < 113, rows.width == 113))
    assert new - old


def test_states_are_frequent_and_rare(rows: pd.DataFrame) -> None:
    counts = rows.state.value_counts()
    assert len(counts) > 50
    assert counts.max() > 50 * counts.min()


def test_modified_loans_keep_their_flag_and_pay_less_interest(rows: pd.DataFrame) -> None:
    modified = rows[rows.modified == "Y"]
    assert len(modified) > 0
    assert (modified.current_rate.astype(float) < modified.rate.astype(float)).all()
    assert (modified.deferred != "").any()


def test_the_payment_history_ends_with_the_row_s_status_and_repeats_the_one_before(rows: pd.DataFrame) -> None:
    going_on = rows[rows.code == ""]
    assert (going_on.history.str.len() == 48).all()
    assert (going_on.history.str[-2:] == going_on.status).all()
    same = rows.loan.eq(rows.loan.shift())
    assert (rows.history[same].str[:-2] == rows.history.shift()[same].str[2:]).all()
