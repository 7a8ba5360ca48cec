"""The probability from which a row is decided as default, chosen on validation rows."""

import numpy as np
import numpy.typing as npt
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

STEPS = 100_000


def histogram(predicted: DataFrame) -> pd.DataFrame:
    """Count rows and positives per probability step of 1/100,000: columns step, rows, positives, by step.

    Needs columns probability and label. At most 100,001 rows come back, however many go in.
    """
    step = F.floor(F.col("probability").cast("double") * STEPS).cast("int").alias("step")
    counted = predicted.groupBy(step).agg(F.count("*").alias("rows"), F.sum("label").alias("positives"))
    return counted.toPandas().sort_values("step", ignore_index=True)


def best_threshold(counts: pd.DataFrame) -> float:
    """Return the threshold with the highest F1 when rows with at least that probability are decided as default.

    F1 balances missed defaults against false alarms without a price for either; ties go to the higher threshold,
    which raises fewer alarms. `counts` as `histogram` returns it, with at least one positive.
    """
    decided = counts["rows"].to_numpy()[::-1].cumsum()[::-1]
    found = counts["positives"].to_numpy()[::-1].cumsum()[::-1]
    f1 = 2 * found / (decided + found[0])
    best = len(f1) - 1 - int(np.argmax(f1[::-1]))
    return float(counts["step"].iloc[best]) / STEPS


def steps_to_scores(counts: pd.DataFrame) -> npt.NDArray[np.float32]:
    """Return one probability per counted row, the middle of its step; `counts` as `histogram` returns it."""
    middle = (counts["step"].to_numpy() + 0.5) / STEPS
    return np.repeat(middle.astype(np.float32), counts["rows"])
