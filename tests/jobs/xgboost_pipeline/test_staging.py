"""Text as typed values: what is read as a month or a status, and nothing else."""

import random
import re

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from xgboost_pipeline.features import staging
from xgboost_pipeline.features.columns import RAW_FIELDS

NAMES = [field.name for field in RAW_FIELDS]


def typed(spark: SparkSession, field: str, texts: list[str], value: str) -> dict[str, int | None]:
    """Return what staging makes of each text in one field."""
    rows = spark.createDataFrame([(text,) for text in texts], "text string")
    raw = rows.select(*(F.when(F.lit(name == field), F.col("text")).alias(name) for name in NAMES))
    found = staging.typed(raw.withColumn("loan_id", F.col(field))).select("loan_id", value).collect()
    return {row["loan_id"]: row[value] for row in found}


def test_only_six_digits_with_a_real_month_and_year_are_a_month(spark: SparkSession) -> None:
    draw = random.Random(7)
    texts = ["".join(draw.choices("00112+-. 9", k=draw.choice((5, 6, 6, 6, 7)))) for _ in range(4000)]
    texts += [f"{month:02}{year}" for month in range(14) for year in (1998, 1999, 2000, 2020, 2100, 2101)]
    texts += ["0012020", "+12020", " 12020", "12020 ", "12020.", "001202", "1e2020", "0x2020"]
    for text, month in typed(spark, "period", texts, "month").items():
        match = re.fullmatch(r"(0[1-9]|1[0-2])(1999|20\d\d|2100)", text, re.ASCII)
        assert month == (int(match[2]) * 12 + int(match[1]) - 1 if match else None), text


def test_only_two_digits_are_a_status(spark: SparkSession) -> None:
    texts = [a + b for a in "0123456789+-. X" for b in "0123456789+-. X"] + ["1", "001", "", "XXX"]
    for text, status in typed(spark, "delinquency_status", texts, "status").items():
        assert status == (int(text) if re.fullmatch(r"\d\d", text, re.ASCII) else None), text
