"""Nothing is lost: the real process between a Prometheus and a CloudWatch that fail as the real ones do."""

import re
import signal
import urllib.request
from collections.abc import Callable

import pytest

from rehearsal.wire.call import Refused
from tests.docker.dcgm_cloudwatch.clock import HOUR, Clock
from tests.docker.dcgm_cloudwatch.cloudwatch_port import EXPIRED, THROTTLED, UNAVAILABLE, CloudWatchPort, Request_
from tests.docker.dcgm_cloudwatch.fleet import drawn, expected, fleet_at, history, ids, node_info
from tests.docker.dcgm_cloudwatch.kubernetes_port import KubernetesPort
from tests.docker.dcgm_cloudwatch.process import PATIENCE, Exporter, wait_until
from tests.docker.dcgm_cloudwatch.prometheus_port import PrometheusPort

Make = Callable[..., Exporter]
NODE = "ClusterName=c,InstanceId=i-00000000000000000"
CHOSEN = {"METRICS": "GPUUtilization,GPUTemperature", "AGGREGATION": "node"}
SETTLED = 50.0  # seconds after the end of a window


def held(prometheus: PrometheusPort, clock: Clock, minutes: int, gpus: int = 1) -> range:
    """Let Prometheus hold some minutes of a fleet; return when each begins."""
    end = clock.start + 60 * minutes
    prometheus.series = [
        *history(clock.start, end, fleet_at(gpus)),
        *node_info(clock.start - 300, end + 300, ids(gpus)),
    ]
    return range(clock.start, end, 60)


def utilization(minutes: range, number: int = 0) -> dict[int, tuple[float, float]]:
    return expected(minutes.start, minutes.stop, lambda moment: [drawn(moment, number)["DCGM_FI_DEV_GPU_UTIL"]])


def delivered(cloudwatch: CloudWatchPort, number: int = 0) -> dict[int, tuple[float, float]]:
    where = f"ClusterName=c,InstanceId=i-{number:017x}"
    found: dict[int, tuple[float, float]] = cloudwatch.data().get(("GPUUtilization", where), {})
    return found


def window_of(came: Request_) -> int | None:
    """Return the window whose batch a request is, None where the exporter tells of itself."""
    first = came.parameters["MetricData"][0]
    return int(first["Timestamp"].timestamp()) if first["MetricName"].startswith("GPU") else None


def page(made: Exporter, name: str) -> str:
    """Return one of the exporter's own pages."""
    address = re.findall(r"pages on (\S+),", made.log.read_text())[-1]
    with urllib.request.urlopen(f"http://{address}/{name}", timeout=60) as answer:
        return str(answer.read().decode())


def lag(made: Exporter) -> float:
    """Return how late it says it is, in seconds."""
    return float(re.findall(r"(?m)^dcgm_cloudwatch_lag_seconds (\S+)", page(made, "metrics"))[0])


def test_six_hours_without_cloudwatch_leave_no_minute_out(
    prometheus: PrometheusPort, cloudwatch: CloudWatchPort, exporter: Make, clock: Clock
) -> None:
    minutes = held(prometheus, clock, 360)
    cloudwatch.refuse = lambda _: UNAVAILABLE
    clock.now = clock.start + 60 + SETTLED
    made = exporter(**CHOSEN, FIRST_BACKFILL="60")
    made.start()
    wait_until(lambda: len(cloudwatch.refused) > 1, "the outage")
    clock.now = clock.start + 6 * HOUR + SETTLED
    wait_until(lambda: len(cloudwatch.refused) > 3, "an outage of six hours")
    assert page(made, "healthz") == "ok\n", "an outage of CloudWatch is no reason to start anew"
    wait_until(lambda: lag(made) > 5 * HOUR, "the lag")
    cloudwatch.refuse = lambda _: None
    wait_until(lambda: len(delivered(cloudwatch)) == len(minutes), "all minutes")
    assert delivered(cloudwatch) == utilization(minutes)
    sent = [window_of(came) for came in cloudwatch.requests]
    after = [window for window in sent[len(cloudwatch.refused) :] if window is not None]
    assert minutes[-1] in after[:2], "the newest minute comes before six hours of old ones"


@pytest.mark.parametrize("at", ["before it is stored", "after it is stored", "before the watermark"])
def test_a_killed_exporter_leaves_no_gap_and_sends_one_batch_twice_at_most(
    at: str,
    prometheus: PrometheusPort,
    cloudwatch: CloudWatchPort,
    exporter: Make,
    clock: Clock,
    kubernetes: KubernetesPort,
) -> None:
    """A batch is one request: two of them make up a minute here, so that a kill can come between."""
    minutes = held(prometheus, clock, 4, gpus=300)
    clock.now = minutes.stop + SETTLED
    made = exporter(
        METRICS="GPUUtilization,GPUTemperature",
        AGGREGATION="gpu,node",
        FIRST_BACKFILL="290",
        WATERMARK="configmap:monitoring/watermark",
        KUBERNETES_URL=kubernetes.url,
    )

    process = made.start()

    def kill() -> bool:
        if sum(window_of(came) is not None for came in cloudwatch.requests) < 4:
            return False
        process.kill()
        process.wait()
        return True

    if at == "before it is stored":
        cloudwatch.refuse = lambda _: UNAVAILABLE if kill() else None
    elif at == "after it is stored":
        cloudwatch.stored = lambda _: kill()
    else:
        kubernetes.refuse = kill
    assert process.wait(PATIENCE) == -signal.SIGKILL
    cloudwatch.refuse, cloudwatch.stored, kubernetes.refuse = (lambda _: None), (lambda _: None), (lambda: False)
    sent_before = [came for came in cloudwatch.requests if window_of(came)]
    assert made.done("once") == 0
    twice = doubled(cloudwatch, minutes)
    assert len(sent_before) == 4
    assert len(twice) <= 1000, "one batch at most"
    assert (len(twice) == 0) == (at == "before it is stored")


def doubled(cloudwatch: CloudWatchPort, minutes: range) -> set[tuple[str, str, int]]:
    """Return which sums are twice what they ought to be; all others, and all averages, must be right."""
    found = set()
    table = cloudwatch.data()
    for number in range(300):
        for where in (f"ClusterName=c,InstanceId=i-{number:017x}", f"ClusterName=c,GPU=0,InstanceId=i-{number:017x}"):
            wanted, got = utilization(minutes, number), table["GPUUtilization", where]
            assert wanted.keys() == got.keys()
            for minute, (total, count) in wanted.items():
                assert got[minute][0] / got[minute][1] == total / count
                if got[minute] != (total, count):
                    assert got[minute] == (2 * total, 2 * count)
                    found.add(("GPUUtilization", where, minute))
    return found


def test_throttling_of_nine_requests_in_ten_delays_but_drops_nothing(
    prometheus: PrometheusPort, cloudwatch: CloudWatchPort, exporter: Make, clock: Clock
) -> None:
    minutes = held(prometheus, clock, 10)
    clock.now = minutes.stop - 60 + SETTLED  # all but the last minute are closed
    cloudwatch.refuse = lambda _: THROTTLED if len(cloudwatch.requests) % 10 else None
    order: list[int] = []

    def stored(came: Request_) -> None:
        window = window_of(came)
        order.extend([window] if window is not None else [])
        if len(order) == 3:
            clock.now = minutes.stop + SETTLED  # a minute closes while there is a backlog

    cloudwatch.stored = stored
    exporter(**CHOSEN, FIRST_BACKFILL=str(10 * 60)).start()
    wait_until(lambda: len(order) == len(minutes), "all minutes")
    assert order == [minutes[-2], minutes[0], minutes[1], minutes[-1], *minutes[2:-2]], (
        "the live minute, then the backlog"
    )
    assert delivered(cloudwatch) == utilization(minutes)


def test_an_old_minute_of_many_batches_makes_way_for_a_new_one(
    prometheus: PrometheusPort, cloudwatch: CloudWatchPort, exporter: Make, clock: Clock
) -> None:
    minutes = held(prometheus, clock, 3, gpus=1100)
    clock.now = minutes.stop - 60 + SETTLED
    order: list[int] = []

    def stored(came: Request_) -> None:
        window = window_of(came)
        order.extend([window] if window is not None else [])
        if order[-1:] == [minutes[0]]:
            clock.now = minutes.stop + SETTLED

    cloudwatch.stored = stored
    exporter(**CHOSEN, FIRST_BACKFILL="170").start()
    wait_until(lambda: len(order) == 9, "all batches")
    first, second, third = minutes
    assert order == [*[second] * 3, first, *[third] * 3, *[first] * 2]


def test_credentials_that_expire_are_read_anew(
    prometheus: PrometheusPort, cloudwatch: CloudWatchPort, exporter: Make, clock: Clock
) -> None:
    minutes = held(prometheus, clock, 4)
    clock.now = minutes.start + 60 + SETTLED
    made = exporter(**CHOSEN, FIRST_BACKFILL="60", AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="")
    del made.environment["AWS_ACCESS_KEY_ID"], made.environment["AWS_SECRET_ACCESS_KEY"]
    file = made.folder / ".aws" / "credentials"
    file.parent.mkdir()

    def write(key: str) -> None:
        file.write_text(f"[default]\naws_access_key_id = {key}\naws_secret_access_key = fake\n")

    write("AKIAOLD0000000000000")
    made.start()
    wait_until(lambda: len(delivered(cloudwatch)) == 1, "the first minute")
    cloudwatch.refuse = lambda came: EXPIRED if "OLD" in came.key else None
    clock.now = minutes.stop + SETTLED
    wait_until(lambda: len(cloudwatch.refused) > 1, "the expiry")
    write("AKIANEW0000000000000")
    wait_until(lambda: len(delivered(cloudwatch)) == 4, "all minutes")
    assert delivered(cloudwatch) == utilization(minutes)


@pytest.mark.parametrize("name", ["x" * 1025, "knöten"], ids=["over-long", "non-ASCII"])
def test_one_bad_datum_of_a_thousand_keeps_nothing_else_back(
    name: str, prometheus: PrometheusPort, cloudwatch: CloudWatchPort, exporter: Make, clock: Clock
) -> None:
    minutes = held(prometheus, clock, 1, gpus=1000)
    for labels, _ in prometheus.series:
        assert isinstance(labels, dict)
        if "node-500" in labels.values():
            labels.update({each: name for each, value in labels.items() if value == "node-500"}, provider_id="")
    clock.now = minutes.stop + SETTLED
    made = exporter(METRICS="GPUUtilization", AGGREGATION="node", FIRST_BACKFILL="110")
    assert made.done("once") == 0
    found = {where for metric, where in cloudwatch.data() if metric == "GPUUtilization"}
    assert len(found) == 999
    assert cloudwatch.data()["DatumsQuarantined", "ClusterName=c"].popitem()[1][0] == 1
    assert delivered(cloudwatch, 499) == utilization(minutes, 499)
    assert sum(window_of(came) is not None for came in cloudwatch.requests) < 30, "found by halving"
    assert "for good" in made.log.read_text()


def test_a_namespace_that_is_refused_sets_no_datum_aside(
    prometheus: PrometheusPort, cloudwatch: CloudWatchPort, exporter: Make, clock: Clock
) -> None:
    minutes = held(prometheus, clock, 1)
    clock.now = minutes.stop + SETTLED
    cloudwatch.refuse = lambda _: Refused("InvalidParameterValue", "The parameter Namespace is not yours.")
    made = exporter(**CHOSEN, FIRST_BACKFILL="110")
    assert made.done("once") == 1
    assert "takes nothing at all" in made.log.read_text()
    cloudwatch.refuse = lambda _: None
    assert made.done("once") == 0
    assert delivered(cloudwatch) == utilization(minutes)
    assert cloudwatch.data()["DatumsQuarantined", "ClusterName=c"].popitem()[1][0] == 0


def test_a_signal_ends_it_at_once_and_the_next_one_goes_on_where_it_was(
    prometheus: PrometheusPort, cloudwatch: CloudWatchPort, exporter: Make, clock: Clock
) -> None:
    minutes = held(prometheus, clock, 6)
    clock.now = minutes.start + 3 * 60 + SETTLED
    made = exporter(**CHOSEN, FIRST_BACKFILL=str(3 * 60))
    process = made.start()
    wait_until(lambda: len(delivered(cloudwatch)) == 3, "three minutes")
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    clock.now = minutes.stop + SETTLED
    assert made.done("once") == 0
    assert delivered(cloudwatch) == utilization(minutes), "no minute twice"


def test_an_unreachable_prometheus_is_waited_for_and_its_minutes_are_not_taken_for_empty(
    prometheus: PrometheusPort, cloudwatch: CloudWatchPort, exporter: Make, clock: Clock
) -> None:
    minutes = held(prometheus, clock, 2)
    clock.now, prometheus.down = minutes.stop + SETTLED, True
    made = exporter(**CHOSEN, FIRST_BACKFILL="170")
    made.start()
    wait_until(lambda: made.log.exists() and "503" in made.log.read_text(), "the outage")
    prometheus.down = False
    wait_until(lambda: len(delivered(cloudwatch)) == 2, "both minutes")
    assert delivered(cloudwatch) == utilization(minutes)
