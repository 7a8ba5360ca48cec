"""What a dashboard shows of single nodes, GPUs and teams: the extremes, so that 8 GPUs and 1,000 read alike."""

from collections.abc import Iterator, Sequence

from rapids_eks.gpu_dashboard.metrics import TEAM, Source
from rapids_eks.gpu_dashboard.queries import SHOWN, Function, ranked, search
from rapids_eks.gpu_dashboard.widgets import Metric, Widget

Row = Sequence[Widget]
TEAM_NAME = f"${{PROP('Dim.{TEAM}')}}"  # a label of which CloudWatch makes the team's name


def nodes(source: Source) -> Iterator[Row]:
    """Yield the nodes that do most, that are hottest, and that make errors."""
    wanted: list[tuple[str, str, Function, str, str]] = [
        ("node_busy", "Nodes: utilization, highest", "AVG", "GPUUtilization", "%"),
        ("node_hot", "Nodes: temperature, highest", "MAX", "GPUTemperature", "°C"),
        ("node_errors", "Nodes: new XID errors, most", "SUM", "GPUXidErrors", "a minute"),
    ]
    yield [
        Widget(key, 8, 6, title, metrics=[Metric(ranked(source, "node", metric, function))], unit=unit)
        for key, title, function, metric, unit in wanted
    ]


def gpus(source: Source) -> Iterator[Row]:
    """Yield the single GPUs at the ends of each scale."""
    wanted: list[tuple[str, str, Function, str, str, bool]] = [
        ("gpu_busy", "GPUs: utilization, highest", "AVG", "GPUUtilization", "%", False),
        ("gpu_lazy", "GPUs: utilization, lowest", "AVG", "GPUUtilization", "%", True),
        ("gpu_hot", "GPUs: temperature, highest", "MAX", "GPUTemperature", "°C", False),
        ("gpu_power", "GPUs: power, highest", "AVG", "GPUPowerUsage", "W", False),
        ("gpu_full", "GPUs: memory used, highest share", "AVG", "GPUMemoryUsedPercent", "%", False),
        ("gpu_bandwidth", "GPUs: memory bandwidth, highest", "AVG", "GPUMemoryUtilization", "%", False),
    ]
    made = [
        Widget(key, 8, 6, title, metrics=[Metric(ranked(source, "gpu", metric, function, lowest=lowest))], unit=unit)
        for key, title, function, metric, unit, lowest in wanted
    ]
    yield made[:3]
    yield made[3:]


def idle_gpus(source: Source) -> Widget:
    """Return the GPUs that pods have had longest and let idle."""
    query = ranked(source, "gpu", "GPUAllocatedIdle", "AVG")
    return Widget("gpu_idle", 12, 6, f"The {SHOWN} GPUs most allocated but idle", metrics=[Metric(query)], highest=1)


def throttled_gpus(source: Source) -> Widget:
    """Return the GPUs that are held back most."""
    query = ranked(source, "gpu", "GPUThrottled", "AVG")
    return Widget("gpu_throttled", 12, 6, f"The {SHOWN} GPUs most held back", metrics=[Metric(query)], highest=1)


def teams(source: Source) -> Row:
    """Return what each team has, and does with it."""
    wanted = [
        ("team_gpus", "Teams: GPUs", "GPUCount", "GPUs", None),
        ("team_busy", "Teams: utilization, average", "GPUUtilization", "%", 100.0),
        ("team_idle", "Teams: share of GPUs allocated but idle", "GPUAllocatedIdle", "", 1.0),
    ]
    return [
        Widget(
            key,
            8,
            6,
            title,
            metrics=[Metric(search(source, "team", metric, "Average"), TEAM_NAME)],
            unit=unit,
            highest=highest,
        )
        for key, title, metric, unit, highest in wanted
    ]


def parallel_cluster(source: Source) -> Iterator[Row]:
    """Yield the four graphs of a cluster that has no roll-ups, the last in two: a graph can have one query only."""
    wanted: list[tuple[str, str, Function, str, str]] = [
        ("utilization", "GPU utilization", "AVG", "GPUUtilization", "%"),
        ("temperature", "GPU temperature (maximum)", "MAX", "GPUTemperature", "°C"),
        ("power", "GPU power", "AVG", "GPUPowerUsage", "W"),
        ("memory_used", "GPU memory used", "AVG", "GPUMemoryUsed", "MB"),
        ("memory_free", "GPU memory free", "AVG", "GPUMemoryFree", "MB"),
        ("bandwidth", "GPU memory utilization (bandwidth)", "AVG", "GPUMemoryUtilization", "%"),
    ]
    made = [
        Widget(key, 12, 6, title, metrics=[Metric(ranked(source, "gpu", metric, function))], unit=unit)
        for key, title, function, metric, unit in wanted
    ]
    for at in range(0, len(made), 2):
        yield made[at : at + 2]
