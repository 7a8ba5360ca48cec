"""Splits recomputed from the written table: who is in which, how far apart in time, and whatever Spark's partitions."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest
from comparison import assert_same
from feature_runs import Features, features, settings, write_portfolio
from portfolios import FIRST, LAST, MONTHS, Loan, portfolio
from raw_files import within, write_file

from xgboost_pipeline.session import spark_session

TRAINING = ("train", "validation", "calibration", "tuning")
SHARES = {"train": 0.60, "validation": 0.10, "calibration": 0.05, "tuning": 0.05, "test": 0.20}


class Made(NamedTuple):
    found: Features
    histories: list[Loan]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    directory, histories = tmp_path_factory.mktemp("splits"), portfolio(Random(30), 200)
    held = write_portfolio(directory / "in", histories)
    chosen = replace(settings(directory / "in", directory / "out"), normalise="standard")
    return Made(features(chosen), held)


def members(found: Features, column: str) -> dict[str, set[str]]:
    """Return the loans of each value of a split column."""
    loans = defaultdict(set)
    for (loan, _), row in found.rows.items():
        loans[str(row[column])].add(loan)
    return loans


def months(found: Features, split: str) -> set[int]:
    return {month for (_, month), row in found.rows.items() if row["split_loan_and_time"] == split}


def test_no_loan_is_in_two_parts_of_the_split_by_loan(made: Made) -> None:
    loans = members(made.found, "split_loan")
    assert sum(map(len, loans.values())) == len(set().union(*loans.values()))
    assert set(loans) == set(SHARES)


def test_no_loan_is_in_two_parts_of_the_split_by_loan_and_time(made: Made) -> None:
    loans = members(made.found, "split_loan_and_time")
    parts = [loans[name] for name in (*TRAINING, "test")]
    assert all(parts)
    assert sum(map(len, parts)) == len(set().union(*parts))


def test_label_windows_of_training_end_before_the_test_period_begins(made: Made) -> None:
    last_seen_by_training = max(max(months(made.found, name)) for name in TRAINING) + 12
    assert last_seen_by_training == min(months(made.found, "test")) - 1


def test_test_period_is_the_last_six_months_that_have_their_label(made: Made) -> None:
    assert months(made.found, "test") == set(range(LAST - 17, LAST - 11))


def test_embargo_is_every_row_of_the_twelve_months_between(made: Made) -> None:
    between = {key for key in made.found.rows if LAST - 29 <= key[1] < LAST - 17}
    marked = {key for key, row in made.found.rows.items() if row["split_loan_and_time"] == "embargo"}
    assert marked == between


def test_training_months_are_all_months_before_the_embargo(made: Made) -> None:
    assert months(made.found, "train") == set(range(FIRST, LAST - 29))


@pytest.mark.parametrize("column", ["split_rows", "split_loan"])
def test_parts_have_their_shares(made: Made, column: str) -> None:
    names = [str(row[column]) for row in made.found.rows.values()]
    if column == "split_loan":
        names = [str(value) for value in {loan: row[column] for (loan, _), row in made.found.rows.items()}.values()]
    counts = Counter(names)
    assert {name: counts[name] / len(names) for name in counts} == pytest.approx(SHARES, abs=0.06)


def test_random_rows_put_loans_on_both_sides(made: Made) -> None:
    loans = members(made.found, "split_rows")
    assert len(loans["train"] & loans["test"]) > len(loans["test"]) / 2


def test_manifest_counts_and_months_are_those_of_the_table(made: Made) -> None:
    manifest = made.found.manifest
    for column in ("split_rows", "split_loan", "split_loan_and_time"):
        counts = Counter(str(row[column]) for row in made.found.rows.values())
        assert {name: count for name, count in manifest["funnel"][column].items() if count} == counts
    assert manifest["funnel"]["read"] == sum(map(len, made.histories))
    assert manifest["months"] == {
        "first": FIRST,
        "last": LAST,
        "last_labelled": LAST - 12,
        "train_last": FIRST + MONTHS - 31,
        "test_first": LAST - 17,
        "test_last": LAST - 12,
    }


@contextmanager
def spark_conf(**values: str) -> Iterator[None]:
    """Set runtime settings of the running session, `spark_sql_x="1"` for `spark.sql.x`, and put them back."""
    conf = spark_session("tests").conf
    before = {name: conf.get(name.replace("_", "."), None) for name in values}
    for name, value in values.items():
        conf.set(name.replace("_", "."), value)
    yield
    for name, old in before.items():
        conf.unset(name.replace("_", ".")) if old is None else conf.set(name.replace("_", "."), old)


def rewritten(directory: Path, histories: list[Loan], files: int) -> Path:
    """Write the same rows as other files: other names, other loans together, other order."""
    random = Random(files)
    for index in range(files):
        rows = [within(row, 113) for loan in histories[index::files] for row in loan]
        random.shuffle(rows)
        write_file(directory / f"20{90 - index}Q{index % 4 + 1}.csv", rows, 113)
    return directory


@pytest.mark.parametrize(("partitions", "files", "bytes_each"), [("1", 1, "100m"), ("13", 3, "64k")])
def test_table_does_not_depend_on_files_or_partitions(
    made: Made, tmp_path: Path, partitions: str, files: int, bytes_each: str
) -> None:
    source = rewritten(tmp_path / "in", made.histories, files)
    chosen = replace(settings(source, tmp_path / "out"), normalise="standard")
    with spark_conf(
        spark_sql_shuffle_partitions=partitions,
        spark_sql_files_maxPartitionBytes=bytes_each,
        spark_sql_files_openCostInBytes="1",
        spark_sql_adaptive_enabled="false",
    ):
        found = features(chosen)
    assert (found.books, found.normalisation) == (made.found.books, made.found.normalisation)
    assert_same(made.found.rows, found.rows)
