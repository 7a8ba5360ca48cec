"""Nodes that ran for minutes within the range in view, and are gone, against those that are there."""

from collections.abc import Iterator

import pytest
from gpu_archive import CLUSTER, NAMESPACE, NOW, Fleet, values

from rapids_eks.gpu_dashboard import breakdown
from rapids_eks.gpu_dashboard.metrics import LEVELS, of_cluster
from rapids_eks.gpu_dashboard.widgets import Context, Widget, body
from rehearsal.services.cloudwatch.queries import widgets
from rehearsal.services.cloudwatch.queries.samples import Archive, Series, Span

HOURS = Span(NOW - 3 * 3600, NOW)
LIVED = range(NOW - 2 * 3600, NOW - 2 * 3600 + 300, 60)
SOURCE = of_cluster(CLUSTER, LEVELS)
# Each hotter and busier than all that live, idle and throttled; or, for the lowest, less busy
EXTREME = {"GPUTemperature": 99.0, "GPUPowerUsage": 900.0, "GPUAllocatedIdle": 1.0, "GPUThrottled": 1.0}
BUSY = {"GPUUtilization": 100.0, "GPUMemoryUtilization": 100.0, "GPUMemoryUsedPercent": 100.0}
LAZY = dict.fromkeys(BUSY, 0.0)


def gone(utilization: dict[str, float]) -> Iterator[Series]:
    for number in range(24):
        node = {"ClusterName": CLUSTER, "InstanceId": f"i-gone{number}"}
        for name in values(0, NOW):
            value = {**values(0, NOW), **EXTREME, **utilization}[name]
            points = {minute: {value: 1.0} for minute in LIVED}
            yield from (Series(NAMESPACE, name, place, points) for place in (node, node | {"GPU": "0"}))


def graphs() -> list[Widget]:
    rows = [*breakdown.nodes(SOURCE), *breakdown.gpus(SOURCE)]
    rows += [[breakdown.idle_gpus(SOURCE), breakdown.throttled_gpus(SOURCE)]]
    return [each for row in rows for each in row]


@pytest.mark.parametrize("utilization", [BUSY, LAZY], ids=["busy", "lazy"])
def test_what_ran_for_minutes_does_not_crowd_out_what_is_there(utilization: dict[str, float]) -> None:
    alive = Fleet(24, minutes=180, of_one=1).archive().series
    stored = Archive((*alive, *gone(utilization)))
    for each in body([graphs()], Context("gpu", "us-west-2")):
        shown = widgets.lines(each, stored, HOURS)
        assert len(shown) == 20
        there = {line.label for line in shown if NOW - 60 in line.values}
        few = {"gpu_idle": "GPUAllocatedIdle", "gpu_throttled": "GPUThrottled"}.get(_key(each))
        least = sum(int(values(gpu, NOW)[few]) for gpu in range(24)) if few else 20
        assert len(there) >= least, each["properties"]["title"]
        assert all(NOW - 60 in line.values for line in shown[:least]), "they come first"


def _key(widget: dict[str, object]) -> str:
    properties = widget["properties"]
    assert isinstance(properties, dict)
    return str(properties["metrics"][0][0]["id"]).removeprefix("gpu_").removesuffix("_0")
