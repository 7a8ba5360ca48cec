"""One Prometheus with all the hours of samples."""

from collections.abc import Iterator

import pytest
from real_prometheus import required

from rehearsal.prometheus.server import Prometheus
from tests.constructs.rapids_eks.grafana_dashboards.history import openmetrics


@pytest.fixture(scope="session")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    required()
    directory = tmp_path_factory.mktemp("dashboards")
    flags = ["--storage.tsdb.retention.time=10y"]
    started = Prometheus.start(directory, {}, history=openmetrics(), flags=flags)
    yield started
    started.stop()
