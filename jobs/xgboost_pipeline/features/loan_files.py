"""The raw files: found, and looked into before Spark reads them, so that wrong input is refused at once."""

import hashlib
import re
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession

from xgboost_pipeline import storage
from xgboost_pipeline.errors import PipelineError
from xgboost_pipeline.features.columns import RAW_FIELDS, WIDTHS

EDGE = 64 * 1024  # bytes looked at in each place of a file; a row is about 309
PLACES = 8  # evenly spread
LOAN_ID, PERIOD, DEAL_NAME = 1, 2, 103
ALLOWED_WIDTHS = ", ".join(map(str, WIDTHS))


@dataclass(frozen=True)
class LoanFiles:
    """Checked raw files: their URIs, names, sizes in bytes, and a fingerprint of names, sizes and sampled content."""

    uris: tuple[str, ...]
    names: tuple[str, ...]
    bytes: int
    fingerprint: str
    synthetic: bool


def find(uri: str) -> LoanFiles:
    """Check the loan files of a directory; raise PipelineError for anything that is not the published layout.

    Looked at: names, and rows at the start, the end and evenly spread places of each file.
    """
    files = _named(uri)
    digest, synthetic = hashlib.sha256(), False
    for file in files:
        samples = _samples(file)
        _check_rows(file, samples)
        synthetic |= any(_is_synthetic(row) for row in samples)
        digest.update(f"{file.name} {file.size} {samples}".encode())
    return LoanFiles(
        uris=tuple(file.uri for file in files),
        names=tuple(file.name for file in files),
        bytes=sum(file.size for file in files),
        fingerprint=digest.hexdigest()[:16],
        synthetic=synthetic,
    )


def read(spark: SparkSession, files: LoanFiles) -> DataFrame:
    """Read the fields of RAW_FIELDS as strings, blank = null; adds nothing, drops nothing.

    One schema of the greatest width serves all: rows of an older, narrower layout have nulls at the end, and only the
    selected columns are parsed.
    """
    schema = ", ".join(f"f{position} string" for position in range(1, WIDTHS[-1] + 1))
    # The layout has no quoting: a seller that starts with a quotation mark would swallow the rest of its row.
    rows = spark.read.csv(list(files.uris), schema=schema, sep="|", quote="", mode="PERMISSIVE")
    return rows.select([rows[f"f{field.position}"].alias(field.name) for field in RAW_FIELDS])


def _named(uri: str) -> list[storage.FileInfo]:
    found = storage.list_files(uri)
    if found is None:
        raise PipelineError(
            f"{uri} is no directory: give the directory that holds the quarterly files, 2020Q1.csv and so on"
        )
    files = [file for file in found if not file.name.startswith(("_", ".")) and file.name != "manifest.json"]
    if not files:
        raise PipelineError(
            f"{uri} holds no files: put the quarterly files there, 2020Q1.csv and so on, or run `generate`"
        )
    for file in files:
        _check_name(file)
    _check_quarters(files)
    return files


def _check_name(file: storage.FileInfo) -> None:
    if file.name.lower().endswith((".zip", ".gz", ".bz2", ".7z", ".zst")):
        raise PipelineError(f"{file.name} is compressed: unpack it; only plain .csv files can be read in parallel")
    if not file.name.lower().endswith((".csv", ".txt")):
        raise PipelineError(
            f"{file.name} is no loan file: the directory may hold only quarterly .csv files; move it elsewhere"
        )
    if file.size == 0:
        raise PipelineError(f"{file.name} is empty: copy or download it again, or remove it")


def _check_quarters(files: list[storage.FileInfo]) -> None:
    seen: dict[str, str] = {}
    for file in files:
        match = re.search(r"\d{4}Q[1-4]", file.name)
        if match and match[0] in seen:
            raise PipelineError(
                f"quarter {match[0]} is there twice, as {seen[match[0]]} and {file.name}: "
                "a loan is in exactly one file; remove one"
            )
        if match:
            seen[match[0]] = file.name


def _samples(file: storage.FileInfo) -> tuple[str, ...]:
    """Return whole rows from the start, the end and places between of a file."""
    head = storage.read_edge(file, 0, EDGE)
    if head.startswith((b"PK\x03\x04", b"\x1f\x8b", b"BZh")):
        raise PipelineError(f"{file.name} is compressed in spite of its name: unpack it; only plain text can be read")
    rows = head.split(b"\n")[: None if len(head) < EDGE else -1]
    # Places may overlap in a small file; a row that is seen twice is checked twice.
    for start in (*(file.size * i // PLACES for i in range(1, PLACES)), file.size - EDGE):
        if start > 0:
            rows += storage.read_edge(file, start, EDGE).split(b"\n")[1 : None if start + EDGE >= file.size else -1]
    return tuple(row.decode("utf-8", "replace").rstrip("\r") for row in rows if row.strip())


def _check_rows(file: storage.FileInfo, rows: tuple[str, ...]) -> None:
    if not rows:
        raise PipelineError(f"{file.name} has no row in its first {EDGE} bytes: it is not a loan file; remove it")
    first = rows[0].split("|")
    if len(first) == 1:
        raise PipelineError(_no_delimiter(file.name, rows[0]))
    if len(first) not in WIDTHS:
        raise PipelineError(
            f"{file.name} has {len(first)} fields a row, supported are {ALLOWED_WIDTHS}: "
            "use the files of the Single-Family Loan Performance data set as they are published"
        )
    if not re.fullmatch(r"\d{6}", first[PERIOD]) and re.search("[A-Za-z]{3}", first[LOAN_ID] + first[PERIOD]):
        raise PipelineError(
            f"{file.name} starts with a header line ({first[LOAN_ID]!r}, {first[PERIOD]!r}): remove that line"
        )
    _check_widths(file.name, rows, len(first))


def _check_widths(name: str, rows: tuple[str, ...], width: int) -> None:
    for row in rows:
        if row.count("|") + 1 != width:
            loan = row.split("|")[LOAN_ID : PERIOD + 1]
            raise PipelineError(
                f"{name} mixes widths: its first row has {width} fields, the row of loan and month {loan} "
                f"has {row.count('|') + 1}; a file has one width of {ALLOWED_WIDTHS}: get it again"
            )


def _no_delimiter(name: str, row: str) -> str:
    likely = max((",", "\t", ";", " "), key=row.count)
    return f"{name} has no '|' in its first row but {row.count(likely)} {likely!r}: fields must be separated by '|'"


def _is_synthetic(row: str) -> bool:
    """Tell whether a row says of itself, in its deal name, that `generate` made it."""
    return row.split("|")[DEAL_NAME].startswith("SYN ")
