"""Generated loan histories that crowd the edges of the label and feature rules."""

from collections.abc import Callable
from random import Random

from raw_files import period

Row = dict[int, str]
Loan = list[Row]

FIRST = 2018 * 12
MONTHS = 40
LAST = FIRST + MONTHS - 1
CODES = ("01", "02", "03", "06", "09", "15", "16", "96", "97", "98", "99")
LTVS = ("", "59.9", "60", "60.01", "61", "65", "70", "71", "75", "76", "80", "81", "85", "86", "90", "91", "95", "96")
SCORES = (
    "",
    "",
    "619",
    "620",
    "621",
    "659",
    "660",
    "661",
    "699",
    "700",
    "701",
    "739",
    "740",
    "741",
    "779",
    "780",
    "781",
)
UPBS = ("", "0", "0.00", "123456.78", "99999.99", "1000000")
# Lists with repeats: frequencies that differ, tie, and are rare.
TEXTS: dict[int, tuple[str, ...]] = {
    4: ("R", "R", "C", "B", ""),
    5: ("Other", "Other", "Lender, N.A.", "Crédit Union", "lender, n.a.", "Bank 'One'", ""),
    26: ("N", "Y", "U", ""),
    27: ("P", "C", "R", "U"),
    28: ("SF", "PU", "CO", "CP", "MH", ""),
    30: ("P", "S", "I", "U"),
    31: ("CA", "TX", "NY", "PR", "WA", ""),
    35: ("FRM", "FRM", "FRM", "ARM"),
    42: ("N", "N", "N", "Y", ""),
    81: ("N", "N", "Y", ""),
}


def portfolio(random: Random, loans: int) -> list[Loan]:
    """Return that many histories; one loan reaches from the first month to the last, so the calendar is known."""
    shapes: tuple[Callable[[Random, int], list[str]], ...] = (_clean, _one_month, _one_month, _walk, _jumps)
    histories = [_loan(random, f"{index * 7919:012d}", random.choice(shapes)) for index in range(loans - 2)]
    whole = [_row(random, "999999999999", FIRST + age, "03" if age % 17 == 16 else "00", {}) for age in range(MONTHS)]
    whole[0] |= {5: "Seller of one row", 12: "1000.00"}
    back = [_row(random, "999999999998", FIRST + age, "00", {}) for age in range(26)]
    back[20][44] = "01"  # prepaid, reported again, and vanished
    return [*(history for history in histories if history), back, whole]


def another(random: Random, row: Row, status: str) -> Row:
    """Return a row of the same loan and month with every other field drawn anew and no zero balance code."""
    return _row(random, row[2], int(row[3][2:]) * 12 + int(row[3][:2]) - 1, status, {})


def spoil(random: Random, histories: list[Loan]) -> None:
    """Add rows that break one rule of the layout each, and would change labels and months if they were kept."""
    breaks: tuple[Row, ...] = (
        {2: ""},
        *(
            {3: text}
            for text in (
                "132019",
                "002019",
                "1998-01",
                "011998",
                "012101",
                "",
                "0A2019",
                "12019",
                "+12019",
                " 12019",
                "1.2019",
            )
        ),
        *({14: text} for text in ("2019", "132019", "XX2019", "01/2019", "002019")),
        *({40: text} for text in ("4", "X", "100", "xx", "R", "-1", "+1", " 1", "0 ", "1.", ".5")),
        *({field: "N/A"} for field in (8, 9, 10, 12, 13, 16, 20, 21, 22, 23, 24, 29, 32, 33, 34, 63)),
        *(
            {23: text, 3: period(LAST + 1)}
            for text in (
                "45%",
                "4O",
                "1,000",
                "--1",
                "1.2.3",
                "twelve",
                ".",
                "-",
                "12d",
                "12F",
                "NaN",
                "Infinity",
                "-inf",
            )
        ),
    )
    for broken in breaks:
        rows = random.choice(histories)
        month = FIRST + random.randrange(MONTHS)
        rows.append(rows[0] | {3: period(month), 40: "09", 44: random.choice(CODES)} | broken)


def _loan(random: Random, loan: str, shape: Callable[[Random, int], list[str]]) -> Loan:
    start = FIRST + random.choice((0, 0, 0, 1, 5, 12, random.randrange(MONTHS)))
    end = LAST if random.random() < 0.4 else min(LAST, start + random.randrange(MONTHS))
    end = LAST - random.randrange(3) if random.random() < 0.2 else end
    months = list(range(start, max(start, min(end, LAST)) + 1))
    if random.random() < 0.3:
        months = [month for month in months if random.random() < 0.8]
    fixed = {} if random.random() < 0.2 else _origination(random)
    statuses = shape(random, len(months))
    history = [_row(random, loan, month, status, fixed) for month, status in zip(months, statuses, strict=True)]
    _exit(random, history)
    return history


def _clean(_random: Random, length: int) -> list[str]:
    return ["00"] * length


def _one_month(random: Random, length: int) -> list[str]:
    """One month that is not current, so that every distance to it occurs, before and after."""
    statuses = ["00"] * length
    if length:
        statuses[random.randrange(length)] = random.choice(("01", "02", "03", "04", "05", "99", "XX", ""))
    return statuses


def _walk(random: Random, length: int) -> list[str]:
    statuses, level = [], 0
    for _ in range(length):
        level = 0 if random.random() < 0.15 else max(0, level + random.choice((-1, 0, 0, 0, 1)))
        statuses.append(f"{level:02d}")
    return statuses


def _jumps(random: Random, length: int) -> list[str]:
    calm = random.choice((0.0, 0.5, 0.9))
    texts = ("00", "01", "02", "03", "04", "05", "12", "99", "XX", "")
    return ["00" if random.random() < calm else random.choice(texts) for _ in range(length)]


def _exit(random: Random, history: Loan) -> None:
    """End most histories by a zero balance code, and put some codes where later rows follow."""
    if not history:
        return
    if random.random() < 0.6:
        status = random.choice((history[-1][40], "", "00", "03", "04", "07", "XX"))
        history[-1] |= {44: random.choice(CODES), 40: status, 12: random.choice(("0.00", "", "500.00"))}
    if random.random() < 0.25:
        random.choice(history)[44] = random.choice((*CODES, "01", "01", "01", "01"))


def _row(random: Random, loan: str, month: int, status: str, fixed: Row) -> Row:
    texts = {42: random.choice(TEXTS[42])} if fixed else {}
    upb = random.choice(UPBS) if random.random() < 0.2 else f"{random.randrange(10**4, 10**8) / 100:.2f}"
    return (
        (fixed or _origination(random))
        | texts
        | {2: loan, 3: period(month), 40: status, 12: upb}
        | {9: random.choice(("", "3.125", "4", "2.99")), 16: random.choice(("", str(month - FIRST), "-1"))}
        | {63: random.choice(("", "0.00", "1234.56"))}
    )


def _origination(random: Random) -> Row:
    numbers = {
        8: random.choice(("", "3.125", "4.5", "2.875")),
        10: random.choice(("", "0", "0.00", "250000.00", "100000", "333333.33", "417000")),
        13: random.choice(("360", "180", "")),
        14: random.choice(
            ("", *(f"{month:02d}{year}" for month in (1, 3, 4, 6, 7, 9, 10, 12) for year in (1998, 2018)))
        ),
        20: random.choice(LTVS),
        21: random.choice(LTVS),
        22: random.choice(("1", "2", "1.5", "")),
        23: random.choice(("35", "45.5", "")),
        24: random.choice(SCORES),
        111: random.choice(SCORES),
        29: random.choice(("1", "4", "")),
        32: random.choice(("31080", "0", "")),
        33: random.choice(("900", "006", "")),
        34: random.choice(("25", "30.5", "")),
    }
    return numbers | {field: random.choice(values) for field, values in TEXTS.items()}
