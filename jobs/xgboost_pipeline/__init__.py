"""The loan pipeline: raw Fannie Mae files to a scored loan, on Spark and XGBoost."""
