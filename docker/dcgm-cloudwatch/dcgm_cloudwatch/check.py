"""Looks at every link between the GPUs and CloudWatch, and names the broken one with what to do."""

from __future__ import annotations

import email.utils
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from dcgm_cloudwatch.batch import member
from dcgm_cloudwatch.errors import NO_CREDENTIALS, code_of, meaning
from dcgm_cloudwatch.exporter import Exporter
from dcgm_cloudwatch.prometheus import PrometheusError
from dcgm_cloudwatch.readings import Window
from dcgm_cloudwatch.scrape import scrape
from dcgm_cloudwatch.series import Slot
from dcgm_cloudwatch.watermark import OtherWriterError, StoreError

SKEW = 30.0  # seconds between two clocks that are still well
SIGNATURE = {"RequestExpired", "SignatureDoesNotMatch", "InvalidSignatureException"}


class Finding(NamedTuple):
    """One link: `fix` is empty where it is whole."""

    link: str
    text: str
    fix: str = ""


def check(exporter: Exporter) -> Iterator[Finding]:
    """Yield a finding for each link, in the order in which data pass."""
    try:
        now = exporter.prometheus.now()
    except PrometheusError as error:
        yield Finding("Prometheus", str(error), "start it, or set PROMETHEUS_URL; an agent has no query API")
    else:
        yield Finding("Prometheus", f"{exporter.settings.prometheus} answers")
        yield _skew("Prometheus' clock", now - time.time())
        yield from _gpus(exporter, now)
    yield from _cloudwatch(exporter)
    yield _kept(exporter)


def text(findings: list[Finding]) -> str:
    """Return the findings for people."""
    lines = []
    for each in findings:
        lines.append(f"{'broken' if each.fix else 'ok':<8}{each.link}: {each.text}")
        lines += [f"{'':<8}-> {each.fix}"] if each.fix else []
    return "\n".join(lines)


def _skew(link: str, seconds: float) -> Finding:
    fix = "let NTP set the clocks: `chronyc tracking` shows how far off one is" if abs(seconds) > SKEW else ""
    return Finding(link, f"{seconds:+.0f} s beside this machine's", fix)


def _gpus(exporter: Exporter, now: float) -> Iterator[Finding]:
    settings = exporter.settings
    window = Window(int(now) - settings.settle - settings.interval, settings.interval)
    try:
        readings = scrape(exporter.prometheus, window, settings.metrics, settings.labels, exporter.counters.alive)
        hosts = {slot.host for slot in readings.slots}
        found = exporter.instances.resolve(hosts, window.end - 0.001)
    except PrometheusError as error:
        yield Finding("GPUs", str(error), "raise Prometheus' query.max-samples, or read its log")
        return
    yield _seen(readings.slots, readings.unidentified)
    unknown = sorted(host.name for host in hosts - found.keys())
    yield Finding(
        "instance ids",
        f"{len(found)} of {len(hosts)} hosts" + (f", not {', '.join(unknown[:5])}" if unknown else ""),
        "run kube-state-metrics (kube_node_info), let the service account get nodes, or relabel __meta_ec2_instance_id "
        "to instance_id in the scrape configuration"
        if unknown
        else "",
    )


def _seen(slots: set[Slot], unidentified: int) -> Finding:
    if not slots:
        return Finding(
            "GPUs",
            f"Prometheus holds no DCGM series of the last minute, {unidentified} name no GPU or host",
            "with no GPU running that is as it should be; else switch on the DCGM exporter's ServiceMonitor, or look "
            "at the target's page in Prometheus",
        )
    return Finding("GPUs", f"{len({slot.whole for slot in slots})} seen in the last minute")


def _cloudwatch(exporter: Exporter) -> Iterator[Finding]:
    """Send what the exporter tells of itself: that is allowed, or nothing is."""
    settings = exporter.settings
    said: dict[str, str] = {}
    try:
        client = exporter.publisher.make()
        client.meta.events.register("response-received.cloudwatch.PutMetricData", _noting(said))
        data = [member(datum, settings.resolution) for datum in exporter.heartbeat()]
        client.put_metric_data(Namespace=settings.namespace, MetricData=data)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
        yield _refused(error, settings.namespace)
    else:
        yield Finding("CloudWatch", f"takes data in {settings.namespace}")
    moment = email.utils.parsedate_to_datetime(said["date"]).timestamp() if said.get("date") else None
    if moment is not None:
        yield _skew("CloudWatch's clock", moment - time.time())


def _noting(said: dict[str, str]) -> Callable[..., None]:
    def note(response_dict: Any, **_: object) -> None:  # noqa: ANN401 - botocore's event
        said["date"] = response_dict.get("headers", {}).get("date", "")

    return note


def _refused(error: Exception, namespace: str) -> Finding:
    if isinstance(error, NO_CREDENTIALS):
        fix = "give the pod a Pod Identity association, the head node an instance role, or set AWS_PROFILE"
        return Finding("credentials", str(error), fix)
    if code_of(error) in SIGNATURE:
        return Finding("credentials", str(error), "set this machine's clock: AWS allows it to be 5 minutes off")
    if meaning(error) == "credentials":
        fix = f"allow cloudwatch:PutMetricData on * where cloudwatch:namespace is {namespace}, or renew the credentials"
        return Finding("permission", str(error), fix)
    if code_of(error) == "NoRegionError":
        return Finding("region", str(error), "set AWS_REGION")
    return Finding("CloudWatch", str(error), "look at the way out of this network: port 443 of monitoring.REGION")


def _kept(exporter: Exporter) -> Finding:
    where = exporter.settings.watermark
    try:
        known = exporter.store.read()
        if known:
            exporter.store.write(known)
    except (StoreError, OtherWriterError) as error:
        fix = "let the service account get, create and update that ConfigMap, or the user write that file"
        return Finding("watermark", str(error), fix)
    return Finding("watermark", f"{where} {'holds ' + known if known else 'is not there yet'}")
