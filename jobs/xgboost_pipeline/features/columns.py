"""What the feature table is made of: the raw fields that are read and the columns that models see."""

from dataclasses import dataclass

WIDTHS = (108, 110, 113, 114)  # the layout only ever grew at its end (Fannie Mae glossary, 2020-10 to 2026-03)


@dataclass(frozen=True)
class RawField:
    """A field of the raw row: its name here, its 1-based position, and its kind.

    Kinds: `text`, `number`, `status`, and `period` and `origination` for months written MMYYYY.
    """

    name: str
    position: int
    kind: str


RAW_FIELDS = (
    RawField("loan_id", 2, "text"),
    RawField("period", 3, "period"),
    RawField("orig_channel", 4, "text"),
    RawField("seller_name", 5, "text"),
    RawField("orig_interest_rate", 8, "number"),
    RawField("interest_rate", 9, "number"),
    RawField("orig_upb", 10, "number"),
    RawField("current_actual_upb", 12, "number"),
    RawField("orig_loan_term", 13, "number"),
    RawField("origination_date", 14, "origination"),
    RawField("loan_age", 16, "number"),
    RawField("orig_ltv", 20, "number"),
    RawField("orig_cltv", 21, "number"),
    RawField("num_borrowers", 22, "number"),
    RawField("dti", 23, "number"),
    RawField("credit_score_24", 24, "number"),
    RawField("first_home_buyer", 26, "text"),
    RawField("loan_purpose", 27, "text"),
    RawField("property_type", 28, "text"),
    RawField("num_units", 29, "number"),
    RawField("occupancy_status", 30, "text"),
    RawField("property_state", 31, "text"),
    RawField("msa", 32, "number"),
    RawField("zip", 33, "number"),
    RawField("mortgage_insurance_percent", 34, "number"),
    RawField("product_type", 35, "text"),
    RawField("delinquency_status", 40, "status"),
    RawField("mod_flag", 42, "text"),
    RawField("zero_balance_code", 44, "text"),
    RawField("non_interest_bearing_upb", 63, "number"),
    RawField("relocation_mortgage_indicator", 81, "text"),
    RawField("credit_score_111", 111, "number"),
)


@dataclass(frozen=True)
class Column:
    """A column that models see.

    `type` is `category`, `numeric` or `indicator`; `source` names the raw fields; `missing` says what becomes of a
    missing value; `description` and `unit` go into the data dictionary.
    """

    name: str
    type: str
    source: str
    missing: str
    description: str
    unit: str


CATEGORIES = (
    ("orig_channel", "4", "origination channel: R retail, C correspondent, B broker"),
    ("first_home_buyer", "26", "first-time home buyer: Y, N, U"),
    ("loan_purpose", "27", "P purchase, C cash-out refinance, R refinance, U not specified"),
    ("property_type", "28", "SF single-family, PU planned unit, CO condominium, CP co-operative, MH manufactured"),
    ("occupancy_status", "30", "P principal, S second home, I investor, U unknown"),
    ("property_state", "31", "state or territory, two letters"),
    ("product_type", "35", "amortization type: FRM, ARM"),
    ("relocation_mortgage_indicator", "81", "relocation mortgage: Y, N"),
    ("seller_name", "5", "seller of the loan"),
    ("mod_flag", "42", "modified by this month: Y, N"),
)
CATEGORY_NAMES = tuple(name for name, _, _ in CATEGORIES)

# name, source field, policy for a missing value under `forward`, description, unit. Area codes are left out there: they
# have no order, and trees that split on them learn the loans by heart.
NUMBERS = (
    ("orig_interest_rate", "8", "keep", "original note rate", "percent a year"),
    ("orig_upb", "10", "keep", "original unpaid principal balance", "USD"),
    ("orig_loan_term", "13", "keep", "original term", "months"),
    ("orig_ltv", "20", "keep", "original loan-to-value", "percent"),
    ("orig_cltv", "21", "orig_ltv", "original combined loan-to-value", "percent"),
    ("num_borrowers", "22", "keep", "number of borrowers", "count"),
    ("dti", "23", "keep", "debt-to-income at origination, all debt", "percent"),
    ("borrower_credit_score", "24, else 111", "keep", "borrower's credit score at origination", "points, 300-850"),
    ("num_units", "29", "keep", "number of units", "count"),
    ("zip", "33", "left out", "first three digits of the ZIP code", "code"),
    ("mortgage_insurance_percent", "34", "zero", "mortgage insurance coverage", "percent"),
    ("current_loan_delinquency_status", "40", "keep", "months past due in this month", "months"),
    ("current_actual_upb", "12", "orig_upb", "current unpaid principal balance", "USD"),
    ("interest_rate", "9", "keep", "current note rate", "percent a year"),
    ("loan_age", "16", "keep", "age of the loan", "months"),
    ("msa", "32", "left out", "metropolitan statistical area; 0 outside", "code"),
    ("non_interest_bearing_upb", "63", "zero", "principal deferred by a modification", "USD"),
)
NUMBER_NAMES = tuple(name for name, *_ in NUMBERS)

LTV_EDGES = (60, 70, 75, 80, 85, 90, 95)
CREDIT_SCORE_EDGES = (620, 660, 700, 740, 780)

DERIVED = (
    Column("upb_ratio", "numeric", "12, 10", "keep", "current over original balance, after imputation", "ratio"),
    Column("ltv_band", "numeric", "20", "keep", f"number of edges {LTV_EDGES} below orig_ltv", "band 0-7"),
    Column(
        "credit_score_band",
        "numeric",
        "24, else 111",
        "keep",
        f"number of edges {CREDIT_SCORE_EDGES} at or below the score",
        "band 0-5",
    ),
    Column("origination_year", "numeric", "14", "keep", "year of origination", "year"),
    Column("vintage", "numeric", "14", "keep", "quarter of origination: year * 4 + quarter - 1", "quarters"),
)
HISTORY = (
    Column("history_months", "numeric", "3", "never missing", "the loan's reported months before this one", "months"),
    Column("months_late_before", "numeric", "40", "never missing", "earlier months at 30+ days", "months"),
    Column(
        "months_late_last_12", "numeric", "40", "never missing", "of the 12 latest earlier months, at 30+", "months"
    ),
    Column("worst_status_before", "numeric", "40", "keep", "worst status in earlier months", "months past due"),
    Column("previous_status", "numeric", "40", "keep", "status in the latest earlier month", "months past due"),
    Column("months_since_30", "numeric", "40", "keep", "months since the latest earlier month at 30+ days", "months"),
    Column("months_since_60", "numeric", "40", "keep", "months since the latest earlier month at 60+ days", "months"),
    Column("months_since_90", "numeric", "40", "keep", "months since the latest earlier month at 90+ days", "months"),
    Column("months_unknown_before", "numeric", "40", "never missing", "earlier months with status XX", "months"),
)


def reference_columns() -> tuple[Column, ...]:
    """Return the reference blueprint's 27 columns, in its order, all numeric and 0 where missing."""
    categories = (Column(n, "numeric", s, "zero", f"{d}, coded by frequency", "code") for n, s, d in CATEGORIES)
    return (*categories, *(Column(n, "numeric", s, "zero", d, u) for n, s, _, d, u in NUMBERS))


def forward_columns() -> tuple[Column, ...]:
    """Return the columns of the `forward` label: categories, numbers, derived columns, payment history."""
    categories = (
        Column(n, "category", s, "code 0", f"{d}; 0 unknown, rare or missing", "code") for n, s, d in CATEGORIES
    )
    numbers = (Column(n, "numeric", s, m, d, u) for n, s, m, d, u in NUMBERS if m != "left out")
    return (*categories, *numbers, *DERIVED, *HISTORY)
