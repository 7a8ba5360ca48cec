"""The one pass over the raw text: typed, checked, written as a narrow parquet table that later steps read instead."""

from dataclasses import dataclass
from functools import reduce

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from xgboost_pipeline.errors import PipelineError
from xgboost_pipeline.features import labels, loan_files
from xgboost_pipeline.features.columns import CATEGORY_NAMES, RAW_FIELDS
from xgboost_pipeline.features.labels import has_balance
from xgboost_pipeline.features.loan_files import LoanFiles

CHECKED = tuple(field for field in RAW_FIELDS if field.kind != "text" or field.name == "loan_id")
SPARK_TYPES = {"integer": "int", "number": "double"}
YEARS = {"period": (1999, 2100), "origination": (1900, 2100)}  # the data set starts in 2000; loans may be older
SHOWN = 3  # examples in an error message


def typed(raw: DataFrame) -> DataFrame:
    """Give raw string rows their types and say which fields of a row are bad.

    Needs the columns of RAW_FIELDS, as strings. Returns loan_id, month (index), status (int, null when unknown),
    status_unknown (bool), the categories and zero_balance_code as strings, origination_month (index), the numeric
    fields, and bad (int: bit i is set when CHECKED[i] does not hold what it should; 0 for a good row).
    """
    values = {field.name: _value(raw[field.name], field.kind) for field in RAW_FIELDS}
    bad = reduce(
        lambda a, b: a.bitwiseOR(b),
        (
            F.when(_is_bad(raw[f.name], values[f.name], f.name, f.kind), 1 << i).otherwise(0)
            for i, f in enumerate(CHECKED)
        ),
    )
    numbers = [
        values[f.name].alias(f.name) for f in RAW_FIELDS if f.kind in SPARK_TYPES and not f.name.startswith("credit")
    ]
    return raw.select(
        raw.loan_id,
        values["period"].alias("month"),
        values["delinquency_status"].cast("int").alias("status"),
        (raw.delinquency_status == "XX").alias("status_unknown"),
        raw.zero_balance_code,
        values["origination_date"].alias("origination_month"),
        *(raw[name] for name in CATEGORY_NAMES),
        *numbers,
        F.coalesce(values["credit_score_24"], values["credit_score_111"]).alias("borrower_credit_score"),
        bad.alias("bad"),
    )


@dataclass(frozen=True)
class Counts:
    """Staged rows by what they are; months are indexes of the good rows. Per month: at risk, without a balance."""

    read: int
    malformed: int
    at_risk: dict[int, int]
    no_upb: dict[int, int]


def write(spark: SparkSession, files: LoanFiles, path: str, max_malformed: float) -> tuple[DataFrame, Counts]:
    """Write the typed rows to `path`; return the good ones and what was counted.

    Raises PipelineError when more than the share `max_malformed` of the rows is bad, when none is good, or when a
    loan has a month twice.
    """
    typed(loan_files.read(spark, files)).write.mode("overwrite").parquet(path)
    staged = spark.read.parquet(path)
    counts = _count(staged)
    _judge_malformed(spark, files, staged, counts, max_malformed)
    good = staged.where("bad = 0").drop("bad")
    _refuse_loans_twice(spark, files, good)
    return good, counts


def _count(staged: DataFrame) -> Counts:
    def ones(condition: Column) -> Column:
        return F.sum(F.coalesce(condition, F.lit(False)).cast("int"))  # noqa: FBT003 - SQL's FALSE

    good = F.col("bad") == 0
    by_month = (
        staged.groupBy(F.when(good, F.col("month")).alias("month"))
        .agg(F.count("*").alias("rows"), ones(labels.at_risk()).alias("at_risk"), ones(~has_balance()).alias("no_upb"))
        .collect()
    )
    read, malformed = (sum(r["rows"] for r in by_month if r["month"] is None or every) for every in (True, False))
    at_risk, no_upb = ({r["month"]: r[n] for r in by_month if r["month"] is not None} for n in ("at_risk", "no_upb"))
    return Counts(read, malformed, at_risk, no_upb)


def _value(raw: Column, kind: str) -> Column:
    if kind in SPARK_TYPES:
        return raw.cast(SPARK_TYPES[kind])
    if kind in YEARS:
        return _month(raw, *YEARS[kind])
    if kind == "status":
        return F.when(F.length(raw) == 2, raw.cast("int"))  # noqa: PLR2004 - two digits
    return raw


def _month(raw: Column, first_year: int, last_year: int) -> Column:
    """Return the month index of MMYYYY text, null for anything else: arithmetic, since dates in text leave the GPU."""
    month, year = F.substring(raw, 1, 2).cast("int"), F.substring(raw, 3, 4).cast("int")
    real = (F.length(raw) == 6) & month.between(1, 12) & year.between(first_year, last_year)  # noqa: PLR2004 - MMYYYY
    return F.when(real, year * 12 + month - 1)


def _is_bad(raw: Column, value: Column, name: str, kind: str) -> Column:
    if name in ("loan_id", "period"):
        return value.isNull()
    unreadable = raw.isNotNull() & value.isNull()
    if kind == "status":
        return unreadable & (raw != "XX")
    return unreadable | F.isnan(value) if kind == "number" else unreadable


def _judge_malformed(
    spark: SparkSession, files: LoanFiles, staged: DataFrame, counts: Counts, max_malformed: float
) -> None:
    share = counts.malformed / counts.read
    if share <= max_malformed and counts.at_risk:
        return
    raise PipelineError(
        f"{counts.malformed} of {counts.read} rows ({share:.2%}) are malformed, allowed are {max_malformed:.2%}: "
        f"{_by_field(staged)}; for example {_examples(spark, files)}; mend the files or raise --max-malformed"
    )


def _by_field(staged: DataFrame) -> str:
    sums = staged.where("bad != 0").select(
        [
            F.sum(F.col("bad").bitwiseAND(1 << i).cast("boolean").cast("int")).alias(f.name)
            for i, f in enumerate(CHECKED)
        ]
    )
    row = sums.first()
    found = {field.name: int(row[field.name] or 0) for field in CHECKED} if row else {}
    return ", ".join(f"{name} in {count} rows" for name, count in found.items() if count)


def _examples(spark: SparkSession, files: LoanFiles) -> str:
    raw = loan_files.read(spark, files)
    values = {field.name: _value(raw[field.name], field.kind) for field in CHECKED}
    texts = F.concat_ws(
        ", ",
        *(
            F.when(
                _is_bad(raw[f.name], values[f.name], f.name, f.kind),
                F.concat(
                    F.lit(f"{f.name} "), F.coalesce(F.concat(F.lit("'"), raw[f.name], F.lit("'")), F.lit("blank"))
                ),
            )
            for f in CHECKED
        ),
    )
    found = (
        raw.select(texts.alias("text"), raw.loan_id, F.input_file_name().alias("file")).where("text != ''").limit(SHOWN)
    )
    return "; ".join(f"{r['text']} (loan {r['loan_id']}, {r['file'].rsplit('/', 1)[-1]})" for r in found.collect())


def _refuse_loans_twice(spark: SparkSession, files: LoanFiles, good: DataFrame) -> None:
    """Refuse a loan with more rows than months from its first to its last: its file was copied or got twice."""
    loans = good.groupBy("loan_id").agg(
        F.count("*").alias("rows"), F.min("month").alias("first"), F.max("month").alias("last")
    )
    twice = (
        loans.where("rows > last - first + 1").agg(F.count("*").alias("loans"), F.min("loan_id").alias("one")).first()
    )
    if twice is None or not twice["loans"]:
        return
    raw = loan_files.read(spark, files)
    places = raw.where(raw.loan_id == twice["one"]).select(F.input_file_name().alias("file")).distinct().collect()
    names = " and ".join(sorted(place["file"].rsplit("/", 1)[-1] for place in places))
    raise PipelineError(
        f"{twice['loans']:,} loans have a month twice, for example loan {twice['one']} in {names}: a loan is in "
        "exactly one quarter's file, once a month; remove the file that was copied or downloaded twice"
    )
