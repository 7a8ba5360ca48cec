"""What is delivered and cannot be kept: said, waited for, sent once, and no reason to wait for ever."""

import re
import urllib.request
from collections.abc import Callable

import pytest

from dcgm_cloudwatch import exporter as delivering
from dcgm_cloudwatch.exporter import Exporter as Delivering
from dcgm_cloudwatch.run import once, step
from dcgm_cloudwatch.watermark import StoreError
from tests.docker.dcgm_cloudwatch.clock import Clock
from tests.docker.dcgm_cloudwatch.cloudwatch_port import CloudWatchPort
from tests.docker.dcgm_cloudwatch.fleet import delivered, held, utilization
from tests.docker.dcgm_cloudwatch.kubernetes_port import KubernetesPort
from tests.docker.dcgm_cloudwatch.process import Exporter, wait_until
from tests.docker.dcgm_cloudwatch.prometheus_port import PrometheusPort

CHOSEN = {"METRICS": "GPUUtilization", "AGGREGATION": "node", "FIRST_BACKFILL": "170"}


@pytest.fixture
def minutes(prometheus: PrometheusPort, kubernetes: KubernetesPort, clock: Clock) -> range:
    """Two minutes that are due, and an API that takes no watermark."""
    found = held(prometheus, clock, 2)
    clock.now = found.stop + 50
    kubernetes.refuse = lambda: True
    return found


def settings(kubernetes: KubernetesPort) -> dict[str, str]:
    return {**CHOSEN, "WATERMARK": "configmap:monitoring/w", "KUBERNETES_URL": kubernetes.url}


def sent(cloudwatch: CloudWatchPort) -> int:
    """Return how many requests had data of GPUs."""
    return sum(came.window is not None for came in cloudwatch.requests)


@pytest.mark.usefixtures("minutes")
def test_once_ends_and_says_why(
    cloudwatch: CloudWatchPort,
    kubernetes: KubernetesPort,
    within: Callable[..., Delivering],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(delivering, "KEEPING", 0.5)
    assert once(within(**settings(kubernetes)).settings) == 1
    assert re.search(r"cannot be kept, so nothing else is sent: .*503.*`dcgm-cloudwatch check` says", caplog.text)
    assert sent(cloudwatch) == 1


def test_what_was_acknowledged_is_kept_before_anything_else_is_sent_and_sent_once(
    minutes: range, cloudwatch: CloudWatchPort, kubernetes: KubernetesPort, within: Callable[..., Delivering]
) -> None:
    made = within(**settings(kubernetes))
    for _ in range(3):
        with pytest.raises(StoreError, match="cannot be kept"):
            step(made)
    assert sent(cloudwatch) == 1
    kubernetes.refuse = lambda: False
    while step(made):
        pass
    assert delivered(cloudwatch) == utilization(minutes), "no minute twice"


def test_a_service_goes_on_and_its_pages_tell(
    minutes: range, cloudwatch: CloudWatchPort, kubernetes: KubernetesPort, exporter: Callable[..., Exporter]
) -> None:
    made = exporter(**settings(kubernetes))
    made.start()

    def page(name: str) -> str:
        found = re.findall(r"pages on (\S+),", made.log.read_text())
        with urllib.request.urlopen(f"http://{found[-1]}/{name}", timeout=60) as answer:
            return str(answer.read().decode())

    wait_until(lambda: len(kubernetes.calls) > 2, "some failures")
    wait_until(lambda: "cannot be kept: PUT" in page("healthz") or "cannot be kept: POST" in page("healthz"), "why")
    assert re.search(r"watermark_failures_total [1-9]", page("metrics"))
    assert "503" in made.log.read_text()
    kubernetes.refuse = lambda: False
    wait_until(lambda: len(delivered(cloudwatch)) == 2, "both minutes")
    wait_until(lambda: page("healthz") == "ok\n", "that it is well")
    assert delivered(cloudwatch) == utilization(minutes)
