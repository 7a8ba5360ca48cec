"""The dashboard and the alarms over what the exporter itself makes of DCGM's series."""

from collections.abc import Iterator, Mapping

import pytest
from gpu_archive import CLUSTER, NAMESPACE, NOW

from dcgm_cloudwatch import measures
from dcgm_cloudwatch.catalogue import PRESETS
from dcgm_cloudwatch.counters import SELF
from dcgm_cloudwatch.readings import Readings, Window
from dcgm_cloudwatch.series import Host, Series
from dcgm_cloudwatch.translate import Shape, translate
from rehearsal.services.cloudwatch.queries import alarms, samples, widgets
from rehearsal.services.cloudwatch.queries.samples import Archive, Span
from tests.stacks.assembly import Assembly
from tests.stacks.gpu_dashboard_stack import dashboards, of_kind, synthesized

MINUTES = range(NOW - 900, NOW, 60)
IDS = {Host("node", "node-a"): "i-0a"}
TEAMS = ("team-a", "team-b", "team-a")
USED = 6 * 1024.0  # MiB
FIELDS: Mapping[measures.Measure, tuple[str, list[float]]] = {
    measures.UTILIZATION: ("DCGM_FI_DEV_GPU_UTIL", [90.0, 60.0, 0.0]),
    measures.MEMORY_UTILIZATION: ("DCGM_FI_DEV_MEM_COPY_UTIL", [30.0, 20.0, 0.0]),
    measures.TEMPERATURE: ("DCGM_FI_DEV_GPU_TEMP", [70.0, 60.0, 40.0]),
    measures.POWER: ("DCGM_FI_DEV_POWER_USAGE", [250.0, 200.0, 50.0]),
    measures.MEMORY_USED: ("DCGM_FI_DEV_FB_USED", [USED, USED, USED]),
    measures.MEMORY_FREE: ("DCGM_FI_DEV_FB_FREE", [3 * USED, 3 * USED, 3 * USED]),
    measures.REASONS: ("DCGM_FI_DEV_CLOCKS_EVENT_REASONS", [4.0, 0.0, 1.0]),
    measures.XID: ("DCGM_EXP_XID_ERRORS_TOTAL", [0.0, 0.0, 0.0]),
    measures.ECC: ("DCGM_FI_DEV_ECC_DBE_VOL_TOTAL", [0.0, 0.0, 0.0]),
}


def readings(minute: int) -> Readings:
    """Return what Prometheus would have of a minute: two samples in it, and one before for counters."""
    found = Readings(Window(minute, 60))
    for measure, (name, numbers) in FIELDS.items():
        found.add(measure, [_series(name, gpu, minute, number) for gpu, number in enumerate(numbers)])
    return found


def _series(name: str, gpu: int, minute: int, number: float) -> Series:
    labels = {"__name__": name, "node": "node-a", "gpu": str(gpu), "exported_namespace": TEAMS[gpu]}
    return Series(labels, [(minute + offset, number) for offset in (-15.0, 15.0, 45.0)])


def published() -> Iterator[samples.Series]:
    preset = PRESETS["eks"]
    shape = Shape(preset.metrics, preset.levels, CLUSTER)
    for minute in MINUTES:
        for datum in translate(readings(minute), IDS, shape):
            counts = dict(zip(datum.values, map(float, datum.counts), strict=True))
            yield samples.Series(NAMESPACE, datum.name, dict(datum.dimensions), {datum.moment: counts})
        for name in SELF:
            yield samples.Series(NAMESPACE, name, {"ClusterName": CLUSTER}, {minute: {1.0: 1.0}})


@pytest.fixture(scope="module")
def stored() -> Archive:
    merged: dict[tuple[str, tuple[tuple[str, str], ...]], samples.Series] = {}
    for each in published():
        known = merged.setdefault((each.name, tuple(sorted(each.dimensions.items()))), each)
        known.points.update(each.points)  # type: ignore[attr-defined] # a dict, as it was made above
    return Archive(tuple(merged.values()))


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    return synthesized(tmp_path_factory.mktemp("gpus"))


def test_every_line_of_every_graph_has_what_was_measured(assembly: Assembly, stored: Archive) -> None:
    found = {}
    for each in dashboards(assembly)["demo-gpu"]["widgets"]:
        if each["type"] == "metric":
            lines = widgets.lines(each, stored, Span(NOW - 3600, NOW))
            found[each["properties"]["title"]] = {line.label: line.values[NOW - 60] for line in lines}
    assert found["GPU utilization"] == {"average": 50.0, "highest": 90.0, "lowest": 0.0}
    assert found["GPU temperature (maximum)"]["highest"] == 70.0
    assert found["GPU power"]["all GPUs (right)"] == pytest.approx(500.0)
    assert found["GPU memory used and free"] == {"used, average of a GPU": 6.0, "free, average of a GPU": 18.0}
    assert found["GPUs allocated, and allocated but idle"] == pytest.approx(
        {"there are": 3.0, "a pod has": 3.0, "a pod has and lets idle": 1.0}
    )
    assert found["Teams: GPUs"] == {"team-a": 2.0, "team-b": 1.0}
    assert found["Teams: share of GPUs allocated but idle"] == {"team-a": 0.5, "team-b": 0.0}
    assert found["GPUs: temperature, highest, last 15 minutes"] == {"i-0a 0": 70.0, "i-0a 1": 60.0, "i-0a 2": 40.0}
    held_back = found["Errors and throttling"]["GPUs held back by power, heat or hardware (right)"]
    assert held_back == pytest.approx(100 / 3), "idleness holds back nothing"


def test_every_alarm_watches_what_was_measured(assembly: Assembly, stored: Archive) -> None:
    states = {
        each["AlarmDescription"]: alarms.state(each, stored, NOW)
        for each in of_kind(assembly, "AWS::CloudWatch::Alarm")
    }
    assert len(states) == 7
    assert set(states.values()) == {"OK"}
