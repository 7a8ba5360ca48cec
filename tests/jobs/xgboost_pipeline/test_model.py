"""The saved model: what is loaded predicts as before, what does not fit together is refused."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xgboost
from feature_tables import CODEBOOKS, COLUMNS, feature_rows, spark_frame
from pyspark.sql import functions as F

from xgboost_pipeline.errors import PipelineError
from xgboost_pipeline.model import Calibration, Model, feature_types, load, names, predict, save
from xgboost_pipeline.storage import output


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return feature_rows(300)


@pytest.fixture(scope="module")
def matrix(rows: pd.DataFrame) -> xgboost.DMatrix:
    data = rows[names(COLUMNS)].astype("float32")
    return xgboost.DMatrix(data, rows["label"], feature_types=feature_types(COLUMNS), enable_categorical=True)


@pytest.fixture(scope="module")
def model(matrix: xgboost.DMatrix) -> Model:
    booster = xgboost.train({"objective": "binary:logistic", "max_depth": 4}, matrix, 8)
    return Model(booster, COLUMNS, CODEBOOKS, {"dti": [30.0, 10.0]}, None, 0.2, {"label": "forward"})


def write(model: Model, path: Path) -> Path:
    with output(str(path), kind="model") as out:
        save(model, out)
    return path


def edit_manifest(path: Path, **changes: object) -> None:
    manifest = json.loads((path / "manifest.json").read_text())
    manifest = {key: value for key, value in (manifest | changes).items() if key != "manifest_sha256"}
    sealed = manifest | {"manifest_sha256": hashlib.sha256(text_of(manifest).encode()).hexdigest()}
    (path / "manifest.json").write_text(text_of(sealed))


def text_of(manifest: dict[str, object]) -> str:
    """A manifest as it is written, so that a changed one can be sealed again."""
    return json.dumps(manifest, indent=1, sort_keys=True) + "\n"


def test_a_loaded_model_is_the_saved_one(model: Model, tmp_path: Path) -> None:
    path = write(model.replace(calibration=Calibration(0.9, -1.5)), tmp_path / "model")
    found = load(str(path))
    assert (found.columns, found.codebooks, found.normalisation) == (COLUMNS, CODEBOOKS, {"dti": [30.0, 10.0]})
    assert (found.threshold, found.calibration) == (0.2, Calibration(0.9, -1.5))
    assert found.booster.save_raw("ubj") == model.booster.save_raw("ubj")


def test_spark_predicts_what_the_native_booster_predicts(
    model: Model, rows: pd.DataFrame, matrix: xgboost.DMatrix, tmp_path: Path
) -> None:
    found = predict(spark_frame(rows, tmp_path / "rows").coalesce(1), model).toPandas()["probability"]
    np.testing.assert_array_equal(found.to_numpy(), model.booster.predict(matrix))


def test_unseen_codes_and_missing_values_are_predicted(model: Model, rows: pd.DataFrame, tmp_path: Path) -> None:
    odd = rows.head(2).assign(property_state=99, dti=np.nan, credit_score=np.nan)
    assert predict(spark_frame(odd, tmp_path / "rows"), model).toPandas()["probability"].between(0, 1).all()


def test_calibration_is_applied_to_log_odds(model: Model, rows: pd.DataFrame, tmp_path: Path) -> None:
    frame = spark_frame(rows.head(50), tmp_path / "rows").coalesce(1)
    plain = predict(frame, model).toPandas()["probability"].to_numpy(np.float64)
    scaled = predict(frame, model.replace(calibration=Calibration(0.5, -1.0))).toPandas()["probability"]
    expected = 1 / (1 + np.exp(-(0.5 * np.log(plain / (1 - plain)) - 1.0)))
    np.testing.assert_allclose(scaled, expected, rtol=1e-6)


def test_the_only_python_on_the_way_is_that_of_xgboost_spark(model: Model, rows: pd.DataFrame, tmp_path: Path) -> None:
    frame = predict(spark_frame(rows, tmp_path / "rows"), model.replace(calibration=Calibration(0.5, -1.0)))
    plan = frame.select("loan_id", "probability")._jdf.queryExecution().executedPlan().toString()  # noqa: SLF001 - PySpark shows plans only on paper
    nodes = [line.split("(")[0].strip(" +-:*") for line in plan.splitlines() if "Python" in line or "Pandas" in line]
    assert plan.count("ArrowEvalPython") == 1
    assert plan.count("UDF(") == 0
    assert not [node for node in nodes if node.startswith(("BatchEvalPython", "MapIn", "FlatMap"))]


def test_rows_without_a_column_are_refused_by_its_name(model: Model, rows: pd.DataFrame, tmp_path: Path) -> None:
    frame = spark_frame(rows, tmp_path / "rows").drop("dti").withColumn("loan_age", F.col("loan_age").cast("int"))
    with pytest.raises(PipelineError, match="missing dti; not float: loan_age is int"):
        predict(frame, model)


def test_a_changed_booster_is_refused(model: Model, tmp_path: Path) -> None:
    path = write(model, tmp_path / "model")
    (path / "model.ubj").write_bytes((path / "model.ubj").read_bytes()[:-100])
    with pytest.raises(PipelineError, match="damaged: model.ubj is not as it was written"):
        load(str(path))


def test_a_missing_file_is_refused(model: Model, tmp_path: Path) -> None:
    path = write(model, tmp_path / "model")
    (path / "codebooks.json").unlink()
    with pytest.raises(PipelineError, match=r"damaged: codebooks.json is missing"):
        load(str(path))


def test_a_booster_that_xgboost_cannot_read_is_refused(tmp_path: Path) -> None:
    with output(str(tmp_path / "model"), kind="model") as out:
        out.write_bytes("model.ubj", b"not a booster")
        out.manifest |= {"calibration": None, "threshold": 0.5}
    with pytest.raises(PipelineError, match=r"XGBoost cannot read model.ubj"):
        load(str(tmp_path / "model"))


def test_a_booster_of_other_columns_is_refused_by_their_names(model: Model, tmp_path: Path) -> None:
    renamed = replace(COLUMNS[2], name="income")
    path = write(replace(model, columns=(*COLUMNS[:2], renamed, *COLUMNS[3:])), tmp_path / "model")
    with pytest.raises(PipelineError, match=r"only in the booster: \['dti'\], only in features.json: \['income'\]"):
        load(str(path))


def test_columns_in_another_order_are_refused(model: Model, tmp_path: Path) -> None:
    path = write(replace(model, columns=COLUMNS[::-1]), tmp_path / "model")
    with pytest.raises(PipelineError, match="the same columns in another order"):
        load(str(path))


def test_a_model_of_another_xgboost_is_refused(model: Model, tmp_path: Path) -> None:
    path = write(model, tmp_path / "model")
    edit_manifest(path, versions={"xgboost": "2.1.0"})
    with pytest.raises(PipelineError, match="made with XGBoost 2.1.0, this is"):
        load(str(path))


def test_a_model_of_another_format_is_refused(model: Model, tmp_path: Path) -> None:
    path = write(model, tmp_path / "model")
    edit_manifest(path, format=99)
    with pytest.raises(PipelineError, match="was written in format 99"):
        load(str(path))
