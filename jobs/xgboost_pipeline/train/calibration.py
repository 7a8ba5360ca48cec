"""Bring weighted predictions back to observed frequencies, on loans that nothing else uses."""

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from sklearn.linear_model import LogisticRegression

from xgboost_pipeline.model import EDGE, Calibration

STEPS_PER_UNIT = 50  # of log odds: finer than what the rows of a step can tell apart


def odds_histogram(predicted: DataFrame) -> pd.DataFrame:
    """Count rows and positives per step of 1/50 in log odds: columns odds, rows, positives, by odds.

    Needs columns probability and label.
    """
    p = F.least(F.greatest(F.col("probability").cast("double"), F.lit(EDGE)), F.lit(1 - EDGE))
    odds = (F.round(F.log(p / (1 - p)) * STEPS_PER_UNIT) / STEPS_PER_UNIT).alias("odds")
    counted = predicted.groupBy(odds).agg(F.count("*").alias("rows"), F.sum("label").alias("positives"))
    return counted.toPandas().sort_values("odds", ignore_index=True)


def platt(counts: pd.DataFrame) -> Calibration:
    """Fit Platt scaling by unpenalised logistic regression on counts as `odds_histogram` returns them.

    Two numbers, rounded to 9 digits: they stay stable with few positives, where isotonic steps would not.
    """
    odds = np.tile(counts["odds"].to_numpy(float), 2).reshape(-1, 1)
    label = np.repeat([1, 0], len(counts))
    weight = np.concatenate([counts["positives"], counts["rows"] - counts["positives"]])
    fitted = LogisticRegression(penalty=None, solver="newton-cholesky", tol=1e-8).fit(odds, label, sample_weight=weight)
    return Calibration(round(float(fitted.coef_[0, 0]), 9), round(float(fitted.intercept_[0]), 9))
