"""A small `features` output with a known signal, written without the `features` verb."""

import os
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession

from xgboost_pipeline.features.columns import Column
from xgboost_pipeline.session import spark_session
from xgboost_pipeline.storage import output

FIRST = 24240
MONTHS = 8
TRAIN_MONTHS = 5
BUCKETS = ("train",) * 60 + ("validation",) * 10 + ("calibration",) * 5 + ("tuning",) * 5 + ("test",) * 20
COLUMNS = (
    Column("loan_purpose", "category", "27", "0", "purpose", "code"),
    Column("property_state", "category", "31", "0", "state", "code"),
    Column("dti", "numeric", "23", "null", "debt to income", "%"),
    Column("credit_score", "numeric", "24", "null", "score", "points"),
    Column("loan_age", "numeric", "16", "null", "age", "months"),
    Column("current_status", "numeric", "40", "null", "status", "30 days"),
)
KEYS = ("loan_id", "month", "label", "status", "split_rows", "split_loan", "split_loan_and_time")
CODEBOOKS = {"loan_purpose": ["P", "R", "C"], "property_state": ["CA", "TX", "NY", "FL", "WA", "PR"]}


def spark() -> SparkSession:
    """Return the session of the tests: two task slots, however many cores there are."""
    os.environ.setdefault("XGBOOST_PIPELINE_MASTER", "local[2]")
    return spark_session("tests")


def feature_rows(loans: int = 3000, seed: int = 1, *, base: float = -2.0) -> pd.DataFrame:
    """Return every column of a feature table; `base` moves the log odds of label 1."""
    random = np.random.default_rng(seed)
    rows = pd.DataFrame({"loan": np.repeat(np.arange(loans), MONTHS), "month": np.tile(np.arange(MONTHS), loans)})
    loan = rows["loan"].to_numpy()
    rows["loan_purpose"] = random.integers(0, 4, loans)[loan]
    rows["property_state"] = random.integers(0, 7, loans)[loan]
    rows["dti"] = np.where(random.random(loans) < 0.1, np.nan, random.uniform(10, 50, loans).round())[loan]
    rows["credit_score"] = np.where(random.random(loans) < 0.05, np.nan, random.normal(720, 50, loans).round())[loan]
    rows["loan_age"] = random.integers(0, 60, loans)[loan] + rows["month"]
    rows["status"] = random.choice(4, len(rows), p=(0.9, 0.06, 0.03, 0.01))
    rows["current_status"] = rows["status"]
    odds = (
        (base + 1.2 * rows["status"] - (rows["credit_score"].fillna(680) - 720) / 40)
        + (rows["dti"].fillna(45) - 30) / 20
        + np.where((rows["loan_purpose"] == 2) == (rows["credit_score"].fillna(680) < 720), 2.0, -1.0)
    )
    rows["label"] = (random.random(len(rows)) < 1 / (1 + np.exp(-odds))).astype("float32")
    return _with_splits(rows, random)


def write_features(path: Path, rows: pd.DataFrame, *, label: str = "forward") -> Path:
    """Write the rows as a `features` output."""
    with output(str(path), kind="features") as out:
        _write_parquet(rows, Path(out.uri) / "table")
        out.write_json("codebooks.json", CODEBOOKS)
        out.write_json("normalisation.json", {})
        out.manifest |= _manifest(label)
    return path


def spark_frame(rows: pd.DataFrame, path: Path) -> DataFrame:
    """Return the rows as a Spark DataFrame, by way of parquet at `path`, NaN as null."""
    _write_parquet(rows, path)
    return spark().read.parquet(str(path))


def _write_parquet(rows: pd.DataFrame, path: Path) -> None:
    types = {"month": pa.int32(), "status": pa.int32(), "label": pa.float32(), "probability": pa.float64()}
    types |= {column.name: pa.float32() for column in COLUMNS}
    kept = [name for name in dict.fromkeys((*KEYS, *types)) if name in rows.columns]
    schema = pa.schema([(name, types.get(name, pa.string())) for name in kept])
    path.mkdir(parents=True)
    pq.write_table(pa.Table.from_pandas(rows[kept], schema=schema, preserve_index=False), path / "part-0.parquet")


def _with_splits(rows: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    buckets = np.array(BUCKETS)
    part = buckets[random.integers(0, 100, int(rows["loan"].max()) + 1)][rows["loan"]]
    late = np.where(rows["month"] == MONTHS - 1, np.where(part == "test", "test", "unused"), "embargo")
    early = np.where(part == "test", "unused", part)
    return rows.assign(
        loan_id=(rows["loan"] * 7919).map("{:012d}".format),
        split_rows=buckets[random.integers(0, 100, len(rows))],
        split_loan=part,
        split_loan_and_time=np.where(rows["month"] < TRAIN_MONTHS, early, late),
        month=rows["month"] + FIRST,
    )


def _manifest(label: str) -> dict[str, object]:
    return {
        "label": label,
        "label_definition": "label of a test",
        "encoding": "code",
        "normalise": False,
        "fingerprint": "0123",
        "synthetic": True,
        "settings": {"encoding": "code"},
        "months": {"first": FIRST, "last": FIRST + MONTHS - 1},
        "funnel": {"read": 1},
        "columns": [asdict(column) for column in COLUMNS],
        "seconds": {"etl": 1.0},
    }
