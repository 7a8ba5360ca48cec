"""Categories as numbers: saved code books, one-hot indicators, and normalisation with saved parameters."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from xgboost_pipeline.errors import PipelineError
from xgboost_pipeline.features.columns import CATEGORY_NAMES
from xgboost_pipeline.features.columns import Column as ModelColumn

CodeBooks = Mapping[str, Sequence[str]]  # column -> values; value i has code i + 1, code 0 is unknown or missing
Normalisation = Mapping[str, Sequence[float]]  # column -> [mean, standard deviation]
SAVED_DIGITS = 9  # a sum over rows differs in its last digits by the order of the rows


def fit_codebooks(rows: DataFrame, least_rows: int) -> dict[str, list[str]]:
    """Return a code book per category, most frequent value first, ties by value, so that no order of rows matters.

    Needs the categories as strings. Values in fewer than `least_rows` rows get no code of their own.
    """
    values = F.array(
        *(F.struct(F.lit(i).alias("column"), F.col(name).alias("value")) for i, name in enumerate(CATEGORY_NAMES))
    )
    counted = (
        rows.groupBy(*CATEGORY_NAMES)
        .agg(F.count("*").alias("rows"))
        .select(F.explode(values).alias("v"), "rows")
        .groupBy("v.column", "v.value")
        .agg(F.sum("rows").alias("rows"))
        .where(F.col("value").isNotNull() & (F.col("rows") >= least_rows))
    )
    found = sorted((row["column"], -row["rows"], row["value"]) for row in counted.collect())
    return {name: [value for column, _, value in found if column == i] for i, name in enumerate(CATEGORY_NAMES)}


def code(column: str, values: Sequence[str]) -> Column:
    """Return a category's code as an int: 1..K, or 0 for a value that is unknown or missing."""
    if not values:
        return F.lit(0)
    pairs = chain.from_iterable((F.lit(value), F.lit(i + 1)) for i, value in enumerate(values))
    return F.coalesce(F.element_at(F.create_map(*pairs), F.col(column)), F.lit(0))


def encode(rows: DataFrame, codebooks: CodeBooks) -> DataFrame:
    """Replace the categories, strings, by their codes, ints."""
    return rows.withColumns({name: code(name, codebooks[name]) for name in CATEGORY_NAMES})


def one_hot(rows: DataFrame, codebooks: CodeBooks) -> DataFrame:
    """Replace each category, a code, by indicators `name_code`; `name_0` is the unknown."""
    indicators = {
        f"{name}_{i}": (F.col(name) == i).cast("int")
        for name in CATEGORY_NAMES
        for i in range(len(codebooks[name]) + 1)
    }
    return rows.withColumns(indicators).drop(*CATEGORY_NAMES)


def one_hot_columns(columns: Sequence[ModelColumn], codebooks: CodeBooks) -> list[ModelColumn]:
    """Return the model columns with each category replaced by its indicators, as `one_hot` names them."""
    result: list[ModelColumn] = []
    for column in columns:
        values = ["unknown, rare or missing", *map(repr, codebooks.get(column.name, ()))]
        if column.name in CATEGORY_NAMES:
            indicator = replace(column, type="indicator", missing="0", unit="0 or 1")
            names = [(f"{column.name}_{i}", f"{column.name} is {value}") for i, value in enumerate(values)]
            result += [replace(indicator, name=name, description=text) for name, text in names]
        else:
            result.append(column)
    return result


def check_width(rows: int, columns: int, limit_gib: float) -> None:
    """Raise PipelineError when one-hot columns need more memory than allowed, showing the arithmetic.

    xgboost.spark holds all rows in Python memory: 4 bytes x rows x columns, over all workers.
    """
    need = 4 * rows * columns / 2**30
    if need > limit_gib:
        raise PipelineError(
            f"--encoding one-hot is too wide: 4 bytes x {rows} rows x {columns} columns = {need:.3g} GiB, allowed are "
            f"{limit_gib:g} GiB (--one-hot-limit-gib): use --encoding code, which XGBoost splits on as categories"
        )


def fit_normalisation(rows: DataFrame, columns: Sequence[str]) -> dict[str, list[float]]:
    """Return mean and sample standard deviation of each column over the rows, nulls left out, rounded to 9 digits."""
    sums = rows.select(
        *(F.avg(F.col(name)).alias(f"mean {i}") for i, name in enumerate(columns)),
        *(F.stddev(F.col(name)).alias(f"std {i}") for i, name in enumerate(columns)),
    ).first()
    assert sums is not None  # noqa: S101 - an aggregate without keys has one row
    return {
        name: [_saved(sums[f"mean {i}"], 0.0), _saved(sums[f"std {i}"], 1.0) or 1.0] for i, name in enumerate(columns)
    }


def normalise(rows: DataFrame, parameters: Normalisation) -> DataFrame:
    """Replace each named column by (value - mean) / standard deviation."""
    return rows.withColumns({name: (F.col(name) - mean) / std for name, (mean, std) in parameters.items()})


def _saved(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else float(f"{value:.{SAVED_DIGITS}g}")
