"""The oracle against histories worked by hand: it is the measure, so nothing generated is trusted here."""

import ast
from pathlib import Path

import oracle
import pytest
from oracle_splits import Calendar, by_loan_and_time
from raw_files import line, period
from spark_hash import spark_xxhash64, xxh64

FIRST = 2018 * 12
LAST = FIRST + 39


def loan(statuses: list[str], codes: dict[int, str] | None = None, **fields: str) -> list[dict[int, str]]:
    """Return consecutive months from FIRST; `f20="80"` sets field 20 in every row."""
    fixed = {int(name[1:]): text for name, text in fields.items()}
    return [
        {2: "L", 3: period(FIRST + age), 40: status, 44: (codes or {}).get(age, ""), 12: "100.00"} | fixed
        for age, status in enumerate(statuses)
    ]


def labels(rows: list[dict[int, str]], last: int = LAST) -> dict[int, float]:
    return {kept.month - FIRST: kept.label for kept in oracle.forward(rows, last)}


def numbers(rows: list[dict[int, str]], age: int) -> dict[str, float | None]:
    return next(kept.numbers for kept in oracle.forward(rows, LAST) if kept.month == FIRST + age)


def test_imports_nothing_from_the_job() -> None:
    imported = {
        name
        for file in ("oracle.py", "oracle_splits.py", "spark_hash.py", "raw_files.py")
        for node in ast.walk(ast.parse((Path(oracle.__file__).parent / file).read_text()))
        for name in ([node.module] if isinstance(node, ast.ImportFrom) else _names(node))
    }
    assert imported <= {"re", "struct", "collections.abc", "dataclasses", "typing", "pathlib", "spark_hash"}


def _names(node: ast.AST) -> list[str]:
    return [alias.name for alias in node.names] if isinstance(node, ast.Import) else []


@pytest.mark.parametrize(("age", "label"), [(2, 0.0), (3, 1.0), (14, 1.0), (16, 0.0)])
def test_forward_label_covers_the_twelve_months_after_the_row(age: int, label: float) -> None:
    assert labels(loan(["00"] * 15 + ["04"] + ["00"] * 24))[age] == label


def test_forward_drops_rows_already_120_days_late_or_of_unknown_status() -> None:
    assert sorted(labels(loan(["00", "04", "XX", "", "03"] + ["00"] * 35))) == [0, *range(4, 28)]


def test_forward_drops_rows_of_the_last_twelve_months_whatever_their_outcome() -> None:
    assert max(labels(loan(["00"] * 30 + ["04"] * 10))) == 27


@pytest.mark.parametrize("code", ["02", "03", "09", "15"])
def test_forward_counts_credit_losses_as_events(code: str) -> None:
    found = labels(loan(["00"] * 20, {19: code}))
    assert [found[6], found[7], found[18], 19 in found] == [0.0, 1.0, 1.0, False]


@pytest.mark.parametrize("code", ["06", "16", "96", "97", "98", "99"])
def test_forward_drops_rows_whose_window_holds_another_exit(code: str) -> None:
    assert labels(loan(["00"] * 20, {19: code})) == dict.fromkeys(range(7), 0.0)


def test_forward_keeps_rows_before_a_prepayment_as_negatives() -> None:
    assert labels(loan(["00"] * 20, {19: "01"})) == dict.fromkeys(range(19), 0.0)


def test_forward_counts_an_event_in_the_row_of_an_exit_and_before_one() -> None:
    assert set(labels(loan(["00"] * 8 + ["04"], {8: "06"})).values()) == {1.0}
    assert labels(loan(["00"] * 5 + ["04", "00"] + ["00"] * 3, {9: "06"}))[0] == 1.0


def test_forward_drops_rows_whose_window_holds_the_month_after_a_vanished_loans_last() -> None:
    assert sorted(labels(loan(["00"] * 20))) == list(range(8))


def test_forward_keeps_a_loan_that_lasts_as_long_as_the_data() -> None:
    assert sorted(labels(loan(["00"] * 40))) == list(range(28))
    assert sorted(labels(loan(["00"] * 39))) == list(range(27))


@pytest.mark.parametrize(("age", "label"), [(3, 0.0), (4, 1.0), (15, 1.0), (16, 0.0), (39, 0.0)])
def test_reference_label_covers_the_row_and_the_eleven_months_after(age: int, label: float) -> None:
    kept = oracle.reference(loan(["00"] * 15 + ["04"] + ["00"] * 24))
    assert kept[age].label == label


@pytest.mark.parametrize("upb", ["", "0", "0.00"])
def test_reference_forgets_rows_without_balance_before_it_looks_for_events(upb: str) -> None:
    rows = loan(["00", "00", "04"])
    rows[2][12] = upb
    assert [kept.label for kept in oracle.reference(rows)] == [0.0, 0.0]


def test_reference_fills_missing_numbers_with_zero() -> None:
    kept = oracle.reference(loan(["XX"]))[0]
    assert (len(kept.numbers), set(kept.numbers.values())) == (17, {0.0, 100.0})


def test_payment_history_reads_strictly_earlier_rows() -> None:
    found = numbers(loan(["00", "01", "02", "XX", "03", "00", "02"] + ["00"] * 33), 6)
    assert {name: found[name] for name in list(found)[-9:]} == {
        "history_months": 6.0,
        "months_late_before": 3.0,
        "months_late_last_12": 3.0,
        "worst_status_before": 3.0,
        "previous_status": 0.0,
        "months_since_30": 2.0,
        "months_since_60": 2.0,
        "months_since_90": 2.0,
        "months_unknown_before": 1.0,
    }


def test_months_late_last_12_counts_rows_not_months() -> None:
    rows = [row for age, row in enumerate(loan(["01"] + ["00"] * 39)) if age not in {5, 6}]
    assert numbers(rows, 14)["months_late_last_12"] == 1.0
    assert numbers(rows, 15)["months_late_last_12"] == 0.0


def test_first_row_has_an_empty_history() -> None:
    found = numbers(loan(["00"] * 40), 0)
    assert [
        found[name] for name in ("history_months", "worst_status_before", "previous_status", "months_since_30")
    ] == [
        0.0,
        None,
        None,
        None,
    ]


@pytest.mark.parametrize(("ltv", "band"), [("60", 0), ("60.01", 1), ("80", 4 - 1), ("81", 4), ("95", 6), ("96", 7)])
def test_ltv_band_counts_the_edges_below(ltv: str, band: int) -> None:
    assert numbers(loan(["00"] * 40, f20=ltv), 0)["ltv_band"] == band


@pytest.mark.parametrize(("score", "band"), [("619", 0), ("620", 1), ("739", 3), ("740", 4), ("780", 5)])
def test_credit_score_band_counts_the_edges_reached(score: str, band: int) -> None:
    assert numbers(loan(["00"] * 40, f111=score), 0)["credit_score_band"] == band


def test_vintage_is_the_quarter_of_the_origination_date() -> None:
    found = numbers(loan(["00"] * 40, f14="042019"), 0)
    assert (found["origination_year"], found["vintage"]) == (2019.0, 2019.0 * 4 + 1)


def test_missing_balance_and_cltv_come_from_the_origination() -> None:
    found = numbers(loan(["00"] * 40, f10="200", f12="", f20="80"), 0)
    assert [found[name] for name in ("current_actual_upb", "upb_ratio", "orig_cltv")] == [200.0, 1.0, 80.0]


@pytest.mark.parametrize(
    ("field", "text"),
    [
        *((2, ""), (3, "132018"), (3, "002018"), (3, "011998"), (3, "012101"), (3, ""), (3, "1/2018"), (14, "2018")),
        *((40, "4"), (40, "X"), (40, "100"), (20, "8O"), (111, "N/A"), (23, "12d"), (12, "1,000.00"), (8, ".")),
    ],
)
def test_malformed_rows_are_dropped(field: int, text: str) -> None:
    assert oracle.history([loan(["00"])[0] | {field: text}]) == []


def test_code_books_break_ties_by_value_and_leave_out_rare_values() -> None:
    rows = [dict.fromkeys(oracle.CATEGORIES, text) for text in ("b", "b", "a", "a", "c", "")]
    assert oracle.code_books(rows, 1)["orig_channel"] == ["a", "b", "c"]
    assert oracle.code_books(rows, 2)["orig_channel"] == ["a", "b"]


def test_code_books_count_rows_at_risk_whether_their_label_is_known_or_not() -> None:
    rows = loan(["00", "03", "04", "XX", "", "00"], {5: "01"}, f4="R")
    assert {month - FIRST: texts["orig_channel"] for month, texts in oracle.at_risk_texts(rows).items()} == {
        0: "R",
        1: "R",
    }


def test_hash_equals_the_published_values_of_xxh64_and_of_spark() -> None:
    assert xxh64(b"", 0) == 0xEF46DB3751D8E999
    assert xxh64(b"Nobody inspects the spammish repetition", 0) == 0xFBCEA83C8A378BF1
    assert spark_xxhash64("Spark", 123, 2) == 5602566077635097486


def test_embargo_lies_between_training_and_test_months() -> None:
    calendar = Calendar(LAST, 6)
    found = [by_loan_and_time("L", month, "s", calendar) == "embargo" for month in range(FIRST, LAST - 11)]
    assert found == [False] * 10 + [True] * 12 + [False] * 6


def test_a_line_has_as_many_fields_as_its_width() -> None:
    assert line({2: "L", 111: "700"}, 113).split("|")[1::109] == ["L", "700"]
    assert line({2: "L", 111: "700"}, 108).count("|") == 107
