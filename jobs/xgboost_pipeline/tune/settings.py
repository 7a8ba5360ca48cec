"""What `tune` can be told."""

from dataclasses import dataclass

from xgboost_pipeline.errors import PipelineError
from xgboost_pipeline.settings import option
from xgboost_pipeline.train.settings import GrowthSettings, SplitSettings


@dataclass(frozen=True)
class Settings(SplitSettings, GrowthSettings):
    """Settings of `tune`."""

    features: str = option("directory or URI that `features` wrote")
    output: str = option("directory or URI of the trials; a rerun goes on where the last one stopped")
    trials: int = option("trials in all, finished ones included", default=20)
    minutes: float = option("start no trial after this many minutes; 0 sets no limit", default=0.0)
    objective: str = option(
        "what to improve on the tuning rows: log loss, or area under the precision-recall curve",
        default="logloss",
        choices=("logloss", "pr_auc"),
    )

    def __post_init__(self) -> None:
        """Check what can be checked before Spark starts."""
        super().__post_init__()
        if self.trials < 1:
            raise PipelineError(f"--trials is {self.trials}: give 1 or more")
        if not self.minutes >= 0:  # nan is not
            raise PipelineError(f"--minutes is {self.minutes}: give 0 for no limit, or more")
