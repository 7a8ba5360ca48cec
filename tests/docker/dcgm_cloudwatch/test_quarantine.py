"""Data that CloudWatch refuses for good are found and set aside; every other one is stored, and stored once."""

import random
from collections.abc import Callable, Collection

import pytest

from dcgm_cloudwatch import exporter as delivering
from dcgm_cloudwatch.exporter import Exporter as Delivering
from dcgm_cloudwatch.publish import HeldError
from dcgm_cloudwatch.run import step
from rehearsal.wire.call import Refused
from tests.docker.dcgm_cloudwatch.clock import Clock
from tests.docker.dcgm_cloudwatch.cloudwatch_port import THROTTLED, CloudWatchPort
from tests.docker.dcgm_cloudwatch.fleet import delivered, held, utilization
from tests.docker.dcgm_cloudwatch.process import Exporter, wait_until
from tests.docker.dcgm_cloudwatch.prometheus_port import PrometheusPort

Make = Callable[..., Exporter]
SETTLED = 50.0
CHOSEN = {"METRICS": "GPUUtilization", "AGGREGATION": "node", "FIRST_BACKFILL": "110"}


def spoil(prometheus: PrometheusPort, nodes: Collection[str], name: str = "kn\u00f6ten") -> None:
    """Give some nodes names that CloudWatch refuses, and no instance ids."""
    for labels, _ in prometheus.series:
        assert isinstance(labels, dict)
        if node := next((value for value in labels.values() if value in nodes), ""):
            named = {each: f"{name}{node}" for each, value in labels.items() if value == node}
            labels.update(named, provider_id="")


def quarantined(cloudwatch: CloudWatchPort) -> float:
    """Return how many data the exporters say that they have set aside."""
    rows = cloudwatch.data().get(("DatumsQuarantined", "ClusterName=c"), {})
    return float(sum(total for total, _ in rows.values()))


def of_nodes(cloudwatch: CloudWatchPort) -> int:
    """Return how many nodes there is something of."""
    return sum(metric == "GPUUtilization" for metric, _ in cloudwatch.data())


def assert_once(cloudwatch: CloudWatchPort, minutes: range, good: Collection[int]) -> None:
    """See that the good ones, and none else, are stored, each minute once."""
    assert {number: delivered(cloudwatch, number) for number in good} == {
        number: utilization(minutes, number) for number in good
    }
    assert of_nodes(cloudwatch) == len(good)


@pytest.mark.parametrize("name", ["x" * 1025, "knöten"], ids=["over-long", "non-ASCII"])
def test_one_bad_datum_of_a_thousand_keeps_nothing_else_back(
    name: str, prometheus: PrometheusPort, cloudwatch: CloudWatchPort, exporter: Make, clock: Clock
) -> None:
    minutes = held(prometheus, clock, 1, gpus=1000)
    spoil(prometheus, {"node-500"}, name)
    clock.now = minutes.stop + SETTLED
    made = exporter(**CHOSEN)
    assert made.done("once") == 0
    found = {where for metric, where in cloudwatch.data() if metric == "GPUUtilization"}
    assert len(found) == 999
    assert quarantined(cloudwatch) == 1
    assert delivered(cloudwatch, 499) == utilization(minutes, 499)
    assert sum(came.window is not None for came in cloudwatch.requests) < 30, "found by halving"
    (told,) = [line for line in made.log.read_text().splitlines() if "for good" in line]
    assert "refuses GPUUtilization of {'ClusterName': 'c', 'InstanceId': '" + name in told, "which one it was"
    first = cloudwatch.requests[0]
    assert len(first.parameters["MetricData"]) == 1000, "not 20 data a request"
    assert first.compressed, "as it is above the size from which the SDK does so"
    assert first.size < 20_000


def test_bad_data_in_each_of_three_requests_keep_no_other_back(
    prometheus: PrometheusPort,
    cloudwatch: CloudWatchPort,
    within: Callable[..., Delivering],
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A node whose name is refused has a datum of each metric; one whose number is none has no datum of that."""
    minutes = held(prometheus, clock, 1, gpus=120)
    spoil(prometheus, {"node-60"})
    broken = next(each for each in prometheus.series if _is(each[0], "DCGM_FI_DEV_GPU_TEMP", "node-7"))
    prometheus.series[prometheus.series.index(broken)] = (broken[0], [(at, "NaN") for at, _ in broken[1]])
    clock.now = minutes.stop + SETTLED
    made = within(AGGREGATION="gpu,node", FIRST_BACKFILL="110")
    while step(made):
        pass
    sizes = [len(came.parameters["MetricData"]) for came in cloudwatch.requests if came.window]
    assert sizes.count(1000) == 2, "and a third one, of what is left"
    per_node = 12 + 13  # metrics by GPU, and by node
    assert len(cloudwatch.data().keys() - {("DatumsQuarantined", "ClusterName=c")}) == 119 * per_node - 2
    assert made.counters.counts["DatumsQuarantined"] == per_node
    told = [each.getMessage() for each in caplog.records if "for good" in each.getMessage()]
    assert len(told) == per_node
    assert all("knötennode-60" in each for each in told)
    assert delivered(cloudwatch, 7) == utilization(minutes, 7), "its other numbers are there"


def _is(labels: object, name: str, node: str) -> bool:
    assert isinstance(labels, dict)
    return labels["__name__"] == name and node in labels.values()


def test_a_namespace_that_is_refused_sets_no_datum_aside(
    prometheus: PrometheusPort, cloudwatch: CloudWatchPort, exporter: Make, clock: Clock
) -> None:
    minutes = held(prometheus, clock, 1)
    clock.now = minutes.stop + SETTLED
    cloudwatch.refuse = lambda _: Refused("InvalidParameterValue", "The parameter Namespace is not yours.")
    made = exporter(**CHOSEN)
    assert made.done("once") == 1
    assert "takes nothing at all" in made.log.read_text()
    cloudwatch.refuse = lambda _: None
    assert made.done("once") == 0
    assert delivered(cloudwatch) == utilization(minutes)
    assert quarantined(cloudwatch) == 0


def test_a_bad_datum_and_throttling_together_send_nothing_twice(
    prometheus: PrometheusPort, cloudwatch: CloudWatchPort, exporter: Make, clock: Clock
) -> None:
    """Guards against halves that are forgotten: what is refused next to them would send them again and again."""
    minutes = held(prometheus, clock, 1, gpus=8)
    spoil(prometheus, {"node-5"})
    clock.now = minutes.stop + SETTLED
    cloudwatch.refuse = lambda _: THROTTLED if len(cloudwatch.requests) % 10 else None
    made = exporter(**CHOSEN)
    made.start()
    wait_until(lambda: of_nodes(cloudwatch) == 7 and "for good" in made.log.read_text(), "all but the bad one")
    cloudwatch.refuse = lambda _: None
    clock.now += 60
    assert_once(cloudwatch, minutes, set(range(8)) - {5})
    assert "takes nothing" not in made.log.read_text(), "a throttled request tells nothing of what is taken"


@pytest.mark.parametrize("seed", range(6))
def test_no_failure_and_no_restart_while_a_request_is_halved_sends_a_datum_twice(
    seed: int,
    prometheus: PrometheusPort,
    cloudwatch: CloudWatchPort,
    within: Callable[..., Delivering],
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn = random.Random(seed)
    minutes = held(prometheus, clock, 2, gpus=30)
    bad = set(drawn.sample(range(30), 4))
    spoil(prometheus, {f"node-{number}" for number in bad})
    clock.now = minutes.stop + SETTLED
    cloudwatch.refuse = lambda _: THROTTLED if drawn.random() < 0.6 else None
    monkeypatch.setattr(delivering, "PATIENCE", 0.0)
    settings = CHOSEN | {"FIRST_BACKFILL": "170"}
    made = [within(**settings)]
    for _ in range(5000):
        if drawn.random() < 0.1:
            made.append(within(**settings))  # as after a restart
        try:
            if not step(made[-1]):
                break
        except HeldError:
            continue
    aside = sum(each.counters.counts["DatumsQuarantined"] for each in made)
    assert_once(cloudwatch, minutes, set(range(30)) - bad)
    assert aside == len(bad) * len(minutes)
    assert len(made) > 1


def test_looking_for_a_bad_datum_makes_no_metric_of_its_own(
    prometheus: PrometheusPort, cloudwatch: CloudWatchPort, exporter: Make, clock: Clock
) -> None:
    minutes = held(prometheus, clock, 1, gpus=4)
    spoil(prometheus, {"node-1"})
    clock.now = minutes.stop + SETTLED
    assert exporter(**CHOSEN).done("once") == 0
    assert {where for metric, where in cloudwatch.data() if not metric.startswith("GPU")} == {"ClusterName=c"}
