"""What a dashboard shows of single nodes, GPUs and teams: the extremes, so that 8 GPUs and 1,000 read alike."""

from collections.abc import Iterator, Sequence

from rapids_eks.gpu_dashboard.metrics import TEAM, Level, Source
from rapids_eks.gpu_dashboard.queries import SHOWN, Function, ranked, search
from rapids_eks.gpu_dashboard.widgets import Metric, Widget

Row = Sequence[Widget]
LATELY = 15  # minutes; among the lowest and hottest, only time tells what is gone from what is there
TEAM_NAME = f"${{PROP('Dim.{TEAM}')}}"  # a label of which CloudWatch makes the team's name


def nodes(source: Source) -> Iterator[Row]:
    """Yield the nodes that do most, that are hottest, and that make errors."""
    errors = ranked(source, "node", "GPUXidErrors", "SUM")
    yield [
        _most(source, "node", "node_busy", "Nodes: utilization, highest", "GPUUtilization", "%"),
        _lately(source, "node", "node_hot", "Nodes: temperature, highest", "MAX", "GPUTemperature", "°C"),
        Widget("node_errors", 8, 6, "Nodes: new XID errors, most", metrics=[Metric(errors)], unit="a minute"),
    ]


def gpus(source: Source) -> Iterator[Row]:
    """Yield the single GPUs at the ends of each scale."""
    yield [
        _most(source, "gpu", "gpu_busy", "GPUs: utilization, highest", "GPUUtilization", "%"),
        _lately(source, "gpu", "gpu_lazy", "GPUs: utilization, lowest", "AVG", "GPUUtilization", "%", lowest=True),
        _lately(source, "gpu", "gpu_hot", "GPUs: temperature, highest", "MAX", "GPUTemperature", "°C"),
    ]
    yield [
        _most(source, "gpu", "gpu_power", "GPUs: power, highest", "GPUPowerUsage", "W"),
        _most(source, "gpu", "gpu_full", "GPUs: memory used, highest share", "GPUMemoryUsedPercent", "%"),
        _most(source, "gpu", "gpu_bandwidth", "GPUs: memory bandwidth, highest", "GPUMemoryUtilization", "%"),
    ]


def _most(source: Source, level: Level, key: str, title: str, metric: str, unit: str) -> Widget:
    """Return those that had most of something, over as long as they were there."""
    query = ranked(source, level, metric, "AVG", by_sum=True)
    return Widget(key, 8, 6, title, metrics=[Metric(query)], unit=unit)


def _lately(
    source: Source,
    level: Level,
    key: str,
    title: str,
    function: Function,
    metric: str,
    unit: str,
    *,
    lowest: bool = False,
) -> Widget:
    """Return the extremes of those that were just there."""
    lines = [Metric(ranked(source, level, metric, function, lowest=lowest))]
    return Widget(key, 8, 6, f"{title}, last {LATELY} minutes", metrics=lines, unit=unit, last_minutes=LATELY)


def idle_gpus(source: Source) -> Widget:
    """Return the GPUs that pods have had longest and let idle."""
    query = ranked(source, "gpu", "GPUAllocatedIdle", "AVG", by_sum=True)
    return Widget("gpu_idle", 12, 6, f"The {SHOWN} GPUs most allocated but idle", metrics=[Metric(query)], highest=1)


def throttled_gpus(source: Source) -> Widget:
    """Return the GPUs that are held back most."""
    query = ranked(source, "gpu", "GPUThrottled", "AVG", by_sum=True)
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

    def query(metric: str, function: Function) -> str:
        return ranked(source, "gpu", metric, function, by_sum=function == "AVG")

    made = [
        Widget(key, 12, 6, title, metrics=[Metric(query(metric, function))], unit=unit)
        for key, title, function, metric, unit in wanted
    ]
    for at in range(0, len(made), 2):
        yield made[at : at + 2]
