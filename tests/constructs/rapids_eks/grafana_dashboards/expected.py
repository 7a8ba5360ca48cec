"""What the panels show of the hours of `history`, reckoned by hand."""

from collections.abc import Mapping

from rapids_eks.grafana_dashboards.cluster import Prices
from tests.constructs.rapids_eks.grafana_dashboards.history import (
    FOUR,
    FREE_NEW,
    FREE_OLD,
    NEW,
    OLD,
    ONE,
    SLICED_NEW,
    SLICED_OLD,
)

PRICES = Prices({"m5.xlarge": 0.192, "g5.2xlarge": 1.212, "g5.12xlarge": 5.672}, "a list of 2026-07-20")
MIB = 1048576
Shown = Mapping[str, float]
DEVICES = (f"{FOUR} GPU 0", f"{FOUR} GPU 1", f"{FOUR} GPU 2", f"{FOUR} GPU 3", f"{ONE} GPU 0")
SLICES = (f"{FOUR} GPU 0/1", f"{FOUR} GPU 0/2", f"{FOUR} GPU 0/3")
EVENTS = {"New XID Errors", "New Double-Bit ECC Errors", "Spot Interruptions"}  # their bars are added up


def _each(*values: float) -> Shown:
    return dict(zip(DEVICES if len(values) == len(DEVICES) else SLICES, values, strict=True))


FLEET: Mapping[str, tuple[str, Shown]] = {
    "GPU Temperature": ("celsius", _each(60, 50, 40, 30, 35)),
    "GPU Avg. Temp": ("celsius", {"average": 43}),
    "GPU Power Usage": ("watt", _each(200, 70, 60, 30, 40)),
    "GPU Power Total": ("watt", {"total": 400}),
    "GPU SM Clocks": ("hertz", _each(1.5e9, 2.1e8, 2.1e8, 2.1e8, 2.1e8)),
    "GPU Utilization": ("percent", _each(80, 2, 0, 0, 1)),
    "GPU Framebuffer Mem Used": ("bytes", _each(10240 * MIB, 1024 * MIB, 2048 * MIB, 0, 512 * MIB)),
    "Tensor Core Utilization": ("percentunit", _each(0.25, 0, 0, 0, 0)),
    "GPU Memory Used": ("percent", _each(45.4545454, 4.5454545, 9.0909091, 0, 2.2727273)),  # of 22528 MiB
    "Clocks Held Back": ("short", _each(0, 0, 1, 1, 0)),  # the second is only idle
    "New XID Errors": ("short", {f"{FOUR} GPU 2 XID 79": 2}),
    "New Double-Bit ECC Errors": ("short", _each(0, 0, 0, 2, 0)),
    "GPUs": ("short", {"GPUs": 5}),
    "GPUs In Use": ("short", {"GPUs In Use": 4}),
    "GPUs Allocated but Idle": (
        "short",
        {"GPUs Allocated but Idle": 2},
    ),  # one has a pod for ten minutes only, one has none any more
    "Nodes": ("short", {"Nodes": 3}),
    "Cost per Hour": ("currencyUSD", {"Cost per Hour": 0.192 + 1.212 + 2.0}),
    "Idle GPUs' Cost per Hour": ("currencyUSD", {"Idle GPUs' Cost per Hour": 1.212 + 2.0 / 4}),
    "GPUs by Team": ("short", {"analytics": 2, "research": 2}),
    "Idle GPUs' Cost per Hour by Team": ("currencyUSD", {"research": 1.712}),
    "Nodes by Capacity Type": ("short", {"on-demand": 2, "spot": 1}),
    "Cost per Hour by Capacity Type": ("currencyUSD", {"on-demand": 0.192 + 1.212, "spot": 2.0}),
    "Spot Interruptions": ("short", {"spot_interrupted": 3, "rebalance_recommendation": 3}),
}
_ALL_SPARK: Mapping[str, tuple[str, float]] = {  # of both runs, each with two executors
    "Executors": ("short", 4),
    "Tasks Running": ("short", 3 + 4 + 3 + 4),
    "Task Slots": ("short", 4 * 8),
    "Tasks Completed": ("short", 2 * (7200 + 14400)),
    "Tasks Failed": ("short", 4),
}
_EXECUTORS: Mapping[str, tuple[str, float, float]] = {
    "Running Tasks": ("short", 3, 4),
    "Completed Tasks": ("ops", 2, 4),
    "Input": ("Bps", 1000, 2000),
    "Shuffle Read": ("Bps", 300, 600),
    "Shuffle Written": ("Bps", 400, 800),
    "Peak Heap": ("bytes", 2**30, 2**30),
    "Storage Memory": ("bytes", 4096, 4096),
    "Garbage Collection": ("percentunit", 0.2, 0.1),  # 0.1 s a second, of 0.5 and of 1 second
}
_STAGES = {"running": 2, "waiting": 5, "failed": 1}
_RUNS = ("run-1", "run-2")
SPARK: Mapping[str, tuple[str, Shown]] = {
    **{title: (unit, {title: value}) for title, (unit, value) in _ALL_SPARK.items()},
    **{
        title: (unit, {f"{run} executor {number}": value for run in _RUNS for number, value in enumerate(values)})
        for title, (unit, *values) in _EXECUTORS.items()
    },
    "Stages": ("short", {f"{run} {state}": count for run in _RUNS for state, count in _STAGES.items()}),
}
# Of MIG instances the exporter tells only their memory and how much they worked; their node is not Karpenter's
CUT_UP: Mapping[str, Shown] = {
    "GPU Utilization": _each(50, 1, 1),
    "GPU Framebuffer Mem Used": _each(3072 * MIB, 1024 * MIB, 1024 * MIB),
    "GPU Memory Used": _each(75, 25, 25),
    "GPUs": {"GPUs": 1},
    "GPUs In Use": {"GPUs In Use": 3},
    "GPUs Allocated but Idle": {"GPUs Allocated but Idle": 2},
    "GPUs by Team": {"analytics": 1, "research": 2},
    "Idle GPUs' Cost per Hour": {"Idle GPUs' Cost per Hour": 5.672 * 2 / 3},
    "Idle GPUs' Cost per Hour by Team": {"research": 5.672 * 2 / 3},
    "Nodes by Capacity Type": {"on-demand": 1, "spot": 1},
}

NOBODY_HAS_IT: Mapping[str, Shown] = {
    "GPUs In Use": {"GPUs In Use": 0},
    "GPUs Allocated but Idle": {"GPUs Allocated but Idle": 0},
    "Idle GPUs' Cost per Hour": {"Idle GPUs' Cost per Hour": 0},
    "GPUs by Team": {},
}


def hours(title: str) -> Mapping[float, Shown]:
    """Return what a panel shows in each of the hours that say something of it."""
    if title in SPARK:
        return {OLD: SPARK[title][1]}
    ends = (((OLD, NEW), FLEET[title][1]), ((SLICED_OLD, SLICED_NEW), CUT_UP.get(title)))
    known = (*ends, ((FREE_OLD, FREE_NEW), NOBODY_HAS_IT.get(title)))
    return {end: values for both, values in known for end in both if values is not None}


def unit(title: str) -> str:
    """Return in what a panel counts."""
    return {**FLEET, **SPARK}[title][0]
