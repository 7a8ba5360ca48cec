"""Raw `|`-separated lines and files in the Fannie Mae layout, from rows given as {1-based field position: text}."""

from collections.abc import Iterable, Mapping
from pathlib import Path

Raw = Mapping[int, str]


def line(row: Raw, width: int) -> str:
    """Return the row as one line of `width` fields; fields beyond the width are lost, fields not given are blank."""
    return "|".join(row.get(field, "") for field in range(1, width + 1))


def within(row: Raw, width: int) -> dict[int, str]:
    """Return what a file of that width can hold of the row."""
    return {field: text for field, text in row.items() if field <= width}


def write_file(path: Path, rows: Iterable[Raw], width: int = 110) -> Path:
    """Write the rows to one file, making its directory."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(line(row, width) + "\n" for row in rows), encoding="utf-8")
    return path


def period(month: int) -> str:
    """Return a month index (year * 12 + month - 1) as MMYYYY."""
    return f"{month % 12 + 1:02d}{month // 12:04d}"
