"""The `run` verb: raw files to a reported model in one Spark application, which is how the job runs on EMR."""

from collections.abc import Iterable
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
    files = loan_files.find(settings.input)
    with storage.together(_outputs(settings, LADDER) if settings.overwrite else {}):
        _build_features(settings, files)
        for label, split in (*_rungs(settings), MODEL):
            say(f"\nmodel: label {label}, split by {split.replace('_', ' ')}")
            given, output = _features(settings, label), _model(settings, label, split)
            chosen = _pick(train.Settings, settings, features=given, output=output, split=split)
            train.train(spark_session("loan pipeline"), chosen)
        report.run(
            report.Settings(
                model=_model(settings, *MODEL),
                compare=tuple(_model(settings, *rung) for rung in _rungs(settings)),
                features=_features(settings, "forward"),
                output=f"{settings.output}/report",
                overwrite=settings.overwrite,
            )
        )
    say(f"the model is in {_model(settings, *MODEL)}")


def _rungs(settings: Settings) -> tuple[tuple[str, str], ...]:
    return () if settings.without_ladder else LADDER


def _outputs(settings: Settings, rungs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return what a run with these rungs writes: URI and kind."""
    kinds = {f"{settings.output}/report": "report"}
    for label, split in (*rungs, MODEL):
        kinds |= {_features(settings, label): "features", _model(settings, label, split): "model"}
    return kinds


def _check(settings: Settings) -> None:
    """Refuse now what would only be refused after the input has been read."""
    for uri, kind in _outputs(settings, _rungs(settings)).items():
        storage.refuse_existing(uri, kind=kind, overwrite=settings.overwrite)
    plan_workers(spark_session("loan pipeline"), settings)


def _build_features(settings: Settings, files: loan_files.LoanFiles) -> None:
    """Read the raw files once for the tables of all labels."""
    labels = sorted({label for label, _ in (*_rungs(settings), MODEL)})
    plans = [_pick(features.Settings, settings, output=_features(settings, label), label=label) for label in labels]
    spark = spark_session("loan pipeline")
    with timed("ETL"), storage.scratch(f"{settings.output}/_staged") as place:
        staged = features.stage(spark, files, plans[0], f"{place}/rows")
        for plan in plans:
            say(f"\nfeatures: label {plan.label}")
            with storage.output(plan.output, kind="features", overwrite=plan.overwrite) as out:
                features.build(staged, plan, out)


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
