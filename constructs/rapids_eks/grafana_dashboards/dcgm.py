"""What DCGM measures of GPUs, as PromQL that reads the exporter's old and new names alike."""

from collections.abc import Sequence
from dataclasses import dataclass

from rapids_eks.gpu_metrics.counters import RENAMED
from rapids_eks.gpu_metrics.scraping import NODE_LABEL, WORKLOAD_LABELS

NODE, GPU, SLICE = NODE_LABEL, "gpu", "GPU_I_ID"
TEAM, POD, _ = WORKLOAD_LABELS
ALLOCATED = f'{POD}!=""'
DEVICE = f"{NODE}, {GPU}, {SLICE}"
LEGEND = "{{node}} GPU {{gpu}}{{slice}}"


@dataclass(frozen=True)
class Reading:
    """One of a quantity's names: the metric, what its number is multiplied by, and which of its series are meant."""

    metric: str
    factor: float = 1
    only: str = ""

    def promql(self, matchers: str = "", window: str = "", offset: str = "") -> str:
        """Return its series; with a `window` their average over it."""
        selector = f"{self.metric}{{{', '.join(each for each in (self.only, matchers) if each)}}}"
        found = f"avg_over_time({selector}[{window}])" if window else selector
        found += f" offset {offset}" if offset else ""
        return f"{self.factor:.12g} * {found}" if self.factor != 1 else found


@dataclass(frozen=True)
class Quantity:
    """What is measured, under all the names it has had. A GPU has only one of them at a time."""

    readings: Sequence[Reading]

    def promql(self, matchers: str = "", window: str = "", offset: str = "") -> str:
        """Return its series in one unit, whichever exporter they come from; with a `window` their average over it."""
        return " or ".join(each.promql(matchers, window, offset) for each in self.readings)

    def selector(self, matchers: str = "") -> str:
        """Return what selects its series under all names at once, for the values of their labels."""
        named = f'__name__=~"{"|".join(each.metric for each in self.readings)}"'
        return f"{{{', '.join(each for each in (named, matchers) if each)}}}"


def _readings(field: str, unit: float = 1, only: str = "") -> list[Reading]:
    """Return a field's names; `unit` is what the older one's number is multiplied by for the unit that is shown."""
    newer = RENAMED.get(field)
    found = [Reading(field, unit, only)]
    return [*found, Reading(newer.field, unit * newer.factor, only)] if newer else found


# NVML measures no utilisation of MIG instances; DCGM's profiling does.
_OF_SLICES = _readings("DCGM_FI_PROF_GR_ENGINE_ACTIVE", 100, f'{SLICE}!=""')
TEMPERATURE = Quantity(_readings("DCGM_FI_DEV_GPU_TEMP"))  # degrees Celsius
POWER = Quantity(_readings("DCGM_FI_DEV_POWER_USAGE"))  # watts
SM_CLOCK = Quantity(_readings("DCGM_FI_DEV_SM_CLOCK", 1e6))  # hertz
UTILIZATION = Quantity([*_readings("DCGM_FI_DEV_GPU_UTIL"), *_OF_SLICES])  # percent
MEMORY_USED = Quantity(_readings("DCGM_FI_DEV_FB_USED", 1048576))  # bytes
MEMORY_FREE = Quantity(_readings("DCGM_FI_DEV_FB_FREE", 1048576))  # bytes
TENSOR = Quantity(_readings("DCGM_FI_PROF_PIPE_TENSOR_ACTIVE"))  # 0 to 1
XID_ERRORS = Quantity(_readings("DCGM_EXP_XID_ERRORS_TOTAL"))  # since the exporter started
ECC_ERRORS = Quantity(_readings("DCGM_FI_DEV_ECC_DBE_VOL_TOTAL"))  # double-bit, since the driver was loaded
EVENTS = Quantity(_readings("DCGM_FI_DEV_CLOCKS_EVENT_REASONS"))  # bits
PRESENCE = MEMORY_USED  # whatever can be used has memory, GPUs and MIG instances alike
# https://github.com/NVIDIA/DCGM/blob/master/dcgmlib/dcgm_fields.h, DCGM_CLOCKS_EVENT_REASON_*; idle is none of these
_HELD_BACK = {"power": (0x4, 0x80), "heat": (0x20, 0x40), "hardware": (0x8,)}


def by_device(expression: str) -> str:
    """Return the expression once for each GPU and MIG instance, however many pods share it; `LEGEND` names those."""
    return f'label_replace(max by ({DEVICE}) ({expression}), "slice", "/$1", "{SLICE}", "(.+)")'


def by_card(expression: str) -> str:
    """Return the expression once for each GPU, however many MIG instances it is cut into."""
    return f"max by ({NODE}, {GPU}) ({expression})"


def held_back(matchers: str) -> str:
    """Return 1 while something but having nothing to do keeps a GPU's clocks down, else 0."""
    events = EVENTS.promql(matchers)
    bits = [f"floor({events} / {mask}) % 2" for masks in _HELD_BACK.values() for mask in masks]
    return f"clamp_max({' + '.join(bits)}, 1)"
