"""What DCGM measures of GPUs, as PromQL that reads the exporter's old and new names alike."""

from dataclasses import dataclass

from rapids_eks.gpu_metrics.expressions import bits, measured, names
from rapids_eks.gpu_metrics.recordings import HELD_BACK
from rapids_eks.gpu_metrics.scraping import NODE_LABEL, WORKLOAD_LABELS

NODE, GPU, SLICE = NODE_LABEL, "gpu", "GPU_I_ID"
TEAM, POD, _ = WORKLOAD_LABELS
ALLOCATED = f'{POD}!=""'
DEVICE = f"{NODE}, {GPU}, {SLICE}"
LEGEND = "{{node}} GPU {{gpu}}{{slice}}"


@dataclass(frozen=True)
class Quantity:
    """What is measured: a field, in the unit that is shown, as alerts and panels read it alike.

    `of_slices` is another field, for MIG instances, that says the same of them.
    """

    field: str
    unit: float = 1  # what the number of exporter 4.8 is multiplied by
    of_slices: "Quantity | None" = None

    def promql(self, matchers: str = "", offset: str = "") -> str:
        """Return its series, whichever exporter they come from."""
        found = measured(self.field, matchers, offset)
        own = f"{self.unit:.12g} * {found}" if self.unit != 1 else found
        if self.of_slices is None:
            return own
        slices = ", ".join(each for each in (f'{SLICE}!=""', matchers) if each)
        return f"{own} or {self.of_slices.promql(slices, offset)}"

    def selector(self, matchers: str = "") -> str:
        """Return what selects its series under all names at once, for the values of their labels."""
        named = f'__name__=~"{"|".join(names(self.field))}"'
        return f"{{{', '.join(each for each in (named, matchers) if each)}}}"


TEMPERATURE = Quantity("DCGM_FI_DEV_GPU_TEMP")  # degrees Celsius
POWER = Quantity("DCGM_FI_DEV_POWER_USAGE")  # watts
SM_CLOCK = Quantity("DCGM_FI_DEV_SM_CLOCK", 1e6)  # hertz
# Percent. NVML measures no utilisation of MIG instances; DCGM's profiling does.
UTILIZATION = Quantity("DCGM_FI_DEV_GPU_UTIL", of_slices=Quantity("DCGM_FI_PROF_GR_ENGINE_ACTIVE", 100))
MEMORY_USED = Quantity("DCGM_FI_DEV_FB_USED", 1048576)  # bytes
MEMORY_FREE = Quantity("DCGM_FI_DEV_FB_FREE", 1048576)  # bytes
TENSOR = Quantity("DCGM_FI_PROF_PIPE_TENSOR_ACTIVE")  # 0 to 1
XID_ERRORS = "DCGM_EXP_XID_ERRORS_TOTAL"  # since the exporter started
ECC_ERRORS = "DCGM_FI_DEV_ECC_DBE_VOL_TOTAL"  # double-bit, since the driver was loaded
EVENTS = Quantity("DCGM_FI_DEV_CLOCKS_EVENT_REASONS")  # bits
PRESENCE = MEMORY_USED  # whatever can be used has memory, GPUs and MIG instances alike


def by_device(expression: str) -> str:
    """Return the expression once for each GPU and MIG instance, however many pods share it; `LEGEND` names those."""
    return f'label_replace(max by ({DEVICE}) ({expression}), "slice", "/$1", "{SLICE}", "(.+)")'


def by_card(expression: str) -> str:
    """Return the expression once for each GPU, however many MIG instances it is cut into."""
    return f"max by ({NODE}, {GPU}) ({expression})"


def held_back(matchers: str) -> str:
    """Return 1 while something but having nothing to do keeps a GPU's clocks down, else 0."""
    return f"clamp_max({bits(EVENTS.promql(matchers), *HELD_BACK)}, 1)"
