"""What GPU metrics cost a month."""

from collections.abc import Sequence

from rapids_eks.gpu_dashboard.metrics import METRICS, OF_EXPORTER, OF_PARTS, OF_ROLL_UPS, Level

# US dollars a metric and month, up to so many of them, as in us-east-1 in August 2026:
# https://aws.amazon.com/cloudwatch/pricing/
TIERS = ((10_000, 0.30), (240_000, 0.10), (750_000, 0.05))
BEYOND = 0.02


def metrics(
    levels: Sequence[Level],
    *,
    gpus: int,
    nodes: int,
    teams: int,
    chosen: Sequence[str] = METRICS,
    slices: int = 1,
) -> int:
    """Return how many metrics so many GPUs, in `slices` each, and nodes have while they run for so many teams."""
    places = {"gpu": gpus, "node": nodes, "team": teams, "cluster": 1}
    rolled_up = [name for name in chosen if name in OF_ROLL_UPS]
    each = len(chosen) - len(rolled_up)
    above = [level for level in levels if level != "gpu"]
    of_slices = sum(name in OF_PARTS for name in chosen) * gpus * (slices - 1) if "gpu" in levels else 0
    return (
        sum(places[level] for level in levels) * each
        + of_slices
        + sum(places[level] for level in above) * len(rolled_up)
        + len(OF_EXPORTER)
    )


def monthly(number: int) -> float:
    """Return the price of metrics that have data all month; one that has data for an hour costs that hour."""
    price, left = 0.0, number
    for size, each in TIERS:
        price += min(left, size) * each
        left -= min(left, size)
    return price + left * BEYOND


def told(
    levels: Sequence[Level],
    *,
    gpus: int,
    nodes: int,
    teams: int,
    chosen: Sequence[str] = METRICS,
    slices: int = 1,
) -> str:
    """Return the price of GPUs that all run all the time, in a sentence."""
    number = metrics(levels, gpus=gpus, nodes=nodes, teams=teams, chosen=chosen, slices=slices)
    at_rest = metrics([each for each in levels if each == "cluster"], gpus=0, nodes=0, teams=0, chosen=chosen)
    most, least = f"${monthly(number):,.2f}", f"${monthly(at_rest):,.2f}"
    return (
        f"GPU metrics in CloudWatch: {number:,} metrics while {gpus} GPUs on {nodes} nodes run: {most} a month if they "
        f"always do, {least} at most if none does; requests, alarms and dashboards apart "
        "(gpu_dashboard in the blueprint)."
    )
