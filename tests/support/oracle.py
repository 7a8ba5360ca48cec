"""Labels and features of one loan's history in plain Python: slow, obvious, and importing nothing from the job."""

import re
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

Raw = Mapping[int, str]
Label = Literal["forward", "reference"]

CATEGORIES = {
    "orig_channel": 4,
    "first_home_buyer": 26,
    "loan_purpose": 27,
    "property_type": 28,
    "occupancy_status": 30,
    "property_state": 31,
    "product_type": 35,
    "relocation_mortgage_indicator": 81,
    "seller_name": 5,
    "mod_flag": 42,
}
NUMBERS = {
    "orig_interest_rate": 8,
    "orig_upb": 10,
    "orig_loan_term": 13,
    "orig_ltv": 20,
    "orig_cltv": 21,
    "num_borrowers": 22,
    "dti": 23,
    "borrower_credit_score": 24,
    "num_units": 29,
    "zip": 33,
    "mortgage_insurance_percent": 34,
    "current_loan_delinquency_status": 40,
    "current_actual_upb": 12,
    "interest_rate": 9,
    "loan_age": 16,
    "msa": 32,
    "non_interest_bearing_upb": 63,
}
STATUS = 40
AREA_CODES = ("zip", "msa")  # numbers without an order: only the reference uses them
NUMERIC_FIELDS = (*(field for field in NUMBERS.values() if field != STATUS), 111)
CREDIT_EVENT_CODES = {"02", "03", "09", "15"}
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)", re.ASCII)
DATE = re.compile(r"(0[1-9]|1[0-2])\d{4}", re.ASCII)
DELINQUENCY = re.compile(r"\d\d|XX|", re.ASCII)


@dataclass(frozen=True)
class Month:
    """One well-formed raw row: `month` is year * 12 + month - 1, `status` None when unknown or blank."""

    loan: str
    month: int
    status: int | None
    unknown: bool
    code: str
    raw: Raw

    def number(self, field: int) -> float | None:
        text = self.raw.get(field, "")
        return float(text) if text else None


@dataclass(frozen=True)
class Kept:
    """One row of the feature table; `texts` are the categories as written in the file, '' when blank."""

    loan: str
    month: int
    label: float
    status: int | None
    numbers: dict[str, float | None]
    texts: dict[str, str]


def float32(value: float | None) -> float | None:
    """Round to the nearest single-precision value."""
    return None if value is None else float(struct.unpack("<f", struct.pack("<f", value))[0])


def is_malformed(raw: Raw) -> bool:
    """Say whether the rules of the layout are broken in any used field."""
    period, origination = raw.get(3, ""), raw.get(14, "")
    bad_period = not DATE.fullmatch(period) or not 1999 <= int(period[2:]) <= 2100
    return (
        not raw.get(2)
        or bad_period
        or bool(origination and not DATE.fullmatch(origination))
        or not DELINQUENCY.fullmatch(raw.get(STATUS, ""))
        or any(raw.get(field) and not NUMBER.fullmatch(raw[field]) for field in NUMERIC_FIELDS)
    )


def parse(raw: Raw) -> Month:
    """Turn a well-formed raw row into a month of a loan."""
    text = raw.get(STATUS, "")
    month = int(raw[3][2:]) * 12 + int(raw[3][:2]) - 1
    return Month(raw[2], month, int(text) if text.isdigit() else None, text == "XX", raw.get(44, ""), raw)


def history(raws: Iterable[Raw]) -> list[Month]:
    """Return the well-formed months of one loan, oldest first; the same month twice is an error."""
    months = sorted((parse(raw) for raw in raws if not is_malformed(raw)), key=lambda row: row.month)
    if len({row.month for row in months}) < len(months):
        raise ValueError(f"loan {months[0].loan} has a month twice")
    return months


def forward(raws: Iterable[Raw], last: int) -> list[Kept]:
    """Return the kept rows of one loan: will it be 120+ days late within the 12 months after each at-risk month?"""
    rows = history(raws)
    events = [row.month for row in rows if _late(row, 4) or row.code in CREDIT_EVENT_CODES]
    censors = [row.month for row in rows if row.code and row.code != "01" and row.code not in CREDIT_EVENT_CODES]
    if rows and not rows[-1].code and rows[-1].month < last:
        censors.append(rows[-1].month + 1)
    kept = []
    for position, row in enumerate(rows):
        if not _is_at_risk(row) or row.month > last - 12:
            continue
        window = range(row.month + 1, row.month + 13)
        event = any(month in window for month in events)
        if not event and any(month in window for month in censors):
            continue
        numbers = _row_numbers(row) | _derived(row) | _payment_history(row.month, rows[:position])
        kept.append(_keep(row, float(event), numbers))
    return kept


def reference(raws: Iterable[Raw]) -> list[Kept]:
    """Return the kept rows of one loan as the blueprint has them: `delinquency_12` with the present month inside."""
    rows = [row for row in history(raws) if row.number(12)]
    bad = [row.month for row in rows if _late(row, 4)]
    return [
        _keep(
            row,
            float(any(row.month <= month <= row.month + 11 for month in bad)),
            {name: value or 0.0 for name, value in _plain_numbers(row).items()},
        )
        for row in rows
    ]


def at_risk_texts(raws: Iterable[Raw]) -> dict[int, dict[str, str]]:
    """Return the categories of one loan's at-risk rows by month, whether their label is known or not."""
    return {row.month: _texts(row) for row in history(raws) if _is_at_risk(row)}


def code_books(rows: Iterable[Mapping[str, str]], rare: int = 1) -> dict[str, list[str]]:
    """Return each category's values, the frequent first, ties by value, without those on fewer than `rare` rows."""
    counts: dict[str, dict[str, int]] = {name: {} for name in CATEGORIES}
    for texts in rows:
        for name, text in texts.items():
            counts[name][text] = counts[name].get(text, 0) + 1
    return {
        name: sorted((text for text in book if text and book[text] >= rare), key=lambda text: (-book[text], text))
        for name, book in counts.items()
    }


def features(row: Kept, books: Mapping[str, list[str]]) -> dict[str, float | None]:
    """Return every model column of a kept row as a single-precision value."""
    values = {name: float32(value) for name, value in row.numbers.items()}
    for name, text in row.texts.items():
        values[name] = float(books[name].index(text) + 1) if text in books[name] else 0.0
    return values


def _keep(row: Month, label: float, numbers: dict[str, float | None]) -> Kept:
    return Kept(row.loan, row.month, label, row.status, numbers, _texts(row))


def _texts(row: Month) -> dict[str, str]:
    return {name: row.raw.get(field, "") for name, field in CATEGORIES.items()}


def _is_at_risk(row: Month) -> bool:
    return row.status is not None and row.status < 4 and not row.code


def _late(row: Month, months: int) -> bool:
    return row.status is not None and row.status >= months


def _plain_numbers(row: Month) -> dict[str, float | None]:
    numbers = {name: row.number(field) for name, field in NUMBERS.items() if field != STATUS}
    numbers["current_loan_delinquency_status"] = None if row.status is None else float(row.status)
    if numbers["borrower_credit_score"] is None:
        numbers["borrower_credit_score"] = row.number(111)
    return numbers


def _row_numbers(row: Month) -> dict[str, float | None]:
    numbers = _plain_numbers(row)
    for name, source in (("current_actual_upb", "orig_upb"), ("orig_cltv", "orig_ltv")):
        if numbers[name] is None:
            numbers[name] = numbers[source]
    for name in ("mortgage_insurance_percent", "non_interest_bearing_upb"):
        if numbers[name] is None:
            numbers[name] = 0.0
    return {name: value for name, value in numbers.items() if name not in AREA_CODES}


def _derived(row: Month) -> dict[str, float | None]:
    numbers = _row_numbers(row)
    upb, original = numbers["current_actual_upb"], numbers["orig_upb"]
    ltv, score, date = numbers["orig_ltv"], numbers["borrower_credit_score"], row.raw.get(14, "")
    return {
        "upb_ratio": upb / original if upb is not None and original else None,
        "ltv_band": None if ltv is None else float(sum(ltv > edge for edge in (60, 70, 75, 80, 85, 90, 95))),
        "credit_score_band": None if score is None else float(sum(score >= edge for edge in (620, 660, 700, 740, 780))),
        "origination_year": float(date[2:]) if date else None,
        "vintage": float(int(date[2:]) * 4 + (int(date[:2]) - 1) // 3) if date else None,
    }


def _payment_history(month: int, earlier: list[Month]) -> dict[str, float | None]:
    statuses = [row.status for row in earlier if row.status is not None]
    last = earlier[-1].status if earlier else None
    return {
        "history_months": float(len(earlier)),
        "months_late_before": float(sum(_late(row, 1) for row in earlier)),
        "months_late_last_12": float(sum(_late(row, 1) for row in earlier[-12:])),
        "worst_status_before": float(max(statuses)) if statuses else None,
        "previous_status": None if last is None else float(last),
        "months_since_30": _since(month, earlier, 1),
        "months_since_60": _since(month, earlier, 2),
        "months_since_90": _since(month, earlier, 3),
        "months_unknown_before": float(sum(row.unknown for row in earlier)),
    }


def _since(month: int, earlier: list[Month], late: int) -> float | None:
    found = [month - row.month for row in earlier if _late(row, late)]
    return float(min(found)) if found else None
