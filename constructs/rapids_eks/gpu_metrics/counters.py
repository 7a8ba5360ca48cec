"""The fields that the DCGM exporter publishes, as its counters file."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["gauge", "counter", "label"]


@dataclass(frozen=True)
class Counter:
    """One line of the file: a field of DCGM or of its exporter, how Prometheus is to take it, and what it means."""

    field: str
    kind: Kind
    help: str


# The file that the exporter comes with has no ECC errors, no reasons of lower clocks and no count of XIDs. Fields that
# a kind of GPU has not (A10G, L4, L40S: memory temperature) are left out of the answer. A field that the exporter does
# not know keeps it from starting: these are DCGM 4.6's, with DCGM_EXP_XID_ERRORS_TOTAL since exporter 4.8.3.
# https://github.com/NVIDIA/DCGM/blob/v4.6.0/dcgmlib/dcgm_fields.h
COUNTERS = (
    Counter("DCGM_FI_DEV_GPU_UTIL", "gauge", "Time in which a kernel ran (in %)."),
    Counter("DCGM_FI_DEV_MEM_COPY_UTIL", "gauge", "Time in which memory was read or written (in %)."),
    Counter("DCGM_FI_DEV_GPU_TEMP", "gauge", "GPU temperature (in C)."),
    Counter("DCGM_FI_DEV_MEMORY_TEMP", "gauge", "Memory temperature (in C)."),
    Counter("DCGM_FI_DEV_POWER_USAGE", "gauge", "Power draw (in W)."),
    Counter("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", "counter", "Energy since the driver was loaded (in mJ)."),
    Counter("DCGM_FI_DEV_FB_USED", "gauge", "Memory used (in MiB)."),
    Counter("DCGM_FI_DEV_FB_FREE", "gauge", "Memory free (in MiB)."),
    Counter("DCGM_FI_DEV_SM_CLOCK", "gauge", "SM clock (in MHz)."),
    Counter("DCGM_FI_DEV_MEM_CLOCK", "gauge", "Memory clock (in MHz)."),
    Counter("DCGM_FI_DEV_XID_ERRORS", "gauge", "The last XID error; it stays after the error is over."),
    Counter("DCGM_EXP_XID_ERRORS_TOTAL", "counter", "XID errors since the exporter started."),
    Counter("DCGM_FI_DEV_ECC_SBE_VOL_TOTAL", "counter", "Corrected memory errors since the driver was loaded."),
    Counter("DCGM_FI_DEV_ECC_DBE_VOL_TOTAL", "counter", "Uncorrected memory errors since the driver was loaded."),
    Counter("DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS", "counter", "Rows of memory replaced after uncorrected errors."),
    Counter("DCGM_FI_DEV_ROW_REMAP_FAILURE", "gauge", "Whether a row of memory could not be replaced."),
    Counter("DCGM_FI_DEV_CLOCKS_EVENT_REASONS", "gauge", "Why clocks are held back (a bit mask)."),
    Counter("DCGM_FI_DEV_POWER_VIOLATION", "counter", "Time in which power held clocks back (in ns)."),
    Counter("DCGM_FI_DEV_THERMAL_VIOLATION", "counter", "Time in which heat held clocks back (in ns)."),
    Counter("DCGM_FI_PROF_GR_ENGINE_ACTIVE", "gauge", "Ratio of time in which the graphics engine was active."),
    Counter("DCGM_FI_PROF_PIPE_TENSOR_ACTIVE", "gauge", "Ratio of cycles in which a tensor core was active."),
    Counter("DCGM_FI_PROF_DRAM_ACTIVE", "gauge", "Ratio of cycles in which memory sent or received."),
    Counter("DCGM_FI_DRIVER_VERSION", "label", "Version of the driver."),
)


@dataclass(frozen=True)
class Renamed:
    """A field's name since exporter 4.9, and what its number is to be multiplied by for the old one's unit."""

    field: str
    factor: float = 1


# Every query must take both names. The rest of the fields have kept theirs. Names in base units are go-dcgm's:
# https://github.com/NVIDIA/go-dcgm/tree/main/pkg/dcgm, baseUnitFieldCases
RENAMED = {
    "DCGM_FI_DEV_GPU_UTIL": Renamed("DCGM_FI_DEV_GPU_UTIL_RATIO", 100),
    "DCGM_FI_DEV_MEM_COPY_UTIL": Renamed("DCGM_FI_DEV_MEMORY_UTIL_RATIO", 100),
    "DCGM_FI_DEV_GPU_TEMP": Renamed("DCGM_FI_DEV_GPU_TEMP_CELSIUS"),
    "DCGM_FI_DEV_MEMORY_TEMP": Renamed("DCGM_FI_DEV_MEMORY_TEMP_CELSIUS"),
    "DCGM_FI_DEV_POWER_USAGE": Renamed("DCGM_FI_DEV_BOARD_POWER_WATTS"),
    "DCGM_FI_DEV_FB_USED": Renamed("DCGM_FI_DEV_FB_USED_BYTES", 1 / 1048576),
    "DCGM_FI_DEV_FB_FREE": Renamed("DCGM_FI_DEV_FB_FREE_BYTES", 1 / 1048576),
    "DCGM_FI_DEV_SM_CLOCK": Renamed("DCGM_FI_DEV_SM_CLOCK_HERTZ", 1e-6),
    "DCGM_FI_DEV_MEM_CLOCK": Renamed("DCGM_FI_DEV_MEMORY_CLOCK_HERTZ", 1e-6),
    "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION": Renamed("DCGM_FI_DEV_GPU_ENERGY_JOULES_TOTAL", 1000),
    "DCGM_FI_DEV_XID_ERRORS": Renamed("DCGM_FI_DEV_XID_ERROR"),
    "DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS": Renamed("DCGM_FI_DEV_ROW_REMAP_UNCORRECTABLE_TOTAL"),
    "DCGM_FI_DEV_ROW_REMAP_FAILURE": Renamed("DCGM_FI_DEV_ROW_REMAP_FAILED"),
    "DCGM_FI_PROF_GR_ENGINE_ACTIVE": Renamed("DCGM_FI_PROF_GR_ENGINE_UTIL_RATIO"),
    "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE": Renamed("DCGM_FI_PROF_TENSOR_UTIL_RATIO"),
    "DCGM_FI_PROF_DRAM_ACTIVE": Renamed("DCGM_FI_PROF_DRAM_UTIL_RATIO"),
}


def csv() -> str:
    """Return the file; the exporter reads it as CSV of three columns, without quotes."""
    return "".join(f"{counter.field}, {counter.kind}, {counter.help}\n" for counter in COUNTERS)
