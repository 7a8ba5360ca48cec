"""What the categories of the synthetic loans can be, and how often: frequent, rare and equally frequent values."""

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

CHANNELS = {"R": 0.54, "C": 0.34, "B": 0.12}
PURPOSES = {"P": 0.46, "R": 0.30, "C": 0.2385, "U": 0.0015}
PROPERTIES = {"SF": 0.58, "PU": 0.29, "CO": 0.109, "MH": 0.014, "CP": 0.007}
OCCUPANCIES = {"P": 0.885, "I": 0.075, "S": 0.0395, "U": 0.0005}
FIRST_HOME = {"N": 0.99, "": 0.01}  # of buyers of a further home
PRODUCTS = {"FRM": 0.992, "ARM": 0.008}
RELOCATION = {"N": 0.994, "Y": 0.004, "": 0.002}
TERMS = {"360": 0.79, "180": 0.12, "240": 0.05, "300": 0.02, "120": 0.017, "324": 0.003}

# Pairs of the same weight follow one another, so that counts come close or tie in small files.
SELLERS = {
    "Other": 0.29, "Alder Home Loans, LLC": 0.14, "Birch & Sons Mortgage Co.": 0.11, "Cedar Federal Savings Bank": 0.08,
    "Dogwood Lending, Inc.": 0.06, "Elm Street Bank, N.A.": 0.05, "Fir Mortgage Corporation": 0.05,
    "Ginkgo Financial Services LP": 0.04, "Hazel Trust Company": 0.04, "Ironwood Credit Union": 0.03,
    "Juniper Home Lending, LLC": 0.03, "Kapok Bancorp": 0.02, "Larch & Lime Mortgage": 0.02,
    "Maple Savings, FSB": 0.01, "Neem Residential, Inc.": 0.01, "O'Oak Brothers Lending": 0.01,
    "Pine National Bank": 0.005, "Quince Mortgage": 0.005,
}  # fmt: skip
RARE_SELLERS = tuple(f"Community Bank No. {number:03d}" for number in range(1, 401))
RARE_SELLERS_PER_QUARTER = 6  # each makes one loan in the quarter: equally rare values, and ones unseen in training

_STATES_BY_SIZE = (
    "CA TX FL NY IL CO WA GA AZ NC VA PA MI NJ OH MA MN MD UT OR TN MO WI IN SC NV CT AL KY LA OK ID KS IA AR NE NH NM "
    "HI ME MS RI DE MT DC SD ND AK VT WV WY PR GU VI"
)
_RARE_STATES = {"PR": 8e-3, "GU": 4e-4, "VI": 4e-4}
STATES = {state: 1 / (rank + 2.5) for rank, state in enumerate(_STATES_BY_SIZE.split())} | _RARE_STATES


def draw(rng: np.random.Generator, weights: dict[str, float], loans: int) -> Ints:
    """Return for each loan the position of a value, drawn with the given weights (they need not sum to 1)."""
    return pick(weights, rng.random(loans))


def chance(rng: np.random.Generator, share: float, loans: int) -> npt.NDArray[np.bool_]:
    """Return for each loan whether something that happens to that share of them happens to it."""
    return rng.random(loans) < share


def pick(weights: dict[str, float], quantiles: npt.NDArray[np.float64]) -> Ints:
    """Return the positions of the values at the given quantiles, each in [0, 1); same shape."""
    edges = np.cumsum(np.array(list(weights.values())))
    return np.searchsorted(edges / edges[-1], quantiles, side="right").astype(np.int64)


def position(weights: dict[str, float], value: str) -> int:
    """Return the position of a value, as `draw` reports it."""
    return list(weights).index(value)


def term_months(term: Ints) -> Ints:
    """Return the months of positions in TERMS."""
    return np.array([int(value) for value in TERMS])[term]
