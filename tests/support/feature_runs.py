"""Runs the `features` verb on generated histories and says what the oracle expects of its output."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import oracle
import pyarrow.parquet as pq
from comparison import Cell
from oracle_splits import Calendar, by_loan, by_loan_and_time, by_row
from portfolios import Loan
from raw_files import within, write_file

from xgboost_pipeline.features import Settings, run

WIDTHS = (108, 110, 113, 114)
SALT = "salt"
FIXED = ("label", "status", "split_rows", "split_loan", "split_loan_and_time")


@dataclass(frozen=True)
class Features:
    """What `features` wrote: rows by loan and month, and its JSON files."""

    rows: dict[tuple[str, int], dict[str, Cell]]
    manifest: dict[str, Any]
    books: dict[str, list[str]]
    normalisation: dict[str, list[float]]


def write_portfolio(directory: Path, histories: list[Loan], seed: int = 0) -> list[Loan]:
    """Spread whole loans over a file of every width, rows in random order; return them as the files hold them."""
    held = [[within(row, WIDTHS[index % 4]) for row in rows] for index, rows in enumerate(histories)]
    for index, width in enumerate(WIDTHS):
        rows = [row for loan in held[index::4] for row in loan]
        Random(seed).shuffle(rows)
        write_file(directory / f"2018Q{index + 1}.csv", rows, width)
    return held


def settings(source: Path, output: Path, label: str = "forward", encoding: str = "code") -> Settings:
    return Settings(
        input=str(source),
        output=str(output),
        label=label,
        encoding=encoding,
        normalise="none",
        test_months=6,
        salt=SALT,
        rare_category_rows=1,
        max_malformed=0.5,
        overwrite=False,
    )


def features(given: Settings) -> Features:
    """Run the verb and read what it wrote."""
    run(given)
    return read(Path(given.output))


def read(output: Path) -> Features:
    rows = pq.read_table(output / "table").to_pylist()
    manifest, books, normalisation = (
        json.loads((output / f"{name}.json").read_text()) for name in ("manifest", "codebooks", "normalisation")
    )
    keyed = {(row.pop("loan_id"), row.pop("month")): row for row in rows}
    assert len(keyed) == len(rows), "the table holds a loan and month twice"
    return Features(keyed, manifest, books, normalisation)


def last_month(histories: Iterable[Loan]) -> int:
    return max(month.month for rows in histories for month in oracle.history(rows))


def kept_rows(label: str, histories: list[Loan]) -> list[oracle.Kept]:
    last = last_month(histories)
    return [
        kept
        for rows in histories
        for kept in (oracle.forward(rows, last) if label == "forward" else oracle.reference(rows))
    ]


def training_counts(histories: list[Loan], calendar: Calendar) -> list[int]:
    """Return the frequencies that category values have among training rows: thresholds worth trying."""
    counts = Counter(item for texts in _training(histories, calendar) for item in texts.items() if item[1])
    return sorted(set(counts.values()))


def expected_books(label: str, histories: list[Loan], calendar: Calendar, rare: int = 1) -> dict[str, list[str]]:
    if label == "reference":
        return oracle.code_books(row.texts for row in kept_rows("reference", histories))
    return oracle.code_books(_training(histories, calendar), rare)


def _training(histories: list[Loan], calendar: Calendar) -> list[dict[str, str]]:
    """Return the categories of the at-risk rows of training loans in training months."""
    return [
        texts
        for rows in histories
        for month, texts in oracle.at_risk_texts(rows).items()
        if by_loan_and_time(str(rows[0][2]), month, SALT, calendar) == "train"
    ]


def expected_rows(
    kept: list[oracle.Kept], books: dict[str, list[str]], calendar: Calendar
) -> dict[tuple[str, int], dict[str, Cell]]:
    """Return the whole table, splits and all, as the oracle has it."""
    return {(row.loan, row.month): {**_leading(row, calendar), **oracle.features(row, books)} for row in kept}


def _leading(row: oracle.Kept, calendar: Calendar) -> dict[str, Cell]:
    return {
        "label": row.label,
        "status": row.status,
        "split_rows": by_row(row.loan, row.month, SALT),
        "split_loan": by_loan(row.loan, SALT),
        "split_loan_and_time": by_loan_and_time(row.loan, row.month, SALT, calendar),
    }
