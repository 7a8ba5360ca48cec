"""The rows of each part of a split, and whether there are enough of both outcomes in them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from xgboost_pipeline.errors import PipelineError
from xgboost_pipeline.features.columns import Column
from xgboost_pipeline.model import columns_of, names
from xgboost_pipeline.progress import say
from xgboost_pipeline.sampling import sample_loans
from xgboost_pipeline.storage import Stored


@dataclass(frozen=True)
class Count:
    """Rows of a part, and how many of them have label 1."""

    rows: int
    positives: int


@dataclass(frozen=True)
class Parts:
    """A feature table with its split: `read` gives the rows of parts, `counts` what is in each part.

    `statuses` has the training rows by current delinquency status, None = unknown.
    """

    table: DataFrame
    columns: tuple[Column, ...]
    counts: dict[str, Count]
    statuses: dict[int | None, Count]

    def read(self, *parts: str) -> DataFrame:
        """Return loan_id, month, label, status, part and the model columns of the rows in these parts."""
        kept = ("loan_id", "month", "label", "status", "part")
        return self.table.where(F.col("part").isin(*parts)).select(*kept, *names(self.columns))

    def sample(self, part: str, limit: int) -> DataFrame:
        """Return about `limit` rows of a part at most: whole loans, always the same ones."""
        return sample_loans(self.read(part), self.counts[part].rows, limit)


def open_parts(spark: SparkSession, stored: Stored, split: str) -> Parts:
    """Read a `features` output by one of its splits and count rows and positives in them (one narrow pass)."""
    table = spark.read.parquet(stored.path("table")).withColumnRenamed(f"split_{split}", "part")
    both = table.groupBy("part", "status").agg(F.count("*").alias("rows"), F.sum("label").alias("positives")).collect()
    statuses = {row["status"]: Count(row["rows"], int(row["positives"])) for row in both if row["part"] == "train"}
    counts = {part: _total(row for row in both if row["part"] == part) for part in {row["part"] for row in both}}
    return Parts(table, columns_of(stored.manifest["columns"]), counts, statuses)


def require_outcomes(counts: dict[str, Count], parts: Sequence[str], split: str) -> None:
    """Print the rows of each part; raise PipelineError for one that is empty or has a single outcome."""
    for part in parts:
        count = counts.get(part, Count(0, 0))
        if count.rows == 0:
            raise PipelineError(f"no {part} rows in split {split}: give more loans or months to `features`")
        if count.positives in (0, count.rows):
            outcome = "no positives" if count.positives == 0 else "only positives"
            raise PipelineError(
                f"{outcome} among {count.rows} {part} rows of split {split}, both outcomes are needed: "
                "give more loans or months to `features`"
            )
        say(f"{part} rows: {count.rows:,}, positives: {count.positives:,} ({count.positives / count.rows:.3%})")


def _total(rows: Iterable[Row]) -> Count:
    counted = [(row["rows"], int(row["positives"])) for row in rows]
    return Count(sum(rows for rows, _ in counted), sum(positives for _, positives in counted))
