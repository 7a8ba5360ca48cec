"""One quarter's files: its loans are drawn, simulated and written block by block, so that memory stays bounded."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from xgboost_pipeline.generate import text
from xgboost_pipeline.generate.hazards import move_probabilities
from xgboost_pipeline.generate.lines import lines
from xgboost_pipeline.generate.loan_fields import loan_fields
from xgboost_pipeline.generate.loans import Loans, draw_loans
from xgboost_pipeline.generate.macro import HORIZON, Floats, macro_path
from xgboost_pipeline.generate.month_fields import Rows, month_fields, rows_of
from xgboost_pipeline.generate.performance import Performance, simulate
from xgboost_pipeline.generate.truth import default_probability

BLOCK = 2048  # loans: part of what the bytes depend on, never of how many processes there are
TRUTH = pa.schema([("loan_id", pa.string()), ("month", pa.int32()), ("probability", pa.float64())])
_FIRST_ID, _IDS_PER_QUARTER = 100_000_000_000, 100_000_000


@dataclass(frozen=True)
class Quarter:
    """What a process needs to write one quarter's files."""

    seed: int
    first: int  # month index of the data's first month
    months: int  # of the data
    number: int  # of the quarter, from 0
    loans: int
    width: int  # fields
    loan_file: Path
    truth_file: Path


@dataclass(frozen=True)
class Written:
    """What was written for a quarter."""

    quarter: Quarter
    rows: int
    size: int  # bytes


def write_quarter(quarter: Quarter) -> Written:
    """Write a quarter's loan file and its true probabilities."""
    rows = 0
    with quarter.loan_file.open("wb") as file, pq.ParquetWriter(quarter.truth_file, TRUTH) as truth:
        for start in range(0, quarter.loans, BLOCK):
            block = _simulated(quarter, start)
            file.write(_bytes(_lines(quarter, block)))
            truth.write_table(_truth(quarter, block))
            rows += int(block.performance.present.sum())
    return Written(quarter, rows, quarter.loan_file.stat().st_size)


def rows_per_loan(seed: int, months: int, quarter: int, loans: int) -> float:
    """Return the mean number of rows of a quarter's loans, from a trial of so many that are not part of the data."""
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(1, quarter)))
    macro = macro_path(seed, months)
    trial = draw_loans(rng, macro, months, quarter, np.arange(loans))
    moves = move_probabilities(trial, macro, np.arange(months))
    return float(simulate(rng, trial, moves, months).present.sum()) / loans


@dataclass(frozen=True)
class _Block:
    loans: Loans
    ids: pa.StringArray
    moves: Floats
    performance: Performance


def _simulated(quarter: Quarter, start: int) -> _Block:
    key = (2, quarter.number, start // BLOCK)
    rng = np.random.default_rng(np.random.SeedSequence(quarter.seed, spawn_key=key))
    macro, numbers = macro_path(quarter.seed, quarter.months), np.arange(start, min(start + BLOCK, quarter.loans))
    loans = draw_loans(rng, macro, quarter.months, quarter.number, numbers)
    moves = move_probabilities(loans, macro, np.arange(quarter.months + HORIZON))
    ids = text.whole(_FIRST_ID + quarter.number * _IDS_PER_QUARTER + numbers * 7)
    return _Block(loans, ids, moves, simulate(rng, loans, moves, quarter.months))


def _lines(quarter: Quarter, block: _Block) -> pa.StringArray:
    rows: Rows = rows_of(block.loans, block.performance)
    per_loan = loan_fields(block.loans, block.ids, quarter.first, quarter.width)
    return lines(per_loan, month_fields(block.loans, rows, quarter.first, quarter.width), rows.loan, quarter.width)


def _bytes(text_lines: pa.StringArray) -> pa.Buffer:
    """Return the lines one after another: Arrow keeps them so."""
    return text_lines.buffers()[2]


def _truth(quarter: Quarter, block: _Block) -> pa.Table:
    loan, month = np.nonzero(block.performance.at_risk.T)
    probability = default_probability(block.moves)[month, block.performance.state[month, loan], loan]
    ids = block.ids.take(pa.array(loan))
    return pa.table([ids, (quarter.first + month).astype(np.int32), probability], schema=TRUTH)
