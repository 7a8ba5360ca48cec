"""DCGM exporter's text, as its versions 4.8 and 4.9 write it.

The form of a line: https://github.com/NVIDIA/dcgm-exporter/blob/4.5.3-4.8.2/internal/pkg/rendermetrics/render_metrics.go
The workload's labels, on every line, empty or absent where the GPU is free, and once for each pod of a time slice:
https://github.com/NVIDIA/dcgm-exporter/blob/4.5.3-4.8.2/internal/pkg/transformation/kubernetes.go
The node's label: `Hostname` up to 4.8.2, `hostname` after: https://github.com/NVIDIA/dcgm-exporter/pull/655
The names of 4.9, where DCGM's header has them: https://github.com/NVIDIA/DCGM/blob/v4.6.0/dcgmlib/dcgm_fields.h
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Form = Literal["4.8", "4.9"]
# What DCGM gives for "no value", as 4.8's predecessors wrote it: DCGM_INT32_BLANK, DCGM_INT64_BLANK, not supported,
# https://github.com/NVIDIA/DCGM/blob/v4.6.0/dcgmlib/dcgm_structs.h
BLANK_INT32, BLANK, NOT_SUPPORTED = 2147483632, 9223372036854775792, 9223372036854775794
MIB, MEGA = 1048576, 1_000_000
LAST_XID = "DCGM_FI_DEV_XID_ERRORS"
# 4.8's name -> 4.9's name, and what its number is multiplied by. A field that is not here has kept both.
RENAMED: Mapping[str, tuple[str, float]] = {
    "DCGM_FI_DEV_GPU_UTIL": ("DCGM_FI_DEV_GPU_UTIL_RATIO", 0.01),
    "DCGM_FI_DEV_MEM_COPY_UTIL": ("DCGM_FI_DEV_MEMORY_UTIL_RATIO", 0.01),
    "DCGM_FI_DEV_GPU_TEMP": ("DCGM_FI_DEV_GPU_TEMP_CELSIUS", 1),
    "DCGM_FI_DEV_MEMORY_TEMP": ("DCGM_FI_DEV_MEMORY_TEMP_CELSIUS", 1),
    "DCGM_FI_DEV_POWER_USAGE": ("DCGM_FI_DEV_BOARD_POWER_WATTS", 1),
    "DCGM_FI_DEV_FB_USED": ("DCGM_FI_DEV_FB_USED_BYTES", MIB),
    "DCGM_FI_DEV_FB_FREE": ("DCGM_FI_DEV_FB_FREE_BYTES", MIB),
    "DCGM_FI_DEV_SM_CLOCK": ("DCGM_FI_DEV_SM_CLOCK_HERTZ", MEGA),
    "DCGM_FI_DEV_MEM_CLOCK": ("DCGM_FI_DEV_MEMORY_CLOCK_HERTZ", MEGA),
    "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION": ("DCGM_FI_DEV_GPU_ENERGY_JOULES_TOTAL", 0.001),
    "DCGM_FI_DEV_XID_ERRORS": ("DCGM_FI_DEV_XID_ERROR", 1),
    "DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS": ("DCGM_FI_DEV_ROW_REMAP_UNCORRECTABLE_TOTAL", 1),
    "DCGM_FI_DEV_ROW_REMAP_FAILURE": ("DCGM_FI_DEV_ROW_REMAP_FAILED", 1),
    "DCGM_FI_PROF_GR_ENGINE_ACTIVE": ("DCGM_FI_PROF_GR_ENGINE_UTIL_RATIO", 1),
    "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE": ("DCGM_FI_PROF_TENSOR_UTIL_RATIO", 1),
    "DCGM_FI_PROF_DRAM_ACTIVE": ("DCGM_FI_PROF_DRAM_UTIL_RATIO", 1),
}
COUNTERS = ("_TOTAL", "_CONSUMPTION", "_VIOLATION", "_ROWS")  # how the names of counters end
# An A10G at work; XIDs are counted only once one has come, so DCGM_EXP_XID_ERRORS_TOTAL is not among these
BUSY: Mapping[str, float] = {
    "DCGM_FI_DEV_SM_CLOCK": 1710,
    "DCGM_FI_DEV_MEM_CLOCK": 6251,
    "DCGM_FI_DEV_GPU_TEMP": 54,
    "DCGM_FI_DEV_POWER_USAGE": 212.5,
    "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION": 81_234_567,
    "DCGM_FI_DEV_GPU_UTIL": 87,
    "DCGM_FI_DEV_MEM_COPY_UTIL": 41,
    "DCGM_FI_DEV_FB_USED": 18432,
    "DCGM_FI_DEV_FB_FREE": 4301,
    "DCGM_FI_DEV_XID_ERRORS": 0,
    "DCGM_FI_DEV_ECC_SBE_VOL_TOTAL": 0,
    "DCGM_FI_DEV_ECC_DBE_VOL_TOTAL": 0,
    "DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS": 0,
    "DCGM_FI_DEV_ROW_REMAP_FAILURE": 0,
    "DCGM_FI_DEV_CLOCKS_EVENT_REASONS": 0,
    "DCGM_FI_DEV_POWER_VIOLATION": 0,
    "DCGM_FI_DEV_THERMAL_VIOLATION": 0,
    "DCGM_FI_PROF_GR_ENGINE_ACTIVE": 0.86,
    "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE": 0.125,
    "DCGM_FI_PROF_DRAM_ACTIVE": 0.375,
}
# What DCGM has not of a MIG instance; temperature, power and the like are the whole GPU's, once for each instance
NOT_OF_INSTANCES = ("DCGM_FI_DEV_GPU_UTIL", "DCGM_FI_DEV_MEM_COPY_UTIL")


@dataclass(frozen=True)
class Workload:
    """A pod's container that has a GPU, or a part of one."""

    pod: str = "rapids-exec-1"
    namespace: str = "analytics"
    container: str = "spark-kubernetes-executor"


@dataclass(frozen=True)
class MigInstance:
    """A slice of a GPU, `id` and `profile` as NVML names them."""

    id: int
    profile: str = "1g.10gb"
    workload: Workload | None = None
    values: Mapping[str, float] = field(default_factory=dict)  # by 4.8's name; others as in `BUSY`


@dataclass(frozen=True)
class Gpu:
    """One GPU and what is measured of it."""

    index: int = 0
    node: str = "ip-10-0-1-10.us-west-2.compute.internal"
    workloads: Sequence[Workload] = ()  # several share it in time slices
    values: Mapping[str, float] = field(default_factory=dict)  # by 4.8's name and in its units; others as in `BUSY`
    without: Sequence[str] = ()  # fields that it has not: the exporter leaves out what is blank
    xids: Mapping[int, int] = field(default_factory=dict)  # how often each XID has come since the exporter started
    instances: Sequence[MigInstance] = ()  # where there are some, the GPU as a whole has no lines
    model: str = "NVIDIA A10G"
    driver: str = "580.95.05"

    @property
    def uuid(self) -> str:
        """Its UUID, the same for the same node and index."""
        number = sum(ord(letter) * (place + 1) for place, letter in enumerate(self.node))
        return f"GPU-{number:08x}-0000-4000-8000-{self.index:012x}"


def text(gpus: Iterable[Gpu], *, form: Form = "4.8", hostname_label: str = "", virtual_gpus: bool = False) -> str:
    """Return what `/metrics` answers; nothing but a newline where there is no GPU.

    `hostname_label` is `Hostname` or `hostname`, by default as the form has it. With `virtual_gpus`, as with
    KUBERNETES_VIRTUAL_GPUS=true, a GPU in time slices has a line for each of its pods; else the last pod has it.
    """
    label = hostname_label or {"4.8": "Hostname", "4.9": "hostname"}[form]
    families: dict[str, list[str]] = {}
    for gpu in gpus:
        for name, labels, value in _samples(gpu, label, virtual_gpus=virtual_gpus):
            shown, factor = RENAMED.get(name, (name, 1)) if form == "4.9" else (name, 1)
            families.setdefault(shown, []).append(f"{shown}{{{_rendered(labels)}}} {_number(value, factor)}")
    blocks = [f"# HELP {name} {name}.\n# TYPE {name} {_kind(name)}\n" + "\n".join(families[name]) for name in families]
    return "\n".join(blocks) + "\n"


def fleet(count: int, *, per_node: int = 8, workload: Workload | None = None) -> list[Gpu]:
    """Return that many busy GPUs on as few nodes as hold them; with a workload, a pod of its own has each."""
    found = []
    for number in range(count):
        node, index = divmod(number, per_node)
        pods = [Workload(f"{workload.pod}-{number}", workload.namespace, workload.container)] if workload else []
        found.append(Gpu(index, f"ip-10-0-{node // 250}-{node % 250}.us-west-2.compute.internal", pods))
    return found


Line = tuple[str, dict[str, str], float]


def _samples(gpu: Gpu, hostname_label: str, *, virtual_gpus: bool) -> Iterator[Line]:
    measured = {name: value for name, value in {**BUSY, **gpu.values}.items() if name not in gpu.without}
    for each in gpu.instances:
        named = {"GPU_I_PROFILE": each.profile, "GPU_I_ID": str(each.id)}
        kept = {name: value for name, value in measured.items() if name not in NOT_OF_INSTANCES}
        yield from _lines(kept | dict(each.values), gpu.xids, _labels(gpu, hostname_label, named), each.workload)
    if gpu.instances:
        return
    shown: Sequence[Workload | None] = (gpu.workloads if virtual_gpus else gpu.workloads[-1:]) or (None,)
    for place, workload in enumerate(shown):
        sliced = {"vgpu": str(place)} if virtual_gpus and workload else {}
        yield from _lines(measured, gpu.xids, _labels(gpu, hostname_label), workload, sliced)


def _lines(
    measured: Mapping[str, float],
    xids: Mapping[int, int],
    labels: Mapping[str, str],
    workload: Workload | None,
    sliced: Mapping[str, str] | None = None,
) -> Iterator[Line]:
    """Return the lines of one GPU or slice; what comes after its labels is in the order of the names."""
    pod = {"container": workload.container, "namespace": workload.namespace, "pod": workload.pod} if workload else {}
    about = pod | dict(sliced or {})
    for name, value in measured.items():
        error = {"err_code": f"{value:.0f}", "err_msg": f"XID {value:.0f}"} if name == LAST_XID and value else {}
        yield name, {**labels, **dict(sorted((about | error).items()))}, value
    for xid, count in xids.items():
        yield "DCGM_EXP_XID_ERRORS_TOTAL", {**labels, "xid": str(xid), **about}, count


def _labels(gpu: Gpu, hostname_label: str, mig: Mapping[str, str] | None = None) -> dict[str, str]:
    return {
        "gpu": str(gpu.index),
        "UUID": gpu.uuid,
        "pci_bus_id": f"00000000:00:{0x1B + gpu.index:02X}.0",
        "device": f"nvidia{gpu.index}",
        "modelName": gpu.model,
        **(mig or {}),
        hostname_label: gpu.node,
        "DCGM_FI_DRIVER_VERSION": gpu.driver,
    }


def _rendered(labels: Mapping[str, str]) -> str:
    return ",".join(f'{name}="{value}"' for name, value in labels.items())


def _number(value: float, factor: float) -> str:
    """Return the number as Go writes it; a blank has no unit."""
    changed = value if value in (BLANK_INT32, BLANK, NOT_SUPPORTED) else value * factor
    return f"{changed:f}" if isinstance(changed, float) else str(changed)


def _kind(name: str) -> str:
    return "counter" if name.endswith(COUNTERS) else "gauge"
