"""Train, evaluate and save a model: the `train` verb."""

from xgboost_pipeline.progress import say
from xgboost_pipeline.session import spark_session
from xgboost_pipeline.train.settings import Settings
from xgboost_pipeline.train.steps import train

__all__ = ["Settings", "run", "train"]


def run(settings: Settings) -> None:
    """Run the verb."""
    train(spark_session("train"), settings)
    say(f"the model is in {settings.output}")
