"""Bad input is refused in one sentence that says what, the value and what is allowed, and leaves nothing behind."""

import gzip
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from feature_runs import features, settings
from raw_files import line, period, write_file

from xgboost_pipeline.errors import PipelineError
from xgboost_pipeline.features import Settings, run

FIRST = 2018 * 12


def loans(count: int = 40, months: int = 40, status: str = "04") -> list[dict[int, str]]:
    """Return a small sound portfolio: every loan reaches the status in one month and stays until the last."""
    return [
        {2: f"{loan:012d}", 3: period(FIRST + age), 12: "1000.00", 40: status if age == loan % months else "00"}
        for loan in range(count)
        for age in range(months)
    ]


def refusal(chosen: Settings) -> str:
    """Return the sentence, after making sure that the run left every file and folder around it as it was."""
    around = Path(chosen.output).parent
    before = {path: path.is_dir() or path.read_bytes() for path in around.rglob("*")}
    with pytest.raises(PipelineError) as caught:
        run(chosen)
    assert {path: path.is_dir() or path.read_bytes() for path in around.rglob("*")} == before
    assert "\n" not in str(caught.value)
    return str(caught.value)


def broken(rows: list[dict[int, str]], count: int, change: dict[int, str]) -> list[dict[int, str]]:
    return [row | change if index < count else row for index, row in enumerate(rows)]


def test_missing_directory_is_named(tmp_path: Path) -> None:
    message = refusal(settings(tmp_path / "nowhere", tmp_path / "out"))
    assert str(tmp_path / "nowhere") in message


def test_empty_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    message = refusal(settings(tmp_path / "in", tmp_path / "out"))
    assert str(tmp_path / "in") in message
    assert "csv" in message


def test_file_in_place_of_a_directory_is_named(tmp_path: Path) -> None:
    path = write_file(tmp_path / "2018Q1.csv", loans(1))
    assert str(path) in refusal(settings(path, tmp_path / "out"))


def zipped(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("2018Q1.csv", line(loans(1, 1)[0], 110))


def gzipped(path: Path) -> None:
    path.write_bytes(gzip.compress(line(loans(1, 1)[0], 110).encode()))


@pytest.mark.parametrize("name", ["2018Q1.csv", "2018Q1.zip", "2018Q1.csv.gz"])
@pytest.mark.parametrize("packed", [zipped, gzipped])
def test_packed_files_are_to_be_unpacked(tmp_path: Path, packed: Callable[[Path], None], name: str) -> None:
    write_file(tmp_path / "in/2018Q2.csv", loans(2, 2))
    packed(tmp_path / "in" / name)
    message = refusal(settings(tmp_path / "in", tmp_path / "out"))
    assert name in message
    assert "unzip" in message.lower() or "unpack" in message.lower() or "decompress" in message.lower()


@pytest.mark.parametrize("name", ["notes.txt", "2018Q1.parquet", "2018Q1.csv.bak"])
def test_directory_that_holds_only_other_files_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / name).write_text("Dear reader,\n")
    assert name in refusal(settings(tmp_path / "in", tmp_path / "out"))


def test_other_file_beside_loan_files_is_named(tmp_path: Path) -> None:
    write_file(tmp_path / "in/2018Q1.csv", loans(2, 2))
    (tmp_path / "in/notes.docx").write_text("Dear reader,\n")
    assert "notes.docx" in refusal(settings(tmp_path / "in", tmp_path / "out"))


def test_empty_file_is_named(tmp_path: Path) -> None:
    write_file(tmp_path / "in/2018Q1.csv", loans(2, 2))
    (tmp_path / "in/2018Q2.csv").write_text("")
    assert "2018Q2.csv" in refusal(settings(tmp_path / "in", tmp_path / "out"))


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_wrong_delimiter_is_named(tmp_path: Path, delimiter: str) -> None:
    path = write_file(tmp_path / "in/2018Q1.csv", loans(2, 2))
    path.write_text(path.read_text().replace("|", delimiter))
    message = refusal(settings(tmp_path / "in", tmp_path / "out"))
    assert "2018Q1.csv" in message
    assert "|" in message


def test_header_line_is_recognised(tmp_path: Path) -> None:
    names = {field: f"FIELD_{field}" for field in range(1, 111)} | {2: "LOAN_ID", 3: "ACT_PERIOD"}
    write_file(tmp_path / "in/2018Q1.csv", [names, *loans(2, 2)])
    message = refusal(settings(tmp_path / "in", tmp_path / "out"))
    assert "2018Q1.csv" in message
    assert "header" in message


@pytest.mark.parametrize("width", [2, 107, 109, 111, 112, 115])
def test_unsupported_width_is_named_with_those_allowed(tmp_path: Path, width: int) -> None:
    write_file(tmp_path / "in/2018Q1.csv", loans(2, 2))
    write_file(tmp_path / "in/2018Q2.csv", loans(2, 2), width)
    message = refusal(settings(tmp_path / "in", tmp_path / "out"))
    for part in ("2018Q2.csv", str(width), "108", "110", "113", "114"):
        assert part in message


@pytest.mark.parametrize(("width", "odd"), [(110, 108), (110, 113), (113, 110), (110, 109), (108, 110)])
@pytest.mark.parametrize("odd_rows", [slice(1, 2), slice(-1, None), slice(300, 600), slice(1000, None)])
def test_mixed_widths_in_one_file_are_refused(tmp_path: Path, width: int, odd: int, odd_rows: slice) -> None:
    """A file is sampled at its ends and at places between: a stretch of other rows is found, a lone one may not be."""
    path = write_file(tmp_path / "in/2018Q1.csv", [row | {1: "x" * 1000} for row in loans()], width)
    lines = path.read_text().splitlines()
    lines[odd_rows] = [line(row, odd) for row in loans()[odd_rows]]
    path.write_text("\n".join(lines) + "\n")
    message = refusal(settings(tmp_path / "in", tmp_path / "out"))
    for part in ("2018Q1.csv", str(width), str(odd)):
        assert part in message


MALFORMED: list[dict[int, str]] = [
    *({20: "8O"}, {12: "1,000.00"}, {23: "12d"}, {23: "NaN"}, {23: "Infinity"}, {24: "0x1F4"}, {111: "seven"}),
    *({3: "132018"}, {3: "2018-01"}, {3: "011998"}, {14: "002018"}, {40: "X"}, {2: ""}),
    *({3: text} for text in ("+12018", "-12018", " 12018", "12018 ", "12018.", "1 2018", "12018")),
    *({40: text} for text in ("+1", "-1", " 1", "1 ", "1.", "0.", "0 ", "1", "001")),
]


def test_malformed_rows_above_the_share_are_refused_with_count_field_value_and_share(tmp_path: Path) -> None:
    write_file(tmp_path / "in/2018Q1.csv", broken(loans(), 33, {20: "8O"}))
    message = refusal(replace(settings(tmp_path / "in", tmp_path / "out"), max_malformed=0.02))
    for part in ("33", "1600", "2018Q1.csv", "orig_ltv", "8O"):
        assert part in message.replace(",", "")


def test_every_kind_of_malformed_row_is_counted_and_tolerated_up_to_the_share(tmp_path: Path) -> None:
    rows = [change | {3: change.get(3, period(FIRST + 5)), 2: change.get(2, "B")} for change in MALFORMED]
    write_file(tmp_path / "in/2018Q1.csv", [*rows, *loans()], 113)
    found = features(replace(settings(tmp_path / "in", tmp_path / "out"), max_malformed=len(rows) / (1600 + len(rows))))
    assert found.manifest["funnel"]["malformed"] == len(rows)
    assert found.manifest["funnel"]["read"] == 1600 + len(rows)


@pytest.mark.parametrize(("away", "later", "malformed"), [(12, 12, 0), (13, 0, 1), (600, 0, 1)])
def test_a_month_over_a_year_from_all_others_is_malformed(
    tmp_path: Path, away: int, later: int, malformed: int
) -> None:
    write_file(tmp_path / "in/2018Q1.csv", [*loans(), {2: "S", 3: period(FIRST + 39 + away), 40: "00"}])
    manifest = features(settings(tmp_path / "in", tmp_path / "out")).manifest
    assert manifest["months"]["last"] == FIRST + 39 + later
    assert manifest["funnel"]["malformed"] == malformed


@pytest.mark.parametrize(("first", "outside"), [(1999 * 12, 1999 * 12 - 1), (2101 * 12 - 40, 2101 * 12)])
def test_months_before_1999_and_after_2100_are_malformed(tmp_path: Path, first: int, outside: int) -> None:
    rows = [row | {3: period(first + index % 40)} for index, row in enumerate(loans())]
    write_file(tmp_path / "in/2018Q1.csv", [*rows, {2: "S", 3: period(outside), 40: "00"}])
    manifest = features(settings(tmp_path / "in", tmp_path / "out")).manifest
    assert (manifest["months"]["first"], manifest["months"]["last"]) == (first, first + 39)
    assert manifest["funnel"]["malformed"] == 1


def test_months_missing_between_the_files_are_refused_with_both_sides(tmp_path: Path) -> None:
    write_file(tmp_path / "in/2018Q1.csv", loans())
    later = [row | {2: "9" + row[2], 3: f"{row[3][:2]}{int(row[3][2:]) + 10}"} for row in loans(10)]
    write_file(tmp_path / "in/2028Q1.csv", later)
    message = refusal(replace(settings(tmp_path / "in", tmp_path / "out"), max_malformed=0.1))
    for part in ("2021-04", "2028-01"):
        assert part in message


def test_no_positives_are_refused_and_the_old_output_stays(tmp_path: Path) -> None:
    write_file(tmp_path / "in/2018Q1.csv", loans(status="03"))
    for name, text in (("manifest.json", '{"kind": "features", "format": 1}'), ("table/part-0.parquet", "old")):
        path = tmp_path / "out" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert "positive" in refusal(replace(settings(tmp_path / "in", tmp_path / "out"), overwrite=True))


def test_history_too_short_for_the_split_is_refused_with_the_arithmetic(tmp_path: Path) -> None:
    write_file(tmp_path / "in/2018Q1.csv", loans(months=35))
    message = refusal(settings(tmp_path / "in", tmp_path / "out"))
    for part in ("35", "12", "6", "36"):
        assert part in message


def test_sound_portfolio_with_the_shortest_history_is_accepted(tmp_path: Path) -> None:
    write_file(tmp_path / "in/2018Q1.csv", loans(months=36))
    manifest = features(settings(tmp_path / "in", tmp_path / "out")).manifest
    assert manifest["months"]["train_last"] - manifest["months"]["first"] + 1 == 6
    assert manifest["funnel"]["malformed"] == 0


def test_a_quarter_twice_is_refused_with_both_files(tmp_path: Path) -> None:
    write_file(tmp_path / "in/2018Q1.csv", loans(2, 2))
    write_file(tmp_path / "in/2018Q1 (copy).csv", loans(2, 2))
    message = refusal(settings(tmp_path / "in", tmp_path / "out"))
    assert "2018Q1.csv" in message
    assert "2018Q1 (copy).csv" in message


def test_a_loan_in_two_files_is_refused_with_loan_and_files(tmp_path: Path) -> None:
    write_file(tmp_path / "in/2018Q1.csv", loans())
    write_file(tmp_path / "in/2018Q2.csv", loans(1, 1))
    message = refusal(settings(tmp_path / "in", tmp_path / "out"))
    for part in ("000000000000", "2018Q1.csv", "2018Q2.csv"):
        assert part in message


@pytest.mark.parametrize("label", ["forward", "reference"])
@pytest.mark.parametrize(("gap", "twice"), [(slice(0), 5), (slice(9, 12), 35)])
def test_a_month_twice_in_one_file_is_refused_with_loan_and_file(
    tmp_path: Path, label: str, gap: slice, twice: int
) -> None:
    rows = loans()
    del rows[gap]
    write_file(tmp_path / "in/2018Q1.csv", [*rows, rows[twice] | {40: "01"}])
    message = refusal(settings(tmp_path / "in", tmp_path / "out", label))
    for part in ("000000000000", "2018Q1.csv", "month twice"):
        assert part in message


def test_output_that_exists_is_kept(tmp_path: Path) -> None:
    write_file(tmp_path / "in/2018Q1.csv", loans(2, 2))
    write_file(tmp_path / "out/mine.txt", loans(1, 1))
    message = refusal(settings(tmp_path / "in", tmp_path / "out"))
    assert str(tmp_path / "out") in message
    assert "--overwrite" in message


def test_overwrite_spares_a_directory_that_features_did_not_make(tmp_path: Path) -> None:
    write_file(tmp_path / "in/2018Q1.csv", loans(2, 2))
    write_file(tmp_path / "out/mine.txt", loans(1, 1))
    assert str(tmp_path / "out") in refusal(replace(settings(tmp_path / "in", tmp_path / "out"), overwrite=True))


@pytest.mark.parametrize("change", [{"test_months": 0}, {"rare_category_rows": -1}, {"max_malformed": 1.5}])
def test_settings_out_of_range_are_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    write_file(tmp_path / "in/2018Q1.csv", loans())
    name, value = next(iter(change.items()))
    with pytest.raises(PipelineError) as refused:
        replace(settings(tmp_path / "in", tmp_path / "out"), **change)
    assert name.replace("_", "-") in str(refused.value)
    assert str(value) in str(refused.value)


def test_a_quotation_mark_is_a_character_like_any_other(tmp_path: Path) -> None:
    rows = [row | {5: '"Acme'} for row in loans()]
    write_file(tmp_path / "in/2018Q1.csv", rows)
    found = features(settings(tmp_path / "in", tmp_path / "out"))
    assert found.books["seller_name"] == ['"Acme']
    assert found.manifest["funnel"]["at_risk"] > 0
