"""What the Prometheus operator makes of a ServiceMonitor, and what discovery says of a pod behind a Service.

The order of the steps matters, for a monitor's own relabelings see what came before:
https://github.com/prometheus-operator/prometheus-operator/blob/main/pkg/prometheus/promcfg.go
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Manifest = Mapping[str, Any]
Relabeling = dict[str, Any]
# A ServiceMonitor's names of what Prometheus' own file calls otherwise
RENAMED = {"sourceLabels": "source_labels", "targetLabel": "target_label"}
# A Prometheus object's names of parts of a remote write, of its queue, and of the rest of both
KNOWN_OF_WRITES = {"url", "sigv4", "queueConfig", "writeRelabelConfigs"}
QUEUE = {
    "batchSendDeadline": "batch_send_deadline",
    "capacity": "capacity",
    "maxBackoff": "max_backoff",
    "maxSamplesPerSend": "max_samples_per_send",
    "maxShards": "max_shards",
    "minBackoff": "min_backoff",
    "minShards": "min_shards",
}
KNOWN_OF_ENDPOINTS = {"port", "path", "interval", "scrapeTimeout", "honorLabels", "relabelings", "metricRelabelings"}
KNOWN = {"endpoints", "jobLabel", "namespaceSelector", "selector"}


class MonitorError(Exception):
    """A monitor has something that this stand-in for the operator does not know."""


@dataclass(frozen=True)
class Target:
    """A pod's port: where it answers on this machine, and what discovery says of it by role endpoints."""

    address: str  # host:port
    service: Manifest
    pod: Manifest
    port_name: str

    def labels(self) -> dict[str, str]:
        """Return the labels of discovery that monitors use.

        https://prometheus.io/docs/prometheus/latest/configuration/configuration/#endpoints
        """
        service, pod = self.service["metadata"], self.pod["metadata"]
        of_service = {
            f"__meta_kubernetes_service_{kind}_{_sanitized(name)}": shown
            for name, value in service.get("labels", {}).items()
            for kind, shown in (("label", value), ("labelpresent", "true"))
        }
        return of_service | {
            "__meta_kubernetes_namespace": service["namespace"],
            "__meta_kubernetes_service_name": service["name"],
            "__meta_kubernetes_endpoint_port_name": self.port_name,
            "__meta_kubernetes_endpoint_address_target_kind": "Pod",
            "__meta_kubernetes_endpoint_address_target_name": pod["name"],
            "__meta_kubernetes_pod_name": pod["name"],
            "__meta_kubernetes_pod_node_name": self.pod["spec"]["nodeName"],
            "__meta_kubernetes_pod_container_name": self.pod["spec"]["containers"][0]["name"],
            "__meta_kubernetes_pod_phase": self.pod["status"]["phase"],
        }


def scrape_configs(monitor: Manifest, targets: Sequence[Target]) -> list[dict[str, Any]]:
    """Return a `scrape_configs` entry for each endpoint of a ServiceMonitor.

    In place of discovery there are the targets of the namespaces that the monitor names, with discovery's labels; which
    of those are scraped is decided by relabeling, as on a cluster. Raises MonitorError for a key that is unknown here.
    """
    spec = monitor["spec"]
    _refuse(spec.keys() - KNOWN)
    namespaces = spec.get("namespaceSelector", {}).get("matchNames") or [monitor["metadata"]["namespace"]]
    groups = [
        {"targets": [each.address], "labels": each.labels()}
        for each in targets
        if each.service["metadata"]["namespace"] in namespaces
    ]
    return [_of_endpoint(monitor, number, endpoint, groups) for number, endpoint in enumerate(spec["endpoints"])]


def remote_write(wanted: Manifest) -> dict[str, Any]:
    """Return the `remote_write` entry of one of a Prometheus object's; raise MonitorError for an unknown key."""
    _refuse(wanted.keys() - KNOWN_OF_WRITES)
    queue = wanted.get("queueConfig", {})
    _refuse(queue.keys() - QUEUE.keys())
    return {
        "url": wanted["url"],
        **({"sigv4": dict(wanted["sigv4"])} if "sigv4" in wanted else {}),
        **({"queue_config": {QUEUE[key]: value for key, value in queue.items()}} if queue else {}),
        "write_relabel_configs": [_written(each) for each in wanted.get("writeRelabelConfigs", [])],
    }


def _of_endpoint(monitor: Manifest, number: int, endpoint: Manifest, groups: list[dict[str, Any]]) -> dict[str, Any]:
    _refuse(endpoint.keys() - KNOWN_OF_ENDPOINTS)
    about = monitor["metadata"]
    options = {"interval": "scrape_interval", "scrapeTimeout": "scrape_timeout", "path": "metrics_path"}
    return {
        "job_name": f"serviceMonitor/{about['namespace']}/{about['name']}/{number}",
        "honor_labels": endpoint.get("honorLabels", False),
        **{there: endpoint[here] for here, there in options.items() if here in endpoint},
        "static_configs": groups,
        "relabel_configs": [
            *_selected(monitor["spec"]["selector"].get("matchLabels", {}), endpoint["port"]),
            *_named(monitor["spec"].get("jobLabel"), endpoint["port"]),
            *map(_written, endpoint.get("relabelings", ())),
        ],
        "metric_relabel_configs": [_written(each) for each in endpoint.get("metricRelabelings", ())],
    }


def _selected(labels: Mapping[str, str], port: str) -> list[Relabeling]:
    meta = "__meta_kubernetes_service_label"
    chosen = [
        _keep([f"{meta}_{_sanitized(name)}", f"{meta}present_{_sanitized(name)}"], f"({labels[name]});true")
        for name in sorted(labels)
    ]
    return [*chosen, _keep(["__meta_kubernetes_endpoint_port_name"], port)]


def _named(job_label: str | None, port: str) -> list[Relabeling]:
    """Return what gives a target the labels that all of them have."""
    kind, name = (f"__meta_kubernetes_endpoint_address_target_{each}" for each in ("kind", "name"))
    named = [
        {"source_labels": [kind, name], "separator": ";", "regex": f"{each};(.*)", "target_label": each.lower()}
        for each in ("Node", "Pod")
    ]
    meta = {"namespace": "namespace", "service_name": "service", "pod_name": "pod", "pod_container_name": "container"}
    named += [_copied(f"__meta_kubernetes_{source}", target) for source, target in meta.items()]
    ended = {"action": "drop", "source_labels": ["__meta_kubernetes_pod_phase"], "regex": "(Failed|Succeeded)"}
    jobs = [_copied("__meta_kubernetes_service_name", "job")]
    if job_label:
        label = f"__meta_kubernetes_service_label_{_sanitized(job_label)}"
        jobs.append({**_copied(label, "job"), "regex": "(.+)"})
    return [*named, ended, *jobs, {"target_label": "endpoint", "replacement": port}]


def _keep(sources: list[str], regex: str) -> Relabeling:
    return {"action": "keep", "source_labels": sources, "regex": regex}


def _copied(source: str, target: str) -> Relabeling:
    return {"source_labels": [source], "target_label": target}


def _written(relabeling: Manifest) -> Relabeling:
    """Return a monitor's relabeling as Prometheus' own file has it; Prometheus refuses what it does not know."""
    return {RENAMED.get(key, key): value for key, value in relabeling.items()}


def _refuse(unknown: set[str]) -> None:
    if unknown:
        raise MonitorError(
            f"{', '.join(sorted(unknown))}: not known here; rehearsal/prometheus/scrape_config.py must be"
        )


def _sanitized(name: str) -> str:
    return re.sub(r"[^a-zA-Z0-9_]", "_", name)
