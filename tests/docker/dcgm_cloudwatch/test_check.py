"""`check` names the broken link, and the fix."""

import subprocess
import sys
import time
from collections.abc import Callable

from rehearsal.wire.call import Refused
from tests.docker.dcgm_cloudwatch.cloudwatch_port import EXPIRED, CloudWatchPort
from tests.docker.dcgm_cloudwatch.fleet import fleet_at, history, ids, node_info
from tests.docker.dcgm_cloudwatch.process import Exporter
from tests.docker.dcgm_cloudwatch.prometheus_port import PrometheusPort

Make = Callable[..., Exporter]
DENIED = Refused("AccessDenied", "User is not authorized to perform: cloudwatch:PutMetricData", 403)


def checked(made: Exporter) -> tuple[int, dict[str, str]]:
    """Return the status and, by link, what is said of it."""
    command = [sys.executable, "-m", "dcgm_cloudwatch", "check"]
    done = subprocess.run(command, env=made.environment, capture_output=True, text=True, check=False)
    found: dict[str, str] = {}
    link = ""
    for line in done.stdout.splitlines():
        if line.startswith(" "):
            found[link] += line.strip()
        else:
            link, _, text = line[8:].partition(": ")
            found[link] = f"{line[:8].strip()} {text} "
    return done.returncode, found


def now(prometheus: PrometheusPort, nodes: int = 1, *, named: bool = True) -> None:
    """Let Prometheus hold the last minutes."""
    prometheus.clock = time.time
    end = int(time.time()) // 60 * 60
    prometheus.series = [
        *history(end - 300, end + 120, fleet_at(nodes)),
        *(node_info(end - 600, end, ids(nodes)) if named else ()),
    ]


def test_a_whole_chain_is_told_link_by_link(prometheus: PrometheusPort, exporter: Make) -> None:
    now(prometheus, 2)
    status, found = checked(exporter())
    assert status == 0
    assert list(found) == [
        *("Prometheus", "Prometheus' clock", "GPUs", "instance ids", "CloudWatch", "CloudWatch's clock", "watermark"),
    ]
    assert "2 seen in the last minute" in found["GPUs"]
    assert "2 of 2 hosts" in found["instance ids"]


def test_an_unreachable_prometheus_is_named(prometheus: PrometheusPort, exporter: Make) -> None:
    prometheus.down = True
    status, found = checked(exporter())
    assert status == 1
    assert found["Prometheus"].startswith("broken")
    assert "PROMETHEUS_URL" in found["Prometheus"]


def test_missing_series_and_ids_are_named(prometheus: PrometheusPort, exporter: Make) -> None:
    prometheus.clock = time.time
    status, found = checked(exporter())
    assert status == 1
    assert "no DCGM series" in found["GPUs"]
    now(prometheus, 2, named=False)
    status, found = checked(exporter())
    assert status == 1
    assert "0 of 2 hosts, not node-0, node-1" in found["instance ids"]
    assert "kube-state-metrics" in found["instance ids"]


def test_missing_credentials_and_permission_are_told_apart(
    prometheus: PrometheusPort, cloudwatch: CloudWatchPort, exporter: Make
) -> None:
    now(prometheus)
    made = exporter()
    cloudwatch.refuse = lambda _: DENIED
    status, found = checked(made)
    assert status == 1
    assert "allow cloudwatch:PutMetricData on * where cloudwatch:namespace is EKS/c/GPU" in found["permission"]
    cloudwatch.refuse = lambda _: EXPIRED
    assert "renew the credentials" in checked(made)[1]["permission"]
    del made.environment["AWS_ACCESS_KEY_ID"], made.environment["AWS_SECRET_ACCESS_KEY"]
    assert "Pod Identity" in checked(made)[1]["credentials"]


def test_skewed_clocks_are_named(prometheus: PrometheusPort, exporter: Make) -> None:
    prometheus.clock = lambda: time.time() - 600
    status, found = checked(exporter())
    assert status == 1
    assert "-600 s" in found["Prometheus' clock"]
    assert "NTP" in found["Prometheus' clock"]


def test_settings_are_refused_before_anything_is_looked_at(exporter: Make) -> None:
    made = exporter(SCRAPE_INTERVAL="7")
    assert made.done("check") == made.done("run") == 2
    assert "SCRAPE_INTERVAL=7: give a whole number from 10 to 3600" in made.log.read_text()
