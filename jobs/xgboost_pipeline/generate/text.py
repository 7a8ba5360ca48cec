"""Numbers, months and amounts as the text of the files: Arrow string arrays."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xgboost_pipeline.generate.categories import Ints
from xgboost_pipeline.generate.loans import RATE_STEP, Flags
from xgboost_pipeline.generate.macro import HORIZON, Floats
from xgboost_pipeline.months import mmyyyy

Text: TypeAlias = "pa.StringArray | str"

NOTHING = ""
_SMALL = pa.array([str(number) for number in range(601)])
_RATES = [f"{step * RATE_STEP:.3f}" for step in range(200)]
_CENTS = [f".{cents:02d}" for cents in range(100)]


def chosen(values: Sequence[str], at: Ints) -> pa.StringArray:
    """Return `values[at]`."""
    return pa.array(values, pa.string()).take(pa.array(at))


def where(condition: Flags, text: Text, otherwise: Text) -> pa.StringArray:
    """Return `text` where the condition holds, else `otherwise`."""
    return pc.if_else(pa.array(condition), text, otherwise)


def whole(numbers: Ints | Floats) -> pa.StringArray:
    """Return whole numbers as text."""
    return pa.array(numbers.astype(np.int64)).cast(pa.string())


def small(numbers: Ints) -> pa.StringArray:
    """Return whole numbers from 0 to 600 as text."""
    return _SMALL.take(pa.array(numbers))


def scattered(texts: pa.StringArray, rows: Flags) -> pa.StringArray:
    """Return one text per row: the next of `texts` in the flagged rows, nothing in the others."""
    with_nothing = pa.concat_arrays([pa.array([NOTHING], pa.string()), texts])
    return with_nothing.take(pa.array(np.where(rows, np.cumsum(rows), 0)))


def rate(percent: Floats) -> pa.StringArray:
    """Return rates, multiples of `RATE_STEP` percent from 0 to 24.875, with three decimals."""
    return chosen(_RATES, np.rint(percent / RATE_STEP).astype(np.int64))


def amount(cents: Ints) -> pa.StringArray:
    """Return amounts of money that are not negative, in cents, with two decimals."""
    return pc.binary_join_element_wise(whole(cents // 100), chosen(_CENTS, cents % 100), NOTHING)


def month(first: int, since_first: Ints) -> pa.StringArray:
    """Return months as MMYYYY, given by months since the month index `first`, which may be up to a year before it."""
    last = int(since_first.max(initial=0))
    return chosen([mmyyyy(first + offset) for offset in range(-HORIZON, last + 1)], since_first + HORIZON)
