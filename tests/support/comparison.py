"""Compares tables of rows keyed by loan and month and shows both sides of every difference."""

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

Cell = float | str | None
Table = Mapping[tuple[str, int], Mapping[str, Cell]]


@dataclass(frozen=True)
class Difference:
    loan: str
    month: int
    column: str
    expected: object
    found: object

    def __str__(self) -> str:
        name = f"{self.month // 12}-{self.month % 12 + 1:02d}"
        return f"loan {self.loan} month {name} {self.column}: expected {self.expected}, found {self.found}"


def differences(expected: Table, found: Table) -> list[Difference]:
    """Return every row that only one side has, and every cell that differs in its bytes."""
    result = []
    for key in sorted(expected.keys() | found.keys()):
        ours, theirs = expected.get(key), found.get(key)
        if ours is None or theirs is None:
            result.append(Difference(*key, "row", _there(ours), _there(theirs)))
            continue
        result += [
            Difference(*key, column, ours.get(column, "no such column"), theirs.get(column, "no such column"))
            for column in sorted(ours.keys() | theirs.keys())
            if column not in ours or column not in theirs or _bytes(ours[column]) != _bytes(theirs[column])
        ]
    return result


def assert_same(expected: Table, found: Table, histories: Iterable[list[dict[int, str]]] = ()) -> None:
    """Fail with the first differences and the raw history behind the first of them."""
    found_differences = differences(expected, found)
    if found_differences:
        lines = [f"{len(found_differences)} differences", *map(str, found_differences[:8])]
        loan = found_differences[0].loan
        lines += [_compact(row) for rows in histories for row in rows if row.get(2) == loan]
        raise AssertionError("\n".join(lines))


def _there(row: object) -> str:
    return "no row" if row is None else "a row"


def _bytes(cell: Cell) -> object:
    """Tell -0.0 from 0.0 and let a NaN equal itself."""
    return struct.pack("<d", cell) if isinstance(cell, int | float) else cell


def _compact(row: dict[int, str]) -> str:
    return f"  {row.get(3)} status={row.get(40)!r} code={row.get(44)!r} upb={row.get(12)!r}"
