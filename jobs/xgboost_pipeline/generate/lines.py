"""Rows as lines of text: fields joined by `|`, the constant ones of a loan joined once."""

from itertools import groupby
from typing import TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from xgboost_pipeline.generate.categories import Ints
from xgboost_pipeline.generate.loan_fields import Fields

DELIMITER = "|"

Piece: TypeAlias = "pa.StringArray | str"


def lines(per_loan: Fields, per_row: Fields, loan: Ints, width: int) -> pa.StringArray:
    """Return one line per row with `width` fields and a line break; fields that neither gives are empty.

    `per_loan` has one text per loan, `per_row` one per row, `loan` the loan of each row.
    """
    pieces: list[Piece] = []
    for in_rows, run in groupby(range(1, width + 1), key=per_row.__contains__):
        positions = list(run)
        pieces += [per_row[at] for at in positions] if in_rows else [_joined(per_loan, positions, loan)]
    pieces[-1] = _line_break(pieces[-1])
    return pc.binary_join_element_wise(*pieces, DELIMITER)


def _joined(per_loan: Fields, positions: list[int], loan: Ints) -> Piece:
    """Return fields that follow one another as one text per row, or as one text where all are empty."""
    if not any(position in per_loan for position in positions):
        return DELIMITER * (len(positions) - 1)
    pieces: list[Piece] = []
    for filled, run in groupby(positions, key=per_loan.__contains__):
        found = list(run)
        pieces += [per_loan[at] for at in found] if filled else [DELIMITER * (len(found) - 1)]
    return pc.binary_join_element_wise(*pieces, DELIMITER).take(pa.array(loan))


def _line_break(piece: Piece) -> Piece:
    return piece + "\n" if isinstance(piece, str) else pc.binary_join_element_wise(piece, "\n", "")
