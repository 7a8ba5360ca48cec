"""DCGM's text, a real Prometheus, the exporter's process, CloudWatch: the fixture's values come out."""

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from dcgm_text import Gpu, Workload, text

from rehearsal.kubernetes.build import BuildError
from rehearsal.prometheus.build import READY, programs
from rehearsal.prometheus.server import Prometheus
from rehearsal.services.cloudwatch.queries import alarms, widgets
from rehearsal.services.cloudwatch.queries.samples import Archive, Series, Span
from tests.docker.dcgm_cloudwatch.cloudwatch_port import CloudWatchPort
from tests.docker.dcgm_cloudwatch.process import Exporter, wait_until
from tests.docker.dcgm_cloudwatch.prometheus_port import PrometheusPort
from tests.stacks.gpu_dashboard_stack import dashboards, of_kind, synthesized

ID = "i-0123456789abcdef0"
WINDOW = 10  # seconds, the shortest interval
TEAMS = ("", "team-a", "team-b")
GPUS = [Gpu(number, "node-0", [Workload(namespace=team)] if team else ()) for number, team in enumerate(TEAMS)]


@pytest.fixture
def target() -> Iterator[str]:
    """The DCGM exporter's /metrics, with kube_node_info beside it."""
    page = text(GPUS) + f'kube_node_info{{node="node-0",provider_id="aws:///us-west-2a/{ID}"}} 1\n'

    class Metrics(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # noqa: N802 - http.server's name
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Metrics)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def started() -> Iterator[list[Prometheus]]:
    """What is put in here ends with the test; without the program the test is skipped, or fails under CI=1."""
    try:
        programs()
    except BuildError as error:
        if os.environ.get("CI") == "1":
            raise
        pytest.skip(f"Prometheus is not built: {error}")
    made: list[Prometheus] = []
    yield made
    for each in made:
        each.stop()


def config(target: str) -> dict[str, object]:
    """Return a configuration that scrapes each second, with the labels of a target in Kubernetes."""
    job = {
        "job_name": "nvidia-dcgm-exporter",
        "scrape_interval": "1s",
        "static_configs": [
            {"targets": [target], "labels": {"namespace": "gpu-operator", "pod": "x", "container": "x"}}
        ],
    }
    return {"scrape_configs": [job]}


def test_the_fixtures_values_come_out_of_a_real_prometheus(
    target: str, started: list[Prometheus], tmp_path: Path, cloudwatch: CloudWatchPort
) -> None:
    server = Prometheus.start(tmp_path / "prometheus", config(target))
    started.append(server)
    assert_delivered(server.url, tmp_path, cloudwatch)


def test_prometheus_2_gives_the_same(
    target: str, tmp_path: Path, cloudwatch: CloudWatchPort, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In its ranges both ends count."""
    program = shutil.which("prometheus")
    if program is None or "version 2." not in said_by(program):
        pytest.skip(
            "no Prometheus 2 with its promtool is on the PATH (Debian 12 has the package `prometheus`): its ranges are "
            "those of the stand-in of version 2 in the tests below, which always run"
        )
    monkeypatch.setenv(READY, str(Path(program).parent))
    server = Prometheus.start(tmp_path / "prometheus", config(target))
    try:
        assert_delivered(server.url, tmp_path, cloudwatch)
    finally:
        server.stop()


def said_by(program: str) -> str:
    """Return a program's version, which 2.42 tells by standard error."""
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def assert_delivered(url: str, folder: Path, cloudwatch: CloudWatchPort) -> None:
    """Start an exporter of windows of 10 seconds, and see a whole one come."""
    settings = {"SCRAPE_INTERVAL": str(WINDOW), "SETTLE": "5", "FIRST_BACKFILL": "0"}
    made = Exporter.of(folder, url, cloudwatch, **settings)
    try:
        made.start()
        wait_until(lambda: whole(cloudwatch), "a whole window")
    finally:
        made.end()
    gpu = "ClusterName=c,GPU={},InstanceId=" + ID
    for number in range(len(GPUS)):
        for name, value in (
            ("GPUUtilization", 87),
            ("GPUMemoryUtilization", 41),
            ("GPUTemperature", 54),
            ("GPUPowerUsage", 212.5),
            ("GPUMemoryUsed", 18432 * 1024**2),
            ("GPUThrottled", 0),
        ):
            for total, count in cloudwatch.data()[name, gpu.format(number)].values():
                assert total / count == value
    for name, wanted in (("GPUCount", 3), ("GPUAllocated", 2 / 3), ("GPUAllocatedIdle", 0)):
        for total, count in cloudwatch.data()[name, "ClusterName=c"].values():
            assert total / count == wanted
    assert ("GPUUtilization", "ClusterName=c,Team=team-a") in cloudwatch.data()
    assert {came.parameters["MetricData"][0]["StorageResolution"] for came in cloudwatch.requests} == {1}


def test_the_dashboards_queries_return_the_fixtures_values(
    target: str, started: list[Prometheus], tmp_path: Path, cloudwatch: CloudWatchPort
) -> None:
    """The whole way: from DCGM's text to the lines of each graph, and to the alarms."""
    assembly = synthesized(tmp_path / "assembly")
    server = Prometheus.start(tmp_path / "prometheus", config(target))
    started.append(server)
    settings = {"SCRAPE_INTERVAL": str(WINDOW), "SETTLE": "5", "FIRST_BACKFILL": "0", "CLUSTER_NAME": "demo"}
    made = Exporter.of(tmp_path, server.url, cloudwatch, **settings)
    try:
        made.start()
        wait_until(lambda: whole(cloudwatch) and of_itself(cloudwatch), "a whole window, and the exporter's own")
    finally:
        made.end()
    stored = Archive(tuple(Series(*each) for each in cloudwatch.metrics.store.series()))
    span = Span(int(time.time()) // 60 * 60 - 900, int(time.time()) // 60 * 60 + 60)
    shown = {
        each["properties"]["title"]: {
            line.label: {round(value, 6) for value in line.values.values()}
            for line in widgets.lines(each, stored, span)
        }
        for each in dashboards(assembly)["demo-gpu"]["widgets"]
        if each["type"] == "metric"
    }
    assert shown["GPU utilization"] == {"average": {87}, "highest": {87}, "lowest": {87}}
    assert shown["GPU temperature (maximum)"]["highest"] == {54}
    assert {212.5} in shown["GPU power"].values()
    assert shown["GPU memory used and free"] == {
        "used, average of a GPU": {18},
        "free, average of a GPU": {round(4301 / 1024, 6)},
    }
    assert shown["Teams: GPUs"] == {"team-a": {1}, "team-b": {1}}
    assert shown["GPUs: temperature, highest, last 15 minutes"] == {
        f"{ID} {number}": {54} for number in range(len(GPUS))
    }
    now = int(time.time()) // 60 * 60 + 60
    watched = [each for each in of_kind(assembly, "AWS::CloudWatch::Alarm") if each["TreatMissingData"] != "breaching"]
    assert len(watched) >= 6, "all but the one that wants more minutes than this test has"
    assert {alarms.state(each, stored, now) for each in watched} == {"OK"}


def of_itself(cloudwatch: CloudWatchPort) -> bool:
    """Return whether the exporter has told of itself."""
    return any(metric == "LagSeconds" for metric, _ in cloudwatch.data())


def whole(cloudwatch: CloudWatchPort) -> bool:
    """Return whether a window with each of its ten scrapes was delivered, however many others fell into its minute."""
    return any(
        sum(datum["Counts"]) == WINDOW
        for came in cloudwatch.requests
        for datum in came.parameters["MetricData"]
        if datum["MetricName"] == "GPUTemperature" and len(datum["Dimensions"]) == 3
    )


@pytest.mark.parametrize("version", [2, 3])
def test_samples_on_the_bounds_of_a_minute_belong_to_the_later_one(
    version: int,
    prometheus: PrometheusPort,
    cloudwatch: CloudWatchPort,
    exporter: Callable[..., Exporter],
    clock: Callable[[], float],
) -> None:
    begin = int(clock())
    prometheus.version = version
    samples = [(begin + second, "50") for second in range(0, 181, 15)]
    labels = {"__name__": "DCGM_FI_DEV_GPU_UTIL", "gpu": "0", "Hostname": "node-0"}
    prometheus.series = [(labels, samples)]
    prometheus.clock = lambda: begin + 180 + 50.0
    made = exporter(METRICS="GPUUtilization", AGGREGATION="node", FIRST_BACKFILL="230")
    assert made.done("once") == 0
    assert cloudwatch.data()["GPUUtilization", "ClusterName=c,InstanceId=node-0"] == {
        begin + 60 * minute: (200, 4) for minute in range(3)
    }


@pytest.mark.parametrize("version", [2, 3])
def test_an_error_on_the_bound_of_a_minute_is_the_later_ones(
    version: int,
    prometheus: PrometheusPort,
    cloudwatch: CloudWatchPort,
    exporter: Callable[..., Exporter],
    clock: Callable[[], float],
) -> None:
    """And none of five minutes before, at which the look back begins, is taken for new."""
    begin = int(clock())
    prometheus.version = version
    labels = {"gpu": "0", "Hostname": "node-0"}
    counts = [(begin + second, "9" if second >= 60 else "5") for second in range(-300, 181, 15)]
    prometheus.series = [
        ({**labels, "__name__": "DCGM_FI_DEV_ECC_DBE_VOL_TOTAL"}, counts),
        ({**labels, "__name__": "DCGM_FI_DEV_FB_USED"}, [(at, "1") for at, _ in counts]),
    ]
    prometheus.clock = lambda: begin + 180 + 50.0
    made = exporter(METRICS="GPUEccErrors,GPUMemoryUsed", AGGREGATION="node", FIRST_BACKFILL="230")
    assert made.done("once") == 0
    found = cloudwatch.data()["GPUEccErrors", "ClusterName=c,InstanceId=node-0"]
    assert [found[minute][0] for minute in sorted(found)] == [0, 4, 0]
