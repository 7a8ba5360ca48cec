"""Alerting rules: what is wrong with GPUs, what of them is paid for and not used, and that nothing is known of them."""

from dataclasses import dataclass
from typing import Literal

GPUS_OF_NODES = 'kube_node_status_capacity{resource=~"nvidia_com_(gpu|mig).*"}'
# Each node has one; told by kube-state-metrics, it is there as long as anything arrives
NODES = 'kube_node_status_capacity{resource="cpu"}'
# Errors that are the hardware's or the driver's, not the program's:
# https://docs.nvidia.com/deploy/xid-errors/analyzing-xid-catalog.html
HARDWARE_XIDS = "48|62|64|74|79|92|95|119|120|140"
SINCE = "10m"  # in which an error is new


@dataclass(frozen=True)
class Thresholds:
    """From when on something is worth a message."""

    hot_celsius: int = 85  # an A10G slows down at 95, an L4 at 88
    memory_hot_celsius: int = 95
    idle_percent: int = 5
    saturated_percent: int = 95
    power_capped_share: float = 0.8  # of half an hour
    slowed_down_share: float = 0.2  # of ten minutes


@dataclass(frozen=True)
class Alert:
    """An alert: it fires for each series of `signal` that `threshold` has held of for as long as `lasting`."""

    name: str
    signal: str
    threshold: str
    lasting: str
    severity: Literal["critical", "warning", "info"]
    summary: str
    description: str

    @property
    def expression(self) -> str:
        """The signal compared with the threshold."""
        return f"({self.signal}) {self.threshold}"


WHICH = "GPU {{ $labels.gpu }} of {{ $labels.node }}"


def _new(counter: str, selector: str = "") -> str:
    """Return how much a counter has grown; one that appears, whose `increase` is 0, has grown to what it is."""
    series = f"{counter}{{{selector}}}" if selector else counter
    return f"({series} unless {series} offset {SINCE}) or increase({series}[{SINCE}])"


def _use(limits: Thresholds) -> list[Alert]:
    return [
        Alert(
            "GpuAllocatedIdle",
            "gpu:allocated_utilization:percent",
            f"< {limits.idle_percent}",
            "30m",
            "warning",
            "Team {{ $labels.team }} holds a GPU that it does not use",
            f"Pod {{{{ $labels.pod }}}} has had {WHICH} for half an hour at less than {limits.idle_percent} %.",
        ),
        Alert(
            "GpuUnallocated",
            "sum by (cluster, node) (1 - gpu:allocated:bool)",
            "> 0",
            "30m",
            "warning",
            "GPUs of {{ $labels.node }} are paid for and no pod has them",
            "{{ $value }} of its GPUs or slices have had no pod for half an hour.",
        ),
        Alert(
            "GpuSaturated",
            "team:utilization:percent",
            f"> {limits.saturated_percent}",
            "30m",
            "info",
            "Team {{ $labels.team }} would finish sooner with more GPUs",
            "Its GPUs have been at {{ $value | humanize }} % for half an hour.",
        ),
    ]


def _conditions(limits: Thresholds) -> list[Alert]:
    return [
        Alert(
            "GpuHot",
            "gpu:temperature:celsius",
            f"> {limits.hot_celsius}",
            "5m",
            "warning",
            f"{WHICH} is hot",
            "It has been at {{ $value }} C for five minutes.",
        ),
        Alert(
            "GpuMemoryHot",
            "gpu:memory_temperature:celsius",
            f"> {limits.memory_hot_celsius}",
            "5m",
            "warning",
            f"The memory of {WHICH} is hot",
            "It has been at {{ $value }} C for five minutes.",
        ),
        Alert(
            "GpuPowerCapped",
            "avg_over_time(gpu:power_capped:bool[30m])",
            f"> {limits.power_capped_share}",
            "30m",
            "info",
            f"{WHICH} is at its power limit",
            "Power has held its clocks back for {{ $value | humanizePercentage }} of half an hour.",
        ),
        Alert(
            "GpuSlowedDown",
            "avg_over_time(gpu:slowed_down:bool[10m])",
            f"> {limits.slowed_down_share}",
            "5m",
            "warning",
            f"{WHICH} is slowed down by heat or hardware",
            "Its clocks have been held back for {{ $value | humanizePercentage }} of ten minutes.",
        ),
    ]


def _errors() -> list[Alert]:
    return [
        Alert(
            "GpuXidError",
            _new("gpu:xid_errors:total", f'xid!~"{HARDWARE_XIDS}"'),
            "> 0",
            "0m",
            "warning",
            f"XID {{{{ $labels.xid }}}} on {WHICH}",
            "Mostly the program's own fault; see NVIDIA's catalogue of XIDs.",
        ),
        Alert(
            "GpuXidHardware",
            _new("gpu:xid_errors:total", f'xid=~"{HARDWARE_XIDS}"'),
            "> 0",
            "0m",
            "critical",
            f"XID {{{{ $labels.xid }}}} on {WHICH}",
            "The hardware or the driver has failed: drain the node and let Karpenter replace it.",
        ),
        Alert(
            "GpuEccDoubleBit",
            _new("gpu:ecc_double_bit_errors:total"),
            "> 0",
            "0m",
            "critical",
            f"Uncorrected memory errors on {WHICH}",
            "What was computed with this memory is lost; drain the node if it comes again.",
        ),
    ]


def _failures() -> list[Alert]:
    return [
        Alert(
            "GpuRowsRemapped",
            "increase(gpu:remapped_rows:total[1h])",
            "> 0",
            "0m",
            "warning",
            f"{WHICH} has replaced rows of its memory",
            "Memory is failing; spare rows are few.",
        ),
        Alert(
            "GpuRowRemapFailed",
            "gpu:row_remap_failed:bool",
            "> 0",
            "5m",
            "critical",
            f"{WHICH} cannot replace a failed row of its memory",
            "Drain the node: the GPU is to be exchanged.",
        ),
        Alert(
            "GpuExporterDown",
            f"sum by (cluster, node) ({GPUS_OF_NODES}) unless on (cluster, node) gpu:power:watts",
            "> 0",
            "15m",
            "warning",
            "Nothing is measured on {{ $labels.node }}, which has GPUs",
            "Its DCGM exporter does not run, is not scraped, or does not reach its GPUs.",
        ),
    ]


def _silence() -> list[Alert]:
    """Return the alert without which all others are silent, and so seem well, once nothing is written any more.

    It waits for longer than a new cluster takes until Prometheus runs.
    """
    return [
        Alert(
            "NoMetricsArrive",
            f"count({NODES}) or vector(0)",
            "< 1",
            "15m",
            "critical",
            "No metrics arrive from the cluster",
            "Prometheus does not run, does not reach kube-state-metrics, or may not write: no other alert can fire.",
        ),
    ]


def alerts(limits: Thresholds | None = None) -> list[Alert]:
    """Return the alerts with these thresholds; where there is no GPU, only NoMetricsArrive can fire."""
    known = limits or Thresholds()
    return [*_use(known), *_conditions(known), *_errors(), *_failures(), *_silence()]
