"""Looks at every link between the GPUs and CloudWatch, and names the broken one with what to do."""

from __future__ import annotations

import email.utils
import os
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from dcgm_cloudwatch.batch import member
from dcgm_cloudwatch.exporter import AHEAD, Exporter
from dcgm_cloudwatch.instances import InstanceError
from dcgm_cloudwatch.kubernetes import ConfigMapStore, KubernetesError
from dcgm_cloudwatch.prometheus import PrometheusError
from dcgm_cloudwatch.readings import Window
from dcgm_cloudwatch.refusals import refusal
from dcgm_cloudwatch.scrape import scrape
from dcgm_cloudwatch.series import Slot
from dcgm_cloudwatch.watermark import FileStore, Store, StoreError, parse

MINUTE = 60
SKEW = 30.0  # seconds between two clocks that are still well
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
GPU_NODES = 'kube_node_status_capacity{{resource="nvidia_com_gpu"}}[{length}s]'
TARGETS = ('up{{job=~".*dcgm.*"}}[{length}s]', 'up{{instance=~".*:9400"}}[{length}s]')  # as DCGM's exporter listens


class Finding(NamedTuple):
    """One link: `fix` is empty where it is whole, `hint` says what may be meant all the same."""

    link: str
    text: str
    fix: str = ""
    hint: str = ""


def check(exporter: Exporter) -> Iterator[Finding]:
    """Yield a finding for each link, in the order in which data pass; what is kept stays as it is."""
    now = time.time()
    try:
        now = exporter.prometheus.now()
    except PrometheusError as error:
        yield Finding("Prometheus", str(error), "start it, or set PROMETHEUS_URL; an agent has no query API")
    else:
        yield Finding("Prometheus", f"{exporter.settings.prometheus} answers")
        yield _skew("Prometheus' clock", now - time.time())
        yield from _gpus(exporter, now)
    yield from _cloudwatch(exporter)
    yield _kept(exporter, min(now, time.time()))


def text(findings: list[Finding]) -> str:
    """Return the findings for people."""
    lines = []
    for each in findings:
        lines.append(f"{'broken' if each.fix else 'ok':<8}{each.link}: {each.text}")
        lines += [f"{'':<8}-> {advice}" for advice in (each.fix, each.hint) if advice]
    return "\n".join(lines)


def _skew(link: str, seconds: float) -> Finding:
    fix = "let NTP set the clocks: `chronyc tracking` shows how far off one is" if abs(seconds) > SKEW else ""
    return Finding(link, f"{seconds:+.0f} s beside this machine's", fix)


def _gpus(exporter: Exporter, now: float) -> Iterator[Finding]:
    settings = exporter.settings
    window = Window(int(now) - settings.settle - MINUTE, MINUTE)
    try:
        readings = scrape(exporter.prometheus, window, settings.metrics, settings.labels, exporter.counters.alive)
        hosts = {slot.host for slot in readings.slots}
        found = exporter.instances.resolve(hosts, window.end - 0.001)
        waiting = set() if readings.slots else _gpu_nodes(exporter, window) | _down(exporter, window)
    except PrometheusError as error:
        yield Finding("GPUs", str(error), "raise Prometheus' query.max-samples, or read its log")
        return
    except InstanceError as error:
        yield Finding("instance ids", str(error), "let the service account get nodes, and this reach Kubernetes' API")
        return
    yield _seen(readings.slots, readings.unidentified, waiting)
    unknown = sorted(host.name for host in hosts - found.keys())
    yield Finding(
        "instance ids",
        f"{len(found)} of {len(hosts)} hosts" + (f", not {', '.join(unknown[:5])}" if unknown else ""),
        "run kube-state-metrics (kube_node_info), let the service account get nodes, or relabel __meta_ec2_instance_id "
        "to instance_id in the scrape configuration"
        if unknown
        else "",
    )


def _gpu_nodes(exporter: Exporter, window: Window) -> set[str]:
    """Return the nodes whose GPUs kube-state-metrics knows of."""
    found = exporter.prometheus.vector(GPU_NODES.format(length=window.length), window.end - 0.001)
    return {series.labels.get("node", "") for series in found if series.samples and series.samples[-1][1] > 0}


def _down(exporter: Exporter, window: Window) -> set[str]:
    """Return the targets that are DCGM's by name or port, and do not answer: a head node knows no capacities."""
    asked = (query.format(length=window.length) for query in TARGETS)
    found = (series for query in asked for series in exporter.prometheus.vector(query, window.end - 0.001))
    return {series.labels.get("instance", "?") for series in found if series.samples and not series.samples[-1][1]}


def _seen(slots: set[Slot], unidentified: int, waiting: set[str]) -> Finding:
    if slots:
        seen, left_out = f"{len({slot.whole for slot in slots})} seen in the last minute", ""
        if unidentified:
            seen += f", and {unidentified} series left out that name no GPU, or a host whose name others have, too"
            left_out = "give each node a name of its own, or relabel __meta_ec2_instance_id to instance_id"
        return Finding("GPUs", seen, left_out)
    advice = "switch on the DCGM exporter's ServiceMonitor, or look at the target's page in Prometheus"
    if unidentified:
        text = f"Prometheus holds {unidentified} DCGM series of the last minute, none of which names its GPU and host"
        fix = "take the DCGM exporter's labels gpu and Hostname over as they are, and give each node a name of its own"
        return Finding("GPUs", text, fix)
    if waiting:
        return Finding("GPUs", f"Prometheus holds no DCGM series of {', '.join(sorted(waiting)[:5])}", advice)
    text = "none: Prometheus holds no DCGM series of the last minute"
    return Finding("GPUs", text, hint=f"with no GPU running that is as it should be; else {advice}")


def _cloudwatch(exporter: Exporter) -> Iterator[Finding]:
    """Send what the exporter tells of itself: that is allowed, or nothing is."""
    settings = exporter.settings
    said: dict[str, str] = {}
    try:
        client = exporter.publisher.make()
        client.meta.events.register("response-received.cloudwatch.PutMetricData", _noting(said))
        # a lag of none would hide from the alarm that the exporter itself is silent
        told = [datum for datum in exporter.heartbeat() if datum.name != "LagSeconds"]
        data = [member(datum, settings.resolution) for datum in told]
        client.put_metric_data(Namespace=settings.namespace, MetricData=data)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
        link, fix = refusal(error, settings.namespace, settings.region)
        yield Finding(link, str(error), fix)
    else:
        yield Finding("CloudWatch", f"takes data in {settings.namespace}")
    moment = email.utils.parsedate_to_datetime(said["date"]).timestamp() if said.get("date") else None
    if moment is not None:
        yield _skew("CloudWatch's clock", moment - time.time())


def _noting(said: dict[str, str]) -> Callable[..., None]:
    def note(response_dict: Any, **_: object) -> None:  # noqa: ANN401 - botocore's event
        said["date"] = response_dict.get("headers", {}).get("date", "")

    return note


def _kept(exporter: Exporter, now: float) -> Finding:
    where = exporter.settings.watermark
    try:
        known = exporter.store.read()
        ahead = parse(known).ahead_of(now) if known else 0.0
    except StoreError as error:
        fix = "do as it says, let the service account get that ConfigMap, or run this as the user of the service"
        return Finding("watermark", str(error), fix)
    text = f"{where} {'holds ' + known if known else 'is not there yet'}"
    if ahead:
        return Finding("watermark", text, AHEAD.format(ahead, where))
    fix = unwritable(exporter.store)
    return Finding("watermark", f"{text}, and cannot be written" if fix else text, fix)


def unwritable(store: Store) -> str:
    """Return what to do where it cannot be written; that is asked, not tried, for the service may be writing now."""
    if isinstance(store, FileStore):
        folder = next(each for each in store.path.parents if each.exists())
        return "" if os.access(folder, os.W_OK | os.X_OK) else f"let this user write in {folder}"
    if isinstance(store, ConfigMapStore):
        place = {"namespace": store.namespace, "resource": "configmaps", "name": store.name, "verb": "update"}
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview"}
        try:
            found = store.api.call("POST", REVIEWS, {**review, "spec": {"resourceAttributes": place}})
        except KubernetesError:
            return ""  # it cannot be told
        allowed = found.get("status", {}).get("allowed", True)
        return "" if allowed else f"let the service account update {store.namespace}/{store.name}"
    return ""
