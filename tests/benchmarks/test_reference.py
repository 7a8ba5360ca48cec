"""The straightforward implementation and ours agree, and it does the work that the reference does."""

import re
from pathlib import Path
from random import Random

import feature_runs
import pytest
from comparison import Cell, assert_same
from portfolios import Loan, portfolio
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

import reference
from xgboost_pipeline.session import spark_session

OF_THE_LOAN = (*reference.LOAN_CATEGORIES.values(), *reference.LOAN_NUMBERS.values(), 111)


@pytest.fixture(scope="module")
def histories() -> list[Loan]:
    return [as_reported(history) for history in portfolio(Random(3), 60)]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory, histories: list[Loan]) -> Path:
    directory = tmp_path_factory.mktemp("loans")
    feature_runs.write_portfolio(directory, histories)
    return directory


@pytest.fixture(scope="module")
def theirs(source: Path, tmp_path_factory: pytest.TempPathFactory) -> DataFrame:
    staging = tmp_path_factory.mktemp("staging") / "raw"
    return reference.table(reference.stage(spark_session("test"), str(source), str(staging)))


def as_reported(history: Loan) -> Loan:
    """Return a history where the reference's reading and ours are the same.

    The reference takes what describes the loan from its first month, reads sellers in capitals, and numbers of
    borrowers with their fraction.
    """
    first = min(history, key=lambda row: (row[3][2:], row[3][:2]))
    loan = {position: first.get(position, "") for position in OF_THE_LOAN}
    loan |= {5: loan[5].upper(), 22: loan[22].removesuffix(".5")}
    return [row | loan for row in history]


def rows(table: DataFrame) -> dict[tuple[str, int], dict[str, Cell]]:
    month = (F.year("reported") * 12 + F.month("reported") - 1).alias("month")
    as_float = [F.col(name).cast("float").alias(name) for name in ("label", *reference.FEATURES)]
    found = [row.asDict() for row in table.select("loan_id", month, *as_float).collect()]
    keyed = {(f"{row.pop('loan_id'):012d}", row.pop("month")): row for row in found}
    assert len(keyed) == len(found)
    return keyed


def plan(table: DataFrame) -> str:
    return str(table._jdf.queryExecution().optimizedPlan().toString())  # noqa: SLF001 - PySpark has no other door to it


def test_equals_our_reference_table(theirs: DataFrame, source: Path, histories: list[Loan], tmp_path: Path) -> None:
    ours = feature_runs.features(feature_runs.settings(source, tmp_path / "ours", label="reference"))
    for row in ours.rows.values():
        for name in ("status", "split_rows", "split_loan", "split_loan_and_time"):
            del row[name]
    found = rows(theirs)
    assert {row["label"] for row in found.values()} == {0.0, 1.0}
    assert_same(found, ours.rows, histories)


def test_the_optimizer_keeps_one_explode_of_twelve_rows_in_the_table_and_one_in_the_dictionary(
    theirs: DataFrame,
) -> None:
    held = plan(theirs.select(*reference.FEATURES, "label"))
    explode = re.escape("explode([0,1,2,3,4,5,6,7,8,9,10,11])")
    assert len(re.findall(explode + ", false", held)) == 1
    assert held.count("InMemoryRelation") == len(reference.CATEGORIES)
    assert len(set(re.findall(explode + r", \[.*\], false, (.*)", held))) == 1


def test_the_optimizer_keeps_the_joins_with_when_a_loan_was_first_late(theirs: DataFrame) -> None:
    held = plan(theirs.select(*reference.FEATURES, "label"))
    for days in reference.LATE:
        assert f"AS ever_{days}#" in held
        assert f"AS first_{days}#" in held
