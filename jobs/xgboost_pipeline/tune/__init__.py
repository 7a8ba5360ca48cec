"""Search for better settings, one file per finished trial: the `tune` verb."""

from xgboost_pipeline.session import spark_session
from xgboost_pipeline.tune.settings import Settings
from xgboost_pipeline.tune.steps import tune

__all__ = ["Settings", "run", "tune"]


def run(settings: Settings) -> None:
    """Run the verb."""
    tune(spark_session("tune"), settings)
