"""What is measured of a GPU: DCGM's names for it, old and new, and what their numbers mean.

Names up to 4.8 and from 4.9 on: https://github.com/NVIDIA/DCGM/blob/master/dcgmlib/dcgm_fields.h
"""

from __future__ import annotations

import math
from dataclasses import dataclass

MIB = 1024.0 * 1024.0
# DCGM's "no value": not measured, not found, not supported, not permitted, as integers of 32 and 64 bits and as double
# https://github.com/NVIDIA/DCGM/blob/master/dcgmlib/dcgm_structs.h
BLANKS = frozenset(float(first + kind) for first in (0x7FFFFFF0, 0x7FFFFFFFFFFFFFF0, 1 << 47) for kind in range(16))
HELD_BACK = 0x4 | 0x8 | 0x20 | 0x40 | 0x80  # clock event reasons: power cap, slowdown, heat (two), power brake


@dataclass(frozen=True)
class Spelling:
    """A field's name in Prometheus, and what its number is multiplied by.

    `ratio` marks 0 to 1 where older DCGM gave percent under the very same name: 100 is then the factor only where no
    value of that host is above 1.
    """

    field: str
    factor: float = 1.0
    ratio: bool = False


@dataclass(frozen=True)
class Measure:
    """One quantity in one unit, whatever its field is called; what lies outside `lowest` to `highest` is no value."""

    key: str
    spellings: tuple[Spelling, ...]
    highest: float
    lowest: float = 0.0
    of_slices: bool = False  # MIG instances have their own; else the number is that of the whole GPU
    counter: bool = False

    @property
    def fields(self) -> list[str]:
        """Its names in Prometheus."""
        return [each.field for each in self.spellings]

    def value(self, number: float, factor: float) -> float | None:
        """Return a sample in this measure's unit; None where DCGM had nothing to say."""
        if not math.isfinite(number) or number in BLANKS:
            return None
        value = number * factor
        return value if self.lowest <= value <= self.highest else None


def _dev(name: str, factor: float = 1.0, *, ratio: bool = False) -> Spelling:
    return Spelling(f"DCGM_FI_DEV_{name}", factor, ratio)


PERCENT, TERABYTES = 100.0, 16 * 1024.0**4
UTILIZATION = Measure(
    "utilization", (_dev("GPU_UTIL"), _dev("GPU_UTIL_RATIO", PERCENT, ratio=True)), PERCENT, of_slices=True
)
MEMORY_UTILIZATION = Measure(
    "memory_utilization",
    (_dev("MEM_COPY_UTIL"), _dev("MEMORY_UTIL_RATIO", PERCENT, ratio=True)),
    PERCENT,
    of_slices=True,
)
ENGINE = Measure(
    "engine",
    (
        Spelling("DCGM_FI_PROF_GR_ENGINE_ACTIVE", PERCENT),
        Spelling("DCGM_FI_PROF_GR_ENGINE_UTIL_RATIO", PERCENT),
    ),
    PERCENT,
    of_slices=True,
)
MEMORY_USED = Measure("memory_used", (_dev("FB_USED", MIB), _dev("FB_USED_BYTES")), TERABYTES, of_slices=True)
MEMORY_FREE = Measure("memory_free", (_dev("FB_FREE", MIB), _dev("FB_FREE_BYTES")), TERABYTES, of_slices=True)
TEMPERATURE = Measure("temperature", (_dev("GPU_TEMP"), _dev("GPU_TEMP_CELSIUS")), 200.0, lowest=-100.0)
POWER = Measure("power", (_dev("POWER_USAGE"), _dev("BOARD_POWER_WATTS")), 100_000.0)
REASONS = Measure("reasons", (_dev("CLOCKS_EVENT_REASONS"), _dev("CLOCK_THROTTLE_REASONS")), 0xFFFFFFFF)
XID = Measure("xid", (Spelling("DCGM_EXP_XID_ERRORS_TOTAL"),), 1e12, counter=True)
ECC = Measure("ecc", (_dev("ECC_DBE_VOL_TOTAL"),), 1e12, counter=True)
