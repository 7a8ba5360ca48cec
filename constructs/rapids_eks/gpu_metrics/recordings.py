"""Recording rules: GPUs under one name and unit each, whatever exporter, MIG and time slicing make of them."""

from dataclasses import dataclass

from rapids_eks.gpu_metrics.expressions import GPU, SLICE, bits, each, measured

# https://github.com/NVIDIA/DCGM/blob/v4.6.0/dcgmlib/dcgm_fields.h, DCGM_CLOCKS_EVENT_REASON_*
POWER_CAP, HW_SLOWDOWN, SW_THERMAL, HW_THERMAL, POWER_BRAKE = 0x4, 0x8, 0x20, 0x40, 0x80
SLOWED_DOWN = (HW_SLOWDOWN, SW_THERMAL, HW_THERMAL, POWER_BRAKE)
HELD_BACK = (POWER_CAP, *SLOWED_DOWN)  # whatever lowers clocks; to be idle does, too, but holds nothing back
REASONS = measured("DCGM_FI_DEV_CLOCKS_EVENT_REASONS")
SAME_SLICE = "on (cluster, node, gpu, UUID, GPU_I_ID)"


@dataclass(frozen=True)
class Recording:
    """A series that the workspace computes."""

    name: str
    expression: str


def _utilization() -> str:
    """Return percents of time; an instance of MIG has no utilization but its engine's."""
    whole = measured("DCGM_FI_DEV_GPU_UTIL")
    instance = measured("DCGM_FI_PROF_GR_ENGINE_ACTIVE", 'GPU_I_ID!=""')
    return each(SLICE, f"{whole} or 100 * {instance}")


def _allocation() -> str:
    """Return 1 for each pod that has a slice, with the pod's namespace as `team`."""
    held = each((*SLICE, "exported_namespace", "exported_pod"), measured("DCGM_FI_DEV_FB_USED", 'exported_pod!=""'))
    named = f'label_replace({held}, "team", "$1", "exported_namespace", "(.*)")'
    return f'group by ({", ".join(SLICE)}, team, pod) (label_replace({named}, "pod", "$1", "exported_pod", "(.*)"))'


def _of_allocated(series: str) -> str:
    return f"{series} * {SAME_SLICE} group_right () gpu:allocation:info"


def _of_gpus() -> list[Recording]:
    return [
        Recording("gpu:utilization:percent", _utilization()),
        Recording("gpu:memory_used:bytes", each(SLICE, f"1048576 * {measured('DCGM_FI_DEV_FB_USED')}")),
        Recording("gpu:memory_free:bytes", each(SLICE, f"1048576 * {measured('DCGM_FI_DEV_FB_FREE')}")),
        Recording("gpu:temperature:celsius", each(GPU, measured("DCGM_FI_DEV_GPU_TEMP"))),
        Recording("gpu:memory_temperature:celsius", each(GPU, measured("DCGM_FI_DEV_MEMORY_TEMP"))),
        Recording("gpu:power:watts", each(GPU, measured("DCGM_FI_DEV_POWER_USAGE"))),
        Recording("gpu:power_capped:bool", each(GPU, f"({bits(REASONS, POWER_CAP)}) > bool 0")),
        Recording(
            "gpu:slowed_down:bool",
            each(GPU, f"({bits(REASONS, *SLOWED_DOWN)}) > bool 0"),
        ),
        Recording("gpu:xid_errors:total", each((*GPU, "xid"), 'DCGM_EXP_XID_ERRORS_TOTAL{xid!=""}')),
        Recording("gpu:ecc_double_bit_errors:total", each(GPU, measured("DCGM_FI_DEV_ECC_DBE_VOL_TOTAL"))),
        Recording("gpu:remapped_rows:total", each(GPU, measured("DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS"))),
        Recording("gpu:row_remap_failed:bool", each(GPU, measured("DCGM_FI_DEV_ROW_REMAP_FAILURE"))),
        Recording("gpu:allocation:info", _allocation()),
        Recording(
            "gpu:allocated:bool",
            f"group by ({', '.join(SLICE)}) (gpu:allocation:info) or 0 * gpu:memory_used:bytes",
        ),
        Recording("gpu:allocated_utilization:percent", _of_allocated("gpu:utilization:percent")),
    ]


def _of_teams() -> list[Recording]:
    slices = f"group by ({', '.join(SLICE)}, team) (gpu:allocation:info)"
    return [
        Recording("team:gpus_allocated:count", f"count by (cluster, team) ({slices})"),
        Recording(
            "team:utilization:percent",
            f"avg by (cluster, team) (max by ({', '.join(SLICE)}, team) (gpu:allocated_utilization:percent))",
        ),
    ]


def _of_the_cluster() -> list[Recording]:
    return [
        Recording("cluster:gpus:count", "count by (cluster) (gpu:power:watts)"),
        Recording("cluster:utilization:percent", "avg by (cluster) (gpu:utilization:percent)"),
        Recording("cluster:power:watts", "sum by (cluster) (gpu:power:watts)"),
        Recording("cluster:slices_unallocated:count", "sum by (cluster) (1 - gpu:allocated:bool)"),
    ]


def recordings() -> list[Recording]:
    """Return the rules in an order in which each finds what it is made of."""
    return [*_of_gpus(), *_of_teams(), *_of_the_cluster()]
