"""The reference blueprint's method, written straight from its description: what `make bench` measures ours against.

Ties between equally frequent category values are broken by value, so that its table can be compared with ours.
"""

import argparse
import sys
from collections.abc import Sequence

from pyspark.ml.evaluation import MulticlassClassificationEvaluator
from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F  # noqa: N812 - Spark's own convention
from xgboost.spark import SparkXGBClassifier

from xgboost_pipeline.progress import say, timed
from xgboost_pipeline.session import spark_session

WIDTH = 114
SERIOUS = 4  # months past due: 120+ days
MONTHS = 12
CREDIT_SCORE = 24  # position until 2026, 111 since
CATEGORIES = {
    "orig_channel": 4,
    "first_home_buyer": 26,
    "loan_purpose": 27,
    "property_type": 28,
    "occupancy_status": 30,
    "property_state": 31,
    "product_type": 35,
    "relocation_mortgage_indicator": 81,
    "seller_name": 5,
    "mod_flag": 42,
}
NUMBERS = {
    "orig_interest_rate": (8, "double"),
    "orig_upb": (10, "double"),
    "orig_loan_term": (13, "int"),
    "orig_ltv": (20, "double"),
    "orig_cltv": (21, "double"),
    "num_borrowers": (22, "int"),
    "dti": (23, "double"),
    "borrower_credit_score": (24, "int"),
    "num_units": (29, "int"),
    "zip": (33, "int"),
    "mortgage_insurance_percent": (34, "double"),
    "current_loan_delinquency_status": (40, "int"),
    "current_actual_upb": (12, "double"),
    "interest_rate": (9, "double"),
    "loan_age": (16, "int"),
    "msa": (32, "int"),
    "non_interest_bearing_upb": (63, "double"),
}
FEATURES = (*CATEGORIES, *NUMBERS)
SHARES = [0.6, 0.2, 0.2]  # train, test, neither: the rows that our split gives to them


def read(spark: SparkSession, uri: str) -> DataFrame:
    """Return loan_id, month (index) and the 27 raw features of every .csv file in a directory; blank = null."""
    schema = ", ".join(f"f{position} string" for position in range(1, WIDTH + 1))
    raw = spark.read.csv(f"{uri}/*.csv", schema=schema, sep="|")
    month = F.substring("f3", 3, 4).cast("int") * 12 + F.substring("f3", 1, 2).cast("int") - 1
    return raw.select(
        F.col("f2").alias("loan_id"),
        month.alias("month"),
        *(F.col(f"f{position}").alias(name) for name, position in CATEGORIES.items()),
        *(_number(position, kind).alias(name) for name, (position, kind) in NUMBERS.items()),
    )


def table(spark: SparkSession, uri: str) -> DataFrame:
    """Return loan_id, month, label (delinquency_12) and the 27 features, missing = 0, of a directory of loan files."""
    rows = read(spark, uri).where("current_actual_upb is not null and current_actual_upb != 0")
    labelled = rows.join(delinquency_12(rows), ["loan_id", "month"])
    coded = encode(labelled, dictionary(labelled))
    return coded.select("loan_id", "month", "label", *FEATURES).fillna(0)


def delinquency_12(rows: DataFrame) -> DataFrame:
    """Return loan_id, month, label: is the loan 120+ days late in any of the 12 months from this one on.

    Every row is handed to the 12 months whose window it lies in; needs loan_id, month,
    current_loan_delinquency_status.
    """
    ahead = F.explode(F.array(*(F.lit(k) for k in range(MONTHS))))
    late = F.coalesce(F.col("current_loan_delinquency_status") >= SERIOUS, F.lit(False))  # noqa: FBT003 - SQL's FALSE
    seen = rows.select("loan_id", "month", late.alias("late"), ahead.alias("ahead"))
    return seen.groupBy("loan_id", (F.col("month") - F.col("ahead")).alias("month")).agg(
        F.max("late").cast("float").alias("label")
    )


def dictionary(rows: DataFrame) -> DataFrame:
    """Return column (0..9), value, code: 1 for the most frequent value of a category, 2 for the next, and so on."""
    counts = (
        rows.select(F.posexplode(F.array(*CATEGORIES)).alias("column", "value"))
        .where("value is not null")
        .groupBy("column", "value")
        .count()
    )
    by_frequency = Window.partitionBy("column").orderBy(F.desc("count"), "value")
    coded = counts.select("column", "value", F.row_number().over(by_frequency).alias("code")).cache()
    coded.count()
    return coded


def encode(rows: DataFrame, codes: DataFrame) -> DataFrame:
    """Replace every category by its code, null where it is missing."""
    for column, name in enumerate(CATEGORIES):
        one = codes.where(F.col("column") == column).select(F.col("value").alias(name), F.col("code").alias("_code"))
        rows = rows.join(F.broadcast(one), name, "left").drop(name).withColumnRenamed("_code", name)
    return rows


def etl(source: str, output: str) -> None:
    """Write the table of a directory of loan files as parquet."""
    with timed("ETL"):
        table(spark_session("reference"), source).write.mode("overwrite").parquet(output)


def train(source: str, rounds: int) -> None:
    """Train on random rows of a table, predict other random rows and print how many are right."""
    spark = spark_session("reference")
    training, test, _ = spark.read.parquet(source).randomSplit(SHARES, seed=7)
    classifier = SparkXGBClassifier(
        features_col=list(FEATURES),
        label_col="label",
        num_workers=spark.sparkContext.defaultParallelism,
        tree_method="hist",
        device="cpu",
        n_estimators=rounds,
        max_depth=6,
        learning_rate=0.1,
    )
    with timed("Training"):
        model = classifier.fit(training)
    with timed("Transformation"):
        predicted = model.transform(test).cache()
        predicted.count()
    with timed("Evaluation"):
        evaluator = MulticlassClassificationEvaluator(labelCol="label", metricName="accuracy")
        say(f"Accuracy is {evaluator.evaluate(predicted):.4f}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one half of the method."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("step", choices=("etl", "train"))
    parser.add_argument("--input", required=True, help="directory of loan files (etl) or of the table (train)")
    parser.add_argument("--output", default="", help="directory to write the table to (etl)")
    parser.add_argument("--rounds", type=int, default=100, help="trees to grow (train; default: 100)")
    chosen = parser.parse_args(arguments)
    if chosen.step == "etl":
        etl(chosen.input, chosen.output)
    else:
        train(chosen.input, chosen.rounds)
    return 0


def _number(position: int, kind: str) -> Column:
    text = F.col(f"f{position}")
    return F.coalesce(text, F.col("f111")).cast(kind) if position == CREDIT_SCORE else text.cast(kind)


if __name__ == "__main__":
    sys.exit(main())
