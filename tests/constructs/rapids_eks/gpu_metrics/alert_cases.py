"""For each alert, series on which it fires and series on which it must not, in promtool's notation."""

from collections.abc import Mapping
from dataclasses import dataclass

Series = dict[str, str]
NODE = "ip-10-0-1-10.us-west-2.compute.internal"
GPU = {"cluster": "c", "node": NODE, "gpu": "0", "UUID": "GPU-a", "modelName": "NVIDIA A10G"}
POD = {"exported_namespace": "analytics", "exported_pod": "exec-1", "exported_container": "spark"}
CAPACITY = {"cluster": "c", "node": NODE, "resource": "nvidia_com_gpu", "unit": "integer"}


def series(name: str, values: str, *more: Mapping[str, str], without: tuple[str, ...] = ()) -> Series:
    """Return one series of the usual GPU, scraped every minute."""
    labels = GPU | {key: value for each in more for key, value in each.items()}
    return of(name, values, {key: value for key, value in labels.items() if key not in without})


def of(name: str, values: str, labels: Mapping[str, str]) -> Series:
    """Return one series with these labels and no others."""
    rendered = ",".join(f'{key}="{value}"' for key, value in labels.items())
    return {"series": f"{name}{{{rendered}}}", "values": values}


def used(percent: str, *more: Mapping[str, str]) -> list[Series]:
    """Return the utilization of the usual GPU, and what says that there is one."""
    return [
        series("DCGM_FI_DEV_GPU_UTIL", percent, *more),
        series("DCGM_FI_DEV_FB_USED", "100x400", *more),
        series("DCGM_FI_DEV_POWER_USAGE", "70x400", *more),
    ]


@dataclass(frozen=True)
class Case:
    """What one alert is tried on, looked at `minutes` later, and the labels that it then has."""

    fires: list[Series]
    quiet: list[Series]
    minutes: int
    labels: Mapping[str, str]


WHOLE = {**GPU}
BY_NODE = {"cluster": "c", "node": NODE}
PLAIN = {"cluster": "c", "team": "analytics"}
XIDS = "DCGM_EXP_XID_ERRORS_TOTAL"
SILENCE = "NoMetricsArrive"  # fires because nothing is there; all others must not

CASES: Mapping[str, Case] = {
    "GpuAllocatedIdle": Case(
        used("4x60", POD),
        [*used("4x20 5 4x60", POD), *used("0x60", {"gpu": "1", "UUID": "GPU-b"})],  # busy for a minute; held by nobody
        45,
        WHOLE | {"team": "analytics", "pod": "exec-1"},
    ),
    "GpuUnallocated": Case(used("0x60"), used("0x60", POD), 45, BY_NODE),
    "GpuSaturated": Case(used("96x60", POD), used("95x60", POD), 45, PLAIN),
    "GpuHot": Case(
        [series("DCGM_FI_DEV_GPU_TEMP", "86x20")],
        [series("DCGM_FI_DEV_GPU_TEMP", "85x20"), series("DCGM_FI_DEV_GPU_TEMP", "90x2 80x20", {"gpu": "1"})],
        15,
        WHOLE,
    ),
    "GpuMemoryHot": Case(
        [series("DCGM_FI_DEV_MEMORY_TEMP", "96x20")],
        # DCGM's numbers for "there is none" are the hottest of all
        [
            series("DCGM_FI_DEV_MEMORY_TEMP", "95x20"),
            series("DCGM_FI_DEV_MEMORY_TEMP", "9.223372036854775794e18x20", {"gpu": "1"}),
        ],
        15,
        WHOLE,
    ),
    "GpuPowerCapped": Case(
        [series("DCGM_FI_DEV_CLOCKS_EVENT_REASONS", "4x90")],
        [series("DCGM_FI_DEV_CLOCKS_EVENT_REASONS", "4 0 " * 45 + "0")],
        80,
        WHOLE,
    ),
    "GpuSlowedDown": Case(
        [series("DCGM_FI_DEV_CLOCKS_EVENT_REASONS", "64x30")],
        [
            series("DCGM_FI_DEV_CLOCKS_EVENT_REASONS", "5x30"),  # idle, and at its power limit
            series(
                "DCGM_FI_DEV_CLOCKS_EVENT_REASONS", "0x10 8 0x30", {"gpu": "1"}
            ),  # a change of its performance state
        ],
        20,
        WHOLE,
    ),
    "GpuXidError": Case(
        # The first error makes the series: it has never been 0
        [series(XIDS, "_x20 1x30", {"xid": "31"})],
        [
            # An old error, whose series has another name since another pod has the GPU; and one of the other alert
            series(XIDS, "1x19 _x40", {"xid": "31"}, POD),
            series(XIDS, "_x19 1x40", {"xid": "31"}, POD, {"exported_pod": "exec-2"}),
            series(XIDS, "_x20 1x30", {"xid": "79"}),
        ],
        25,
        WHOLE | {"xid": "31"},
    ),
    "GpuXidHardware": Case(
        [series(XIDS, "1x20 2x30", {"xid": "79"})],
        [series(XIDS, "1x60", {"xid": "79"}), series(XIDS, "_x20 1x30", {"xid": "31"})],
        25,
        WHOLE | {"xid": "79"},
    ),
    "GpuEccDoubleBit": Case(
        [series("DCGM_FI_DEV_ECC_DBE_VOL_TOTAL", "0x20 1x20")],
        [
            series("DCGM_FI_DEV_ECC_DBE_VOL_TOTAL", "3x40"),
            series("DCGM_FI_DEV_ECC_DBE_VOL_TOTAL", "0x40", {"gpu": "1"}),
        ],
        25,
        WHOLE,
    ),
    "GpuRowsRemapped": Case(
        [series("DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS", "2x20 3x20")],
        [series("DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS", "3x40")],
        25,
        WHOLE,
    ),
    "GpuRowRemapFailed": Case(
        [series("DCGM_FI_DEV_ROW_REMAP_FAILURE", "1x20")], [series("DCGM_FI_DEV_ROW_REMAP_FAILURE", "0x20")], 15, WHOLE
    ),
    "GpuExporterDown": Case(
        [of("kube_node_status_capacity", "4x40", CAPACITY)],
        [
            of("kube_node_status_capacity", "4x40", CAPACITY),
            *used("50x40", POD),
            of("kube_node_status_capacity", "0x40", CAPACITY | {"node": "b"}),  # GPUs that are not announced yet
            of("kube_node_status_capacity", "8x40", CAPACITY | {"node": "c", "resource": "cpu"}),
        ],
        30,
        BY_NODE,
    ),
    SILENCE: Case(
        [of("kube_node_status_capacity", "4x10 _x40", CAPACITY | {"resource": "cpu"}), *used("50x40", POD)],
        # No GPU and no other node; what is away for a while comes again
        [of("kube_node_status_capacity", "4x4 _x18 4x40", CAPACITY | {"resource": "cpu"})],
        35,
        {},
    ),
}
