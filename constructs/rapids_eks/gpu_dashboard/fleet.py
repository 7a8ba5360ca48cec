"""What a dashboard shows of the GPUs of a whole cluster."""

from collections.abc import Iterator, Sequence

from rapids_eks.gpu_dashboard.metrics import Source
from rapids_eks.gpu_dashboard.widgets import Metric, Widget

Row = Sequence[Widget]
GIB = 1024**3


def overview(source: Source) -> Row:
    """Return the present state in numbers."""
    count = Metric(source.of("GPUCount"), "GPUs", name="count")
    numbers = [
        count,
        *_times_count(source, "GPUAllocated", "allocated"),
        *_times_count(source, "GPUAllocatedIdle", "allocated but idle"),
        Metric(source.of("GPUUtilization"), "utilization, average %"),
        Metric(source.of("GPUTemperature"), "hottest °C", "Maximum"),
        *_times_count(source, "GPUPowerUsage", "power, W"),
        Metric(source.of("LagSeconds"), "exporter's lag, s", "Maximum"),
    ]
    return [Widget("overview", 24, 3, "The fleet now", metrics=numbers, view="singleValue")]


def four_graphs(source: Source, hot: float) -> Iterator[Row]:
    """Yield the four graphs of the cluster: utilization, highest temperature, power, memory used and free."""
    utilization = [
        Metric(source.of("GPUUtilization"), "average"),
        Metric(source.of("GPUUtilization"), "highest", "Maximum"),
        Metric(source.of("GPUUtilization"), "lowest", "Minimum"),
    ]
    temperature = [
        Metric(source.of("GPUTemperature"), "highest", "Maximum"),
        Metric(source.of("GPUTemperature"), "99 % are below", "p99"),
    ]
    power = [
        Metric(source.of("GPUPowerUsage"), "average of a GPU"),
        Metric(source.of("GPUPowerUsage"), "highest of a GPU", "Maximum"),
        Metric(source.of("GPUCount"), name="count", hidden=True),
        Metric(source.of("GPUPowerUsage"), name="power", hidden=True),
        Metric("{power} * {count}", "all GPUs (right)", right=True),
    ]
    yield [
        Widget("utilization", 12, 6, "GPU utilization", metrics=utilization, unit="%", highest=100),
        Widget(
            "temperature",
            12,
            6,
            "GPU temperature (maximum)",
            metrics=temperature,
            unit="°C",
            limits={"alarm": hot},
        ),
    ]
    yield [
        Widget("power", 12, 6, "GPU power", metrics=power, unit="W", right_unit="W"),
        Widget("memory", 12, 6, "GPU memory used and free", metrics=_memory(source), unit="GiB", stacked=True),
    ]


def allocation(source: Source) -> Widget:
    """Return how many GPUs there are, how many pods have, and how many of those do nothing."""
    lines = [
        Metric(source.of("GPUCount"), "there are", name="count"),
        *_times_count(source, "GPUAllocated", "a pod has"),
        *_times_count(source, "GPUAllocatedIdle", "a pod has and lets idle"),
    ]
    return Widget("allocation", 12, 6, "GPUs allocated, and allocated but idle", metrics=lines, unit="GPUs")


def errors(source: Source) -> Widget:
    """Return new errors, and the share of GPUs that are held back."""
    lines = [
        Metric(source.of("GPUXidErrors"), "XID errors", "Sum"),
        Metric(source.of("GPUEccErrors"), "double-bit ECC errors", "Sum"),
        Metric(source.of("GPUThrottled"), name="throttled", hidden=True),
        Metric("{throttled} * 100", "GPUs held back by power, heat or hardware (right)", right=True),
    ]
    return Widget("errors", 12, 6, "Errors and throttling", metrics=lines, unit="new errors", right_unit="% of GPUs")


def exporter(source: Source, lag: float) -> Row:
    """Return the health of what publishes all this."""
    delay = [Metric(source.of("LagSeconds"), "lag", "Maximum")]
    sent = [Metric(source.of("DatumsSent"), "sent", "Sum"), Metric(source.of("Retries"), "retries", "Sum", right=True)]
    sent += [Metric(source.of("ThrottledRequests"), "throttled requests", "Sum", right=True)]
    lost = {
        "DatumsQuarantined": "refused by CloudWatch, and set aside",
        "UnresolvedInstanceIds": "nodes without a known instance id",
        "ScrapeGapMinutes": "minutes that Prometheus has no data of",
    }
    return [
        Widget("lag", 8, 6, "Exporter: lag", metrics=delay, unit="s", limits={"alarm": lag}),
        Widget("sent", 8, 6, "Exporter: datums sent", metrics=sent, unit="datums", right_unit="requests"),
        Widget(
            "lost",
            8,
            6,
            "Exporter: what did not arrive",
            metrics=[Metric(source.of(name), label, "Sum") for name, label in lost.items()],
            unit="a minute",
        ),
    ]


def _memory(source: Source) -> list[Metric]:
    hidden = [
        Metric(source.of("GPUMemoryUsed"), name="used", hidden=True),
        Metric(source.of("GPUMemoryFree"), name="free", hidden=True),
    ]
    return [
        *hidden,
        Metric(f"{{used}} / {GIB}", "used, average of a GPU"),
        Metric(f"{{free}} / {GIB}", "free, average of a GPU"),
    ]


def _times_count(source: Source, metric: str, label: str) -> list[Metric]:
    """Return a sum over all GPUs, whatever the period: the average of one, times their number, which is `count`.

    The metric's own sum would grow with the period that a console picks for a longer range.
    """
    name = metric.lower()
    return [Metric(source.of(metric), name=name, hidden=True), Metric(f"{{{name}}} * {{count}}", label)]
