"""Feature rows of new files for a model that exists: its code books and scaling, no label, no splits."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pyspark.sql import DataFrame

from xgboost_pipeline.errors import PipelineError
from xgboost_pipeline.features import encoding, table
from xgboost_pipeline.features.columns import forward_columns, reference_columns
from xgboost_pipeline.features.encoding import CodeBooks, Normalisation
from xgboost_pipeline.features.labels import has_balance


@dataclass(frozen=True)
class Recipe:
    """How a model's feature rows are made: its label, encoding, columns, code books and scaling."""

    label: str
    encoding: str
    columns: Sequence[Mapping[str, Any]]
    codebooks: CodeBooks
    normalisation: Normalisation


def scoring_table(staged: DataFrame, recipe: Recipe) -> DataFrame:
    """Return loan_id, month, status and the model columns (float32) of every row that the model can score.

    Needs staged rows of whole loan histories. Raises PipelineError when the recipe's columns are not the ones that
    this version makes, and says which differ.
    """
    forward = recipe.label == "forward"
    columns = forward_columns() if forward else reference_columns()
    rows = table.scoring_rows(staged, recipe.codebooks) if forward else _reference_rows(staged, recipe)
    if recipe.encoding == "one-hot":
        columns = tuple(encoding.one_hot_columns(columns, recipe.codebooks))
        rows = encoding.one_hot(rows, recipe.codebooks)
    _check_columns(recipe.columns, [asdict(column) for column in columns])
    kept = rows.select("loan_id", "month", "status", *table.as_float32(columns))
    scaled = encoding.normalise(kept, recipe.normalisation)
    return scaled.select("loan_id", "month", "status", *table.as_float32(columns))


def _reference_rows(staged: DataFrame, recipe: Recipe) -> DataFrame:
    return table.reference_rows(staged.where(has_balance()), recipe.codebooks)


def _check_columns(saved: Sequence[Mapping[str, Any]], made: Sequence[Mapping[str, Any]]) -> None:
    before, now = ([(c["name"], c["type"]) for c in columns] for columns in (saved, made))
    if before == now:
        return
    gone = ", ".join(f"{name} ({kind})" for name, kind in before if (name, kind) not in now) or "none"
    new = ", ".join(f"{name} ({kind})" for name, kind in now if (name, kind) not in before) or "none"
    raise PipelineError(
        f"the model was made for other columns ({len(before)}, here are {len(now)}): only in the model: {gone}; only "
        f"here: {new}; if both are none their order differs; train it again with this version"
    )
