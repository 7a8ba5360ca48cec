"""Hours of a GPU fleet as Prometheus would hold them, and what CloudWatch ought to have of them, worked out apart."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from dcgm_text import BUSY, Form, Gpu, text

from tests.docker.dcgm_cloudwatch.clock import Clock
from tests.docker.dcgm_cloudwatch.cloudwatch_port import CloudWatchPort
from tests.docker.dcgm_cloudwatch.prometheus_port import Labels, PrometheusPort

EVERY = 30  # seconds between two scrapes
OFFSET = 3.5  # of scrapes within a minute
LINE = re.compile(r"(\w+)\{(.*)\} (\S+)")
LABEL = re.compile(r'(\w+)="([^"]*)"')
WORKLOAD = ("container", "namespace", "pod")  # which the target has labels of, too
Series = tuple[Labels, Sequence[tuple[float, str]]]


def moments(start: int, end: int) -> list[float]:
    """Return when a fleet is scraped."""
    return [second + OFFSET for second in range(start, end, EVERY)]


def history(
    start: int, end: int, gpus: Callable[[float], Iterable[Gpu]], form: Form = "4.8", *, virtual_gpus: bool = False
) -> list[Series]:
    """Return the series of a fleet, scraped by the operator's ServiceMonitor."""
    found: dict[tuple[tuple[str, str], ...], list[tuple[float, str]]] = {}
    for moment in moments(start, end):
        for line in text(gpus(moment), form=form, virtual_gpus=virtual_gpus).splitlines():
            if match := LINE.fullmatch(line):
                own = {
                    f"exported_{name}" if name in WORKLOAD else name: value for name, value in LABEL.findall(match[2])
                }
                labels = {
                    "__name__": match[1],
                    "namespace": "gpu-operator",
                    "pod": "nvidia-dcgm-exporter-x",
                    "job": "nvidia-dcgm-exporter",
                    **own,
                }
                found.setdefault(tuple(sorted(labels.items())), []).append((moment, match[3]))
    return [(dict(labels), samples) for labels, samples in found.items()]


def node_info(start: int, end: int, ids: Mapping[str, str]) -> list[Series]:
    """Return kube-state-metrics' series of nodes."""
    return [
        (
            {"__name__": "kube_node_info", "node": node, "provider_id": f"aws:///us-west-2a/{instance}"},
            [(moment, "1") for moment in moments(start, end)],
        )
        for node, instance in ids.items()
    ]


def up(start: int, end: int) -> list[Series]:
    """Return the series that Prometheus itself adds to each target."""
    return [({"__name__": "up", "job": "kubernetes"}, [(moment, "1") for moment in moments(start, end)])]


def expected(start: int, end: int, values: Callable[[float], Sequence[float]]) -> dict[int, tuple[float, float]]:
    """Return sum and count by minute of what is observed at each scrape."""
    found: dict[int, tuple[float, float]] = {}
    for moment in moments(start, end):
        minute = int(moment // 60 * 60)
        total, count = found.get(minute, (0.0, 0.0))
        found[minute] = (total + sum(values(moment)), count + len(values(moment)))
    return found


def drawn(moment: float, number: int) -> dict[str, float]:
    """Return what a GPU measures at a moment: whole numbers, so that sums are exact in any order."""
    step = int(moment) // EVERY
    return {
        **BUSY,
        "DCGM_FI_DEV_GPU_UTIL": 10 + (step * 7 + number * 3) % 80,
        "DCGM_FI_DEV_GPU_TEMP": 40 + (step + number) % 30,
        "DCGM_FI_DEV_POWER_USAGE": 100 + (step * 5 + number) % 200,
    }


def fleet_at(count: int) -> Callable[[float], list[Gpu]]:
    """Return a fleet of one GPU a node, whose values change from scrape to scrape."""
    return lambda moment: [Gpu(0, f"node-{number}", values=drawn(moment, number)) for number in range(count)]


def ids(count: int) -> dict[str, str]:
    """Return the instances of such a fleet."""
    return {f"node-{number}": f"i-{number:017x}" for number in range(count)}


def held(prometheus: PrometheusPort, clock: Clock, minutes: int, gpus: int = 1) -> range:
    """Let Prometheus hold some minutes of a fleet; return when each begins."""
    end = clock.start + 60 * minutes
    prometheus.series = [
        *history(clock.start, end, fleet_at(gpus)),
        *node_info(clock.start - 300, end + 300, ids(gpus)),
    ]
    return range(clock.start, end, 60)


def utilization(minutes: range, number: int = 0) -> dict[int, tuple[float, float]]:
    """Return what CloudWatch ought to have of one of these GPUs' utilization."""
    return expected(minutes.start, minutes.stop, lambda moment: [drawn(moment, number)["DCGM_FI_DEV_GPU_UTIL"]])


def delivered(cloudwatch: CloudWatchPort, number: int = 0) -> dict[int, tuple[float, float]]:
    """Return what CloudWatch has of it, by node."""
    where = f"ClusterName=c,InstanceId=i-{number:017x}"
    found: dict[int, tuple[float, float]] = cloudwatch.data().get(("GPUUtilization", where), {})
    return found
