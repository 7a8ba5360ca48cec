"""The straightforward implementation and ours agree, and it does the work that its description says."""

from pathlib import Path
from random import Random

import feature_runs
import pytest
from comparison import Cell, assert_same
from portfolios import Loan, portfolio
from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812 - Spark's own convention

import reference
from xgboost_pipeline.session import spark_session


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("loans")
    feature_runs.write_portfolio(directory, portfolio(Random(3), 60))
    return directory


@pytest.fixture(scope="module")
def histories() -> list[Loan]:
    return portfolio(Random(3), 60)


def rows(table: DataFrame) -> dict[tuple[str, int], dict[str, Cell]]:
    as_float = [F.col(name).cast("float").alias(name) for name in ("label", *reference.FEATURES)]
    found = [row.asDict() for row in table.select("loan_id", "month", *as_float).collect()]
    keyed = {(row.pop("loan_id"), row.pop("month")): row for row in found}
    assert len(keyed) == len(found)
    return keyed


def test_equals_our_reference_table(source: Path, histories: list[Loan], tmp_path: Path) -> None:
    ours = feature_runs.features(feature_runs.settings(source, tmp_path / "ours", label="reference"))
    for row in ours.rows.values():
        for name in ("status", "split_rows", "split_loan", "split_loan_and_time"):
            del row[name]
    theirs = rows(reference.table(spark_session("test"), str(source)))
    assert {row["label"] for row in theirs.values()} == {0.0, 1.0}
    assert_same(theirs, ours.rows, histories)


def test_plan_holds_one_explode_of_twelve_rows_per_row(source: Path) -> None:
    spark = spark_session("test")
    labels = reference.delinquency_12(reference.read(spark, str(source)))
    plan = labels._jdf.queryExecution().optimizedPlan().toString()  # noqa: SLF001 - PySpark has no other door to the plan
    assert plan.count("Generate explode([0,1,2,3,4,5,6,7,8,9,10,11])") == 1
