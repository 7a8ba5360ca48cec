"""SIGKILL at any moment: no gap, and one batch twice at most."""

import signal
from collections.abc import Callable

import pytest
from dcgm_text import Gpu, MigInstance, Workload

from tests.docker.dcgm_cloudwatch.clock import Clock
from tests.docker.dcgm_cloudwatch.cloudwatch_port import UNAVAILABLE, CloudWatchPort, Request_
from tests.docker.dcgm_cloudwatch.fleet import drawn, history, ids, node_info
from tests.docker.dcgm_cloudwatch.kubernetes_port import KubernetesPort
from tests.docker.dcgm_cloudwatch.oracle import Rows, stored
from tests.docker.dcgm_cloudwatch.process import PATIENCE, Exporter
from tests.docker.dcgm_cloudwatch.prometheus_port import PrometheusPort

WITHIN, LAST = 5, 6  # requests: in the middle of the second minute that is sent, and at its end


@pytest.mark.parametrize(
    ("at", "request_"),
    [
        ("before it is stored", WITHIN),
        ("before it is stored", LAST),
        ("after it is stored", LAST),
        ("before the watermark", WITHIN),
        ("before the watermark", LAST),
    ],
)
def test_a_killed_exporter_leaves_no_gap_and_sends_one_batch_twice_at_most(
    at: str,
    request_: int,
    prometheus: PrometheusPort,
    cloudwatch: CloudWatchPort,
    exporter: Callable[..., Exporter],
    clock: Clock,
    kubernetes: KubernetesPort,
) -> None:
    """A batch is one request: three of them make up a minute here, so that a kill can come between or at the end."""
    end = clock.start + 3 * 60
    prometheus.series = [*history(clock.start, end, teams_at), *node_info(clock.start - 300, end + 300, ids(100))]
    clock.now = end + 50
    made = exporter(
        FIRST_BACKFILL="230", WATERMARK="configmap:monitoring/watermark", KUBERNETES_URL=kubernetes.url
    )  # all metrics at all levels
    process = made.start()

    def kill() -> bool:
        if sum(came.window is not None for came in cloudwatch.requests) < request_:
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
    sent_before = [came for came in cloudwatch.requests if came.window]
    assert made.done("once") == 0
    twice = doubled(cloudwatch, stored(clock.start, end, teams_at, ids(100)))
    assert len(sent_before) == request_
    assert twice == (set() if at == "before it is stored" else rows_of(sent_before[-1]))


def teams_at(moment: float) -> list[Gpu]:
    """Return 100 GPUs on as many nodes: half of them of two teams, some idle, some held back, some in three slices."""
    found = []
    for number in range(100):
        values = {
            **drawn(moment, number),
            "DCGM_FI_DEV_MEM_COPY_UTIL": number % 40,
            "DCGM_FI_DEV_FB_USED": 1000 + int(moment) // 30 % 7,
            "DCGM_FI_DEV_FB_FREE": 3000,
            "DCGM_FI_DEV_CLOCKS_EVENT_REASONS": (0, 1, 4, 64)[(int(moment) // 30 + number) % 4],
            **({"DCGM_FI_DEV_GPU_UTIL": 2} if number % 10 == 1 else {}),
        }
        pods = [Workload(f"pod-{number}", ("analytics", "research")[number % 4 // 2])] if number % 2 else []
        slices = [MigInstance(each, workload=pods[0] if pods else None) for each in (7, 8, 9)] if number > 97 else ()
        found.append(Gpu(0, f"node-{number}", pods, values=values, instances=slices))
    return found


def rows_of(came: Request_) -> set[tuple[str, str]]:
    """Return what a request has data of."""
    return {
        (
            datum["MetricName"],
            ",".join(sorted(f"{each['Name']}={each['Value']}" for each in datum["Dimensions"])),
        )
        for datum in came.parameters["MetricData"]
    }


def doubled(cloudwatch: CloudWatchPort, wanted: Rows) -> set[tuple[str, str]]:
    """Return which metrics have a minute twice; all else, and all averages, must be as they ought to be."""
    table = {of: rows for of, rows in cloudwatch.data().items() if of[0].startswith("GPU")}
    assert table.keys() == wanted.keys()
    found = set()
    for of, minutes in wanted.items():
        assert table[of].keys() == minutes.keys(), of
        for minute, (total, count) in minutes.items():
            times = table[of][minute][1] / count
            assert times in (1, 2), of
            assert table[of][minute][0] == pytest.approx(times * total), of
            found |= {of} if times == 2 else set()
    return found
