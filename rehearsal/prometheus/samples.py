"""Reads the body of a remote write: Snappy around protocol buffers.

https://prometheus.io/docs/specs/prw/remote_write_spec/
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa

VARINT, FIXED64, BYTES = 0, 1, 2  # protocol buffers' wire types
STALE = 0x7FF0000000000002  # the not-a-number by which Prometheus says that a series has ended
Field = tuple[int, int | bytes]


@dataclass(frozen=True)
class Sample:
    """One sample of one series; `ended` where it only says that the series has no more."""

    labels: Mapping[str, str]
    value: float
    milliseconds: int
    ended: bool


def decoded(body: bytes) -> Iterator[Sample]:
    """Return the samples of a WriteRequest of version 1."""
    size, _ = _varint(body, 0)
    for number, series in _fields(pa.decompress(body, size, codec="snappy", asbytes=True)):
        if number == 1 and isinstance(series, bytes):
            yield from _series(series)


def _series(packed: bytes) -> Iterator[Sample]:
    parts = [(number, dict(_fields(part))) for number, part in _fields(packed) if isinstance(part, bytes)]
    labels = {_text(part[1]): _text(part[2]) for number, part in parts if number == 1}
    for number, part in parts:
        if number == 2:  # noqa: PLR2004 - TimeSeries.samples
            bits = part.get(1, 0)  # what is 0 is left out
            (value,) = struct.unpack("<d", struct.pack("<Q", bits))
            yield Sample(labels, value, _whole(part.get(2, 0)), bits == STALE)


def _fields(packed: bytes) -> Iterator[Field]:
    place = 0
    while place < len(packed):
        key, place = _varint(packed, place)
        number, kind = key >> 3, key & 7
        if kind == VARINT:
            value, place = _varint(packed, place)
            yield number, value
        elif kind == FIXED64:
            yield number, struct.unpack_from("<Q", packed, place)[0]
            place += 8
        elif kind == BYTES:
            size, place = _varint(packed, place)
            yield number, packed[place : place + size]
            place += size
        else:
            raise ValueError(f"wire type {kind} in a remote write: {VARINT}, {FIXED64} and {BYTES} are known")


def _varint(packed: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = packed[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:  # noqa: PLR2004 - the last byte has no mark
            return value, place


def _text(value: int | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _whole(value: int | bytes) -> int:
    return value if isinstance(value, int) else 0
