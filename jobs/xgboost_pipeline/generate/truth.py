"""The exact probability of default within 12 months, from the chain's own probabilities and never from its outcome."""

import numpy as np

from xgboost_pipeline.generate.hazards import CREDIT_EXIT, DEFAULT, LIVE_STATES, MOVES, REMOVED
from xgboost_pipeline.generate.macro import HORIZON, Floats


def default_probability(moves: Floats) -> Floats:
    """Return P(default within `HORIZON` months | not removed from the data before it), per month and state.

    `moves`: shape (months + HORIZON, moves, loans), month i the probabilities of moving into month i.
    The result has shape (months, states, loans): of loans that are in that state in that month.
    """
    defaults = _reached(moves, {DEFAULT, CREDIT_EXIT})
    removed = _reached(moves, {REMOVED})
    return defaults / (1 - removed)


def _reached(moves: Floats, ends: set[int]) -> Floats:
    """Return the probability of reaching one of `ends` within `HORIZON` months, by backward recursion."""
    months, _, loans = moves.shape
    ahead: Floats = np.zeros((months, LIVE_STATES, loans))
    for _ in range(HORIZON):
        into, arrived = moves[1 : ahead.shape[0]], ahead[1:]  # arrived[i]: one month fewer to go, in month i + 1
        ahead = _one_month_back(into, arrived, ends)
    return ahead


def _one_month_back(into: Floats, arrived: Floats, ends: set[int]) -> Floats:
    value = arrived.copy()
    for move, (source, target) in enumerate(MOVES):
        if target in ends:
            value[:, source] += into[:, move] * (1 - arrived[:, source])
        elif target < LIVE_STATES:
            value[:, source] += into[:, move] * (arrived[:, target] - arrived[:, source])
        else:
            value[:, source] -= into[:, move] * arrived[:, source]
    return value
