"""Payment history strictly before a row's month."""

from pyspark.sql import Column, DataFrame, Window, WindowSpec
from pyspark.sql import functions as F

SEVERITIES = {30: 1, 60: 2, 90: 3}  # days past due -> status
RECENT = 12  # reported months


def add_history(rows: DataFrame) -> DataFrame:
    """Add the columns of columns.HISTORY; needs loan_id, month, status, status_unknown, one row per loan and month.

    Running aggregates up to the current row, then the value of the row before: frames that end before the current
    row would do in one step, but the GPU cannot run those batch by batch.
    """
    by_month = Window.partitionBy("loan_id").orderBy("month")
    running = by_month.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    late = (F.coalesce(F.col("status"), F.lit(0)) >= 1).cast("int")
    so_far = {
        "_rows": F.row_number().over(by_month),
        "_late": F.sum(late).over(running),
        "_worst": F.max("status").over(running),
        "_unknown": F.sum(F.col("status_unknown").cast("int")).over(running),
    } | {
        f"_last_{days}": F.max(F.when(F.col("status") >= s, F.col("month"))).over(running)
        for days, s in SEVERITIES.items()
    }
    before = {
        "history_months": F.col("_rows") - 1,
        "months_late_before": _before("_late", 1, by_month),
        "months_late_last_12": _before("_late", 1, by_month) - _before("_late", RECENT + 1, by_month),
        "worst_status_before": F.lag("_worst").over(by_month),
        "previous_status": F.lag("status").over(by_month),
        "months_unknown_before": _before("_unknown", 1, by_month),
    } | {f"months_since_{days}": F.col("month") - F.lag(f"_last_{days}").over(by_month) for days in SEVERITIES}
    return rows.withColumns(so_far).withColumns(before).drop(*so_far)


def _before(name: str, rows: int, window: WindowSpec) -> Column:
    return F.coalesce(F.lag(name, rows).over(window), F.lit(0))
