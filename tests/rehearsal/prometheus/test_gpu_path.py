"""A GPU's numbers go from DCGM's text by the operator's ServiceMonitor and a signed remote write to a workspace."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import dcgm_text
import pytest
import requests
from dcgm_text import Gpu, MigInstance, Workload

from rapids_eks.gpu_metrics import scraping
from rapids_eks.gpu_operator import NAMESPACE
from rapids_eks.gpu_operator import values as chart_values
from rehearsal.prometheus import gpu_operator, scrape_config
from rehearsal.prometheus.remote_write import Receiver
from rehearsal.prometheus.scrape_config import Target, scrape_configs
from rehearsal.prometheus.server import Prometheus
from tests.rehearsal.prometheus.conftest import Exporter

Start = Callable[..., Prometheus]
Monitor = dict[str, Any]
UTILIZATION = "DCGM_FI_DEV_GPU_UTIL"
NODE = Gpu().node
POD = {"exported_pod": "exec-1", "exported_namespace": "analytics", "exported_container": "spark"}
WORKLOAD = Workload("exec-1", "analytics", "spark")
# Every label of a series as it arrives; what one of them is changed to, or is missing, is a broken panel somewhere
ARRIVED = {
    "cluster": "rapids",
    "node": NODE,
    "Hostname": NODE,
    "gpu": "0",
    "UUID": Gpu().uuid,
    "modelName": "NVIDIA A10G",
    "device": "nvidia0",
    "pci_bus_id": "00000000:00:1B.0",
    "DCGM_FI_DRIVER_VERSION": "580.95.05",
    **POD,
    "namespace": NAMESPACE,
    "pod": "nvidia-dcgm-exporter-x7k2p",
    "container": "nvidia-dcgm-exporter",
    "service": "nvidia-dcgm-exporter",
    "job": scraping.JOB,
    "endpoint": "gpu-metrics",
}


@pytest.fixture
def monitor() -> Monitor:
    """The ServiceMonitor of our chart's values; scraped each second, since a test waits for it."""
    settings = chart_values({"gpu": "yes"}, {"core": "yes"}, "none", driver_on_nodes=True)["dcgmExporter"]
    made = gpu_operator.service_monitor(settings["serviceMonitor"], NAMESPACE)
    made["spec"]["endpoints"][0]["interval"] = "1s"
    return made


def config(monitor: Monitor, exporter: Exporter, writes: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    service, pod = gpu_operator.service(NAMESPACE), gpu_operator.pod(NAMESPACE, NODE)
    target = Target(exporter.address, service, pod, gpu_operator.PORT_NAME)
    return {
        "global": {"scrape_timeout": "1s", "scrape_interval": "1s", "external_labels": {"cluster": "rapids"}},
        "scrape_configs": scrape_configs(monitor, [target]),
        "remote_write": [_soon(each) for each in writes or []],
    }


def _soon(write: dict[str, Any]) -> dict[str, Any]:
    """Return a remote write that sends at once, and not when it has waited for more."""
    return {**write, "queue_config": {**write.get("queue_config", {}), "batch_send_deadline": "100ms"}}


def signed(receiver: Receiver, region: str = "us-west-2") -> list[dict[str, Any]]:
    return [{"url": receiver.url, "sigv4": {"region": region}}]


def arrived(prometheus: Prometheus, receiver: Receiver, name: str) -> dict[str, str]:
    """Return the labels of the only series of that name, once it has come."""

    def found() -> list[dict[str, str]]:
        return [dict(each.labels) for each in receiver.workspace.samples if each.labels["__name__"] == name]

    prometheus.wait(found)
    (labels,) = {tuple(sorted(each.items())) for each in found()}
    return {key: value for key, value in labels if key not in ("__name__", "instance")}


def test_a_gpu_s_numbers_arrive_signed_with_every_label(
    start: Start, exporter: Exporter, receiver: Receiver, monitor: Monitor
) -> None:
    exporter.text = dcgm_text.text([Gpu(workloads=[WORKLOAD], values={UTILIZATION: 87})])
    prometheus = start(config(monitor, exporter, signed(receiver)), environment=receiver.workspace.environment)
    assert arrived(prometheus, receiver, UTILIZATION) == ARRIVED
    values = {each.value for each in receiver.workspace.samples if each.labels["__name__"] == UTILIZATION}
    assert values == {87}
    names = {each.labels["__name__"] for each in receiver.workspace.samples}
    assert names >= dcgm_text.BUSY.keys() | {"up"}
    assert receiver.workspace.refusals == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"relabelings": []}, {"node": None}),
        (
            {"honorLabels": True},
            dict.fromkeys(POD) | {"pod": "exec-1", "namespace": "analytics", "container": "spark"},
        ),
    ],
)
def test_without_our_settings_other_labels_arrive(
    start: Start,
    exporter: Exporter,
    receiver: Receiver,
    monitor: Monitor,
    change: dict[str, Any],
    expected: dict[str, str | None],
) -> None:
    exporter.text = dcgm_text.text([Gpu(workloads=[WORKLOAD])])
    monitor["spec"]["endpoints"][0] |= change
    prometheus = start(config(monitor, exporter, signed(receiver)), environment=receiver.workspace.environment)
    found = arrived(prometheus, receiver, UTILIZATION)
    changed = {key: value for key, value in (ARRIVED | expected).items() if value is not None}
    assert found == changed != ARRIVED


@pytest.mark.parametrize(
    "broken",
    [
        {"selector": {"matchLabels": {"app": "dcgm-exporter"}}},
        {"endpoints": [{"port": "metrics", "interval": "1s"}]},
        {"namespaceSelector": {"matchNames": ["nvidia"]}},
    ],
)
def test_a_monitor_that_selects_something_else_scrapes_nothing(
    start: Start, exporter: Exporter, monitor: Monitor, broken: dict[str, Any]
) -> None:
    monitor["spec"] |= broken
    assert start(config(monitor, exporter)).api("targets")["activeTargets"] == []


def refused(start: Start, exporter: Exporter, receiver: Receiver, settings: dict[str, Any]) -> str:
    """Return why nothing has arrived, which Prometheus counts as failed."""
    exporter.text = dcgm_text.text([Gpu()])
    prometheus = start(settings, environment=receiver.workspace.environment)
    prometheus.wait(lambda: receiver.workspace.refusals)
    assert receiver.workspace.samples == []
    prometheus.wait(lambda: "prometheus_remote_storage_samples_failed_total{" in _metrics(prometheus))
    failed = [
        line
        for line in _metrics(prometheus).splitlines()
        if line.startswith("prometheus_remote_storage_samples_failed")
    ]
    assert float(failed[0].split()[-1]) > 0
    return receiver.workspace.refusals[0]


def _metrics(prometheus: Prometheus) -> str:
    return requests.get(f"{prometheus.url}/metrics", timeout=30).text


def test_an_unsigned_write_is_refused(start: Start, exporter: Exporter, receiver: Receiver, monitor: Monitor) -> None:
    unsigned = config(monitor, exporter, [{"url": receiver.url}])
    assert "not signed" in refused(start, exporter, receiver, unsigned)


def test_a_write_for_another_region_is_refused(
    start: Start, exporter: Exporter, receiver: Receiver, monitor: Monitor
) -> None:
    elsewhere = config(monitor, exporter, signed(receiver, "eu-west-1"))
    assert "scoped to us-west-2/aps" in refused(start, exporter, receiver, elsewhere)


def test_a_write_to_another_workspace_is_refused(
    start: Start, exporter: Exporter, receiver: Receiver, monitor: Monitor
) -> None:
    other = receiver.url.replace("ws-1", "ws-2")
    assert other != receiver.url
    elsewhere = config(monitor, exporter, [{"url": other, "sigv4": {"region": "us-west-2"}}])
    assert "AccessDenied" in refused(start, exporter, receiver, elsewhere)


def test_a_write_with_another_secret_is_refused(
    start: Start, exporter: Exporter, receiver: Receiver, monitor: Monitor
) -> None:
    settings = config(monitor, exporter, signed(receiver))
    settings["remote_write"][0]["sigv4"] |= {"access_key": receiver.workspace.access_key, "secret_key": "wrong"}
    assert "signature does not match" in refused(start, exporter, receiver, settings)


def test_another_body_under_the_same_signature_is_refused(
    start: Start, exporter: Exporter, receiver: Receiver, monitor: Monitor
) -> None:
    exporter.text = dcgm_text.text([Gpu()])
    prometheus = start(config(monitor, exporter, signed(receiver)), environment=receiver.workspace.environment)
    prometheus.wait(lambda: receiver.workspace.requests)
    prometheus.stop()
    sent = receiver.workspace.requests[0]
    assert _again(receiver, sent.headers, sent.body) == 200  # our own sending changes nothing that is signed
    changed = sent.body[:-1] + bytes([sent.body[-1] ^ 1])
    assert _again(receiver, sent.headers, changed) == 403
    digest = hashlib.sha256(changed).hexdigest()
    assert _again(receiver, {**sent.headers, "x-amz-content-sha256": digest}, changed) == 403


def _again(receiver: Receiver, headers: Mapping[str, str], body: bytes) -> int:
    return requests.post(receiver.url, data=body, headers=dict(headers), timeout=30).status_code


@pytest.mark.parametrize("form", ["4.8", "4.9"])
def test_each_form_of_the_text_is_read_whole(
    start: Start, exporter: Exporter, monitor: Monitor, form: dcgm_text.Form
) -> None:
    shared = Gpu(1, workloads=[Workload("a"), Workload("b")])
    cut = Gpu(2, instances=[MigInstance(7, workload=WORKLOAD), MigInstance(8)])
    exporter.text = dcgm_text.text([Gpu(), shared, cut], form=form, virtual_gpus=True)
    prometheus = start(config(monitor, exporter))
    name, factor = dcgm_text.RENAMED["DCGM_FI_DEV_FB_USED"] if form == "4.9" else ("DCGM_FI_DEV_FB_USED", 1)
    prometheus.wait(lambda: prometheus.query(name))
    found = prometheus.query(name)
    lines = [line for line in exporter.text.splitlines() if line.startswith(f"{name}{{")]
    assert len(found) == len(lines) == 5
    assert {each.value for each in found} == {18432 * factor}
    told = {tuple(each.labels.get(key) for key in ("gpu", "GPU_I_ID", "exported_pod")) for each in found}
    assert told == {
        ("0", None, None),
        ("1", None, "a"),
        ("1", None, "b"),
        ("2", "7", "exec-1"),
        ("2", "8", None),
    }
    assert {each.labels["node"] for each in found} == {NODE}


@pytest.mark.parametrize("count", [0, 1, 8])
def test_every_gpu_is_counted(start: Start, exporter: Exporter, monitor: Monitor, count: int) -> None:
    exporter.text = dcgm_text.text(dcgm_text.fleet(count))
    prometheus = start(config(monitor, exporter))
    prometheus.wait(lambda: [each for each in prometheus.query("up") if each.value == 1])
    prometheus.wait(lambda: len(prometheus.query(UTILIZATION)) == count)


def test_a_gpu_that_goes_ends_its_series(
    start: Start, exporter: Exporter, receiver: Receiver, monitor: Monitor
) -> None:
    exporter.text = dcgm_text.text(dcgm_text.fleet(2))
    prometheus = start(config(monitor, exporter, signed(receiver)), environment=receiver.workspace.environment)
    prometheus.wait(lambda: len(prometheus.query(UTILIZATION)) == 2)
    exporter.text = dcgm_text.text(dcgm_text.fleet(1))
    prometheus.wait(lambda: any(each.ended for each in receiver.workspace.samples))
    assert {each.labels["gpu"] for each in receiver.workspace.samples if each.ended} == {"1"}


def test_a_key_that_the_operator_has_and_this_has_not_is_refused(exporter: Exporter, monitor: Monitor) -> None:
    monitor["spec"]["endpoints"][0]["bearerTokenSecret"] = {"name": "x"}
    with pytest.raises(Exception, match="bearerTokenSecret: not known here"):
        config(monitor, exporter)
    with pytest.raises(Exception, match="remoteTimeout: not known here"):
        scrape_config.remote_write({"url": "https://x", "remoteTimeout": "30s"})


def test_our_values_turn_the_monitor_on() -> None:
    assert gpu_operator.service_monitor(scraping.service_monitor(), NAMESPACE)["metadata"]["labels"]["release"]
    assert not gpu_operator.service_monitor({**scraping.service_monitor(), "enabled": False}, NAMESPACE)
