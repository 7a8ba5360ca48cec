"""The `features` verb: stage the raw rows once, then write the table of one label with all that explains it."""

import time
from dataclasses import asdict, dataclass, replace

from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from xgboost_pipeline import storage
from xgboost_pipeline.errors import PipelineError
from xgboost_pipeline.features import dictionary, encoding, labels, loan_files, splits, staging, table
from xgboost_pipeline.features.columns import Column, forward_columns, reference_columns
from xgboost_pipeline.features.loan_files import LoanFiles
from xgboost_pipeline.features.splits import Periods
from xgboost_pipeline.features.staging import Counts
from xgboost_pipeline.progress import say, timed
from xgboost_pipeline.session import spark_session
from xgboost_pipeline.settings import option


@dataclass(frozen=True)
class Settings:
    """Options of `features`."""

    input: str = option("directory or URI of the quarterly loan files, 2020Q1.csv and so on")
    output: str = option("directory or URI to write the feature table to")
    label: str = option("what to predict", default="forward", choices=("forward", "reference"))
    encoding: str = option(
        "categories as codes, or as 0/1 columns for small data", default="code", choices=("code", "one-hot")
    )
    normalise: str = option("scale numeric columns by the training rows", default="none", choices=("none", "standard"))
    test_months: int = option("months in the test period of the split by loan and time", default=6)
    salt: str = option("text that decides which loans are tested", default="rapids")
    rare_category_rows: int = option("a category value in fewer training rows is coded as unknown, in rows", default=50)
    max_malformed: float = option("share of malformed rows that is dropped instead of refused, 0 to 1", default=0.001)
    one_hot_limit_gib: float = option("memory that one-hot columns may need in all workers, in GiB", default=8.0)
    overwrite: bool = option("replace the output if it exists", default=False)

    def __post_init__(self) -> None:
        """Check what can be checked before anything is read."""
        if not 0 <= self.max_malformed <= 1:
            raise PipelineError(f"--max-malformed {self.max_malformed} is not a share: give 0 to 1, 0.001 by default")
        if self.rare_category_rows < 1:
            raise PipelineError(f"--rare-category-rows {self.rare_category_rows} is not allowed: give 1 or more")
        if self.test_months < 1:
            raise PipelineError(f"--test-months {self.test_months} is not allowed: give 1 or more, 6 by default")


@dataclass(frozen=True)
class Staged:
    """Typed rows of all files, what was counted on the way, and the months they span (indexes)."""

    rows: DataFrame
    counts: Counts
    files: LoanFiles
    seconds: float

    @property
    def first(self) -> int:
        """First month of the data."""
        return min(self.counts.at_risk)

    @property
    def last(self) -> int:
        """Last month of the data."""
        return max(self.counts.at_risk)


@dataclass(frozen=True)
class Labelled:
    """Rows with label and features, before splits and float32; their model columns, code books and counts."""

    rows: DataFrame
    columns: tuple[Column, ...]
    codebooks: dict[str, list[str]]
    counts: dict[str, int]


def run(settings: Settings) -> None:
    """Read, check, label and write; raise PipelineError for bad input and leave nothing behind."""
    files = loan_files.find(settings.input)
    spark = spark_session("features")
    with storage.output(settings.output, kind="features", overwrite=settings.overwrite) as out, timed("ETL") as watch:
        build(stage(spark, files, settings, out.path("_staged")), settings, out)
        out.delete("_staged")
    say(f"wrote {settings.output} in {watch.seconds:.0f} s")


def stage(spark: SparkSession, files: LoanFiles, settings: Settings, path: str) -> Staged:
    """Read the raw files once and write their typed rows to `path`."""
    start = time.monotonic()
    say(f"reading {len(files.names)} files, {files.bytes / 1e6:,.1f} MB")
    rows, counts = staging.write(spark, files, path, settings.max_malformed)
    say(f"{counts.read:,} rows read, {counts.malformed:,} malformed")
    return Staged(rows, counts, files, time.monotonic() - start)


def build(staged: Staged, settings: Settings, out: storage.Output) -> None:
    """Write the feature table of `settings.label` into an output, with code books, dictionary and manifest."""
    start = time.monotonic()
    span = splits.periods(staged.first, staged.last, settings.test_months)
    labelled = (_forward if settings.label == "forward" else _reference)(staged, settings, span)
    labelled = _widened(labelled, settings)
    scaling = _write_table(labelled, settings, span, out)
    funnel = _funnel(
        labelled.rows.sparkSession.read.parquet(out.path("table")),
        {"read": staged.counts.read, "malformed": staged.counts.malformed} | labelled.counts,
    )
    _write_description(labelled, scaling, settings, out)
    out.manifest |= {
        "label": settings.label,
        "label_definition": labels.DEFINITIONS[settings.label],
        "encoding": settings.encoding,
        "normalise": settings.normalise,
        "fingerprint": staged.files.fingerprint,
        "synthetic": staged.files.synthetic,
        "settings": asdict(settings),
        "months": asdict(span),
        "funnel": funnel,
        "columns": [asdict(column) for column in labelled.columns],
        "seconds": {"etl": round(staged.seconds + time.monotonic() - start, 3)},
    }


def _forward(staged: Staged, settings: Settings, span: Periods) -> Labelled:
    counts = {
        "at_risk": sum(staged.counts.at_risk.values()),
        "too_recent": sum(rows for month, rows in staged.counts.at_risk.items() if month > span.last_labelled),
    }
    codebooks = encoding.fit_codebooks(
        table.codebook_rows(staged.rows, span, settings.salt), settings.rare_category_rows
    )
    rows = table.forward_rows(staged.rows, codebooks, staged.last)
    decided = (F.col("month") <= span.last_labelled) & F.col("label").isNotNull()
    return Labelled(rows.where(decided), forward_columns(), codebooks, counts)


def _reference(staged: Staged, settings: Settings, span: Periods) -> Labelled:  # noqa: ARG001 - the same signature as _forward
    kept = staged.rows.where(labels.has_balance())
    codebooks = encoding.fit_codebooks(kept, least_rows=1)
    rows = table.reference_rows(labels.add_reference_label(kept), codebooks)
    return Labelled(rows, reference_columns(), codebooks, {"no_upb": sum(staged.counts.no_upb.values())})


def _widened(labelled: Labelled, settings: Settings) -> Labelled:
    """Return one-hot columns in place of codes where the settings ask for them."""
    if settings.encoding == "code":
        return labelled
    columns = encoding.one_hot_columns(labelled.columns, labelled.codebooks)
    encoding.check_width(labelled.rows.count(), len(columns), settings.one_hot_limit_gib)
    wide = encoding.one_hot(labelled.rows, labelled.codebooks)
    return replace(labelled, rows=wide, columns=tuple(columns))


def _write_table(labelled: Labelled, settings: Settings, span: Periods, out: storage.Output) -> dict[str, list[float]]:
    """Write the table and return the scaling, which is fitted on the written training rows and needs a second write."""
    final = table.model_table(labelled.rows, labelled.columns, span, settings.salt)
    if settings.normalise == "none":
        final.write.parquet(out.path("table"))
        return {}
    final.write.parquet(out.path("_unscaled"))
    unscaled = final.sparkSession.read.parquet(out.path("_unscaled"))
    numeric = [column.name for column in labelled.columns if column.type == "numeric"]
    scaling = encoding.fit_normalisation(unscaled.where("split_loan_and_time = 'train'"), numeric)
    scaled = encoding.normalise(unscaled, scaling).select(*table.KEYS, *table.as_float32(labelled.columns))
    scaled.write.parquet(out.path("table"))
    out.delete("_unscaled")
    return scaling


def _funnel(written: DataFrame, counts: dict[str, int]) -> dict[str, object]:
    """Count the written rows by split and what was left out on the way; raise PipelineError without positives."""
    names = [f"split_{name}" for name in splits.SPLITS]
    cells = written.groupBy(*names).agg(F.count("*").alias("rows"), F.sum("label").alias("positives")).collect()
    kept, positives = sum(cell["rows"] for cell in cells), int(sum(cell["positives"] for cell in cells))
    if not positives:
        raise PipelineError(
            f"none of the {kept:,} labelled rows is positive, so nothing can be learned: "
            "give more loans or a longer history"
        )
    by_split = {name: _by_part(cells, name) for name in names}
    if "at_risk" in counts:
        counts["censored"] = counts["at_risk"] - counts["too_recent"] - kept
        say(f"{counts['at_risk']:,} at risk, {counts['too_recent']:,} too recent, {counts['censored']:,} censored")
    else:
        say(f"{counts['no_upb']:,} without a balance")
    say(f"{kept:,} rows, {positives:,} positive ({positives / kept:.2%})")
    say("split by loan and time: " + ", ".join(f"{n} {c:,}" for n, c in by_split["split_loan_and_time"].items()))
    return {**counts, "labelled": kept, "positives": positives, **by_split}


def _by_part(cells: list[Row], name: str) -> dict[str, int]:
    totals: dict[str, int] = {}
    for cell in cells:
        totals[cell[name]] = totals.get(cell[name], 0) + int(cell["rows"])
    return dict(sorted(totals.items()))


def _write_description(
    labelled: Labelled, scaling: dict[str, list[float]], settings: Settings, out: storage.Output
) -> None:
    out.write_json("codebooks.json", labelled.codebooks)
    out.write_json("normalisation.json", scaling)
    definition = labels.DEFINITIONS[settings.label]
    out.write_text("dictionary.md", dictionary.markdown(labelled.columns, settings.label, definition))
