"""The monthly performance fields by position (1-based): one text per row."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from xgboost_pipeline.generate import categories, text
from xgboost_pipeline.generate.categories import Ints
from xgboost_pipeline.generate.loan_fields import Fields
from xgboost_pipeline.generate.loans import Flags, Loans
from xgboost_pipeline.generate.performance import CODES, WORST_STATUS, Performance

HIDDEN_UPB_MONTHS = 6  # of a loan's age, in which its balance is not told
WIDTH_WITH_ZERO_UPB = 110  # from here on a balance that is not told is 0.00, before it is blank
HISTORY_MONTHS = 24
UNKNOWN = "XX"

_STATUSES = [f"{status:02d}" for status in range(WORST_STATUS + 1)]
_BLANK, _UNKNOWN_STATUS = WORST_STATUS + 1, WORST_STATUS + 2  # positions after those of the statuses
_STATUS_TEXTS = [*_STATUSES, text.NOTHING, UNKNOWN]
_HISTORY_TEXTS = np.array([*_STATUSES, UNKNOWN, UNKNOWN], dtype="S2").view(np.uint16)
_SOLD = ("02", "03", "09", "15", "16")  # with the costs and proceeds of a disposal
_RATE_CUT = 1.0  # percent, of modified loans
_DEFERRED_PERCENT = 6  # of the original balance: bears no interest after some modifications


@dataclass(frozen=True)
class Rows:
    """The rows of some loans, loan by loan and month by month: one value per row."""

    loan: Ints  # position of the loan
    month: Ints  # since the first month of the data
    age: Ints  # of the loan, months
    status: Ints  # position in the texts of a status: its months, then blank, then unknown
    code: Ints  # position in CODES
    behind: Ints  # months, also where the status is not told
    modified: Flags
    balance: Ints  # cents; in the last row what is left to pay then

    @property
    def ended(self) -> Flags:
        """Tell which rows are the last of a loan that has ended."""
        return self.code > 0


def rows_of(loans: Loans, performance: Performance) -> Rows:
    """Return the rows in which the loans are present."""
    loan, month = np.nonzero(performance.present.T)
    code, behind = performance.code[month, loan], performance.status[month, loan]
    # What a servicer reports for a loan that has ended varies: blank, unknown, or the last known status.
    at_end = np.select([loan % 5 == 0, loan % 5 == 1], [_UNKNOWN_STATUS, behind], _BLANK)
    status = np.where(performance.unknown[month, loan], _UNKNOWN_STATUS, np.where(code > 0, at_end, behind))
    age = month - loans.made[loan] - 1
    balance = _balance(loans, loan, np.maximum(age - behind, 0))
    return Rows(loan, month, age, status, code, behind, month >= performance.modified_from[loan], balance)


def _balance(loans: Loans, loan: Ints, paid: Ints) -> Ints:
    """Return what is left of level payments after `paid` of them, cents."""
    growth, term = 1 + loans.rate[loan] / 1200, categories.term_months(loans.term)[loan]
    full = growth**term
    left = (full - growth ** np.minimum(paid, term)) / (full - 1)
    cents: Ints = np.rint(loans.upb[loan] * 100 * left).astype(np.int64)
    return cents


def month_fields(loans: Loans, rows: Rows, first: int, width: int) -> Fields:
    """Return the fields that change by month, one text per row; `first` is the data's first month."""
    left = np.maximum(categories.term_months(loans.term)[rows.loan] - rows.age, 0)
    modified_rate = np.maximum(loans.rate[rows.loan] - _RATE_CUT * rows.modified, 1)
    behind = text.chosen(("N", "F", "T"), np.where(rows.behind > 1, 1 + (rows.loan % 4 == 0), 0))
    always = {
        3: text.month(first, rows.month),
        9: text.rate(modified_rate),
        12: _balance_text(rows, width),
        16: text.small(rows.age),
        17: text.small(left),
        18: text.small(np.maximum(left - rows.loan % 3, 0)),
        40: text.chosen(_STATUS_TEXTS, rows.status),
        41: _history(rows),
        42: text.where(rows.modified, "Y", "N"),
        102: behind,
    }
    return always | _end(rows, first) | _modification(loans, rows, width)


def _balance_text(rows: Rows, width: int) -> pa.StringArray:
    not_told = "0.00" if width >= WIDTH_WITH_ZERO_UPB else text.NOTHING
    told = text.where(rows.ended, "0.00", text.amount(rows.balance))
    return text.where((rows.age < HIDDEN_UPB_MONTHS) & ~rows.ended, not_told, told)


def _history(rows: Rows) -> pa.StringArray:
    """Return the statuses of the last months in a row, two characters each, the newest on the right."""
    size = rows.loan.size
    padded = np.concatenate([np.full(HISTORY_MONTHS - 1, _BLANK), rows.status])
    first_row = np.searchsorted(rows.loan, rows.loan)  # of the same loan
    known = np.minimum(np.arange(size) - first_row + 1, HISTORY_MONTHS)
    last = np.lib.stride_tricks.sliding_window_view(_HISTORY_TEXTS[padded], HISTORY_MONTHS)
    before = np.arange(HISTORY_MONTHS) < (HISTORY_MONTHS - known)[:, None]
    return _fixed_width(np.where(before, _HISTORY_TEXTS[_BLANK], last))


def _fixed_width(texts: npt.NDArray[np.uint16]) -> pa.StringArray:
    size, characters = texts.shape[0], texts.shape[1] * 2
    offsets = np.arange(size + 1, dtype=np.int32) * characters
    return pa.StringArray.from_buffers(size, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(texts)))


def _end(rows: Rows, first: int) -> Fields:
    """Return the fields that only the last row of an ended loan has."""
    ended, code = np.flatnonzero(rows.ended), text.chosen(CODES, rows.code)
    month, balance = text.month(first, rows.month[ended]), rows.balance[ended]
    sold = np.isin(rows.code[ended], [CODES.index(value) for value in _SOLD])
    repurchased = rows.code[ended] == CODES.index("06")
    shares = {54: 3, 55: 2, 56: 1, 57: 1, 58: 4, 59: 81, 60: 6}  # percent of the balance: costs, then proceeds
    money = {field: text.where(sold, text.amount(balance * share // 100), "") for field, share in shares.items()}
    small = {
        45: month,
        46: text.amount(balance),
        47: text.where(repurchased, month, text.NOTHING),
        51: text.where(sold, text.month(first, rows.month[ended] - rows.behind[ended]), text.NOTHING),
        52: text.where(sold, month, text.NOTHING),
        53: text.where(sold, month, text.NOTHING),
    }
    return {44: code} | {field: text.scattered(values, rows.ended) for field, values in (small | money).items()}


def _modification(loans: Loans, rows: Rows, width: int) -> Fields:
    """Return the balance that bears no interest, and the one that does where the layout has it."""
    deferred = rows.modified & (rows.loan % 2 == 0) & ~rows.ended
    cents = np.where(deferred, loans.upb[rows.loan] * _DEFERRED_PERCENT, 0)
    fields = {63: text.scattered(text.amount(cents[deferred]), deferred)}
    if width < WIDTH_WITH_ZERO_UPB:
        return fields
    told = (rows.age >= HIDDEN_UPB_MONTHS) & ~rows.ended
    bearing = text.amount(np.maximum(rows.balance - cents, 0)[told])
    return fields | {109: text.where(rows.modified, "Y", "7"), 110: text.scattered(bearing, told)}
