"""How good predictions are, beside what would have been known without them."""

from xgboost_pipeline.evaluate.evaluation import COLUMNS, evaluate

__all__ = ["COLUMNS", "evaluate"]
