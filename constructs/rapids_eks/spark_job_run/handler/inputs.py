"""Whether there is input to read, looked at before anything is paid for."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

PACKED = (".zip", ".gz", ".bz2", ".7z", ".zst")
PLAIN = (".csv", ".txt")
MAGIC = (b"PK\x03\x04", b"\x1f\x8b", b"BZh")
EDGE = 4096  # bytes of a file that are looked at: several rows
LOOKED_INTO = 100  # files
SHOWN = 3
ROW = 309  # bytes of a row on average: twelve quarters of Fannie Mae's are 66.6 GB with 215,386,024 rows
ROOM = 1.02  # as other quarters' rows are some bytes longer; more than that would end in executors that are killed


def problem(s3: Any, uri: str, most_rows: int) -> str:  # noqa: ANN401 - boto3 makes its classes at run time
    """Return what is wrong with the loan files below a URI and what to do, or nothing.

    The job itself looks closer; this is what costs nodes, half an hour and no result if it is found only there.
    """
    bucket, prefix = place(uri)
    files = list(_files(s3, bucket, f"{prefix}/"))
    wrong = [*_named(files, uri), *_sized(files, most_rows)] or list(_looked_into(s3, bucket, files))
    more = f" (and {len(wrong) - SHOWN} more)" if len(wrong) > SHOWN else ""
    return f"{'; '.join(wrong[:SHOWN])}{more}" if wrong else ""


def place(uri: str) -> tuple[str, str]:
    """Return bucket and key of a URI of S3, without slashes at the ends."""
    parts = urlsplit(uri)
    return parts.netloc, parts.path.strip("/")


def _files(s3: Any, bucket: str, prefix: str) -> Iterator[Mapping[str, Any]]:  # noqa: ANN401 - the same
    """Yield the objects that the job would read: not those that Spark passes over."""
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for each in page.get("Contents", []):
            name = each["Key"].removeprefix(prefix)
            if name and "/" not in name and not name.startswith(("_", ".")) and name != "manifest.json":
                yield each


def _named(files: list[Mapping[str, Any]], uri: str) -> Iterator[str]:
    if not files:
        yield f"{uri}/ holds no files: upload the quarterly .csv files there, 2020Q1.csv and so on"
    for each in files:
        name = _name(each)
        if name.lower().endswith(PACKED):
            yield f"{name} is compressed: unpack it and upload the .csv file, as only that can be read in parallel"
        elif not name.lower().endswith(PLAIN):
            yield f"{name} is no loan file: below {uri}/ only quarterly .csv files may lie, so move it elsewhere"
        elif each["Size"] == 0:
            yield f"{name} is empty: upload it again, or delete it"


def _sized(files: list[Mapping[str, Any]], most_rows: int) -> Iterator[str]:
    rows = sum(each["Size"] for each in files) // ROW
    if rows > ROOM * most_rows:
        yield (
            f"the files have about {rows} rows ({ROW} bytes each), but the executors have memory for {most_rows}: "
            f"give the job rows={rows} and more executors, or larger ones"
        )


def _looked_into(s3: Any, bucket: str, files: list[Mapping[str, Any]]) -> Iterator[str]:  # noqa: ANN401 - the same
    for each in files[:LOOKED_INTO]:
        start = s3.get_object(Bucket=bucket, Key=each["Key"], Range=f"bytes=0-{EDGE - 1}")["Body"].read()
        if start.startswith(MAGIC):
            yield f"{_name(each)} is compressed in spite of its name: unpack it and upload the .csv file"
        elif b"|" not in start.partition(b"\n")[0]:
            yield f"{_name(each)} has no '|' in its first row: fields of loan files are separated by '|'; replace it"


def _name(file: Mapping[str, Any]) -> str:
    return str(file["Key"]).rpartition("/")[2]
