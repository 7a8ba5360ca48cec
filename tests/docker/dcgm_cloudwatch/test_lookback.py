"""What a minute's numbers mean may stand in the hours before it."""

import hashlib
from collections.abc import Callable, Mapping

import pytest
from dcgm_text import Gpu

from dcgm_cloudwatch import lookback
from dcgm_cloudwatch.exporter import Exporter as Delivering
from dcgm_cloudwatch.prometheus import Prometheus
from dcgm_cloudwatch.run import step
from tests.docker.dcgm_cloudwatch.clock import HOUR, Clock
from tests.docker.dcgm_cloudwatch.cloudwatch_port import CloudWatchPort
from tests.docker.dcgm_cloudwatch.fleet import Series, history
from tests.docker.dcgm_cloudwatch.prometheus_port import PrometheusPort

ERRORS = {"METRICS": "GPUXidErrors,GPUEccErrors,GPUMemoryUsed", "AGGREGATION": "gpu", "FIRST_BACKFILL": "110"}
Within = Callable[..., Delivering]


@pytest.fixture(params=["named one by one", "too many to be named"])
def named(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether queries name the GPUs that they are about."""
    if request.param != "named one by one":
        monkeypatch.setattr(lookback, "NAMED", 0)


@pytest.fixture
def errors(
    prometheus: PrometheusPort, cloudwatch: CloudWatchPort, within: Within, clock: Clock
) -> Callable[..., dict[tuple[str, str], float]]:
    """Deliver the minute at the clock's start, and return errors by metric and GPU."""

    def found(*parts: list[Series]) -> dict[tuple[str, str], float]:
        prometheus.series = [series for part in parts for series in part]
        clock.now = clock.start + 60 + 50
        made = within(**ERRORS)
        while step(made):
            pass
        rows: Mapping[tuple[str, str], Mapping[int, tuple[float, float]]] = cloudwatch.data()
        return {
            (name, where.partition(",InstanceId")[0].partition("GPU=")[2]): of[clock.start][0]
            for (name, where), of in rows.items()
            if name.endswith("Errors") and "GPU=" in where
        }

    return found


def gpus(ecc: int, xids: Mapping[int, int], number: int = 0) -> Gpu:
    return Gpu(number, "node-0", values={"DCGM_FI_DEV_ECC_DBE_VOL_TOTAL": ecc}, xids=xids)


@pytest.mark.usefixtures("named")
@pytest.mark.parametrize("hours", [1, 5, 20])
def test_errors_that_came_while_prometheus_saw_nothing_are_counted(
    hours: int, errors: Callable[..., dict[tuple[str, str], float]], clock: Clock
) -> None:
    """Guards against errors of a gap that count as none: just then something may have happened."""
    end = clock.start - hours * HOUR + 1200
    before = history(end - 600, end, lambda _: [gpus(5, {31: 2})])
    after = history(clock.start, clock.start + 60, lambda _: [gpus(8, {31: 6, 48: 3})])
    assert errors(before, after) == {("GPUEccErrors", "0"): 3, ("GPUXidErrors", "0"): 4 + 3}


@pytest.mark.usefixtures("named")
def test_errors_of_before_a_gpu_was_ever_seen_are_not_new(
    errors: Callable[..., dict[tuple[str, str], float]], clock: Clock
) -> None:
    before = history(clock.start - HOUR, clock.start - 1200, lambda _: [gpus(5, {31: 2}, number=1)])
    after = history(
        clock.start, clock.start + 60, lambda _: [gpus(9, {48: 7}), gpus(5, {31: 2}, number=1), gpus(0, {}, number=2)]
    )
    assert set(errors(before, after).values()) == {0}


def test_an_error_that_returns_after_the_dcgm_exporters_restart_is_new(
    errors: Callable[..., dict[tuple[str, str], float]], clock: Clock
) -> None:
    """Its count begins again: that hours ago it was as high tells nothing, as the GPU was seen all the time."""
    early = history(clock.start - 3 * HOUR, clock.start - 2 * HOUR, lambda _: [gpus(5, {31: 1})])
    quiet = history(clock.start - 2 * HOUR, clock.start, lambda _: [gpus(5, {})])
    after = history(clock.start, clock.start + 60, lambda _: [gpus(5, {31: 1})])
    assert errors(early, quiet, after) == {("GPUEccErrors", "0"): 0, ("GPUXidErrors", "0"): 1}


@pytest.mark.usefixtures("named")
def test_the_last_count_is_taken_of_several_pods(
    errors: Callable[..., dict[tuple[str, str], float]], clock: Clock
) -> None:
    """The first pod saw 9 before DCGM was restarted, the second one 2 after it."""
    parts = []
    for pod, back, count in (("a", 3000, 9), ("b", 1200, 2), ("c", 0, 3)):
        begin = clock.start - back
        series = history(begin, begin + 60, lambda _, count=count: [gpus(count, {})])  # type: ignore[misc]
        parts.append([({**labels, "exported_pod": pod}, samples) for labels, samples in series])
    assert errors(*parts)["GPUEccErrors", "0"] == 1


@pytest.mark.usefixtures("named")
@pytest.mark.parametrize(
    ("earlier", "percent"),
    [({"0": "37"}, 1), ({"0": "0.37"}, 100), ({"0": "1"}, 100), ({}, 100), ({"1": "37"}, 1)],
    ids=["was 37", "was 0.37", "was 1", "was not there", "its neighbour was 37"],
)
def test_one_is_a_percent_where_the_host_gave_percent_within_the_hour(
    earlier: Mapping[str, str],
    percent: float,
    prometheus: PrometheusPort,
    cloudwatch: CloudWatchPort,
    within: Within,
    clock: Clock,
) -> None:
    """DCGM before 4.7 gave percent under the name of the ratio, and 1 % is no full load."""

    def labels(gpu: str) -> dict[str, str]:
        return {"__name__": "DCGM_FI_DEV_GPU_UTIL_RATIO", "gpu": gpu, "UUID": f"GPU-{gpu}", "hostname": "node-0"}

    prometheus.series = [
        (labels(gpu), [(clock.start - 1800.0, earlier.get(gpu, "0")), (clock.start + 3.5, "1")]) for gpu in ("0", "1")
    ]
    clock.now = clock.start + 110
    made = within(METRICS="GPUUtilization", AGGREGATION="cluster", FIRST_BACKFILL="110")
    while step(made):
        pass
    assert cloudwatch.data()["GPUUtilization", "ClusterName=c"][clock.start] == (2 * percent, 2)


def test_an_answer_that_is_too_large_is_asked_for_in_parts(prometheus: PrometheusPort, clock: Clock) -> None:
    """Guards against a large fleet that begins all at once, whose minute would never be delivered."""
    fleet = [Gpu(number, f"node-{number}") for number in range(64)]
    made = history(clock.start, clock.start + 60, lambda _: fleet)
    prometheus.series = [({**labels, "UUID": _uuid(number)}, samples) for number, (labels, samples) in enumerate(made)]
    asked, end = ["DCGM_FI_DEV_FB_USED"], clock.start + 60
    whole = list(Prometheus(prometheus.url).known(asked, end))
    parts = list(Prometheus(prometheus.url, most_bytes=6000).known(asked, end))
    assert len(whole) == 64
    assert sorted(str(each.labels) for each in parts) == sorted(str(each.labels) for each in whole)
    assert len(prometheus.queries) > 2


def test_the_last_samples_of_a_target_that_goes_are_seen_between_two_steps(
    prometheus: PrometheusPort, clock: Clock
) -> None:
    """Prometheus marks a series as gone with the first failed scrape, from which on a mere selector sees none of it."""
    list(Prometheus(prometheus.url).steps(["DCGM_FI_DEV_ECC_DBE_VOL_TOTAL"], (clock.start, clock.start + HOUR, 300)))
    (query,) = prometheus.queries
    assert query.startswith("last_over_time({")
    assert query.endswith("[300s])[3600s:300s]")


def _uuid(number: int) -> str:
    """Return an id whose digits are anything, as NVIDIA's are."""
    return f"GPU-{hashlib.sha256(str(number).encode()).hexdigest()[:32]}"
