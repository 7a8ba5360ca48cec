"""Score new loan files with a saved model, and measure drift: the `score` verb."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from xgboost_pipeline import features, months
from xgboost_pipeline.drift import drift
from xgboost_pipeline.errors import PipelineError
from xgboost_pipeline.features import loan_files
from xgboost_pipeline.features.columns import HISTORY
from xgboost_pipeline.features.history import RECENT
from xgboost_pipeline.features.loan_files import LoanFiles
from xgboost_pipeline.model import Model, load, names, predict, require_cuda
from xgboost_pipeline.progress import say, timed
from xgboost_pipeline.sampling import sample_loans
from xgboost_pipeline.session import spark_session
from xgboost_pipeline.settings import option
from xgboost_pipeline.storage import Output, open_output, output

COMPARED_ROWS = 100_000
STAGED, ROWS = "_staged", "_rows"  # only needed on the way


@dataclass(frozen=True)
class Settings:
    """Settings of `score`."""

    input: str = option(
        "directory or URI of raw loan files of any supported width, with whole histories: they are part of the features"
    )
    model: str = option("directory or URI that `train` wrote")
    output: str = option("directory or URI to write probabilities and drift to")
    months: str = option("which months to score", default="latest", choices=("latest", "all"))
    max_malformed: float = option("share of malformed rows that is dropped instead of refused, 0 to 1", default=0.001)
    device: str = option("where XGBoost predicts", default="cpu", choices=("cpu", "cuda"))
    overwrite: bool = option("replace an existing output", default=False)


def run(settings: Settings) -> None:
    """Run the verb."""
    score(spark_session("score"), settings)


def score(spark: SparkSession, settings: Settings) -> None:
    """Score `settings.input` to parquet loan_id, month (YYYY-MM), probability (float), decision (boolean).

    Raises PipelineError for a model that is damaged or made for other columns, or where no row can be scored.
    """
    require_cuda(settings.device)
    model = load(settings.model)
    files = loan_files.find(settings.input)
    with output(settings.output, kind="scores", overwrite=settings.overwrite) as out:
        with timed("ETL") as etl:
            rows = _model_rows(spark, files, settings, model, out)
        with timed("Transformation") as transformation:
            predict(rows, model, settings.device).select(*_scored(model)).write.parquet(out.path("scores"))
        scores = spark.read.parquet(out.path("scores"))
        out.manifest |= _summary(scores, model) | {
            "fingerprint": files.fingerprint,
            "synthetic": files.synthetic,
            "seconds": {"etl": etl.seconds, "transformation": transformation.seconds},
        }
        _report_drift(rows, model, settings.device, out)
        scores.limit(5).show()
        out.delete(ROWS)
    say(f"the scores are in {settings.output}")


def _model_rows(spark: SparkSession, files: LoanFiles, settings: Settings, model: Model, out: Output) -> DataFrame:
    """Make the model's columns from raw files, as its training rows were made, and write them: two passes read them."""
    made = features.Settings(**model.manifest["features_settings"] | {"input": settings.input})
    staged = features.stage(spark, files, replace(made, max_malformed=settings.max_malformed), out.path(STAGED))
    _say_what_history_lacks(staged.first, staged.last, names(model.columns))
    recipe = features.Recipe(
        label=model.manifest["label"],
        encoding=model.manifest["encoding"],
        columns=[asdict(column) for column in model.columns],
        codebooks=model.codebooks,
        normalisation=model.normalisation,
    )
    rows = features.scoring_table(staged.rows, recipe)
    kept = rows if settings.months == "all" else rows.where(F.col("month") == staged.last)
    kept.write.parquet(out.path(ROWS))
    out.delete(STAGED)
    return spark.read.parquet(out.path(ROWS))


def _say_what_history_lacks(first: int, last: int, columns: Sequence[str]) -> None:
    """Warn where the files are too few months for the payment history of even the latest of them."""
    cut_off = [column.name for column in HISTORY if column.name in columns]
    if cut_off and last - first < RECENT:
        say(
            f"warning: the files hold {last - first + 1} months, {months.name(first)} to {months.name(last)}, and "
            f"payment history looks back {RECENT} and more: {', '.join(cut_off)} know only these months, so "
            "probabilities are off; give the files with the loans' whole histories"
        )


def _scored(model: Model) -> list[SparkColumn]:
    decision = F.col("probability") >= F.lit(model.threshold)
    return [F.col("loan_id"), _month_name(), F.col("probability"), decision.alias("decision")]


def _month_name() -> SparkColumn:
    year, month = F.floor(F.col("month") / 12).cast("string"), (F.col("month") % 12 + 1).cast("string")
    return F.concat(year, F.lit("-"), F.lpad(month, 2, "0")).alias("month")


def _summary(scores: DataFrame, model: Model) -> dict[str, object]:
    """Count what was scored, print it and return it for the manifest."""
    decided = F.sum(F.col("decision").cast("int"))
    measured = (F.count("*"), decided, F.avg("probability"), F.min("month"), F.max("month"))
    rows, decisions, mean, first, last = scores.agg(*measured).collect()[0]
    if not rows:
        raise PipelineError("no loan row can be scored: none has a known status below 4 and no zero balance code")
    say(f"scored {rows:,} rows of {first} to {last}: mean probability {mean:.4%}")
    say(f"decided as default (probability >= {model.threshold:.4f}): {decisions:,} ({decisions / rows:.3%})")
    return {
        "rows": rows,
        "decided": decisions,
        "mean_probability": mean,
        "months": {"first": months.parse(first), "last": months.parse(last)},
        "threshold": model.threshold,
        "model": model.uri,
        "model_fingerprint": model.manifest["fingerprint"],
        "label": model.manifest["label"],
    }


def _report_drift(rows: DataFrame, model: Model, device: str, out: Output) -> None:
    expected = open_output(model.uri, kind="model").read_json("distribution.json")["columns"]
    sampled = predict(sample_loans(rows, rows.count(), COMPARED_ROWS), model, device)
    sample = sampled.select(*names(model.columns), "probability").toPandas()
    found = drift(expected, sample, model.columns)
    out.write_json("drift.json", found)
    say(f"drift: the scores are {found['verdict']} (PSI {found['score']['psi']:.3f})")
    if found["shifted"]:
        say(f"drift: PSI of 0.25 or more in {', '.join(found['shifted'])}")
