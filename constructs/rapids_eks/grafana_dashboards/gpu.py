"""The dashboard of the GPUs: the panels and variables of https://grafana.com/grafana/dashboards/12239, and errors."""

from rapids_eks.gpu_metrics.alerts import Thresholds
from rapids_eks.grafana_dashboards import dcgm
from rapids_eks.grafana_dashboards.dashboard import TAG, Section, Variable, dashboard
from rapids_eks.grafana_dashboards.dcgm import by_card, by_device
from rapids_eks.grafana_dashboards.events import new_events
from rapids_eks.grafana_dashboards.panels import QUARTER, Json, Panel, Query, Scale, over_time, single

UID = f"{TAG}-gpus"
NO_GPUS = "No GPU is running: its node starts with the first job that asks for one."
_CHOSEN = f'{dcgm.NODE}=~"$instance", {dcgm.GPU}=~"$gpu"'
_HOT = Thresholds.hot_celsius
_TALL = 8


def gpus() -> Json:
    """Return the dashboard."""
    variables = [
        Variable("instance", "Node", dcgm.PRESENCE.selector(), dcgm.NODE),
        Variable("gpu", "GPU", dcgm.PRESENCE.selector(f'{dcgm.NODE}=~"$instance"'), dcgm.GPU),
    ]
    sections = [Section("", _panels()), Section("Memory, errors and throttling", _health())]
    description = "What each GPU does, by NVIDIA's DCGM exporter."
    return dashboard(UID, "GPUs", description, variables, sections)


def _of_each(title: str, description: str, quantity: dcgm.Quantity, scale: Scale, *, width: int = 2 * QUARTER) -> Panel:
    """Return a chart with a line for each of the chosen GPUs."""
    query = Query(by_device(quantity.promql(_CHOSEN)), dcgm.LEGEND)
    return over_time(title, description, [query], scale, width=width)


def _panels() -> list[Panel]:
    celsius = Scale("celsius", NO_GPUS, maximum=100, bad=_HOT)
    temperature, power = dcgm.TEMPERATURE.promql(_CHOSEN), dcgm.POWER.promql(_CHOSEN)
    average = Query(f"avg({by_card(temperature)})", "average")
    total = Query(f"sum({by_card(power)})", "total")
    return [
        _of_each("GPU Temperature", "Of the GPU's core.", dcgm.TEMPERATURE, celsius, width=3 * QUARTER),
        single("GPU Avg. Temp", "Of the chosen GPUs.", average, celsius, width=QUARTER, height=_TALL, kind="gauge"),
        _of_each("GPU Power Usage", "Of the whole board.", dcgm.POWER, Scale("watt", NO_GPUS), width=3 * QUARTER),
        single("GPU Power Total", "Of the chosen GPUs.", total, Scale("watt", NO_GPUS), width=QUARTER, height=_TALL),
        _of_each("GPU SM Clocks", "Of the processors.", dcgm.SM_CLOCK, Scale("hertz", NO_GPUS)),
        _of_each(
            "GPU Utilization",
            "Share of the time in which at least one kernel ran, however few of the GPU's processors it used.",
            dcgm.UTILIZATION,
            Scale("percent", NO_GPUS, maximum=100),
        ),
        _of_each(
            "GPU Framebuffer Mem Used",
            "What is allocated. RAPIDS takes nearly all of it at once as a pool: full is normal.",
            dcgm.MEMORY_USED,
            Scale("bytes", NO_GPUS),
        ),
        _of_each(
            "Tensor Core Utilization",
            "Share of the cycles in which the tensor cores worked. DataFrames and XGBoost's histograms need none.",
            dcgm.TENSOR,
            Scale("percentunit", NO_GPUS, maximum=1),
        ),
    ]


def _health() -> list[Panel]:
    used, free = dcgm.MEMORY_USED.promql(_CHOSEN), dcgm.MEMORY_FREE.promql(_CHOSEN)
    share = f"100 * {by_device(used)} / ({by_device(used)} + {by_device(free)})"
    memory = Query(share, dcgm.LEGEND)
    return [
        over_time(
            "GPU Memory Used", "Of what applications may have.", [memory], Scale("percent", NO_GPUS, maximum=100)
        ),
        over_time(
            "Clocks Held Back",
            "1 while a GPU is slowed down by power, heat or its hardware; being idle does not count.",
            [Query(by_device(dcgm.held_back(_CHOSEN)), dcgm.LEGEND)],
            Scale("short", NO_GPUS, maximum=1),
        ),
        over_time(
            "New XID Errors",
            "Errors that NVIDIA's driver has reported: https://docs.nvidia.com/deploy/xid-errors/",
            [_xids()],
            Scale("short", "No XID error has come, or no GPU is running."),
            style="bars",
        ),
        over_time(
            "New Double-Bit ECC Errors",
            "Errors of the memory that could not be corrected: what was calculated with it is lost.",
            [_ecc()],
            Scale("short", NO_GPUS),
            style="bars",
        ),
    ]


def _xids() -> Query:
    labels = (dcgm.NODE, dcgm.GPU, "xid")
    counted = new_events(f"{dcgm.XID_ERRORS}{{{_CHOSEN}}}", "$__interval", labels, restarting=True)
    return Query(counted, "{{node}} GPU {{gpu}} XID {{xid}}")


def _ecc() -> Query:
    """Return the errors; they are counted by the driver, whatever becomes of the exporter."""
    labels = (dcgm.NODE, dcgm.GPU)
    counted = new_events(f"{dcgm.ECC_ERRORS}{{{_CHOSEN}}}", "$__interval", labels, restarting=False)
    return Query(counted, "{{node}} GPU {{gpu}}")
