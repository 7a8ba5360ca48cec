"""The dashboard of the cluster: who uses which GPU, which GPUs are paid for in vain, which nodes run at what cost."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from rapids_eks.gpu_metrics.alerts import Thresholds
from rapids_eks.grafana_dashboards import dcgm, gpu, nodes
from rapids_eks.grafana_dashboards.dashboard import TAG, Section, dashboard
from rapids_eks.grafana_dashboards.dcgm import by_card
from rapids_eks.grafana_dashboards.events import new_events
from rapids_eks.grafana_dashboards.gpu import NO_GPUS
from rapids_eks.grafana_dashboards.panels import QUARTER, Column, Json, Panel, Query, Scale, over_time, single, table

UID = f"{TAG}-cluster"
IDLE_PERCENT, IDLE_WINDOW = (
    Thresholds.idle_percent,
    "15m",
)  # a GPU that a pod has and hardly uses, for so long on average
_NO_NODES = "No node is known: kube-state-metrics is not scraped, or gives no labels of nodes."
_NO_PRICES = "Of no node that runs a price is known."
_USD = "currencyUSD"
_USER = f"{dcgm.DEVICE}, {dcgm.TEAM}, {dcgm.POD}"
_MESSAGES = 'karpenter_interruption_received_messages_total{message_type!="no_op"}'


@dataclass(frozen=True)
class Prices:
    """On-demand prices of instance types in US dollars an hour, and where and when they were published."""

    per_hour: Mapping[str, float] = field(default_factory=dict)
    source: str = ""


def cluster(prices: Prices) -> Json:
    """Return the dashboard. Where Karpenter's estimates are stored they come before `prices`."""
    sections = [
        Section("", _figures(prices)),
        Section("Teams", _teams(prices)),
        Section("Nodes", _nodes(prices)),
    ]
    description = "Which team and pod uses which GPU, and what the nodes cost."
    return dashboard(UID, "Cluster", description, [], sections)


def _all_gpus() -> str:
    return by_card(dcgm.PRESENCE.promql())


def _all_devices() -> str:
    return f"max by ({dcgm.DEVICE}) ({dcgm.PRESENCE.promql()})"


def _users(offset: str = "") -> str:
    """Return the utilisation of each GPU for each pod that has it."""
    return f"max by ({_USER}) ({dcgm.UTILIZATION.promql(dcgm.ALLOCATED, offset)})"


def _idle() -> str:
    """Return the GPUs whose pod had them the whole window and hardly used them."""
    mean = f"avg_over_time(({_users()})[{IDLE_WINDOW}:1m]) < {IDLE_PERCENT}"
    return f"({mean} and {_users()} and {_users(offset=IDLE_WINDOW)})"


def _wasted(prices: Prices) -> str:
    """Return for each team what its idle GPUs cost an hour: as large a share of a node's price as they are of its GPUs.

    A MIG instance counts as much as each other one of its node.
    """
    price = f"max by ({dcgm.NODE}) ({nodes.hourly_price(prices.per_hour)})"
    idle = f"count by ({dcgm.NODE}, {dcgm.TEAM}) (max by ({dcgm.DEVICE}, {dcgm.TEAM}) ({_idle()}))"
    each = f"({price} / count by ({dcgm.NODE}) ({_all_devices()}))"
    return f"sum by ({dcgm.TEAM}) ({idle} * on ({dcgm.NODE}) group_left () {each})"


def _else_none(expression: str) -> str:
    """Return the expression, or 0 where it has nothing though there are GPUs."""
    return f"{expression} or 0 * count({_all_gpus()})"


def _figures(prices: Prices) -> list[Panel]:
    devices = f"count(max by ({dcgm.DEVICE}) ({_users()}))"
    idle = f"count(max by ({dcgm.DEVICE}) ({_idle()}))"
    number = Scale("short", NO_GPUS)
    price = f"sum({nodes.hourly_price(prices.per_hour)})"
    return [
        _figure("GPUs", "That run.", f"count({_all_gpus()})", number),
        _figure("GPUs In Use", "That a pod has; MIG instances count each.", _else_none(devices), number),
        _figure("GPUs Allocated but Idle", _idle_means(), _else_none(idle), Scale("short", NO_GPUS, bad=1)),
        _figure("Nodes", "Of all kinds.", f"count({nodes.running()})", Scale("short", _NO_NODES)),
        _figure("Cost per Hour", _cost_means(prices), price, Scale(_USD, _NO_PRICES)),
        _figure(
            "Idle GPUs' Cost per Hour",
            f"{_idle_means()} {_cost_means(prices)}",
            _else_none(f"sum({_wasted(prices)})"),
            Scale(_USD, NO_GPUS, bad=1),
        ),
    ]


def _figure(title: str, description: str, expression: str, scale: Scale) -> Panel:
    return single(title, description, Query(expression, title), scale)


def _idle_means() -> str:
    return f"A pod has had them for {IDLE_WINDOW} and used below {IDLE_PERCENT} % of the time."


def _cost_means(prices: Prices) -> str:
    listed = f"; else on-demand prices, {prices.source}" if prices.per_hour else ""
    return f"Of the nodes alone, in US dollars: what Karpenter estimates, where that is stored{listed}."


def _teams(prices: Prices) -> list[Panel]:
    used = f"count by ({dcgm.TEAM}) (max by ({dcgm.DEVICE}, {dcgm.TEAM}) ({_users()}))"
    named = f"{{{{{dcgm.TEAM}}}}}"
    nobody = "No GPU is allocated, or none is running."
    none_idle = "No GPU is allocated but idle, or none is running."
    return [
        _who_uses_what(),
        over_time("GPUs by Team", "That its pods have.", [Query(used, named)], Scale("short", nobody), style="stacked"),
        over_time(
            "Idle GPUs' Cost per Hour by Team",
            f"{_idle_means()} {_cost_means(prices)}",
            [Query(_wasted(prices), named)],
            Scale(_USD, none_idle),
            style="stacked",
        ),
    ]


def _who_uses_what() -> Panel:
    labels = f"{dcgm.NODE}, {dcgm.GPU}, {dcgm.SLICE}, modelName, {dcgm.TEAM}, {dcgm.POD}"
    quantities = (dcgm.UTILIZATION, dcgm.MEMORY_USED)
    columns = [
        Column(dcgm.TEAM, "Team"),
        Column(dcgm.POD, "Pod"),
        Column(dcgm.NODE, "Node", link=f"/d/{gpu.UID}?var-instance=${{__value.raw}}"),
        Column(dcgm.GPU, "GPU"),
        Column(dcgm.SLICE, "MIG instance"),
        Column("modelName", "Model"),
        Column("Value #A", "Utilization", "percent"),
        Column("Value #B", "Memory used", "bytes"),
    ]
    return table(
        "Who Uses Which GPU",
        "Each GPU now, and its pod; without one it is free.",
        [f"max by ({labels}) ({quantity.promql()})" for quantity in quantities],
        columns,
        NO_GPUS,
    )


def _nodes(prices: Prices) -> list[Panel]:
    cost = nodes.hourly_price(prices.per_hour)
    by_market = Query(f"count by (capacity_type) ({nodes.running()})", "{{capacity_type}}")
    cost_by_market = Query(f"sum by (capacity_type) ({cost})", "{{capacity_type}}")
    events = Query(new_events(_MESSAGES, "$__interval", ["message_type"], restarting=True), "{{message_type}}")
    no_events = "Karpenter has been told of none, or runs no nodes here."
    return [
        over_time("Nodes by Capacity Type", "That run.", [by_market], Scale("short", _NO_NODES), style="stacked"),
        over_time(
            "Cost per Hour by Capacity Type",
            _cost_means(prices),
            [cost_by_market],
            Scale(_USD, _NO_PRICES),
            style="stacked",
        ),
        over_time(
            "Spot Interruptions",
            "What AWS told Karpenter: spot_interrupted is a node that goes within two minutes, "
            "rebalance_recommendation one that is likely to.",
            [events],
            Scale("short", no_events),
            style="bars",
        ),
        _list_of_nodes(cost),
    ]


def _list_of_nodes(cost: str) -> Panel:
    columns = [
        Column("node", "Node"),
        Column("instance_type", "Type"),
        Column("capacity_type", "Capacity type"),
        Column("zone", "Zone"),
        Column("Value #B", "Per hour", _USD),
    ]
    expressions = [nodes.running(), cost]
    return table("Nodes and Their Prices", "That run now.", expressions, columns, _NO_NODES, width=2 * QUARTER)
