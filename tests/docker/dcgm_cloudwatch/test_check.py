"""`check` names the broken link, and the fix."""

import subprocess
import sys
import time
from collections.abc import Callable

from rehearsal.wire.call import Refused
from tests.docker.dcgm_cloudwatch.cloudwatch_port import EXPIRED, CloudWatchPort
from tests.docker.dcgm_cloudwatch.fleet import Series, fleet_at, history, ids, moments, node_info
from tests.docker.dcgm_cloudwatch.kubernetes_port import KubernetesPort
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


def gpu_node(name: str, gpus: int) -> list[Series]:
    """Return what kube-state-metrics tells of a node, these minutes."""
    end = int(time.time()) // 60 * 60
    labels = {"__name__": "kube_node_status_capacity", "node": name, "resource": "nvidia_com_gpu"}
    return [(labels, [(moment, str(gpus)) for moment in moments(end - 300, end + 120)])]


def test_series_that_name_no_gpu_are_told(prometheus: PrometheusPort, exporter: Make) -> None:
    now(prometheus)
    bare = ("gpu", "UUID", "device")
    prometheus.series = [
        ({name: value for name, value in labels.items() if name not in bare}, samples)
        for labels, samples in prometheus.series
    ]
    status, found = checked(exporter())
    assert status == 1
    assert "none of which names its GPU" in found["GPUs"]


def test_nodes_of_one_name_are_told_beside_those_that_have_their_own(
    prometheus: PrometheusPort, exporter: Make
) -> None:
    now(prometheus, 3)
    alike = ("node-1", "node-2")
    prometheus.series = [
        ({**labels, "instance": labels["Hostname"], "Hostname": "localhost"}, found)
        if labels.get("Hostname") in alike
        else (labels, found)
        for labels, found in prometheus.series
    ]
    status, found = checked(exporter())
    assert status == 1
    assert found["GPUs"].startswith("broken 1 seen")
    assert "name of its own" in found["GPUs"]


def test_targets_of_dcgm_that_are_down_are_told(prometheus: PrometheusPort, exporter: Make) -> None:
    """Guards against a head node, which has no kube-state-metrics, on which no GPU is ever a fault."""
    prometheus.clock = time.time
    end = int(time.time()) // 60 * 60
    for job, instance, value, expected in (
        ("gpus", "10.0.0.7:9400", "0", 1),
        ("dcgm", "ip-10-0-0-7", "0", 1),
        ("node", "10.0.0.7:9100", "0", 0),
        ("dcgm", "10.0.0.7:9400", "1", 0),
    ):
        labels = {"__name__": "up", "job": job, "instance": instance}
        prometheus.series = [(labels, [(moment, value) for moment in moments(end - 300, end + 120)])]
        status, found = checked(exporter())
        assert status == expected, found
        assert (instance in found["GPUs"]) == bool(expected)


def test_a_whole_chain_is_told_link_by_link(prometheus: PrometheusPort, exporter: Make) -> None:
    now(prometheus, 2)
    status, found = checked(exporter())
    assert status == 0
    assert list(found) == [
        *("Prometheus", "Prometheus' clock", "GPUs", "instance ids", "CloudWatch", "CloudWatch's clock", "watermark"),
    ]
    assert "2 seen in the last minute" in found["GPUs"]
    assert "2 of 2 hosts" in found["instance ids"]


def test_a_check_does_not_hide_that_the_exporter_is_silent(
    prometheus: PrometheusPort, cloudwatch: CloudWatchPort, exporter: Make
) -> None:
    now(prometheus)
    assert checked(exporter())[0] == 0
    sent = {name for name, _ in cloudwatch.data()}
    assert "DatumsSent" in sent
    assert "LagSeconds" not in sent


def test_an_unreachable_prometheus_is_named(prometheus: PrometheusPort, exporter: Make) -> None:
    prometheus.down = True
    status, found = checked(exporter())
    assert status == 1
    assert found["Prometheus"].startswith("broken")
    assert "PROMETHEUS_URL" in found["Prometheus"]


def test_missing_series_and_ids_are_named(prometheus: PrometheusPort, exporter: Make) -> None:
    prometheus.clock = time.time
    status, found = checked(exporter())
    assert status == 0, "no GPU is no fault"
    assert found["GPUs"].startswith("ok none: Prometheus holds no DCGM series")
    assert "with no GPU running that is as it should be" in found["GPUs"]
    prometheus.series = gpu_node("node-7", 8)
    status, found = checked(exporter())
    assert status == 1
    assert "no DCGM series of node-7" in found["GPUs"]
    assert "ServiceMonitor" in found["GPUs"]
    prometheus.series = gpu_node("node-7", 0)
    assert checked(exporter())[0] == 0, "its device plugin tells of no GPU"
    now(prometheus, 2, named=False)
    status, found = checked(exporter())
    assert status == 1
    assert "0 of 2 hosts, not node-0, node-1" in found["instance ids"]
    assert "kube-state-metrics" in found["instance ids"]


def test_a_kubernetes_that_does_not_answer_is_named(
    prometheus: PrometheusPort, kubernetes: KubernetesPort, exporter: Make
) -> None:
    now(prometheus, named=False)
    kubernetes.down = True
    status, found = checked(exporter(KUBERNETES_URL=kubernetes.url))
    assert status == 1
    assert "let the service account get nodes" in found["instance ids"]
    assert found["CloudWatch"].startswith("ok"), "the rest is looked at, too"


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
    assert "renew the credentials" in checked(made)[1]["credentials"]
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
