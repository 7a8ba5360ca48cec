"""XXH64 as Spark folds it over columns, in plain Python, so that splits are recomputed without Spark or the job."""

from collections.abc import Iterator

MASK = (1 << 64) - 1
P1 = 0x9E3779B185EBCA87
P2 = 0xC2B2AE3D27D4EB4F
P3 = 0x165667B19E3779F9
P4 = 0x85EBCA77C2B2AE63
P5 = 0x27D4EB2F165667C5


def _rotate(value: int, bits: int) -> int:
    return ((value << bits) | (value >> (64 - bits))) & MASK


def _round(accumulator: int, lane: int) -> int:
    return _rotate((accumulator + lane * P2) & MASK, 31) * P1 & MASK


def _lanes(data: bytes, width: int) -> Iterator[int]:
    for start in range(0, len(data) - width + 1, width):
        yield int.from_bytes(data[start : start + width], "little")


def _long_start(data: bytes, seed: int) -> int:
    """Digest the leading whole stripes of 32 bytes."""
    lanes = [seed + P1 + P2, seed + P2, seed, seed - P1]
    for index, lane in enumerate(_lanes(data, 8)):
        lanes[index % 4] = _round(lanes[index % 4] & MASK, lane)
    digest = sum(_rotate(lane, bits) for lane, bits in zip(lanes, (1, 7, 12, 18), strict=True)) & MASK
    for lane in lanes:
        digest = ((digest ^ _round(0, lane)) * P1 + P4) & MASK
    return digest


def _tail(digest: int, rest: bytes) -> int:
    words = len(rest) // 8 * 8
    for lane in _lanes(rest[:words], 8):
        digest = (_rotate(digest ^ _round(0, lane), 27) * P1 + P4) & MASK
    if len(rest) - words >= 4:
        digest = (_rotate(digest ^ int.from_bytes(rest[words : words + 4], "little") * P1 & MASK, 23) * P2 + P3) & MASK
        words += 4
    for byte in rest[words:]:
        digest = _rotate(digest ^ byte * P5 & MASK, 11) * P1 & MASK
    return digest


def xxh64(data: bytes, seed: int) -> int:
    """Return the unsigned 64-bit XXH64 of the bytes."""
    stripes = len(data) // 32 * 32
    start = _long_start(data[:stripes], seed) if stripes else seed + P5
    digest = _tail((start + len(data)) & MASK, data[stripes:])
    digest = (digest ^ (digest >> 33)) * P2 & MASK
    digest = (digest ^ (digest >> 29)) * P3 & MASK
    return digest ^ (digest >> 32)


def spark_xxhash64(*columns: str | int) -> int:
    """Return what Spark's `xxhash64(columns...)` returns for string and 32-bit int columns: signed, seed 42, folded."""
    digest = 42
    for column in columns:
        data = column.encode() if isinstance(column, str) else column.to_bytes(4, "little", signed=True)
        digest = xxh64(data, digest)
    return digest - (1 << 64) if digest >> 63 else digest
