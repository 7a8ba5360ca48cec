"""Requests of PutMetricData: as many data as fit, always cut in the same way."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, timezone
from functools import lru_cache
from typing import Any

from dcgm_cloudwatch.translate import Datum

# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html: 1000 metrics and 1 MB
MOST_DATA, MOST_BYTES = 1000, 900_000
# Older SDKs spell each leaf's path out: `&MetricData.member.1000.Dimensions.member.3.Value=`
OVERHEAD = {"json": 16, "query": 72}
Batch = tuple[Datum, ...]


def batches(data: Iterable[Datum], protocol: str = "json") -> Iterator[Batch]:
    """Yield the data in order, in pieces of at most 1000 and 900 kB before compression."""
    piece: list[Datum] = []
    size = 0
    for datum in data:
        needed = _size(datum, OVERHEAD.get(protocol, OVERHEAD["query"]))
        if piece and (len(piece) == MOST_DATA or size + needed > MOST_BYTES):
            yield tuple(piece)
            piece, size = [], 0
        piece.append(datum)
        size += needed
    if piece:
        yield tuple(piece)


def _size(datum: Datum, overhead: int) -> int:
    texts = [datum.name, datum.unit, *(text for pair in datum.dimensions for text in pair)]
    numbers = [*map(repr, datum.values), *map(repr, datum.counts)]
    return sum(len(each.encode()) + overhead for each in (*texts, *numbers)) + 2 * overhead + 20


def digest(batch: Batch) -> str:
    """Return what tells a batch from any other, the same in each process."""
    return hashlib.sha256(json.dumps(batch).encode()).hexdigest()[:16]


def halves(batch: Batch) -> list[Batch]:
    """Return both halves of a batch of at least two data."""
    middle = len(batch) // 2
    return [batch[:middle], batch[middle:]]


def remaining(batch: Batch, done: Collection[str]) -> list[Batch]:
    """Return what is left of a batch of which some halves, or halves of halves, are done: `done` are their digests."""
    if not done:
        return [batch]
    if digest(batch) in done:
        return []
    if len(batch) == 1:
        return [batch]
    parts = halves(batch)
    left = [piece for part in parts for piece in remaining(part, done)]
    return [batch] if left == parts else left


@lru_cache(maxsize=2)
def _moment(second: int) -> datetime:
    """Return a moment with its zone: of a plain number the SDK works that out anew each time, for 60 us."""
    return datetime.fromtimestamp(second, timezone.utc)


def member(datum: Datum, resolution: int) -> dict[str, Any]:
    """Return a datum as PutMetricData takes it; `resolution` is 60 s, or 1 s where windows are shorter than minutes."""
    return {
        "MetricName": datum.name,
        "Dimensions": [{"Name": name, "Value": value} for name, value in datum.dimensions],
        "Timestamp": _moment(datum.moment),
        "Values": list(datum.values),
        "Counts": [float(count) for count in datum.counts],
        "Unit": datum.unit,
        "StorageResolution": resolution,
    }
