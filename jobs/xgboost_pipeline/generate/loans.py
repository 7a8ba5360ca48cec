"""The synthetic loans of one quarter: what is known of each when it is made."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from xgboost_pipeline.generate import categories
from xgboost_pipeline.generate.categories import Ints, chance, draw, position
from xgboost_pipeline.generate.macro import LEAD, Floats, Macro

Flags = npt.NDArray[np.bool_]

QUARTER = 3  # months
RATE_STEP = 0.125  # percent
INSURED_ABOVE = 80  # percent of loan-to-value: beyond it a loan needs mortgage insurance
MISSING = {"score": 0.004, "ltv": 0.0003, "cltv": 0.012, "dti": 0.018, "borrowers": 0.0006, "insurance": 0.01}
_LTV_OF_PURCHASES = {60: 0.08, 70: 0.08, 75: 0.09, 80: 0.33, 85: 0.07, 90: 0.13, 95: 0.15, 97: 0.07}


@dataclass(frozen=True)
class Borrowers:
    """Who borrows, one value per loan."""

    count: Ints
    score: Floats  # FICO at origination, whole
    co_score: Floats  # of the second borrower
    dti: Floats  # debt to income, percent, whole


@dataclass(frozen=True)
class Homes:
    """What is bought or refinanced, one value per loan; categories are positions in `categories`."""

    purpose: Ints
    occupancy: Ints
    first_home: Flags
    property_type: Ints
    units: Ints
    state: Ints
    place: Ints  # 0..9: metropolitan area and zip code within the state


@dataclass(frozen=True)
class Loans:
    """One value per loan; months count from the first month of the data, categories are positions in `categories`."""

    number: Ints  # within the quarter, from 0
    first_month: Ints  # of the loan's rows
    made: Ints  # month of origination
    borrowers: Borrowers
    homes: Homes
    ltv: Floats  # percent, whole
    cltv: Floats  # with the second lien, percent, whole
    rate: Floats  # percent at origination, a multiple of `RATE_STEP`
    spread: Floats  # of the rate above the market's when made, percent
    term: Ints
    upb: Ints  # at origination, dollars
    channel: Ints
    product: Ints
    relocation: Ints
    seller: Ints  # position in categories.SELLERS, followed by categories.RARE_SELLERS
    servicer: Ints  # position in categories.SELLERS
    missing: dict[str, Flags]  # by keys of `MISSING`: what the file does not tell although it is so
    deal: Ints  # 0 none, else number of a credit risk deal

    def __len__(self) -> int:
        """Return the number of loans."""
        return self.number.size


def draw_loans(rng: np.random.Generator, macro: Macro, months: int, quarter: int, numbers: Ints) -> Loans:
    """Draw the loans with the given numbers that a quarter (from 0) brings; `months` is the length of the data."""
    size = numbers.size
    first_month = quarter * QUARTER + rng.integers(0, min(QUARTER, months - quarter * QUARTER), size)
    made = np.maximum(first_month - rng.integers(1, 4, size), -LEAD)
    homes = _draw_homes(rng, size)
    borrowers = _draw_borrowers(rng, size, quarter)
    ltv, cltv = _draw_ltv(rng, homes)
    market = macro.at(made)
    rate = _draw_rate(rng, market, borrowers, homes, ltv)
    return Loans(
        number=numbers,
        first_month=first_month,
        made=made,
        borrowers=borrowers,
        homes=homes,
        ltv=ltv,
        cltv=cltv,
        rate=rate,
        spread=rate - market,
        term=draw(rng, categories.TERMS, size),
        upb=_draw_upb(rng, homes),
        channel=draw(rng, categories.CHANNELS, size),
        product=draw(rng, categories.PRODUCTS, size),
        relocation=draw(rng, categories.RELOCATION, size),
        seller=_sellers(rng, quarter, numbers),
        servicer=draw(rng, categories.SELLERS, size),
        missing={field: chance(rng, share, size) for field, share in MISSING.items()},
        deal=np.where(chance(rng, 0.45, size), 1 + quarter % 8, 0),
    )


def _draw_homes(rng: np.random.Generator, size: int) -> Homes:
    purpose, occupancy = draw(rng, categories.PURPOSES, size), draw(rng, categories.OCCUPANCIES, size)
    buys = purpose == position(categories.PURPOSES, "P")
    lives_there = occupancy == position(categories.OCCUPANCIES, "P")
    return Homes(
        purpose=purpose,
        occupancy=occupancy,
        first_home=buys & lives_there & chance(rng, 0.46, size),
        property_type=draw(rng, categories.PROPERTIES, size),
        units=np.where(chance(rng, 0.03, size), rng.integers(2, 5, size), 1),
        state=draw(rng, categories.STATES, size),
        place=rng.integers(0, 10, size),
    )


def _draw_borrowers(rng: np.random.Generator, size: int, quarter: int) -> Borrowers:
    mean = 748 - 6 * np.sin(quarter / 4)  # lending standards loosen and tighten
    score = np.clip(np.rint(rng.normal(mean, 47, size)), 600, 839)
    return Borrowers(
        count=1 + draw(rng, {"1": 0.5, "2": 0.48, "3": 0.014, "4": 0.006}, size),
        score=score,
        co_score=np.clip(np.rint(score + rng.normal(0, 35, size)), 600, 839),
        dti=np.clip(np.rint(rng.normal(35.5, 9.5, size)), 3, 50),
    )


def _draw_ltv(rng: np.random.Generator, homes: Homes) -> tuple[Floats, Floats]:
    size = homes.purpose.size
    common = np.array(list(_LTV_OF_PURCHASES), dtype=np.float64)
    weights = {str(value): share for value, share in _LTV_OF_PURCHASES.items()}
    buys = homes.purpose == position(categories.PURPOSES, "P")
    ltv = np.where(buys, common[draw(rng, weights, size)], np.rint(rng.triangular(25, 72, 88, size)))
    ltv = np.where(buys & chance(rng, 0.3, size), ltv - rng.integers(1, 8, size), ltv)
    second_lien = np.where(chance(rng, 0.06, size), rng.integers(2, 11, size), 0)
    return ltv, np.minimum(ltv + second_lien, 105)


def _draw_rate(rng: np.random.Generator, market: Floats, borrowers: Borrowers, homes: Homes, ltv: Floats) -> Floats:
    priced = 0.0035 * (745 - borrowers.score) + 0.008 * (ltv - 75)
    priced += 0.45 * (homes.occupancy == position(categories.OCCUPANCIES, "I"))
    exact = market + priced + rng.normal(0, 0.3, market.size)
    return np.maximum(np.rint(exact / RATE_STEP) * RATE_STEP, 1.5)


def _draw_upb(rng: np.random.Generator, homes: Homes) -> Ints:
    by_state = 12.55 - 0.012 * (homes.state % 17)
    return np.clip(np.rint(np.exp(rng.normal(by_state, 0.5)) / 1000), 20, 970).astype(np.int64) * 1000


def _sellers(rng: np.random.Generator, quarter: int, numbers: Ints) -> Ints:
    common = draw(rng, categories.SELLERS, numbers.size)
    rare = len(categories.SELLERS) + (quarter * categories.RARE_SELLERS_PER_QUARTER + numbers) % len(
        categories.RARE_SELLERS
    )
    return np.where(numbers < categories.RARE_SELLERS_PER_QUARTER, rare, common)
