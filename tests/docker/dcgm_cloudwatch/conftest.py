"""The two ports that an exporter stands between, and exporters that end with their test."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dcgm_cloudwatch.exporter import Exporter as Delivering
from dcgm_cloudwatch.run import exporter_of
from dcgm_cloudwatch.settings import load
from tests.docker.dcgm_cloudwatch.clock import Clock
from tests.docker.dcgm_cloudwatch.cloudwatch_port import CloudWatchPort
from tests.docker.dcgm_cloudwatch.kubernetes_port import KubernetesPort
from tests.docker.dcgm_cloudwatch.process import Exporter
from tests.docker.dcgm_cloudwatch.prometheus_port import PrometheusPort


@pytest.fixture
def clock() -> Clock:
    """A clock at the full hour."""
    return Clock()


@pytest.fixture
def prometheus(clock: Clock) -> Iterator[PrometheusPort]:
    """A Prometheus with nothing in it yet."""
    with PrometheusPort(clock) as port:
        yield port


@pytest.fixture
def cloudwatch() -> Iterator[CloudWatchPort]:
    """A CloudWatch with nothing in it yet."""
    with CloudWatchPort() as port:
        yield port


@pytest.fixture
def kubernetes() -> Iterator[KubernetesPort]:
    """A Kubernetes API with nothing in it yet."""
    with KubernetesPort() as port:
        yield port


@pytest.fixture
def exporter(
    tmp_path: Path, prometheus: PrometheusPort, cloudwatch: CloudWatchPort
) -> Iterator[Callable[..., Exporter]]:
    """Make an exporter between the two: `exporter(METRICS="GPUUtilization")`."""
    made: list[Exporter] = []

    def make(**settings: str) -> Exporter:
        made.append(Exporter.of(tmp_path, prometheus.url, cloudwatch, **settings))
        return made[-1]

    yield make
    for each in made:
        each.end()


@pytest.fixture
def within(exporter: Callable[..., Exporter], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Delivering]:
    """Make an exporter within this process, with the SDK's own client, that never waits."""

    def make(**settings: str) -> Delivering:
        environment = exporter(**settings).environment
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        return exporter_of(load(environment), lambda _: False)

    return make
