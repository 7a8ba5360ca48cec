"""What `train` can be told, and the part of it that a search may choose."""

import dataclasses
import json
from dataclasses import dataclass
from typing import Any

from xgboost_pipeline.errors import PipelineError
from xgboost_pipeline.progress import say
from xgboost_pipeline.settings import option
from xgboost_pipeline.storage.files import files_at

SEARCHED = (
    "learning_rate",
    "max_depth",
    "min_child_weight",
    "gamma",
    "reg_lambda",
    "reg_alpha",
    "subsample",
    "colsample_bytree",
)


@dataclass(frozen=True)
class GrowthSettings:
    """How trees are grown and on what hardware: what `train` and `tune` share."""

    device: str = option("where XGBoost runs", default="cpu", choices=("cpu", "cuda"))
    workers: int | None = option(
        "XGBoost workers, one Spark task each",
        default=None,
        shown="1 on one machine, else one per executor or, on cuda, per GPU",
    )
    threads: int | None = option("threads per worker", default=None, shown="all cores, shared among the workers")
    rounds: int = option("most trees to grow", default=300)
    early_stopping_rounds: int = option(
        "stop after this many trees without a better validation log loss; 0 grows all", default=20
    )
    max_bin: int = option("histogram bins per column", default=256)
    seed: int = option("seed of every random choice", default=7)

    def __post_init__(self) -> None:
        """Refuse what XGBoost would only refuse deep inside a worker."""
        _at_least("rounds", self.rounds, 1)
        _at_least("early-stopping-rounds", self.early_stopping_rounds, 0)
        _at_least("max-bin", self.max_bin, 2)
        _at_least("seed", self.seed, 0)


@dataclass(frozen=True)
class BoosterSettings(GrowthSettings):
    """Growth, and what a search may choose: the names in `SEARCHED`.

    The defaults hold trees back: the months of a loan are nearly copies of each other, so leaves fill with few loans.
    """

    learning_rate: float = option("weight of each tree, 0 to 1", default=0.1)
    max_depth: int = option("most levels of a tree", default=4)
    min_child_weight: float = option("least sum of p(1-p) over a leaf's rows", default=20.0)
    gamma: float = option("least gain in log loss for a split", default=0.0)
    reg_lambda: float = option("L2 penalty on leaf weights", default=10.0)
    reg_alpha: float = option("L1 penalty on leaf weights", default=0.0)
    subsample: float = option("share of rows that each tree sees, 0 to 1", default=1.0)
    colsample_bytree: float = option("share of columns that each tree sees, 0 to 1", default=0.5)

    def __post_init__(self) -> None:
        """Refuse values outside XGBoost's ranges."""
        super().__post_init__()
        _at_least("max-depth", self.max_depth, 1)
        for name in ("learning_rate", "subsample", "colsample_bytree"):
            _share(name.replace("_", "-"), getattr(self, name))
        for name in ("min_child_weight", "gamma", "reg_lambda", "reg_alpha"):
            _at_least(name.replace("_", "-"), getattr(self, name), 0)


@dataclass(frozen=True)
class SplitSettings:
    """Which rows are trained on, and which are kept for validation and test."""

    split: str = option(
        "which split of the feature table: random rows, random loans, or loans and time",
        default="loan_and_time",
        choices=("rows", "loan", "loan_and_time"),
    )


@dataclass(frozen=True)
class Settings(SplitSettings, BoosterSettings):
    """Settings of `train`."""

    features: str = option("directory or URI that `features` wrote")
    output: str = option("directory or URI to write the model to")
    weighting: str = option(
        "balanced: defaults weigh as much as the rest, and predictions are recalibrated on loans kept for that",
        default="none",
        choices=("none", "balanced"),
    )
    tuned: str = option("directory or URI that `tune` wrote: its best settings replace these", default="")
    resamples: int = option("resamples of the test loans for 95 percent intervals", default=200)
    overwrite: bool = option("replace an existing model", default=False)

    def __post_init__(self) -> None:
        """Check what can be checked before Spark starts."""
        super().__post_init__()
        _at_least("resamples", self.resamples, 0)


def with_tuned(settings: Settings) -> Settings:
    """Return the settings with the best ones of the search at `settings.tuned`, if any, in their place."""
    if not settings.tuned:
        return settings
    best = read_best(settings.tuned)
    if best["split"] != settings.split:
        raise PipelineError(
            f"{settings.tuned} was searched on split {best['split']!r}, not {settings.split!r}: "
            f"add --split {best['split']} or search again on the other split"
        )
    chosen = {name: best["settings"][name] for name in SEARCHED}
    say(f"settings of trial {best['trial']}: " + ", ".join(f"{name} {value:.4g}" for name, value in chosen.items()))
    return dataclasses.replace(settings, **chosen)


def read_best(uri: str) -> dict[str, Any]:
    """Return what the search at a URI found best: `settings`, `trial`, `split`; raise PipelineError if nothing."""
    try:
        best = json.loads(files_at(uri).read(f"{uri.rstrip('/')}/best.json"))
    except (OSError, ValueError) as error:
        raise PipelineError(f"{uri} has no readable best.json: run `tune --output {uri}` to its end first") from error
    if not isinstance(best, dict) or not {"trial", "split"} <= best.keys() or not are_searched(best.get("settings")):
        raise PipelineError(
            f"{uri}/best.json is damaged: it lacks a trial, its split or a number for each of {', '.join(SEARCHED)}; "
            f"run `tune --output {uri}` again, which writes it from the finished trials"
        )
    return best


def are_searched(settings: object) -> bool:
    """Tell whether this is what a search chooses: a number by each name in `SEARCHED`."""
    return (
        isinstance(settings, dict)
        and settings.keys() == set(SEARCHED)
        and all(isinstance(value, int | float) for value in settings.values())
        and isinstance(settings["max_depth"], int)
    )


def _at_least(name: str, value: float, least: float) -> None:
    if not value >= least:  # nan is not
        raise PipelineError(f"--{name} is {value}: give {least} or more")


def _share(name: str, value: float) -> None:
    if not 0 < value <= 1:
        raise PipelineError(f"--{name} is {value}: give more than 0 and at most 1")
