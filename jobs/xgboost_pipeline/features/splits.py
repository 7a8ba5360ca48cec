"""Who is trained on and who is tested: by row, by loan, and by loan and time with an embargo."""

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from xgboost_pipeline import months
from xgboost_pipeline.errors import PipelineError

HORIZON = 12  # months that a label looks ahead
MIN_TRAIN_MONTHS = 6
PARTS = (("train", 60), ("validation", 10), ("calibration", 5), ("tuning", 5), ("test", 20))  # percent of loans
SPLITS = ("rows", "loan", "loan_and_time")


@dataclass(frozen=True)
class Periods:
    """The months of the data and of `loan_and_time`, as month indexes, all inclusive."""

    first: int
    last: int
    last_labelled: int
    train_last: int
    test_first: int
    test_last: int


def periods(first: int, last: int, test_months: int) -> Periods:
    """Lay the periods out over the data's months; raise PipelineError when the history is too short.

    The label of a row looks 12 months ahead, so the last 12 months have none; one embargo of 12 months keeps every
    label window of the training period before the test period.
    """
    last_labelled = last - HORIZON
    test_first = last_labelled - test_months + 1
    train_last = test_first - HORIZON - 1
    train_months = train_last - first + 1
    if train_months < MIN_TRAIN_MONTHS:
        total, needed = last - first + 1, 2 * HORIZON + test_months + MIN_TRAIN_MONTHS
        raise PipelineError(
            f"the history is too short for the split: {total} months ({months.name(first)} to {months.name(last)}) "
            f"- {HORIZON} without a label - {test_months} for the test - {HORIZON} of embargo = {train_months} for "
            f"training, at least {MIN_TRAIN_MONTHS} are needed: give {needed} months or more, or fewer --test-months"
        )
    return Periods(first, last, last_labelled, train_last, test_first, last_labelled)


def bucket(salt: str, *columns: str) -> Column:
    """Return a number from 0 to 99 that depends on the given columns and the salt alone."""
    return F.pmod(F.xxhash64(*(F.col(name) for name in columns), F.lit(salt)), F.lit(100))


def part(number: Column) -> Column:
    """Return the part of a bucket number, by the shares of PARTS."""
    edge, chosen = 0, None
    for name, share in PARTS:
        edge += share
        chosen = F.when(number < edge, name) if chosen is None else chosen.when(number < edge, name)
    assert chosen is not None  # noqa: S101 - PARTS is not empty
    return chosen


def assign(rows: DataFrame, span: Periods, salt: str) -> DataFrame:
    """Add split_rows, split_loan and split_loan_and_time; needs loan_id and month."""
    by_loan = part(bucket(salt, "loan_id"))
    month = F.col("month")
    by_time = (
        F.when(month <= span.train_last, F.when(by_loan == "test", "unused").otherwise(by_loan))
        .when(month < span.test_first, "embargo")
        .otherwise(F.when(by_loan == "test", "test").otherwise("unused"))
    )
    return rows.withColumns(
        {
            "split_rows": part(bucket(salt, "loan_id", "month")),
            "split_loan": by_loan,
            "split_loan_and_time": by_time,
        }
    )
