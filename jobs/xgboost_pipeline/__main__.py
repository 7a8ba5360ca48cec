"""Entry of `python -m xgboost_pipeline` and of spark-submit."""

from xgboost_pipeline.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
