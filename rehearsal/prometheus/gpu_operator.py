"""The objects by which the GPU operator shows its DCGM exporter to Prometheus.

https://github.com/NVIDIA/gpu-operator/tree/v26.7.0/assets/state-dcgm-exporter, 0400 and 0500
"""

from collections.abc import Mapping
from typing import Any

NAME, PORT_NAME, PORT = "nvidia-dcgm-exporter", "gpu-metrics", 9400
LABELS = {"app": NAME}
# What it takes over from `dcgmExporter.serviceMonitor`: controllers/object_controls.go, applyServiceMonitorCustomEdits
ENDPOINT_KEYS = ("interval", "scrapeTimeout", "honorLabels", "relabelings")


def service_monitor(settings: Mapping[str, Any], namespace: str) -> dict[str, Any]:
    """Return the ServiceMonitor that it makes of the chart's `dcgmExporter.serviceMonitor`; {} where that is off."""
    if not settings.get("enabled"):
        return {}
    taken = {key: settings[key] for key in ENDPOINT_KEYS if key in settings}
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "ServiceMonitor",
        "metadata": {
            "name": NAME,
            "namespace": namespace,
            "labels": LABELS | settings.get("additionalLabels", {}),
        },
        "spec": {
            "endpoints": [{"port": PORT_NAME, "path": "/metrics", **taken}],
            "jobLabel": "app",
            "namespaceSelector": {"matchNames": [namespace]},
            "selector": {"matchLabels": LABELS},
        },
    }


def service(namespace: str) -> dict[str, Any]:
    """Return the Service in front of the exporter's pods."""
    ports = [{"name": PORT_NAME, "port": PORT, "targetPort": PORT}]
    metadata = {"name": NAME, "namespace": namespace, "labels": LABELS}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"selector": LABELS, "ports": ports}}


def pod(namespace: str, node: str) -> dict[str, Any]:
    """Return the exporter's pod on a node, as far as discovery looks at it."""
    return {
        "metadata": {"name": f"{NAME}-x7k2p", "namespace": namespace, "labels": LABELS},
        "spec": {"nodeName": node, "containers": [{"name": NAME}]},
        "status": {"phase": "Running"},
    }
