"""The splits by loan and by time in plain Python, from a loan's id and the months of the data alone."""

from dataclasses import dataclass

from spark_hash import spark_xxhash64

TRAINING_SPLITS = ("train", "validation", "calibration", "tuning")
BUCKETS = ("train",) * 60 + ("validation",) * 10 + ("calibration",) * 5 + ("tuning",) * 5 + ("test",) * 20


@dataclass(frozen=True)
class Calendar:
    """The month borders of the split by loan and time; month indices are year * 12 + month - 1."""

    last: int
    test_months: int

    @property
    def test_last(self) -> int:
        return self.last - 12

    @property
    def test_first(self) -> int:
        return self.test_last - self.test_months + 1

    @property
    def train_last(self) -> int:
        return self.test_first - 13


def by_loan(loan: str, salt: str) -> str:
    return BUCKETS[spark_xxhash64(loan, salt) % 100]


def by_row(loan: str, month: int, salt: str) -> str:
    return BUCKETS[spark_xxhash64(loan, month, salt) % 100]


def by_loan_and_time(loan: str, month: int, salt: str, calendar: Calendar) -> str:
    part = by_loan(loan, salt)
    if month <= calendar.train_last:
        return "unused" if part == "test" else part
    if month < calendar.test_first:
        return "embargo"
    return "test" if part == "test" else "unused"
