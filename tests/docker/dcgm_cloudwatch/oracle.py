"""What CloudWatch ought to have of a fleet, worked out from the GPUs and from none of the exporter's code."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from dcgm_text import BUSY, Gpu

from tests.docker.dcgm_cloudwatch.fleet import moments

MIB = 1024 * 1024
TEBIBYTES = 16 * 1024**4
BLANKS = {float(first + kind) for first in (2147483632, 9223372036854775792, 140737488355328) for kind in range(16)}
HELD_BACK = 4 + 8 + 32 + 64 + 128  # power cap, hardware's slowdown, heat by software and hardware, power brake
ENGINE = "engine"  # which is no metric, but tells what is idle
Rows = dict[tuple[str, str], dict[int, tuple[float, float]]]
Fleet = Callable[[float], Iterable[Gpu]]


class Part(NamedTuple):
    """A GPU, or with `mig` a slice of one."""

    node: str
    gpu: int
    mig: str


class Seen(NamedTuple):
    """One observation of a metric, and the teams that then had the part."""

    name: str
    part: Part
    value: float
    teams: frozenset[str]


def stored(start: int, end: int, fleet: Fleet, ids: Mapping[str, str]) -> Rows:
    """Return sum and number of observations by metric, dimensions and minute, of all four levels."""
    rows: Rows = {}
    for minute in range(start, end, 60):
        for seen in _minute(minute, fleet):
            for where in _places(seen, ids):
                of = rows.setdefault((seen.name, where), {})
                total, number = of.get(minute, (0.0, 0.0))
                of[minute] = (total + seen.value, number + 1)
    _count_whole(rows)
    return rows


def _count_whole(rows: Rows) -> None:
    """GPUCount is one number a minute: how many there are."""
    for name, where in [of for of in rows if of[0] == "GPUCount"]:
        if ",GPU=" in where:
            del rows[name, where]
        else:
            rows[name, where] = {minute: (total, 1.0) for minute, (total, _) in rows[name, where].items()}


def _minute(minute: int, fleet: Fleet) -> Iterator[Seen]:
    observed = [seen for moment in moments(minute, minute + 60) for gpu in fleet(moment) for seen in _observed(gpu)]
    yield from (each for each in observed if each.name != ENGINE)
    parts = {each.part for each in observed if each.name == "GPUMemoryUsed"}
    for part in parts:
        of = [each for each in observed if each.part == part]
        teams = frozenset(team for each in of for team in each.teams)
        yield Seen("GPUAllocated", part, float(bool(teams)), teams)
        by_name = {name: [each.value for each in of if each.name == name] for name in ("GPUUtilization", ENGINE)}
        if busy := by_name["GPUUtilization"] or by_name[ENGINE]:
            idle = bool(teams) and sum(busy) / len(busy) < 5
            yield Seen("GPUAllocatedIdle", part, float(idle), teams)
    for whole in {each.part._replace(mig="") for each in observed}:
        teams = frozenset(team for each in observed if each.part._replace(mig="") == whole for team in each.teams)
        yield Seen("GPUCount", whole, 1.0, teams)
        for name in ("GPUXidErrors", "GPUEccErrors"):
            yield Seen(name, whole, 0.0, teams)


def _observed(gpu: Gpu) -> Iterator[Seen]:
    whole = Part(gpu.node, gpu.index, "")
    measured = {name: value for name, value in {**BUSY, **gpu.values}.items() if name not in gpu.without}
    teams = frozenset(each.namespace for each in gpu.workloads)
    if gpu.instances:
        teams = frozenset(each.workload.namespace for each in gpu.instances if each.workload)
        for each in gpu.instances:
            own = frozenset({each.workload.namespace} if each.workload else ())
            yield from _of_part(whole._replace(mig=str(each.id)), {**measured, **each.values}, own, sliced=True)
    else:
        yield from _of_part(whole, measured, teams, sliced=False)
        yield from _one("GPUMemoryUtilization", whole, measured.get("DCGM_FI_DEV_MEM_COPY_UTIL"), 0, 100, teams)
    yield from _one("GPUTemperature", whole, measured.get("DCGM_FI_DEV_GPU_TEMP"), -100, 200, teams)
    yield from _one("GPUPowerUsage", whole, measured.get("DCGM_FI_DEV_POWER_USAGE"), 0, 100_000, teams)
    for seen in _one("GPUThrottled", whole, measured.get("DCGM_FI_DEV_CLOCKS_EVENT_REASONS"), 0, 2**32 - 1, teams):
        yield seen._replace(value=float(int(seen.value) & HELD_BACK > 0))


def _of_part(part: Part, measured: Mapping[str, float], teams: frozenset[str], *, sliced: bool) -> Iterator[Seen]:
    engine = measured.get("DCGM_FI_PROF_GR_ENGINE_ACTIVE")
    percent = None if engine is None else 100 * engine
    yield from _one(ENGINE, part, percent, 0, 100, teams)
    yield from _one("GPUUtilization", part, percent if sliced else measured.get("DCGM_FI_DEV_GPU_UTIL"), 0, 100, teams)
    used, free = (
        list(_one(name, part, measured.get(field), 0, TEBIBYTES / MIB, teams))
        for name, field in (("GPUMemoryUsed", "DCGM_FI_DEV_FB_USED"), ("GPUMemoryFree", "DCGM_FI_DEV_FB_FREE"))
    )
    for each in (*used, *free):
        yield each._replace(value=each.value * MIB)
    if used and free and used[0].value + free[0].value > 0:
        share = 100 * used[0].value / (used[0].value + free[0].value)
        yield Seen("GPUMemoryUsedPercent", part, share, teams)


def _one(
    name: str, part: Part, value: float | None, lowest: float, highest: float, teams: frozenset[str]
) -> Iterator[Seen]:
    """Yield the observation, where there is one."""
    if value is not None and math.isfinite(value) and value not in BLANKS and lowest <= value <= highest:
        yield Seen(name, part, float(value), teams)


def _places(seen: Seen, ids: Mapping[str, str]) -> Iterator[str]:
    instance = ids.get(seen.part.node, seen.part.node)
    mig = f",MIG={seen.part.mig}" if seen.part.mig else ""
    yield f"ClusterName=c,GPU={seen.part.gpu},InstanceId={instance}{mig}"
    yield f"ClusterName=c,InstanceId={instance}"
    yield "ClusterName=c"
    for team in seen.teams:
        yield f"ClusterName=c,Team={team}"
