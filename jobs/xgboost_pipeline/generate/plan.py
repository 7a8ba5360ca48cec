"""What is to be made: the quarters, their number of loans and their width."""

from pathlib import Path

import numpy as np

from xgboost_pipeline import months as calendar
from xgboost_pipeline.generate.loans import QUARTER
from xgboost_pipeline.generate.quarters import Quarter, rows_per_loan

WIDTHS = {0.4: 108, 0.7: 110, 1.0: 113}  # up to that share of the quarters, the oldest first
_TRIAL_LOANS = 512


def plan(folder: Path, *, seed: int, first: int, months: int, rows: int) -> list[Quarter]:
    """Return the quarters of `months` months from month index `first` that make about `rows` rows in `folder`."""
    quarters = -(-months // QUARTER)
    volume = [1 + np.exp(-number / 8) for number in range(quarters)]  # the oldest quarters are the largest
    expected = sum(share * rows_per_loan(seed, months, number, _TRIAL_LOANS) for number, share in enumerate(volume))
    return [
        Quarter(
            seed=seed,
            first=first,
            months=months,
            number=number,
            loans=max(1, round(rows * share / expected)),
            width=_width(number / quarters),
            loan_file=folder / f"{calendar.quarter(first + number * QUARTER)}.csv",
            truth_file=folder / f"{calendar.quarter(first + number * QUARTER)}.parquet",
        )
        for number, share in enumerate(volume)
    ]


def _width(age_rank: float) -> int:
    return next(width for share, width in WIDTHS.items() if age_rank < share)
