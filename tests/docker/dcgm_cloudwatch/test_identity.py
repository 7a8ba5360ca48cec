"""Every number is published under the GPU it belongs to, once: the real process on what DCGM's exporter writes."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from dcgm_text import BLANK, BLANK_INT32, NOT_SUPPORTED, Form, Gpu, MigInstance, Workload

from tests.docker.dcgm_cloudwatch.clock import HOUR, Clock
from tests.docker.dcgm_cloudwatch.cloudwatch_port import CloudWatchPort
from tests.docker.dcgm_cloudwatch.fleet import Series, drawn, expected, fleet_at, history, ids, node_info, up
from tests.docker.dcgm_cloudwatch.kubernetes_port import KubernetesPort
from tests.docker.dcgm_cloudwatch.process import Exporter
from tests.docker.dcgm_cloudwatch.prometheus_port import PrometheusPort

ID = "i-00000000000000000"
MIB = 1024 * 1024
Stored = Mapping[tuple[str, str], Mapping[int, tuple[float, float]]]
Deliver = Callable[..., Stored]


@pytest.fixture
def deliver(
    prometheus: PrometheusPort, cloudwatch: CloudWatchPort, exporter: Callable[..., Exporter], clock: Clock
) -> Deliver:
    """Deliver the minutes that some series are of: `deliver(series, minutes=2, METRICS=...)`."""

    def delivered(series: list[Series], minutes: int = 1, **settings: str) -> Stored:
        prometheus.series = series
        clock.now = clock.start + 60 * minutes + 50
        made = exporter(FIRST_BACKFILL=str(60 * minutes + 50), **settings)
        assert made.done("once") == 0, made.log.read_text()
        return cloudwatch.data()

    return delivered


def total(stored: Stored, name: str, where: str) -> tuple[float, float]:
    """Return sum and count over all minutes."""
    found = stored[name, where].values()
    return sum(each for each, _ in found), sum(count for _, count in found)


def names(stored: Stored, name: str) -> set[str]:
    """Return the dimensions under which a metric is stored."""
    return {where for metric, where in stored if metric == name}


def test_two_nodes_without_an_instance_id_are_never_one_metric(deliver: Deliver, clock: Clock) -> None:
    """Guards against a dimension that is left out: GPU 0 of all nodes would be one."""
    series = history(clock.start, clock.start + 60, fleet_at(2))
    stored = deliver(series, AGGREGATION="gpu")
    assert names(stored, "GPUUtilization") == {
        f"ClusterName=c,GPU=0,InstanceId=node-{number}" for number in range(2)
    }, "each by its own name"
    assert total(stored, "UnresolvedInstanceIds", "ClusterName=c")[0] == 2


def all_of_one_name(series: list[Series]) -> list[Series]:
    """Return the series as if each node called itself localhost, each scraped at an address of its own."""
    return [({**labels, "Hostname": "localhost", "instance": labels["Hostname"]}, found) for labels, found in series]


def test_two_nodes_of_one_name_are_never_one_gpu(deliver: Deliver, clock: Clock) -> None:
    """Guards against the GPUs 0 of all nodes that call themselves localhost, as one GPU."""
    both = all_of_one_name(history(clock.start, clock.start + 60, fleet_at(2)))
    stored = deliver(both, AGGREGATION="gpu,cluster", METRICS="GPUUtilization,GPUTemperature,GPUXidErrors,GPUCount")
    assert {name for name, _ in stored if name.startswith("GPU")} == set(), "whose they are cannot be told"


def test_a_node_that_takes_anothers_name_and_place_is_published(deliver: Deliver, clock: Clock) -> None:
    """Guards against a node that was replaced, or a pod that began anew, taken for two of one name."""
    first, second = (fleet_at(2)(clock.start)[number] for number in range(2))
    half = clock.start + 30
    replaced = all_of_one_name(
        [*history(clock.start, half, lambda _: [first]), *history(half, half + 30, lambda _: [second])]
    )
    stored = deliver(replaced, AGGREGATION="gpu")
    assert names(stored, "GPUUtilization") == {"ClusterName=c,GPU=0,InstanceId=localhost"}


def test_a_pod_of_another_address_is_no_other_gpu(deliver: Deliver, clock: Clock) -> None:
    series = history(clock.start, clock.start + 60, fleet_at(1))
    two = [({**labels, "instance": address}, found) for labels, found in series for address in ("a:9400", "b:9400")]
    assert names(deliver(two, AGGREGATION="gpu"), "GPUUtilization") == {"ClusterName=c,GPU=0,InstanceId=node-0"}


def test_a_series_that_names_no_host_is_not_published(deliver: Deliver, clock: Clock) -> None:
    samples = [(clock.start + 3.5, "50")]
    stored = deliver([({"__name__": "DCGM_FI_DEV_GPU_UTIL", "gpu": "0"}, samples)], AGGREGATION="gpu,cluster")
    assert not names(stored, "GPUUtilization")


def test_pods_that_come_and_go_do_not_cut_a_gpus_minute(deliver: Deliver, clock: Clock) -> None:
    """Within one minute the GPU is analytics', then research's: two series, one GPU."""

    def gpus(moment: float) -> list[Gpu]:
        team = "analytics" if moment < clock.start + 30 else "research"
        return [Gpu(0, "node-0", [Workload(team, team)], values=drawn(moment, 0))]

    stored = deliver(history(clock.start, clock.start + 60, gpus) + node_info(clock.start, clock.start + 60, ids(1)))
    first, second = (drawn(clock.start + at + 3.5, 0)["DCGM_FI_DEV_GPU_UTIL"] for at in (0, 30))
    assert total(stored, "GPUUtilization", f"ClusterName=c,GPU=0,InstanceId={ID}") == (first + second, 2)
    assert total(stored, "GPUUtilization", "ClusterName=c,Team=analytics") == (first, 1)
    assert total(stored, "GPUUtilization", "ClusterName=c,Team=research") == (second, 1)
    assert total(stored, "GPUAllocated", "ClusterName=c") == (1, 1), "one GPU, allocated"


def test_a_gpu_in_time_slices_counts_once(deliver: Deliver, clock: Clock) -> None:
    pods = [Workload(f"pod-{number}", "analytics" if number < 2 else "research") for number in range(3)]
    series = history(clock.start, clock.start + 60, lambda _: [Gpu(0, "node-0", pods)], virtual_gpus=True)
    stored = deliver(series + node_info(clock.start, clock.start + 60, ids(1)))
    for where in (f"GPU=0,InstanceId={ID}", f"InstanceId={ID}", "Team=analytics", "Team=research"):
        assert total(stored, "GPUUtilization", f"ClusterName=c,{where}") == (2 * 87, 2)
    assert total(stored, "GPUCount", "ClusterName=c") == (1, 1)
    assert total(stored, "GPUAllocatedIdle", "ClusterName=c") == (0, 1)


def test_mig_instances_are_apart_and_their_gpus_heat_counts_once(deliver: Deliver, clock: Clock) -> None:
    instances = [
        MigInstance(number, workload=Workload(namespace="analytics") if number == 1 else None, values=values)
        for number, values in ((1, {"DCGM_FI_DEV_FB_USED": 100, "DCGM_FI_PROF_GR_ENGINE_ACTIVE": 0.01}), (2, {}))
    ]
    series = history(clock.start, clock.start + 60, lambda _: [Gpu(0, "node-0", instances=instances, xids={31: 2})])
    stored = deliver(series + node_info(clock.start, clock.start + 60, ids(1)))
    gpu = f"ClusterName=c,GPU=0,InstanceId={ID}"
    assert total(stored, "GPUMemoryUsed", f"{gpu},MIG=1") == (2 * 100 * MIB, 2)
    assert total(stored, "GPUMemoryUsed", f"{gpu},MIG=2") == (2 * 18432 * MIB, 2)
    assert total(stored, "GPUTemperature", gpu) == total(stored, "GPUTemperature", "ClusterName=c") == (2 * 54, 2)
    assert total(stored, "GPUAllocated", "ClusterName=c") == (1, 2), "one slice of two"
    assert total(stored, "GPUAllocatedIdle", "ClusterName=c,Team=analytics") == (1, 1), "by its engine"
    assert total(stored, "GPUCount", "ClusterName=c") == (1, 1)
    assert total(stored, "GPUUtilization", f"{gpu},MIG=1") == (2 * 1, 2), "DCGM has none of slices: by their engines"
    assert total(stored, "GPUUtilization", f"{gpu},MIG=2") == (2 * 86, 2)
    assert total(stored, "GPUUtilization", "ClusterName=c") == (2 * 1 + 2 * 86, 4)
    assert names(stored, "GPUMemoryUtilization") == set(), "which nothing stands for"


def test_old_and_new_names_give_identical_values(
    prometheus: PrometheusPort, cloudwatch: CloudWatchPort, exporter: Callable[..., Exporter], clock: Clock
) -> None:
    """4.9 renames fields and changes units: percent to ratio, MiB to bytes."""
    end, tables = clock.start + 120, []
    clock.now = end + 50
    forms: tuple[Form, ...] = ("4.8", "4.9")
    for form in forms:
        prometheus.series = [*history(clock.start, end, fleet_at(2), form), *node_info(clock.start, end, ids(2))]
        cloudwatch.metrics.store.points.clear()
        made = exporter(FIRST_BACKFILL="160", WATERMARK=f"file:{exporter().folder}/{form}")
        assert made.done("once") == 0
        gpu = {of: rows for of, rows in cloudwatch.data().items() if of[0].startswith("GPU")}
        tables.append({of: {minute: _rounded(row) for minute, row in rows.items()} for of, rows in gpu.items()})
    assert len(tables[0]) == 2 * 12 + 2 * 13 + 13, "of each GPU, of each node, of the cluster; no team"
    assert tables[0] == tables[1]


def _rounded(row: tuple[float, float]) -> tuple[float, float]:
    """Round: 4.9's text has six digits after the point."""
    return round(row[0], 3), row[1]


def test_a_ratio_that_is_percent_is_told_by_its_range(deliver: Deliver, clock: Clock) -> None:
    """DCGM before 4.7 gave percent under the name of the ratio."""
    values = {"node-0": "0.5", "node-1": "50"}
    series: list[Series] = [
        ({"__name__": "DCGM_FI_DEV_GPU_UTIL_RATIO", "gpu": "0", "hostname": node}, [(clock.start + 3.5, value)])
        for node, value in values.items()
    ]
    stored = deliver(series, AGGREGATION="node", METRICS="GPUUtilization")
    for node in values:
        assert total(stored, "GPUUtilization", f"ClusterName=c,InstanceId={node}") == (50, 1)


@pytest.mark.parametrize("blank", [BLANK_INT32, BLANK, NOT_SUPPORTED, float("nan"), float("inf"), -1e300, "x"])
def test_what_is_no_value_is_no_datum(blank: Any, deliver: Deliver, clock: Clock) -> None:  # noqa: ANN401
    fields = ("GPU_UTIL", "GPU_TEMP", "POWER_USAGE", "FB_USED", "CLOCKS_EVENT_REASONS", "ECC_DBE_VOL_TOTAL")
    series: list[Series] = [
        (
            {"__name__": f"DCGM_FI_DEV_{name}", "gpu": "0", "Hostname": "node-0"},
            [(clock.start + 3.5, str(blank)), (clock.start + 33.5, "7")],
        )
        for name in fields
    ]
    stored = deliver(series, AGGREGATION="cluster")
    assert total(stored, "GPUUtilization", "ClusterName=c") == (7, 1)
    assert total(stored, "GPUTemperature", "ClusterName=c") == (7, 1)
    assert total(stored, "GPUPowerUsage", "ClusterName=c") == (7, 1)
    assert total(stored, "GPUMemoryUsed", "ClusterName=c") == (7 * MIB, 1)
    assert total(stored, "GPUThrottled", "ClusterName=c") == (1, 1), "by a power cap, 4 of 7"
    assert total(stored, "GPUEccErrors", "ClusterName=c") == (0, 1)


@pytest.mark.parametrize("ahead", [3 * HOUR, -3 * HOUR])
def test_clocks_that_disagree_cost_no_minute_and_nothing_of_the_future_is_sent(
    ahead: int,
    prometheus: PrometheusPort,
    cloudwatch: CloudWatchPort,
    exporter: Callable[..., Exporter],
    clock: Clock,
) -> None:
    """Samples bear Prometheus' time; CloudWatch refuses what is more than two hours ahead of its own."""
    real = int(time.time())
    clock.now = real + ahead
    end = int(clock.now) // 60 * 60
    prometheus.series = history(end - 4 * HOUR, end, fleet_at(1)) + node_info(end - 4 * HOUR, end, ids(1))
    made = exporter(METRICS="GPUUtilization", AGGREGATION="node", FIRST_BACKFILL="600")
    assert made.done("once") == 0
    found = cloudwatch.data()["GPUUtilization", f"ClusterName=c,InstanceId={ID}"]
    newest = min(end, real) - 60 - 45
    assert newest - 60 <= max(found) <= newest + 120
    assert max(found) - min(found) == 60 * (len(found) - 1), "no minute is left out"
    minutes = range(min(found), max(found) + 60, 60)
    assert found == expected(minutes.start, minutes.stop, lambda at: [drawn(at, 0)["DCGM_FI_DEV_GPU_UTIL"]])
    assert not cloudwatch.refused


def test_a_terminated_nodes_backlog_has_its_instance_id(
    deliver: Deliver, clock: Clock, kubernetes: KubernetesPort
) -> None:
    """Its name has been given to another instance since, which is all that Kubernetes knows."""
    later = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(clock.start + HOUR))
    kubernetes.node("node-0", "i-0fffffffffffffff1", later)
    kubernetes.node("node-1", "i-0fffffffffffffff2", "2026-01-01T00:00:00Z")
    series = history(clock.start, clock.start + 60, fleet_at(2)) + node_info(clock.start, clock.start + 60, ids(1))
    stored = deliver(series, AGGREGATION="node", KUBERNETES_URL=kubernetes.url)
    assert names(stored, "GPUUtilization") == {
        f"ClusterName=c,InstanceId={ID}",
        "ClusterName=c,InstanceId=i-0fffffffffffffff2",
    }


def test_a_node_that_only_kubernetes_knows_in_another_life_goes_by_its_name(
    deliver: Deliver, clock: Clock, kubernetes: KubernetesPort
) -> None:
    later = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(clock.start + HOUR))
    kubernetes.node("node-0", "i-0fffffffffffffff1", later)
    series = history(clock.start, clock.start + 60, fleet_at(1))
    stored = deliver(series, AGGREGATION="node", KUBERNETES_URL=kubernetes.url)
    assert names(stored, "GPUUtilization") == {"ClusterName=c,InstanceId=node-0"}


def test_new_errors_are_counted_in_their_minute(deliver: Deliver, clock: Clock) -> None:
    """An XID's series begins with the first one; DCGM's own last XID stays for ever and tells nothing."""

    def gpus(moment: float) -> list[Gpu]:
        late = moment >= clock.start + 60
        return [
            Gpu(0, "node-0", values={"DCGM_FI_DEV_ECC_DBE_VOL_TOTAL": 5 + late}, xids={31: 2} if late else {}),
            Gpu(1, "node-0", values={"DCGM_FI_DEV_ECC_DBE_VOL_TOTAL": 9}, xids={48: 7}),
            *([Gpu(2, "node-0", xids={48: 7})] if late else []),
        ]

    stored = deliver(history(clock.start - 120, clock.start + 120, gpus), minutes=2, AGGREGATION="gpu")
    found = {name: stored[name, "ClusterName=c,GPU=0,InstanceId=node-0"] for name in ("GPUXidErrors", "GPUEccErrors")}
    assert [row[0] for _, row in sorted(found["GPUXidErrors"].items())] == [0, 2]
    assert [row[0] for _, row in sorted(found["GPUEccErrors"].items())] == [0, 1]
    assert total(stored, "GPUXidErrors", "ClusterName=c,GPU=1,InstanceId=node-0")[0] == 0, "old ones"
    assert total(stored, "GPUXidErrors", "ClusterName=c,GPU=2,InstanceId=node-0")[0] == 0, "of before it was scraped"


def test_minutes_that_prometheus_itself_lacks_are_counted_and_passed_over(
    prometheus: PrometheusPort, cloudwatch: CloudWatchPort, exporter: Callable[..., Exporter], clock: Clock
) -> None:
    begin, back = clock.start, clock.start + 240
    prometheus.series = [*history(begin, begin + 60, fleet_at(1)), *up(begin, begin + 120), *up(back, back + 120)]
    clock.now = begin + 60 + 50
    made = exporter(AGGREGATION="node", FIRST_BACKFILL="110")
    assert made.done("once") == 0
    clock.now = back + 60 + 50
    assert made.done("once") == 0
    (_, (gaps, _)), *_ = cloudwatch.data()["ScrapeGapMinutes", "ClusterName=c"].items()
    assert gaps == 2, "without GPUs there is nothing to publish, which is no gap"


def test_parallelcluster_has_exactly_the_documented_names_and_units(
    deliver: Deliver, clock: Clock, cloudwatch: CloudWatchPort
) -> None:
    series = history(clock.start, clock.start + 60, lambda _: [Gpu(0, "i-0abcdef0123456789.ec2.internal")])
    stored = deliver(series, PRESET="parallelcluster")
    where = "GPU=0,InstanceId=i-0abcdef0123456789"
    units = {name: of for (_, name, _), of in cloudwatch.metrics.store.units.items() if name.startswith("GPU")}
    assert units == {
        "GPUUtilization": {"Percent"},
        "GPUMemoryUtilization": {"Percent"},
        "GPUTemperature": {"None"},
        "GPUPowerUsage": {"None"},
        "GPUMemoryUsed": {"Megabytes"},
        "GPUMemoryFree": {"Megabytes"},
    }
    assert {of for of in stored if of[0].startswith("GPU")} == {(name, where) for name in units}
    assert {space for space, _, _ in cloudwatch.metrics.store.points} == {"ParallelCluster/c/GPU"}
    assert total(stored, "GPUMemoryUsed", where)[0] / 2 == pytest.approx(18432 * 1.048576)
