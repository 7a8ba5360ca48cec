"""Hours of samples as they are stored: GPUs as their exporter tells, nodes, Karpenter and two Spark jobs."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import cast

from dcgm_text import BUSY, Form, Gpu, MigInstance, Workload, text

from rapids_eks.gpu_metrics.expressions import BLANK
from rapids_eks.gpu_metrics.scraping import NODE_LABEL
from rapids_eks.grafana_dashboards.dashboards import dashboards, metrics
from rapids_eks.kept_series import relabelings
from tests.constructs.rapids_eks.grafana_dashboards.grafana import HOUR, SCRAPED

DAY = 24 * HOUR
FIRST = 1_790_000_000.0 - 1_790_000_000.0 % DAY
# The ends of hours so far from each other that no question reaches from one into another
OLD, NEW, SLICED_OLD, SLICED_NEW, FREE_OLD, FREE_NEW, SHARED, NONE, ODD = (
    FIRST + 3 * DAY * number + HOUR for number in range(1, 10)
)
CORE = "ip-10-0-0-5.us-west-2.compute.internal"
FOUR = "ip-10-0-1-10.us-west-2.compute.internal"  # GPUs, Spot
ONE = "ip-10-0-1-11.us-west-2.compute.internal"  # GPU, on-demand
_KARPENTER, _MANAGED = "label_karpenter_sh_capacity_type", "label_eks_amazonaws_com_capacity_type"
TYPES = ("g5.12xlarge", "g5.2xlarge", "m5.xlarge")
Labels = Mapping[str, str]
_KARPENTERS: Labels = {FOUR: _KARPENTER, ONE: _KARPENTER}
Line = tuple[float, str, Labels, float]  # when, which metric, of what, how much
_SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
SHOWN = metrics(dashboards())  # what is in no panel would only be slow
OLDER: Form = "4.8"
NEWER: Form = "4.9"
_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Moment:
    """A time of an hour."""

    at: float
    minute: float


def openmetrics() -> str:
    """Return all hours as text that `promtool tsdb create-blocks-from openmetrics` takes."""
    stored = (line for line in _lines() if _is_written(line[1], line[2].get("instance_type", "")))
    lines = sorted(stored, key=lambda line: (line[1], sorted(line[2].items()), line[0]))
    return "".join(f"{name}{_braced(labels)} {value} {at:.0f}\n" for at, name, labels, value in lines) + "# EOF\n"


@cache
def _is_written(name: str, instance_type: str) -> bool:
    """Tell whether a series goes on to where Grafana asks, by what Prometheus is told to keep."""
    labels = {"__name__": name, "instance_type": instance_type}
    for rule in relabelings(TYPES):
        text = ";".join(labels.get(label, "") for label in cast("list[str]", rule["sourceLabels"]))
        if bool(re.fullmatch(str(rule["regex"]), text)) != (rule["action"] == "keep"):
            return False
    return True


def _lines() -> Iterator[Line]:
    for form, end in ((OLDER, OLD), (NEWER, NEW)):
        for moment in _hour(end):
            yield from (*_gpus(moment, fleet(moment.minute), form), *_nodes(moment, _KARPENTERS), *_karpenter(moment))
    for form, end, gpu in _lone():
        for moment in _hour(end):
            yield from (*_gpus(moment, [gpu], form), *_nodes(moment, {gpu.node: _MANAGED}))
    for moment in _hour(ODD):
        yield from _gpus(moment, [odd()], OLDER, renamed={"DCGM_FI_DEV_GPU_UTIL": "DCGM_FI_DEV_GPU_UTIL_RATIO"})
    yield from (line for moment in _hour(OLD) for line in _spark(moment))
    yield from (line for moment in _hour(NONE) for line in _nodes(moment, {}))


def _lone() -> Iterator[tuple[Form, float, Gpu]]:
    """Return the hours of a single GPU."""
    yield from ((OLDER, SLICED_OLD, cut_up()), (NEWER, SLICED_NEW, cut_up()))
    yield from ((OLDER, FREE_OLD, free()), (NEWER, FREE_NEW, free()))
    yield OLDER, SHARED, shared()


def _hour(end: float) -> Iterator[Moment]:
    for number in range(int(HOUR / SCRAPED) + 1):
        yield Moment(end - HOUR + number * SCRAPED, number * SCRAPED / 60)


def _braced(labels: Labels) -> str:
    return "{" + ",".join(f'{label}="{text}"' for label, text in labels.items()) + "}"


def fleet(minute: float) -> list[Gpu]:
    """Return five GPUs: one works more and more, two idle, a pod has just got one, and one has no pod any more."""
    rising = _measured(20 + minute, 60, 200, 10240, 1500, tensor=0.25)
    return [
        Gpu(0, FOUR, [_pod("analytics", 1)], rising),
        Gpu(1, FOUR, [_pod("analytics", 2)] if minute >= 50 else [], _measured(2, 50, 70, 1024, 210, events=0x1)),
        Gpu(2, FOUR, [_pod("research", 1)], _measured(0, 40, 60, 2048, 210, events=0x4), xids=_xids(minute)),
        Gpu(
            3,
            FOUR,
            [_pod("research", 3)] if minute < 50 else [],
            _measured(0, 30, 30, 0, 210, events=0x40, ecc=2 if minute >= 35 else 0),
        ),
        Gpu(0, ONE, [_pod("research", 2)], _measured(1, 35, 40, 512, 210)),
    ]


def cut_up() -> Gpu:
    """Return a GPU of three MIG instances, of which the first's pod works; as a whole it has no series."""
    busy = {"DCGM_FI_PROF_GR_ENGINE_ACTIVE": 0.5, "DCGM_FI_DEV_FB_USED": 3072.0, "DCGM_FI_DEV_FB_FREE": 1024.0}
    idle = {"DCGM_FI_PROF_GR_ENGINE_ACTIVE": 0.01, "DCGM_FI_DEV_FB_USED": 1024.0, "DCGM_FI_DEV_FB_FREE": 3072.0}
    instances = [
        MigInstance(1, workload=_pod("analytics", 1), values=busy),
        MigInstance(2, workload=_pod("research", 1), values=idle),
        MigInstance(3, workload=_pod("research", 2), values=idle),
    ]
    return Gpu(0, FOUR, [], without=list(BUSY), instances=instances, model="NVIDIA A100-SXM4-40GB")


def free() -> Gpu:
    """Return a GPU that no pod has."""
    return Gpu(0, ONE, [], _measured(0, 30, 30, 0, 210))


def shared() -> Gpu:
    """Return a GPU that pods of two teams have in time slices, each with series of its own."""
    return Gpu(0, ONE, [_pod("analytics", 1), _pod("research", 1)], _measured(90, 60, 200, 10240, 1500))


def odd() -> Gpu:
    """Return a GPU of which DCGM does not know the temperature, and says so by a number."""
    return Gpu(0, ONE, [_pod("analytics", 1)], _measured(80, BLANK, 200, 10240, 1500))


def _measured(
    busy: float,
    celsius: float,
    watts: float,
    mib: float,
    mhz: float,
    *,
    tensor: float = 0,
    events: int = 0,
    ecc: int = 0,
) -> dict[str, float]:
    return {
        "DCGM_FI_DEV_GPU_UTIL": busy,
        "DCGM_FI_DEV_GPU_TEMP": celsius,
        "DCGM_FI_DEV_POWER_USAGE": watts,
        "DCGM_FI_DEV_FB_USED": mib,
        "DCGM_FI_DEV_FB_FREE": 22528 - mib,
        "DCGM_FI_DEV_SM_CLOCK": mhz,
        "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE": tensor,
        "DCGM_FI_DEV_CLOCKS_EVENT_REASONS": events,
        "DCGM_FI_DEV_ECC_DBE_VOL_TOTAL": ecc,
    }


def _pod(team: str, number: int) -> Workload:
    return Workload(f"executor-{number}", team)


def _xids(minute: float) -> dict[int, int]:
    """Return how often the exporter has seen XID 79, once before it is started again at minute 40 and once after."""
    return {79: 1} if 30 <= minute < 40 or minute >= 50 else {}


def _gpus(moment: Moment, gpus: Sequence[Gpu], form: Form, renamed: Labels = MappingProxyType({})) -> Iterator[Line]:
    """Return what is stored of each node's exporter, whose pod has labels that the workload's have to make way for.

    DCGM before 4.7 has some of the new names with the old numbers: those are `renamed`.
    """
    for node in dict.fromkeys(gpu.node for gpu in gpus):
        exporter = {"namespace": "gpu-operator", "pod": f"exporter-{int(moment.minute >= 40)}", "container": "exporter"}
        target = {**exporter, "job": "nvidia-dcgm-exporter", "instance": f"{node}:9400", NODE_LABEL: node}
        said = text([gpu for gpu in gpus if gpu.node == node], form=form, virtual_gpus=True)
        for old, new in renamed.items():
            said = re.sub(rf"^{old}\b", new, said, flags=re.MULTILINE)
        yield from _scraped(moment.at, said, target)


def _scraped(at: float, said: str, target: Labels) -> Iterator[Line]:
    """Return the samples of a target's text; the target's labels win, and take the text's own names."""
    for name, labels, value in _samples(said):
        if name not in SHOWN:
            continue
        own = {f"exported_{label}" if label in target else label: text for label, text in labels.items()}
        yield at, name, {**own, **target}, value


def _samples(said: str) -> Iterator[tuple[str, dict[str, str], float]]:
    for line in said.splitlines():
        found = _SAMPLE.match(line)
        if found:
            yield found[1], dict(_LABEL.findall(found[2] or "")), float(found[3])


def _nodes(moment: Moment, gpu_nodes: Labels) -> Iterator[Line]:
    """Return what kube-state-metrics says of the nodes; a node has another label of its market by what has made it."""
    types = {FOUR: ("g5.12xlarge", "us-west-2a"), ONE: ("g5.2xlarge", "us-west-2b")}
    markets = {FOUR: {_KARPENTER: "spot", _MANAGED: "SPOT"}, ONE: {_KARPENTER: "on-demand", _MANAGED: "ON_DEMAND"}}
    yield moment.at, "kube_node_labels", _node(CORE, "m5.xlarge", "us-west-2a") | {_MANAGED: "ON_DEMAND"}, 1
    for name, label in gpu_nodes.items():
        yield moment.at, "kube_node_labels", _node(name, *types[name]) | {label: markets[name][label]}, 1


def _node(name: str, instance_type: str, zone: str) -> dict[str, str]:
    named = {"label_node_kubernetes_io_instance_type": instance_type, "label_topology_kubernetes_io_zone": zone}
    return {"node": name, "job": "kube-state-metrics", **named}


def _karpenter(moment: Moment) -> Iterator[Line]:
    """Return what two of its pods say, one after the other; a counter comes into being with what it first counts."""
    first, second = ({"job": "karpenter", "pod": f"karpenter-{number}"} for number in (1, 2))
    pod = first if moment.minute < 50 else second
    offer = {"instance_type": "g5.12xlarge", "capacity_type": "spot", "zone": "us-west-2a"}
    yield moment.at, "karpenter_cloudprovider_instance_type_offering_price_estimate", {**pod, **offer}, 2.0
    for kind, count in _messages(moment.minute):
        yield moment.at, "karpenter_interruption_received_messages_total", {**pod, "message_type": kind}, count


def _messages(minute: float) -> Iterable[tuple[str, int]]:
    yield "no_op", 50
    if 10 <= minute < 50:
        yield "rebalance_recommendation", 3
    if 20 <= minute < 50:
        yield "spot_interrupted", 1 if minute < 40 else 2
    if minute >= 55:
        yield "spot_interrupted", 1


def _spark(moment: Moment) -> Iterator[Line]:
    """Return what two drivers say, of which the second runs in another team for the last ten minutes."""
    recorded = [(_HERE / f"spark-3.5.6-{name}.txt").read_text() for name in ("executors", "driver")]
    runs = {"emr-ml-team-a": "run-1"} | ({"emr-ml-team-b": "run-2"} if moment.minute >= 50 else {})
    for namespace, run in runs.items():
        target = {"namespace": namespace, "pod": f"{run}-driver", "job_run": run, "job": "monitoring/spark-drivers"}
        for at, name, labels, value in _scraped(moment.at, "".join(recorded), target):
            grown = growth(name, labels.get("executor_id", ""), moment.minute)
            yield at, name, labels, value if grown is None else grown


def growth(name: str, executor: str, minute: float) -> float | None:
    """Return what a metric has come to, None where it is as recorded; the executors are 0 and 1."""
    rates = {  # a second, of executor 0; of executor 1 it is twice as much
        "metrics_executor_completedTasks_total": 2,
        "metrics_executor_totalInputBytes_bytes_total": 1000,
        "metrics_executor_totalShuffleRead_bytes_total": 300,
        "metrics_executor_totalShuffleWrite_bytes_total": 400,
        "metrics_executor_totalDuration_seconds_total": 0.5,
    }
    if name == "metrics_executor_totalGCTime_seconds_total":
        return 0.1 * 60 * minute
    gauges = {
        "metrics_executor_activeTasks": 3 + int(executor or 0) if executor != "driver" else 0,
        "metrics_executor_failedTasks_total": 1,
        "metrics_executor_maxTasks": 8,
        "metrics_executor_memoryUsed_bytes": 4096,
        "metrics_executor_JVMHeapMemory_bytes": 2**30,
        "metrics_spark_driver_DAGScheduler_stage_runningStages_Value": 2,
        "metrics_spark_driver_DAGScheduler_stage_waitingStages_Value": 5,
        "metrics_spark_driver_DAGScheduler_stage_failedStages_Value": 1,
    }
    if name in rates:
        return rates[name] * 60 * minute * (2 if executor == "1" else 1)
    return gauges.get(name)
