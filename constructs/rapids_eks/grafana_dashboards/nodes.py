"""Which nodes run, of which type and market, and what they cost, as PromQL."""

from collections.abc import Mapping

_NODES = "kube_node_labels"
# Estimated by Karpenter, for Spot too: https://karpenter.sh/docs/reference/metrics/
_ESTIMATE = "karpenter_cloudprovider_instance_type_offering_price_estimate"
_OFFER = "instance_type, capacity_type, zone"
# Which label gets which value where one of kube-state-metrics' matches what; it must be told to give those labels
_NAMED = (
    ("instance_type", "$1", "label_node_kubernetes_io_instance_type", "(.+)"),
    ("zone", "$1", "label_topology_kubernetes_io_zone", "(.+)"),
    ("capacity_type", "$1", "label_karpenter_sh_capacity_type", "(.+)"),
    ("capacity_type", "on-demand", "label_eks_amazonaws_com_capacity_type", "ON_DEMAND"),
    ("capacity_type", "spot", "label_eks_amazonaws_com_capacity_type", "SPOT"),
)


def running() -> str:
    """Return 1 for each node, with the labels node, instance_type, zone and capacity_type."""
    return _described(_NODES)


def hourly_price(on_demand: Mapping[str, float]) -> str:
    """Return what each node costs in US dollars an hour, with the labels of `running`.

    Karpenter's estimate, which knows Spot prices, where it is stored; else what `on_demand` says of the type. A node of
    neither is left out.
    """
    estimate = f"max by ({_OFFER}) ({_ESTIMATE})"
    estimated = f"{running()} * on ({_OFFER}) group_left () {estimate}"
    if not on_demand:
        return estimated
    listed = " or ".join(
        f'{price!r} * {_NODES}{{label_node_kubernetes_io_instance_type="{name}"}}'
        for name, price in sorted(on_demand.items())
    )
    return f"{estimated} or {_described(listed)}"


def _described(nodes: str) -> str:
    for label, value, source, pattern in _NAMED:
        nodes = f'label_replace({nodes}, "{label}", "{value}", "{source}", "{pattern}")'
    return f"max by (node, {_OFFER}) ({nodes})"
