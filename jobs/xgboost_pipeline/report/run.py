"""The steps of `report`, from model directories to a report directory."""

from dataclasses import dataclass

from xgboost_pipeline.progress import say
from xgboost_pipeline.report.ladder import ladder, rungs_given
from xgboost_pipeline.report.models import Evaluated, open_described, open_evaluated, require_same_data
from xgboost_pipeline.report.page import headline, page
from xgboost_pipeline.settings import option
from xgboost_pipeline.storage import output


@dataclass(frozen=True)
class Settings:
    """Settings of `report`."""

    model: str = option("directory or URI that `train` wrote: the model the report is about")
    output: str = option("directory or URI to write report.html and metrics.json to")
    compare: tuple[str, ...] = option(
        "directories or URIs of models of the same data with other labels or splits, for the honesty ladder",
        default=(),
    )
    features: str = option("directory or URI that `features` wrote for the model, for its data dictionary", default="")
    overwrite: bool = option("replace an existing report", default=False)


def run(settings: Settings) -> None:
    """Run the verb."""
    write(settings)
    say(f"the report is in {settings.output}/report.html")


def write(settings: Settings) -> None:
    """Write the report; raise PipelineError for a model that is damaged, not evaluated, or of other data."""
    model = open_evaluated(settings.model)
    others = [open_evaluated(uri) for uri in settings.compare]
    require_same_data([model, *others])
    if settings.features:
        model = open_described(model, settings.features)
    rungs = ladder([model, *others])
    with output(settings.output, kind="report", overwrite=settings.overwrite) as out:
        out.write_text("report.html", page(model, rungs))
        out.write_json("metrics.json", _metrics(model) | {"ladder": rungs_given(rungs)})


def _metrics(model: Evaluated) -> dict[str, object]:
    named = {name: model.manifest[name] for name in ("fingerprint", "threshold", "rounds", "best_iteration", "funnel")}
    described = {"label": model.label, "split": model.split, "synthetic": model.synthetic}
    return model.metrics | named | described | {"headline": headline(model)}
