"""The alarms of the stack of GPU metrics: each rings for its own trouble, and watches what is published."""

import re
from functools import cache
from pathlib import Path

import pytest
from gpu_archive import NOW, Fleet

from rehearsal.services.cloudwatch.queries import alarms
from rehearsal.services.cloudwatch.queries.samples import Archive, Series
from tests.stacks.assembly import Assembly
from tests.stacks.gpu_dashboard_stack import of_kind, synthesized

SIZES = {"one": Fleet(1), "eight": Fleet(8), "thousand": Fleet(1000, minutes=5, gone_nodes=600)}
LAST = NOW - 60


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    return synthesized(tmp_path_factory.mktemp("gpus"))


@cache
def archive(size: str) -> Archive:
    return SIZES[size].archive()


@pytest.mark.parametrize("size", SIZES)
def test_every_alarm_watches_what_is_published(assembly: Assembly, size: str) -> None:
    found = of_kind(assembly, "AWS::CloudWatch::Alarm")
    assert len(found) == 7
    assert {alarms.state(each, archive(size), NOW) for each in found} == {"OK"}


@pytest.mark.parametrize(
    ("metric", "value", "minutes", "rings"),
    [
        ("GPUTemperature", 90.0, 10, "A GPU has had 85 °C"),
        ("GPUXidErrors", 1.0, 1, "The driver told an error"),
        ("GPUEccErrors", 1.0, 1, "GPU memory was corrupt"),
        ("LagSeconds", 700.0, 10, "GPU metrics come more than 600 s late"),
        ("GPUMemoryUsedPercent", 99.0, 10, "The memory of a GPU was 95 % full"),
    ],
)
def test_an_alarm_rings_for_its_trouble_and_no_other_does(
    assembly: Assembly, metric: str, value: float, minutes: int, rings: str
) -> None:
    stored = changed(archive("eight"), metric, {NOW - 60 * at: value for at in range(1, minutes + 1)})
    ringing = [
        each for each in of_kind(assembly, "AWS::CloudWatch::Alarm") if alarms.state(each, stored, NOW) == "ALARM"
    ]
    assert [each["AlarmDescription"].startswith(rings) for each in ringing] == [True]


def test_one_hot_minute_is_no_alarm(assembly: Assembly) -> None:
    stored = changed(archive("eight"), "GPUTemperature", {LAST: 90.0})
    assert {alarms.state(each, stored, NOW) for each in of_kind(assembly, "AWS::CloudWatch::Alarm")} == {"OK"}


def test_a_team_s_idle_gpus_ring_after_half_an_hour(assembly: Assembly) -> None:
    at = {NOW - 60 * minute: 1.0 for minute in range(1, 31)}
    for number, expected in ((30, ["team-a"]), (24, [])):
        some = dict(list(at.items())[:number])
        stored = changed(archive("eight"), "GPUAllocatedIdle", some, Team="team-a")
        found = of_kind(assembly, "AWS::CloudWatch::Alarm")
        ringing = [each["AlarmDescription"] for each in found if alarms.state(each, stored, NOW) == "ALARM"]
        assert [re.findall(r"of (\S+)'s", each)[0] for each in ringing] == expected


def test_without_roll_ups_of_teams_idle_gpus_ring_for_the_cluster(tmp_path: Path) -> None:
    """Guards against a choice of levels that leaves nobody told of GPUs that are paid for and idle."""
    made = synthesized(tmp_path, levels=["cluster"])
    (idle,) = [each for each in of_kind(made, "AWS::CloudWatch::Alarm") if each["MetricName"] == "GPUAllocatedIdle"]
    assert "50 % of all GPUs or more" in idle["AlarmDescription"]
    for share, state in ((0.6, "ALARM"), (0.4, "OK")):
        at = {NOW - 60 * minute: share for minute in range(1, 31)}
        assert alarms.state(idle, changed(archive("eight"), "GPUAllocatedIdle", at), NOW) == state


def test_a_silent_exporter_rings_and_a_fleet_without_gpus_does_not(assembly: Assembly) -> None:
    later = NOW + 1200
    found = of_kind(assembly, "AWS::CloudWatch::Alarm")
    ringing = [each["AlarmDescription"] for each in found if alarms.state(each, archive("eight"), later) == "ALARM"]
    assert [each.split(" come")[0] for each in ringing] == ["GPU metrics"]


def test_a_head_node_that_is_late_or_silent_rings(tmp_path: Path) -> None:
    """Without credentials it says nothing, for ever, and systemd finds it well."""
    made = synthesized(tmp_path, parallel_clusters=["hpc-1"], alarms={"lag_seconds": 300})
    (alarm,) = [each for each in of_kind(made, "AWS::CloudWatch::Alarm") if "(hpc-1)" in each["AlarmDescription"]]
    assert (len(alarm["AlarmActions"]), alarm["Namespace"]) == (1, "ParallelCluster/hpc-1/GPU")
    states = {}
    for lag in (10.0, 400.0):
        points = {NOW - 60 * at: {lag: 1.0} for at in range(1, 16)}
        stored = Archive((Series("ParallelCluster/hpc-1/GPU", "LagSeconds", {}, points),))
        states[lag] = alarms.state(alarm, stored, NOW)
        assert alarms.state(alarm, stored, NOW + 1800) == "ALARM"
    assert states == {10.0: "OK", 400.0: "ALARM"}


def changed(stored: Archive, metric: str, points: dict[int, float], **dimensions: str) -> Archive:
    """Return metrics of which one roll-up, of the cluster unless more dimensions are given, has other values."""
    place = {"ClusterName": "demo", **dimensions}
    kept = [each for each in stored.series if (each.name, dict(each.dimensions)) != (metric, place)]
    other = Series("EKS/demo/GPU", metric, place, {at: {value: 1.0} for at, value in points.items()})
    return Archive((*kept, other))
