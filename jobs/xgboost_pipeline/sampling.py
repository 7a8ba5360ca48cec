"""A sample of loans that is the same in every run, however the rows are partitioned."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

BUCKETS = 1_000_000


def sample_loans(rows: DataFrame, count: int, limit: int) -> DataFrame:
    """Keep whole loans by a hash of loan_id so that of `count` rows about `limit` stay; all, if they fit."""
    if count <= limit:
        return rows
    return rows.where(F.pmod(F.xxhash64("loan_id", F.lit("sample")), F.lit(BUCKETS)) < int(BUCKETS * limit / count))
