"""Months as whole numbers: `year * 12 + month - 1`, so that a difference is a number of months."""

import re

from xgboost_pipeline.errors import PipelineError


def index(year: int, month: int) -> int:
    """Return the month index of a calendar year and a month from 1 to 12."""
    return year * 12 + month - 1


def parse(text: str) -> int:
    """Return the month index of `YYYY-MM`; raise PipelineError for anything else."""
    match = re.fullmatch(r"(\d{4})-(0[1-9]|1[0-2])", text)
    if not match:
        raise PipelineError(f"{text!r} is not a month: write it as YYYY-MM, for example 2020-01")
    return index(int(match[1]), int(match[2]))


def name(month: int) -> str:
    """Return `YYYY-MM` of a month index."""
    return f"{month // 12:04d}-{month % 12 + 1:02d}"


def quarter(month: int) -> str:
    """Return the calendar quarter of a month index, as `YYYYQn`."""
    return f"{month // 12:04d}Q{month % 12 // 3 + 1}"


def mmyyyy(month: int) -> str:
    """Return a month index in the layout's own form, `MMYYYY`."""
    return f"{month % 12 + 1:02d}{month // 12:04d}"
