"""The reference blueprint's method, step by step in our own words: what `make bench` measures ours against.

Ties between equally frequent category values are broken by value, so that its table can be compared with ours. A step
that looks needless is one that the reference has and that Spark's optimizer keeps.
"""

import argparse
import sys
from collections.abc import Sequence

from pyspark.ml.evaluation import MulticlassClassificationEvaluator
from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F
from xgboost.spark import SparkXGBClassifier, SparkXGBClassifierModel

from xgboost_pipeline.progress import say, timed
from xgboost_pipeline.session import spark_session

WIDTH, STAGED_WIDTH = 114, 108  # fields of a row today, and of the reference's time
DOUBLES = {8, 9, 10, 12, 16, 17, 18, *range(20, 26), 32, 34, *range(54, 61), 62, 63, 73}
INTEGERS = {13, 29, 33, 40}
MONTHS = 12
LATE = {"30": 1, "90": 3, "180": 6}  # days late and months past due
SERIOUS = 3  # more months past due than this: 120+ days
LOAN_CATEGORIES = {
    "orig_channel": 4,
    "first_home_buyer": 26,
    "loan_purpose": 27,
    "property_type": 28,
    "occupancy_status": 30,
    "property_state": 31,
    "product_type": 35,
    "relocation_mortgage_indicator": 81,
    "seller_name": 5,
}
LOAN_NUMBERS = {
    "orig_interest_rate": 8,
    "orig_upb": 10,
    "orig_loan_term": 13,
    "orig_ltv": 20,
    "orig_cltv": 21,
    "num_borrowers": 22,
    "dti": 23,
    "borrower_credit_score": 24,
    "num_units": 29,
    "zip": 33,
    "mortgage_insurance_percent": 34,
}
MONTH_NUMBERS = {
    "current_loan_delinquency_status": 40,
    "current_actual_upb": 12,
    "interest_rate": 9,
    "loan_age": 16,
    "msa": 32,
    "non_interest_bearing_upb": 63,
}
CATEGORIES = (*LOAN_CATEGORIES, "mod_flag")
FEATURES = (*CATEGORIES, *LOAN_NUMBERS, *MONTH_NUMBERS)
# The reference renames 87 sellers; every name here is mapped to itself, as ours renames none.
SELLERS = ("OTHER", *(f"COMMUNITY BANK NO. {number:03d}" for number in range(1, 87)))
SHARES = [0.6, 0.2, 0.2]  # train, test, neither: the rows that our split gives to them


def stage(spark: SparkSession, uri: str, staging: str) -> DataFrame:
    """Write every field of every .csv file in a directory, typed, and its file's name as parquet, and read that."""
    kinds = dict.fromkeys(DOUBLES, "double") | dict.fromkeys(INTEGERS, "int") | {2: "long", 111: "double"}
    schema = ", ".join(f"f{position} {kinds.get(position, 'string')}" for position in range(1, WIDTH + 1))
    raw = spark.read.csv(f"{uri}/*.csv", schema=schema, sep="|", nullValue="")
    file = F.substring_index(F.substring_index(F.input_file_name(), "/", -1), ".", 1)
    fields = {f"f{position}": F.col(f"f{position}") for position in range(1, STAGED_WIDTH + 1)}
    fields["f24"] = F.coalesce("f24", "f111")  # the credit score moved in 2026
    staged = raw.select(*(field.alias(name) for name, field in fields.items()), file.alias("quarter"))
    staged.write.mode("overwrite").parquet(staging)
    return spark.read.parquet(staging)


def table(raw: DataFrame) -> DataFrame:
    """Return loan_id (number), reported (date), label and the 27 features, missing = 0, of staged rows."""
    months = performance(raw)
    clean = months.join(delinquency_12(months), ["quarter", "loan_id", "year", "month"], "left")
    clean = clean.join(acquisition(raw), ["loan_id", "quarter"])
    label = F.when(F.col("label") > 0, 1).otherwise(0).alias("label")
    return encode(clean, dictionary(clean)).select("loan_id", "reported", *FEATURES, label).fillna(0.0)


def performance(raw: DataFrame) -> DataFrame:
    """Return the monthly columns of the rows with a balance; their date goes through text, as in the reference."""
    text = F.date_format(F.to_date("f3", "MMyyyy"), "MM/dd/yyyy")
    columns = [F.col(f"f{position}").alias(name) for name, position in (MONTH_NUMBERS | {"mod_flag": 42}).items()]
    rows = raw.select("quarter", F.col("f2").alias("loan_id"), text.alias("reported"), *columns)
    dated = rows.where("current_actual_upb != 0").withColumn("reported", F.to_date("reported", "MM/dd/yyyy"))
    return dated.withColumn("month", F.month("reported")).withColumn("year", F.year("reported"))


def first_late(months: DataFrame) -> DataFrame:
    """Return quarter, loan_id, and for 30, 90 and 180 days: was the loan ever so late (ever_), and when first."""
    status = F.col("current_loan_delinquency_status")
    dates = [F.when(status >= least, F.col("reported")).alias(f"first_{days}") for days, least in LATE.items()]
    first = [F.min(f"first_{days}").alias(f"first_{days}") for days in LATE]
    loans = months.select("quarter", "loan_id", status, *dates).groupBy("quarter", "loan_id")
    ever = [(F.col("worst") >= least).alias(f"ever_{days}") for days, least in LATE.items()]
    return loans.agg(F.max(status).alias("worst"), *first).select("quarter", "loan_id", *ever, *_named("first"))


def delinquency_12(months: DataFrame) -> DataFrame:
    """Return quarter, loan_id, year, month, label: is the loan 120+ days late in the 12 months from that one on.

    Every row is handed to the 12 months whose window it lies in: the k-th is the one with remainder k by 12.
    """
    status, balance = F.col("current_loan_delinquency_status").alias("status"), F.col("current_actual_upb").alias("upb")
    rows = months.select("quarter", "loan_id", "month", "year", status, balance)
    joined = rows.join(first_late(months), ["loan_id", "quarter"], "left")
    seen = joined.withColumn("k", F.explode(F.array(*(F.lit(k) for k in range(MONTHS)))))
    twelfth = F.floor((F.col("year") * 12 + F.col("month") - 24000 - F.col("k")) / MONTHS).alias("twelfth")
    kept = ["quarter", "loan_id", *_named("ever"), *_named("first"), "k"]
    windows = seen.select(*kept, twelfth, "status", "upb").groupBy(*kept, "twelfth")
    worst = windows.agg(F.max("status").alias("status"), F.min("upb").alias("upb"))
    return worst.select("quarter", "loan_id", *_named("ever"), *_named("first"), *_window_start(), _outcome())


def acquisition(raw: DataFrame) -> DataFrame:
    """Return loan_id, quarter and the columns that a loan keeps, from its first month, its seller renamed."""
    spark = raw.sparkSession
    names = spark.createDataFrame([(name, name) for name in SELLERS], ["seller_name", "renamed"])
    by_month = Window.partitionBy("f2").orderBy(F.to_date("f3", "MMyyyy"))
    columns = {name: F.col(f"f{position}") for name, position in (LOAN_CATEGORIES | LOAN_NUMBERS).items()}
    columns |= {"loan_id": F.col("f2"), "quarter": F.col("quarter"), "seller_name": F.upper("f5")}
    columns["rank"] = F.dense_rank().over(by_month)
    first = raw.select(*(column.alias(name) for name, column in columns.items())).where("rank = 1")
    seller = F.coalesce("renamed", "seller_name")
    return first.join(names, "seller_name", "left").withColumn("seller_name", seller).drop("renamed", "rank")


def dictionary(rows: DataFrame) -> DataFrame:
    """Return column (0..9), value, code: 1 for the most frequent value of a category, 2 for the next, and so on."""
    counts = (
        rows.select(F.posexplode(F.array(*CATEGORIES)).alias("column", "value"))
        .where("value is not null")
        .groupBy("column", "value")
        .count()
    )
    by_frequency = Window.partitionBy("column").orderBy(F.desc("count"), "value")
    return counts.select("column", "value", F.row_number().over(by_frequency).alias("code")).cache()


def encode(rows: DataFrame, codes: DataFrame) -> DataFrame:
    """Replace every category by its code, null where it is missing."""
    for column, name in enumerate(CATEGORIES):
        one = codes.where(F.col("column") == column).select(F.col("value").alias(name), F.col("code").alias("_code"))
        rows = rows.join(F.broadcast(one), name, "left").drop(name).withColumnRenamed("_code", name)
    return rows


def etl(source: str, output: str) -> None:
    """Write the staged rows and the table of a directory of loan files as parquet into `raw` and `table`."""
    with timed("ETL"):
        raw = stage(spark_session("reference"), source, f"{output}/raw")
        table(raw).select(*FEATURES, "label").write.mode("overwrite").parquet(f"{output}/table")


def train(source: str, rounds: int) -> None:
    """Train on random rows of a table, store the model, predict other random rows and print the F measure."""
    training, test, _ = spark_session("reference").read.parquet(f"{source}/table").randomSplit(SHARES, seed=7)
    with timed("Training"):
        model = _classifier(training, rounds).fit(training)
    model.write().overwrite().save(f"{source}/model")
    loaded = SparkXGBClassifierModel.load(f"{source}/model")
    with timed("Transformation"):
        predicted = loaded.transform(test).cache()
        predicted.foreachPartition(lambda _: None)
    predicted.select("label", "rawPrediction", "probability", "prediction").show(5)
    with timed("Evaluation"):
        measure = MulticlassClassificationEvaluator(labelCol="label").evaluate(predicted)
    say(f"F1 is {measure:.4f}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one half of the method."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("step", choices=("etl", "train"))
    parser.add_argument("--input", required=True, help="directory of loan files (etl) or that etl wrote (train)")
    parser.add_argument("--output", default="", help="directory to write to (etl)")
    parser.add_argument("--rounds", type=int, default=100, help="trees to grow (train; default: 100)")
    chosen = parser.parse_args(arguments)
    if chosen.step == "etl":
        etl(chosen.input, chosen.output)
    else:
        train(chosen.input, chosen.rounds)
    return 0


def _named(what: str) -> list[str]:
    return [f"{what}_{days}" for days in LATE]


def _window_start() -> list[Column]:
    """Return the year and month at which the 12 months begin that `twelfth` and `k` name."""
    month = F.pmod(24000 + F.col("twelfth") * MONTHS + F.col("k"), F.lit(12))
    year = F.floor((24000 + F.col("twelfth") * MONTHS + (F.col("k") - 1)) / 12)
    return [year.alias("year"), F.when(month == 0, 12).otherwise(month).alias("month")]


def _outcome() -> Column:
    return ((F.col("status") > SERIOUS).cast("int") + (F.col("upb") == 0).cast("int")).alias("label")


def _classifier(rows: DataFrame, rounds: int) -> SparkXGBClassifier:
    return SparkXGBClassifier(
        features_col=list(FEATURES),
        label_col="label",
        num_workers=rows.sparkSession.sparkContext.defaultParallelism,
        tree_method="hist",
        grow_policy="depthwise",
        device="cpu",
        n_estimators=rounds,
    )


if __name__ == "__main__":
    sys.exit(main())
