"""The `run` verb: raw files to a reported model in one Spark application, which is how the job runs on EMR."""

from dataclasses import asdict, dataclass, fields
from typing import Any, TypeVar

from xgboost_pipeline import features, report, storage, train
from xgboost_pipeline.features import loan_files
from xgboost_pipeline.progress import say, timed
from xgboost_pipeline.session import spark_session
from xgboost_pipeline.settings import option
from xgboost_pipeline.train.settings import BoosterSettings
from xgboost_pipeline.train.workers import plan_workers

# What the report compares with the model itself, from the reference's method to the honest one, rung by rung.
LADDER = (("reference", "rows"), ("reference", "loan"), ("forward", "loan"))
MODEL = ("forward", "loan_and_time")

S = TypeVar("S")


@dataclass(frozen=True)
class Settings(BoosterSettings):
    """Options of `run`: those of `features` and `train` that a whole run needs."""

    input: str = option("directory or URI of the quarterly loan files, 2020Q1.csv and so on")
    output: str = option("directory or URI for features, models and the report, one directory each")
    test_months: int = option("months in the test period", default=6)
    max_malformed: float = option("share of malformed rows that is dropped instead of refused, 0 to 1", default=0.001)
    resamples: int = option("resamples of the test loans for 95 percent intervals", default=200)
    without_ladder: bool = option("train only the model, not the three it is compared with", default=False)
    overwrite: bool = option("replace outputs of an earlier run", default=False)


def run(settings: Settings) -> None:
    """Write features, models and report below the output; raise PipelineError for what any of the verbs refuses."""
    _check(settings)
    labels = ("forward",) if settings.without_ladder else ("forward", "reference")
    _build_features(settings, labels)
    rungs = () if settings.without_ladder else LADDER
    for label, split in (*rungs, MODEL):
        say(f"\nmodel: label {label}, split by {split.replace('_', ' ')}")
        train.run(
            _pick(
                train.Settings,
                settings,
                features=_features(settings, label),
                output=_model(settings, label, split),
                split=split,
            )
        )
    report.run(
        report.Settings(
            model=_model(settings, *MODEL),
            compare=tuple(_model(settings, *rung) for rung in rungs),
            features=_features(settings, "forward"),
            output=f"{settings.output}/report",
            overwrite=settings.overwrite,
        )
    )


def _check(settings: Settings) -> None:
    """Refuse now what would only be refused after the input has been read."""
    kinds = {_features(settings, label): "features" for label in ("forward", "reference")}
    kinds |= {_model(settings, *rung): "model" for rung in (*LADDER, MODEL)} | {f"{settings.output}/report": "report"}
    for uri, kind in kinds.items():
        storage.refuse_existing(uri, kind=kind, overwrite=settings.overwrite)
    plan_workers(spark_session("loan pipeline"), settings)


def _build_features(settings: Settings, labels: tuple[str, ...]) -> None:
    """Read the raw files once for the tables of all labels."""
    plans = [_pick(features.Settings, settings, output=_features(settings, label), label=label) for label in labels]
    files = loan_files.find(settings.input)
    spark = spark_session("loan pipeline")
    with timed("ETL"), storage.output(f"{settings.output}/_staged", kind="staged", overwrite=True) as scratch:
        staged = features.stage(spark, files, plans[0], scratch.path("rows"))
        for plan in plans:
            say(f"\nfeatures: label {plan.label}")
            with storage.output(plan.output, kind="features", overwrite=plan.overwrite) as out:
                features.build(staged, plan, out)
    storage.delete(f"{settings.output}/_staged")


def _features(settings: Settings, label: str) -> str:
    return f"{settings.output}/features-{label}"


def _model(settings: Settings, label: str, split: str) -> str:
    name = "model" if (label, split) == MODEL else f"model-{label}-{split}"
    return f"{settings.output}/{name}"


def _pick(kind: type[S], settings: Settings, **more: Any) -> S:  # noqa: ANN401 - the fields of `kind`
    """Return settings of a verb: those of the same names here, and `more`."""
    given = asdict(settings)
    names = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    return kind(**({name: value for name, value in given.items() if name in names} | more))
