"""What is predicted: `forward` (will it be 120+ days late within 12 months) and the reference's `delinquency_12`."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from xgboost_pipeline.features.splits import HORIZON

SERIOUS = 4  # months past due: 120+ days
CREDIT_LOSS = ("02", "03", "09", "15")  # third-party sale, short sale, deed-in-lieu or REO, non-performing note sale
PAID = "01"  # prepaid or matured

DEFINITIONS = {
    "forward": (
        "Of a loan that is not 120+ days late in month t (status 0-3, not removed): 1 if it is 120+ days late, or "
        "leaves by a credit loss (codes 02, 03, 09, 15), in a month from t + 1 to t + 12; 0 if not, also when prepaid "
        "or matured (01); left out when it leaves otherwise (06, 16, 96, 97, 98, ...) or vanishes within these months, "
        "and when t is within the last 12 months of the data."
    ),
    "reference": (
        "delinquency_12 of the reference blueprint: 1 if the loan is 120+ days late in a month from t to t + 11, over "
        "rows with a current balance; the present month is part of it, and months without 12 months of future are 0."
    ),
}


def at_risk() -> Column:
    """Return the condition that a row can be scored under `forward`; needs status and zero_balance_code."""
    return (F.col("status") < SERIOUS) & F.col("zero_balance_code").isNull()


def has_balance() -> Column:
    """Return the condition that the reference keeps a row; needs current_actual_upb."""
    return F.coalesce(F.col("current_actual_upb"), F.lit(0)) != 0


def add_outlook(rows: DataFrame, last: int) -> DataFrame:
    """Add next_event and next_censor, month indexes after the row's own where the row is at risk, null if none.

    Needs loan_id, month, status, zero_balance_code. `last` is the last month of the data: a loan whose rows end before
    it without a code has vanished the month after.
    """
    later = (
        Window.partitionBy("loan_id").orderBy(F.desc("month")).rowsBetween(Window.unboundedPreceding, Window.currentRow)
    )
    code, month = F.col("zero_balance_code"), F.col("month")
    event = (F.coalesce(F.col("status"), F.lit(0)) >= SERIOUS) | F.coalesce(code.isin(*CREDIT_LOSS), F.lit(False))  # noqa: FBT003 - SQL's FALSE
    censor = code.isNotNull() & ~event & (code != PAID)
    seen = rows.withColumns(
        {
            "next_event": F.min(F.when(event, month)).over(later),
            "_coded_exit": F.min(F.when(censor, month)).over(later),
            "_end": F.max(month).over(later),
            "_last_code": F.max(F.when(code.isNotNull(), month)).over(later),
        }
    )
    vanished = (F.col("_end") < last) & (F.col("_last_code").isNull() | (F.col("_last_code") < F.col("_end")))
    gone = F.when(vanished, F.col("_end") + 1)
    return seen.withColumn("next_censor", F.least("_coded_exit", gone)).drop("_coded_exit", "_end", "_last_code")


def add_forward_label(rows: DataFrame) -> DataFrame:
    """Add label (1.0, 0.0, or null where censored); needs the columns of `add_outlook`."""
    window_end = F.col("month") + HORIZON
    label = (
        F.when(F.col("next_event") <= window_end, 1.0)
        .when(F.col("next_censor") <= window_end, None)
        .otherwise(0.0)
        .cast("float")
    )
    return rows.withColumn("label", label)


def add_reference_label(rows: DataFrame) -> DataFrame:
    """Add label, the reference's `delinquency_12`; needs loan_id, month, status of rows with a balance.

    The months in which a loan is 120+ days late are few, so they are gathered into one small row a loan and joined:
    Spark broadcasts them while they are few, and nothing else is sorted or shuffled.
    """
    bad_months = (
        rows.where(F.col("status") >= SERIOUS).groupBy("loan_id").agg(F.collect_set("month").alias("bad_months"))
    )
    within = F.exists("bad_months", lambda bad: bad.between(F.col("month"), F.col("month") + HORIZON - 1))
    joined = rows.join(bad_months, "loan_id", "left")
    return joined.withColumn("label", F.coalesce(within, F.lit(False)).cast("float")).drop("bad_months")  # noqa: FBT003 - SQL's FALSE
