"""The rows of the dashboards."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from rapids_eks.gpu_dashboard import breakdown, fleet
from rapids_eks.gpu_dashboard.breakdown import LATELY
from rapids_eks.gpu_dashboard.metrics import METRICS, Source
from rapids_eks.gpu_dashboard.queries import SHOWN
from rapids_eks.gpu_dashboard.widgets import Widget

Row = Sequence[Widget]
ABOUT = f"""# GPUs of {{name}}
* **No GPU, no line**: while no node with GPUs runs, only the exporter's own numbers have data.
* **Utilization** is the share of time in which a kernel ran, **memory utilization** that in which memory was read or
written: its *bandwidth*. How full memory is, *memory used* says; RAPIDS fills it at the start, and keeps it.
* **Allocated but idle**: a pod has the GPU, and it computed less than 5 % of the minute. It costs as much as ever.
* **Held back**: clocks are lowered by power, heat or hardware. That of an idle GPU does not count.
* Graphs of nodes and GPUs show {SHOWN}: those with most of it in the range in view, all their minutes together, so
that what ran for minutes and is gone does not crowd out what is there; or the extremes of the last {LATELY} minutes."""

OF_PARTS = """
* **The GPUs are cut up by MIG**: utilization is the share of time in which a part's own engine worked. Memory
utilization is not measured of parts."""


@dataclass(frozen=True)
class Limits:
    """Where alarms ring: degrees Celsius, and seconds of the exporter's lag."""

    hot: float
    lag: float


def of_cluster(
    source: Source, name: str, limits: Limits, alarms: Sequence[str], metrics: Collection[str] = METRICS
) -> Iterator[Row]:
    """Yield what there is to see of an EKS cluster, for the levels that the source has, and of the `metrics` only."""
    missing = frozenset[str](METRICS) - frozenset(metrics)
    for row in _whole(source, name, limits, alarms):
        left = [widget.without(missing) for widget in row]
        yield [widget for widget in left if widget.is_full]


def _whole(source: Source, name: str, limits: Limits, alarms: Sequence[str]) -> Iterator[Row]:
    yield [Widget("about", 24, 6, text=ABOUT.format(name=name) + (OF_PARTS if source.mig else ""))]
    yield from _alarms(alarms)
    yield fleet.overview(source)
    yield from fleet.four_graphs(source, limits.hot)
    yield from _detail(source)
    yield fleet.exporter(source, limits.lag)


def of_parallel_cluster(source: Source, name: str, lag: float, alarms: Sequence[str]) -> Iterator[Row]:
    """Yield what there is to see of a cluster of AWS ParallelCluster, with the alarm of so many seconds of lag."""
    about = f"""# GPUs of {name}
Each graph shows the {SHOWN} GPUs with most of it in the range in view, all their minutes together: what ran for minutes
and is gone does not crowd out what is there. Temperatures are ranked by their highest, of GPUs that are gone, too.
MB are 1,000,000 bytes."""
    yield [Widget("about", 24, 3, text=about)]
    yield from _alarms(alarms)
    yield from breakdown.parallel_cluster(source)
    yield fleet.exporter(source, lag)


def _alarms(alarms: Sequence[str]) -> Iterator[Row]:
    if alarms:
        yield [Widget("alarms", 24, 2, "Alarms", alarms=alarms)]


def _detail(source: Source) -> Iterator[Row]:
    has = source.dimensions.keys()
    if "team" in has:
        yield breakdown.teams(source)
    yield [fleet.allocation(source), *([breakdown.idle_gpus(source)] if "gpu" in has else [])]
    yield [fleet.errors(source), *([breakdown.throttled_gpus(source)] if "gpu" in has else [])]
    if "node" in has:
        yield from breakdown.nodes(source)
    if "gpu" in has:
        yield from breakdown.gpus(source)
