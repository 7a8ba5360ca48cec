"""The origination fields by position (1-based), repeated on each row of a loan."""

import numpy as np
import pyarrow as pa

from xgboost_pipeline.generate import categories, text
from xgboost_pipeline.generate.categories import Ints
from xgboost_pipeline.generate.loans import INSURED_ABOVE, Flags, Loans
from xgboost_pipeline.generate.macro import Floats

Fields = dict[int, pa.StringArray]

WIDTH_WITH_CLASSIC_SCORES = 113  # fields 111 to 113 hold the credit scores that field 24 held before
_HIGH_BALANCE = 647_200  # dollars
_INSURED_PERCENT = ("6", "12", "25", "30")  # by loan-to-value above 80, 85, 90 and 95
_DEALS = ("", *(f"SYN {2017 + number} R{number:02d} G{1 + number % 2}" for number in range(1, 9)))


def loan_fields(loans: Loans, ids: pa.StringArray, first: int, width: int) -> Fields:
    """Return the fields that are constant over a loan's rows, one text per loan; `first` is the data's first month."""
    fixed = {36: "N", 37: "N", 74: "N", 83: "N", 86: "A", 103: "N"}
    return (
        {position: pa.repeat(value, len(loans)) for position, value in fixed.items()}
        | {2: ids}
        | {4: _values(categories.CHANNELS, loans.channel), 5: _sellers(loans.seller), 6: _sellers(loans.servicer)}
        | _terms(loans, first)
        | _borrowers(loans, width)
        | _home(loans)
        | _programmes(loans)
    )


def _terms(loans: Loans, first: int) -> Fields:
    insurance = text.chosen(_INSURED_PERCENT, np.clip((loans.ltv - 81) // 5, 0, 3).astype(np.int64))
    insured = (loans.ltv > INSURED_ABOVE) & ~loans.missing["insurance"]
    return {
        8: text.rate(loans.rate),
        10: text.amount(loans.upb * 100),
        13: _values(categories.TERMS, loans.term),
        14: text.month(first, loans.made),
        15: text.month(first, loans.made + 2),
        19: text.month(first, loans.made + 1 + categories.term_months(loans.term)),
        20: _told(loans.ltv, loans.missing["ltv"]),
        21: _told(loans.cltv, loans.missing["cltv"]),
        34: text.where(insured, insurance, text.NOTHING),
        35: _values(categories.PRODUCTS, loans.product),
        73: text.where(insured, text.chosen(("1", "2"), loans.number % 9 // 8), text.NOTHING),
    }


def _borrowers(loans: Loans, width: int) -> Fields:
    people = loans.borrowers
    score = _told(people.score, loans.missing["score"])
    shared = {
        22: _told(people.count, loans.missing["borrowers"]),
        23: _told(people.dti, loans.missing["dti"]),
        25: text.where(people.count > 1, text.whole(people.co_score), text.NOTHING),
    }
    if width < WIDTH_WITH_CLASSIC_SCORES:
        return shared | {24: score}
    told_twice = loans.number % 3 == 0
    return shared | {24: text.where(told_twice, score, text.NOTHING), 111: score, 112: score, 113: score}


def _home(loans: Loans) -> Fields:
    homes = loans.homes
    area, rural = homes.state * 10 + homes.place, homes.place == 0
    return {
        26: text.where(homes.first_home, "Y", text.where(loans.number % 101 == 0, text.NOTHING, "N")),
        27: _values(categories.PURPOSES, homes.purpose),
        28: _values(categories.PROPERTIES, homes.property_type),
        29: text.whole(homes.units),
        30: _values(categories.OCCUPANCIES, homes.occupancy),
        31: _values(categories.STATES, homes.state),
        32: text.where(rural, "00000", text.whole(10_180 + area * 70)),
        33: text.chosen([f"{code:03d}" for code in range(6, 1000)], area),
    }


def _programmes(loans: Loans) -> Fields:
    return {
        79: text.chosen(("7", "H", "F"), np.where(loans.homes.first_home & (loans.number % 4 == 0), 1, 0)),
        81: _values(categories.RELOCATION, loans.relocation),
        87: text.where(loans.upb > _HIGH_BALANCE, "Y", "N"),
        104: text.chosen(_DEALS, loans.deal),
    }


def _values(weights: dict[str, float], at: Ints) -> pa.StringArray:
    return text.chosen(list(weights), at)


def _sellers(at: Ints) -> pa.StringArray:
    return text.chosen([*categories.SELLERS, *categories.RARE_SELLERS], at)


def _told(numbers: Ints | Floats, missing: Flags) -> pa.StringArray:
    return text.where(missing, text.NOTHING, text.whole(numbers))
