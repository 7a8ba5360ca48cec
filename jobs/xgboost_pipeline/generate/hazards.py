"""The Markov chain behind the synthetic loans: monthly probabilities of moving between delinquency states."""

from dataclasses import dataclass

import numpy as np

from xgboost_pipeline.generate import categories
from xgboost_pipeline.generate.categories import Ints, position
from xgboost_pipeline.generate.loans import INSURED_ABOVE, Loans
from xgboost_pipeline.generate.macro import LEAD, Floats, Macro

# States that a loan can stay in; from its first late month on it is marked, and falls behind more easily.
CLEAN, MARKED, LATE_30, LATE_60, LATE_90 = range(5)
LIVE_STATES = 5
# Ends of the chain: default is 120 days late, a credit exit is a loss without ever reaching that; both are events.
DEFAULT, CREDIT_EXIT, PREPAID, REMOVED = range(LIVE_STATES, LIVE_STATES + 4)

MOVES = (
    (CLEAN, LATE_30), (CLEAN, PREPAID), (CLEAN, REMOVED),
    (MARKED, LATE_30), (MARKED, PREPAID), (MARKED, REMOVED),
    (LATE_30, LATE_60), (LATE_30, MARKED), (LATE_30, PREPAID), (LATE_30, REMOVED),
    (LATE_60, LATE_90), (LATE_60, LATE_30), (LATE_60, MARKED), (LATE_60, CREDIT_EXIT), (LATE_60, PREPAID),
    (LATE_60, REMOVED),
    (LATE_90, DEFAULT), (LATE_90, LATE_60), (LATE_90, MARKED), (LATE_90, CREDIT_EXIT), (LATE_90, PREPAID),
    (LATE_90, REMOVED),
)  # fmt: skip
_QUALIFIED_DTI = 43  # percent
REMOVAL = 0.0007  # a month, of every loan alike: it leaves the data for reasons that have nothing to do with paying


@dataclass(frozen=True)
class Risk:
    """A loan's log hazard of falling behind as far as its covariates explain it: `level + drift * trend`."""

    level: Floats
    trend: Floats


def risk(loans: Loans) -> Risk:
    """Return each loan's risk: non-linear in score and debt to income, with score and loan-to-value interacting."""
    people, homes = loans.borrowers, loans.homes
    low_score = np.maximum((740 - people.score) / 50, -0.9)
    high_ltv = (loans.ltv > INSURED_ABOVE).astype(np.float64)
    lien = 0.01 * np.maximum(loans.ltv - 75, -30)
    stretched = (people.dti > _QUALIFIED_DTI).astype(np.float64)
    investor = homes.occupancy == position(categories.OCCUPANCIES, "I")
    level = 0.52 * low_score + 0.3 * np.maximum(low_score - 1, 0) + lien + 0.3 * high_ltv
    level += 0.6 * np.maximum(low_score, 0) * high_ltv
    level += 0.012 * (people.dti - 36) + 0.3 * stretched + 0.2 * loans.spread
    level += 0.3 * investor + 0.3 * (people.count == 1) + 0.15 * (homes.units > 1)
    level += 0.3 * (loans.channel == position(categories.CHANNELS, "B"))
    level += 0.15 * (homes.purpose == position(categories.PURPOSES, "C"))
    level += 0.1 * np.sin(homes.state * 2.4)
    trend = -0.24 * low_score - 0.8 * lien - 0.25 * high_ltv + 0.1 * stretched + 0.2 * investor
    return Risk(level, trend + 0.05 * np.sin(homes.state * 1.3 + 1))


def move_probabilities(loans: Loans, macro: Macro, months: Ints) -> Floats:
    """Return the probability of each of `MOVES` into each month, shape (months, moves, loans).

    What the moves from a state leave to 1 is the probability to stay. Before a loan's first month they are idle.
    """
    own = risk(loans)
    age = np.maximum(months[:, None] - loans.made, 0)
    eta = own.level + macro.drift[months + LEAD][:, None] * own.trend + macro.stress[months + LEAD][:, None]
    eta = eta - np.exp(-age / 8)
    prepay = _prepayment(loans, macro, months, age)
    moves = np.full((months.size, len(MOVES), len(loans)), REMOVAL)
    for state, into in _by_state(eta, prepay, macro.drift[months + LEAD][:, None]).items():
        for target, probability in into.items():
            moves[:, MOVES.index((state, target))] = probability
    return moves


def _by_state(eta: Floats, prepay: Floats, drift: Floats) -> dict[int, dict[int, Floats | float]]:
    roll_30, roll_60, roll_90 = (_logistic(base + 0.25 * eta - 0.25 * drift) for base in (-1.15, -0.25, 0.4))
    cured = np.exp(-0.05 * np.maximum(eta, 0))
    return {
        CLEAN: {LATE_30: np.minimum(np.exp(eta - 5.2), 0.2), PREPAID: prepay},
        MARKED: {LATE_30: np.minimum(np.exp(eta - 3.95 - 0.4 * drift), 0.3), PREPAID: prepay},
        LATE_30: {LATE_60: 0.92 * roll_30, MARKED: 0.6 * cured * (1 - roll_30), PREPAID: 0.5 * prepay},
        LATE_60: {
            LATE_90: 0.9 * roll_60,
            LATE_30: 0.25 * (1 - roll_60),
            MARKED: 0.35 * cured * (1 - roll_60),
            CREDIT_EXIT: 0.001,
            PREPAID: 0.4 * prepay,
        },
        LATE_90: {
            DEFAULT: 0.88 * roll_90,
            LATE_60: 0.2 * (1 - roll_90),
            MARKED: 0.3 * cured * (1 - roll_90),
            CREDIT_EXIT: 0.006,
            PREPAID: 0.3 * prepay,
        },
    }


def _prepayment(loans: Loans, macro: Macro, months: Ints, age: Ints) -> Floats:
    incentive = np.clip(loans.rate - macro.market_rate[months + LEAD][:, None], -2, 2)
    log_hazard = 0.25 * np.log(loans.upb / 200_000) + 0.004 * (loans.borrowers.score - 745) - 4.5
    unseasoned = 1.2 * np.exp(-age / 6)
    hazard: Floats = np.minimum(np.exp(log_hazard + 0.75 * incentive - unseasoned), 0.08)
    return hazard


def _logistic(value: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-value)))
