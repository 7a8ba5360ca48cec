"""Entry of `python -m xgboost_pipeline` and of spark-submit."""

from xgboost_pipeline.cli import main
from xgboost_pipeline.session import end

if __name__ == "__main__":
    raise SystemExit(end(main()))
