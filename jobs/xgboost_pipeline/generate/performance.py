"""One simulated life for each loan: its state, status and end, month by month."""

from dataclasses import dataclass

import numpy as np

from xgboost_pipeline.generate.categories import Ints, pick
from xgboost_pipeline.generate.hazards import (
    CLEAN,
    CREDIT_EXIT,
    DEFAULT,
    LATE_60,
    LIVE_STATES,
    MARKED,
    MOVES,
    PREPAID,
    REMOVED,
)
from xgboost_pipeline.generate.loans import Flags, Loans
from xgboost_pipeline.generate.macro import Floats

DEFAULT_STATUS = 4  # months behind
WORST_STATUS = 99
UNKNOWN_SHARE = 0.002  # of rows: their status is reported as XX
VANISHED = "vanished"  # the loan's rows stop without a zero balance code
CODES = ("", "01", "02", "03", "06", "09", "15", "16", "96", "97", "98", VANISHED)
NEVER = 10_000  # a month that does not come

_WOUND_UP, _ABSENT = REMOVED + 1, REMOVED + 2  # the end of a loan in default; not yet made, or ended before
# By how a loan ends: its zero balance code.
_CODES_OF_END = {
    PREPAID: {"01": 1.0},
    CREDIT_EXIT: {"02": 0.2, "03": 0.35, "09": 0.25, "15": 0.2},
    REMOVED: {"06": 0.34, "16": 0.14, "96": 0.2, "97": 0.1, "98": 0.1, VANISHED: 0.12},
    _WOUND_UP: {"01": 0.1, "02": 0.2, "03": 0.2, "09": 0.25, "15": 0.1, "16": 0.05, "06": 0.03, "96": 0.02, "97": 0.05},
}
_STATUS_OF_STATE = np.array([0, 0, 1, 2, 3])
_CURE, _PARTIAL_CURE, _WIND_UP_EARLY, _WIND_UP_LATE = 0.03, 0.02, 0.015, 0.06  # a month, of loans in default
_LATE_STATUS = 8  # from here on they are wound up more often
_MODIFIED_SHARE = 0.7  # of cures: the terms of the loan are changed


@dataclass(frozen=True)
class Performance:
    """What happened, shape (months, loans); a loan has a row in the months where `present`."""

    present: Flags
    state: Ints  # of the chain: below LIVE_STATES at risk, DEFAULT, or beyond it in the last row of a loan that ended
    status: Ints  # months behind; in the last row of a loan that ended those of the month before
    code: Ints  # position in CODES
    unknown: Flags  # the status is reported as XX
    modified_from: Ints  # per loan: the month its terms were changed, or NEVER

    @property
    def at_risk(self) -> Flags:
        """Tell in which rows the status is known and below 120 days, and the loan goes on."""
        return self.present & (self.state < LIVE_STATES) & ~self.unknown


def simulate(rng: np.random.Generator, loans: Loans, moves: Floats, months: int) -> Performance:
    """Draw one life per loan from the chain's probabilities `moves`, shape (at least `months`, moves, loans)."""
    shape = (months, len(loans))
    states, statuses, codes = _filled(shape, _ABSENT), _filled(shape, 0), _filled(shape, 0)
    state, status = _filled(shape[1:], _ABSENT), _filled(shape[1:], 0)
    modified_from = np.full(len(loans), NEVER)
    for month in range(months):
        chance = rng.random((3, len(loans)))
        new = _wind_up_or_cure(chance[0], status, _moved(chance[0], state, moves[month]))
        codes[month] = _codes(chance[1], new)
        cured = (state == DEFAULT) & (new == MARKED) & (modified_from == NEVER)
        modified_from[cured & (chance[2] < _MODIFIED_SHARE)] = month
        status = _next_status(new, status)
        states[month] = state = np.where(loans.first_month == month, CLEAN, new)
        statuses[month] = status
        state = np.where(codes[month] > 0, _ABSENT, state)
    present = (states != _ABSENT) & (codes != CODES.index(VANISHED))
    hidden = present & (codes == 0) & (rng.random(shape) < UNKNOWN_SHARE)
    # The first month at 120 days is always told: without it the outcome itself would be unknown.
    return Performance(present, states, statuses, codes, hidden & (statuses != DEFAULT_STATUS), modified_from)


def _filled(shape: tuple[int, ...], value: int) -> Ints:
    return np.full(shape, value, dtype=np.int64)


def _moved(chance: Floats, state: Ints, moves: Floats) -> Ints:
    new, reached = state.copy(), np.zeros(state.size)
    for move, (source, target) in enumerate(MOVES):
        before = reached.copy()
        reached += np.where(state == source, moves[move], 0)
        new[(chance >= before) & (chance < reached)] = target
    return new


def _wind_up_or_cure(chance: Floats, status: Ints, state: Ints) -> Ints:
    """Move loans that were in default before this month; a loan has more than three months behind only then."""
    wind_up = np.where(status >= _LATE_STATUS, _WIND_UP_LATE, _WIND_UP_EARLY)
    ends = (_CURE, _CURE + _PARTIAL_CURE, _CURE + _PARTIAL_CURE + wind_up)
    new = np.select([chance < end for end in ends], [MARKED, LATE_60, _WOUND_UP], DEFAULT)
    return np.where((state == DEFAULT) & (status >= DEFAULT_STATUS), new, state)


def _codes(chance: Floats, state: Ints) -> Ints:
    codes = np.zeros(state.size, dtype=np.int64)
    for end, weights in _CODES_OF_END.items():
        ended = np.flatnonzero(state == end)
        positions = np.array([CODES.index(code) for code in weights])
        codes[ended] = positions[pick(weights, chance[ended])]
    return codes


def _next_status(state: Ints, status: Ints) -> Ints:
    in_default = np.minimum(np.maximum(status, DEFAULT_STATUS - 1) + 1, WORST_STATUS)
    live = _STATUS_OF_STATE[np.minimum(state, LIVE_STATES - 1)]
    return np.select([state < DEFAULT, state == DEFAULT], [live, in_default], status)
