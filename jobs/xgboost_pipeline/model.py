"""The saved model: everything that scoring needs, refused when it does not fit together."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import xgboost
from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from xgboost import Booster, XGBRegressor
from xgboost.spark import SparkXGBRegressor, SparkXGBRegressorModel

from xgboost_pipeline.errors import PipelineError
from xgboost_pipeline.features.columns import Column
from xgboost_pipeline.storage import Output, Stored, open_output

BOOSTER = "model.ubj"
EDGE = 1e-7  # float32 probabilities reach 0 and 1, whose log odds are infinite


@dataclass(frozen=True)
class Calibration:
    """Platt scaling: calibrated log odds = slope * log odds + intercept."""

    slope: float
    intercept: float


@dataclass(frozen=True)
class Model:
    """A booster, the columns it was trained on, and what turns raw rows into them and scores into decisions.

    `threshold` is the least probability that is decided as default.
    """

    booster: Booster
    columns: tuple[Column, ...]
    codebooks: dict[str, list[str]]
    normalisation: dict[str, list[float]]
    calibration: Calibration | None
    threshold: float
    manifest: dict[str, Any]
    uri: str = ""

    def replace(self, *, calibration: "Calibration | None" = None, threshold: float | None = None) -> "Model":
        """Return the model with another calibration or threshold; what is not given stays."""
        return replace(
            self,
            calibration=self.calibration if calibration is None else calibration,
            threshold=self.threshold if threshold is None else threshold,
        )


def names(columns: Sequence[Column]) -> list[str]:
    """Return the names of the columns, in the model's order."""
    return [column.name for column in columns]


def feature_types(columns: Sequence[Column]) -> list[str]:
    """Return XGBoost's type of each column: `c` category, `q` quantity."""
    return ["c" if column.type == "category" else "q" for column in columns]


def columns_of(manifest: Sequence[dict[str, Any]]) -> tuple[Column, ...]:
    """Return the model columns that a features manifest describes."""
    return tuple(Column(**described) for described in manifest)


def save(model: Model, out: Output) -> None:
    """Write the model below an output; what `load` needs of the manifest is set too."""
    out.write_bytes(BOOSTER, bytes(model.booster.save_raw("ubj")))
    out.write_json("features.json", [asdict(column) for column in model.columns])
    out.write_json("codebooks.json", model.codebooks)
    out.write_json("normalisation.json", model.normalisation)
    calibration = None if model.calibration is None else asdict(model.calibration)
    out.manifest |= model.manifest | {"threshold": model.threshold, "calibration": calibration}


def load(uri: str) -> Model:
    """Read a model that `train` wrote; raise PipelineError when it is damaged or its parts do not fit together."""
    stored = open_output(uri, kind="model")
    _check_version(stored)
    calibration = stored.manifest["calibration"]
    model = Model(
        booster=_read_booster(stored),
        columns=columns_of(stored.read_json("features.json")),
        codebooks=stored.read_json("codebooks.json"),
        normalisation=stored.read_json("normalisation.json"),
        calibration=None if calibration is None else Calibration(**calibration),
        threshold=stored.manifest["threshold"],
        manifest=stored.manifest,
        uri=uri,
    )
    _check_booster(model)
    return model


def require_cuda(device: str) -> None:
    """Raise PipelineError for device `cuda` where XGBoost is built without it."""
    if device == "cuda" and not xgboost.build_info()["USE_CUDA"]:
        raise PipelineError(
            f"--device is cuda, but this XGBoost {xgboost.__version__} is built without CUDA: "
            "use --device cpu or install the package `xgboost` instead of `xgboost-cpu`"
        )


def predict(rows: DataFrame, model: Model, device: str = "cpu") -> DataFrame:
    """Add `probability` (float) of the label to rows that have the model's columns (float, null = missing).

    Raises PipelineError, saying what differs, for rows that lack some of them.
    xgboost.spark's own model runs, as a pandas UDF; its regressor returns the plain probability that a native
    booster returns, bit for bit, and spares the three vectors per row of its classifier.
    """
    _check_columns(model, rows)
    raw = _spark_model(model, device).transform(rows)
    return raw.withColumn("probability", calibrated(F.col("probability"), model.calibration).cast("float"))


def calibrated(probability: SparkColumn, calibration: Calibration | None) -> SparkColumn:
    """Return the probability after Platt scaling, as a plain Spark expression."""
    if calibration is None:
        return probability
    clipped = F.least(F.greatest(probability, F.lit(EDGE)), F.lit(1 - EDGE))
    odds = F.log(clipped / (1 - clipped)) * calibration.slope + calibration.intercept
    return 1 / (1 + F.exp(-odds))


def importance(booster: Booster, columns: Sequence[Column]) -> dict[str, float]:
    """Return each column's mean gain per split, 0 for columns that no tree uses."""
    gains = booster.get_score(importance_type="gain")
    return {name: float(np.mean(gains.get(name, 0.0))) for name in names(columns)}


def _check_columns(model: Model, rows: DataFrame) -> None:
    """Raise PipelineError, saying what differs, unless rows have the model's columns as float, in any order."""
    types = dict(rows.dtypes)
    missing = [name for name in names(model.columns) if name not in types]
    wrong = [f"{name} is {types[name]}" for name in names(model.columns) if types.get(name, "float") != "float"]
    if not missing and not wrong:
        return
    found = [f"missing {', '.join(missing)}"] * bool(missing) + [f"not float: {', '.join(wrong)}"] * bool(wrong)
    raise PipelineError(
        f"{model.uri or 'the model'} was made for other columns: {'; '.join(found)}; "
        "score with a model trained on features of this version"
    )


def _spark_model(model: Model, device: str) -> SparkXGBRegressorModel:
    regressor = XGBRegressor(n_jobs=1)  # one task per core already: more threads would only wait for each other
    regressor.load_model(model.booster.save_raw("ubj"))
    regressor.get_booster().set_param({"nthread": 1})
    settings = SparkXGBRegressor(
        features_col=names(model.columns), prediction_col="probability", device=device, objective="binary:logistic"
    )
    return settings._copyValues(SparkXGBRegressorModel(regressor))  # noqa: SLF001 - how `fit` itself hands its settings on


def _read_booster(stored: Stored) -> Booster:
    try:
        return Booster(model_file=bytearray(stored.read_bytes(BOOSTER)))
    except xgboost.core.XGBoostError as error:
        raise PipelineError(f"{stored.uri} is damaged: XGBoost cannot read {BOOSTER}; train it again") from error


def _check_version(stored: Stored) -> None:
    versions = stored.manifest.get("versions", {})
    made = versions.get("xgboost-cpu") or versions.get("xgboost") or "unknown"
    if made.split(".")[0] != xgboost.__version__.split(".")[0]:
        raise PipelineError(
            f"{stored.uri} was made with XGBoost {made}, this is {xgboost.__version__}: "
            "train it again, or use the same major version"
        )


def _check_booster(model: Model) -> None:
    """Compare the booster's own columns with those described beside it: the order decides what a tree reads."""
    described = list(zip(names(model.columns), feature_types(model.columns), strict=True))
    known = list(zip(model.booster.feature_names or [], model.booster.feature_types or [], strict=True))
    if known == described:
        return
    raise PipelineError(
        f"{model.uri} is damaged: its booster was trained on other columns than features.json lists: "
        f"{_difference(known, described)}; train it again"
    )


def _difference(known: list[tuple[str, str]], described: list[tuple[str, str]]) -> str:
    only_known = [name for name, kind in known if (name, kind) not in described]
    only_described = [name for name, kind in described if (name, kind) not in known]
    if not only_known and not only_described:
        return "the same columns in another order"
    return f"only in the booster: {only_known or 'none'}, only in features.json: {only_described or 'none'}"
