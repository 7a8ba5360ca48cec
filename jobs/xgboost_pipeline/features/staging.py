"""The one pass over the raw text: typed, checked, written as a narrow parquet table that later steps read instead."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from xgboost_pipeline import months as calendar
from xgboost_pipeline.errors import PipelineError
from xgboost_pipeline.features import labels, loan_files
from xgboost_pipeline.features.columns import CATEGORY_NAMES, RAW_FIELDS, RawField
from xgboost_pipeline.features.labels import has_balance
from xgboost_pipeline.features.loan_files import LoanFiles
from xgboost_pipeline.progress import say

CHECKED = tuple(field for field in RAW_FIELDS if field.kind != "text" or field.name == "loan_id")
STATUSES = tuple(f"{months:02}" for months in range(100))
BLOCK = 62  # months whose bits fit a long, with room for the sum
YEARS = {"period": (1999, 2100), "origination": (1900, 2100)}  # the data set starts in 2000; loans may be older
LONGEST_GAP = 12  # months without a row before what follows is taken for a mistake
SHOWN = 3  # examples in an error message


def typed(raw: DataFrame) -> DataFrame:
    """Give raw string rows their types and say which fields of a row are bad.

    Needs the columns of RAW_FIELDS, as strings. Returns loan_id, month (index), status (int, null when unknown),
    status_unknown (bool), the categories and zero_balance_code as strings, origination_month (index), the numeric
    fields, and bad (bool: a field of CHECKED does not hold what it should).
    """
    values = {field.name: _value(raw[field.name], field.kind) for field in RAW_FIELDS}
    numbers = [
        values[f.name].alias(f.name) for f in RAW_FIELDS if f.kind == "number" and not f.name.startswith("credit")
    ]
    return raw.select(
        raw.loan_id,
        values["period"].alias("month"),
        values["delinquency_status"].alias("status"),
        (raw.delinquency_status == "XX").alias("status_unknown"),
        raw.zero_balance_code,
        values["origination_date"].alias("origination_month"),
        *(raw[name] for name in CATEGORY_NAMES),
        *numbers,
        F.coalesce(values["credit_score_24"], values["credit_score_111"]).alias("borrower_credit_score"),
        _any_bad(raw, values).alias("bad"),
    )


@dataclass(frozen=True)
class Counts:
    """Staged rows by what they are; months are indexes of the good rows. Per month: at risk, without a balance."""

    read: int
    malformed: int
    rows: dict[int, int]
    at_risk: dict[int, int]
    no_upb: dict[int, int]


def write(spark: SparkSession, files: LoanFiles, path: str, max_malformed: float) -> tuple[DataFrame, Counts]:
    """Write the typed rows to `path`; return the good ones and what was counted.

    Raises PipelineError when more than the share `max_malformed` of the rows is bad, when none is good, or when a
    loan has a month twice.
    """
    typed(loan_files.read(spark, files)).write.mode("overwrite").parquet(path)
    staged = spark.read.parquet(path)
    counts = _without_stray_months(_count(staged), max_malformed)
    _judge_malformed(spark, files, counts, max_malformed)
    span = F.col("month").between(min(counts.at_risk), max(counts.at_risk))
    good = staged.where(~F.col("bad") & span).drop("bad")
    _refuse_loans_twice(spark, files, good, counts.at_risk)
    return good, counts


def _count(staged: DataFrame) -> Counts:
    def ones(condition: Column) -> Column:
        return F.sum(F.coalesce(condition, F.lit(False)).cast("int"))  # noqa: FBT003 - SQL's FALSE

    good = ~F.col("bad")
    by_month = (
        staged.groupBy(F.when(good, F.col("month")).alias("month"))
        .agg(F.count("*").alias("rows"), ones(labels.at_risk()).alias("at_risk"), ones(~has_balance()).alias("no_upb"))
        .collect()
    )
    read, malformed = (sum(r["rows"] for r in by_month if r["month"] is None or every) for every in (True, False))
    known = [r for r in by_month if r["month"] is not None]
    rows, at_risk, no_upb = ({r["month"]: r[name] for r in known} for name in ("rows", "at_risk", "no_upb"))
    return Counts(read, malformed, rows, at_risk, no_upb)


def _without_stray_months(counts: Counts, max_malformed: float) -> Counts:
    """Count as malformed what lies more than a year from most rows: one mistyped year would stretch the whole history.

    Raises PipelineError when that is more than the share `max_malformed` of the rows.
    """
    stretches: list[list[int]] = []
    for month in sorted(counts.rows):
        if stretches and month - stretches[-1][-1] <= LONGEST_GAP:
            stretches[-1].append(month)
        else:
            stretches.append([month])
    kept = max(stretches, key=lambda months: sum(counts.rows[month] for month in months), default=[])
    stray = {month: rows for month, rows in counts.rows.items() if month not in kept}
    if sum(stray.values()) > max_malformed * counts.read:
        names = ", ".join(f"{calendar.name(month)} ({rows:,} rows)" for month, rows in sorted(stray.items())[:SHOWN])
        raise PipelineError(
            f"months are missing: most rows are of {calendar.name(kept[0])} to {calendar.name(kept[-1])}, but "
            f"there are also {names}, more than {LONGEST_GAP} months away: mend the dates, or add the files between"
        )
    rows, at_risk, no_upb = ({month: c[month] for month in kept} for c in (counts.rows, counts.at_risk, counts.no_upb))
    return Counts(counts.read, counts.malformed + sum(stray.values()), rows, at_risk, no_upb)


def _value(raw: Column, kind: str) -> Column:
    if kind == "number":
        return raw.cast("double")
    if kind in YEARS:
        return _month(raw, *YEARS[kind])
    if kind == "status":
        return F.when(raw.isin(*STATUSES), raw.cast("int"))
    return raw


def _month(raw: Column, first_year: int, last_year: int) -> Column:
    """Return the month index of MMYYYY text, null for anything else: arithmetic, since dates in text leave the GPU.

    Spark reads "+12020", " 12020" and "12020." as a number too; what has six characters is six digits when it is at
    least 100000, or starts with 0 and is at least 10000.
    """
    number = raw.cast("int")
    digits = (F.length(raw) == 6) & ((number >= 100_000) | (raw.startswith("0") & (number >= 10_000)))  # noqa: PLR2004 - MMYYYY
    month, year = F.floor(number / 10_000).cast("int"), number % 10_000
    real = digits & month.between(1, 12) & year.between(first_year, last_year)
    return F.when(real, year * 12 + month - 1)


def _any_bad(raw: DataFrame, values: dict[str, Column]) -> Column:
    """Return whether any checked field is bad, looking for letters in all numbers at once."""
    wrong = [_is_unreadable(raw[field.name], values[field.name], field) for field in CHECKED]
    numbers = F.concat_ws("", *(raw[field.name] for field in CHECKED if field.kind == "number"))
    return reduce(lambda a, b: a | b, [*wrong, _has_letters(numbers)])


def _has_letters(text: Column) -> Column:
    """Return whether text has a letter, as has what Java reads as numbers beside digits: 12d, 1e5, 0x1p3, NaN."""
    return F.lower(text) != F.upper(text)


def _is_unreadable(raw: Column, value: Column, field: RawField) -> Column:
    if field.name in ("loan_id", "period"):
        return value.isNull()
    missing = raw.isNotNull() & value.isNull()
    return missing & (raw != "XX") if field.kind == "status" else missing


def _is_bad(raw: DataFrame, field: RawField) -> Column:
    """Return whether one field is bad: what `_any_bad` says of all of them together."""
    text = raw[field.name]
    unreadable = _is_unreadable(text, _value(text, field.kind), field)
    return unreadable | F.coalesce(_has_letters(text), F.lit(False)) if field.kind == "number" else unreadable  # noqa: FBT003 - SQL's FALSE


def _judge_malformed(spark: SparkSession, files: LoanFiles, counts: Counts, max_malformed: float) -> None:
    if not counts.malformed:
        return
    share, raw = counts.malformed / counts.read, loan_files.read(spark, files)
    if share > max_malformed or not counts.at_risk:
        raise PipelineError(
            f"{counts.malformed} of {counts.read} rows ({share:.2%}) are malformed, allowed are {max_malformed:.2%}: "
            f"{_by_field(raw)}; for example {_examples(raw)}; mend the files or raise --max-malformed"
        )
    say(f"malformed and left out: {_by_field(raw)}; for example {_examples(raw)}")


def _by_field(raw: DataFrame) -> str:
    row = raw.select([F.sum(_is_bad(raw, field).cast("int")).alias(field.name) for field in CHECKED]).first()
    found = {field.name: int(row[field.name] or 0) for field in CHECKED} if row else {}
    return ", ".join(f"{name} in {count} rows" for name, count in found.items() if count)


def _examples(raw: DataFrame) -> str:
    quoted = {f.name: F.coalesce(F.concat(F.lit("'"), raw[f.name], F.lit("'")), F.lit("blank")) for f in CHECKED}
    named = (F.when(_is_bad(raw, f), F.concat(F.lit(f"{f.name} "), quoted[f.name])) for f in CHECKED)
    texts = F.concat_ws(", ", *named).alias("text")
    found = raw.select(texts, raw.loan_id, F.input_file_name().alias("file")).where("text != ''").limit(SHOWN)
    return "; ".join(f"{r['text']} (loan {r['loan_id']}, {r['file'].rsplit('/', 1)[-1]})" for r in found.collect())


def _refuse_loans_twice(spark: SparkSession, files: LoanFiles, good: DataFrame, months: Iterable[int]) -> None:
    """Refuse a loan that has a month twice: its file was copied or got twice, and every count of it would be wrong."""
    loans = good.groupBy("loan_id").agg(*_bits(min(months), max(months)))
    twice = (
        loans.where(_any_twice(loans.columns)).agg(F.count("*").alias("loans"), F.min("loan_id").alias("one")).first()
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


def _bits(first: int, last: int) -> list[Column]:
    """Return, for each block of months, the sum of 2^month and the rows; needs month.

    A sum of n powers of two has n bits exactly when all are different, so no list of months has to be kept.
    """
    columns = []
    for block in range(first // BLOCK, last // BLOCK + 1):
        inside = F.floor(F.col("month") / BLOCK) == block
        bit = F.expr(f"shiftleft(1L, month % {BLOCK})")
        columns += [
            F.sum(F.when(inside, bit).otherwise(0)).alias(f"bits_{block}"),
            F.sum(inside.cast("long")).alias(f"rows_{block}"),
        ]
    return columns


def _any_twice(columns: list[str]) -> Column:
    blocks = [name.removeprefix("bits_") for name in columns if name.startswith("bits_")]
    return reduce(lambda a, b: a | b, (_ones(F.col(f"bits_{block}")) != F.col(f"rows_{block}") for block in blocks))


def _ones(bits: Column) -> Column:
    """Return how many bits of a long are set, by adding neighbours; bit_count is not to be had on the GPU."""
    for shift, mask in ((1, 0x5555555555555555), (2, 0x3333333333333333), (4, 0x0F0F0F0F0F0F0F0F)):
        bits = bits.bitwiseAND(mask) + F.shiftrightunsigned(bits, shift).bitwiseAND(mask)
    for shift in (8, 16, 32):
        bits = bits + F.shiftrightunsigned(bits, shift)
    return bits.bitwiseAND(0x7F)
