"""What Prometheus looks at beside what the charts bring: Karpenter, Spark's drivers, and the exporter to CloudWatch."""

from collections.abc import Sequence
from typing import Any

NAMESPACE = "monitoring"  # Prometheus' own
PROMETHEUS = {"app.kubernetes.io/name": "prometheus"}  # labels of its pods
# https://github.com/apache/spark/blob/v3.5.6/resource-managers/kubernetes/core/src/main/scala/org/apache/spark/deploy/k8s/Constants.scala
DRIVER = {"spark-role": "driver"}
UI_PORT, UI_PORT_NAME = 4040, "spark-ui"
# The names of metrics begin with it. Without it each application's would begin with its own id.
SPARK_NAMESPACE = "spark"
EXECUTORS_PATH, DRIVER_PATH = "/metrics/executors/prometheus", "/metrics/prometheus"
INTERVAL = "30s"
Manifest = dict[str, Any]


def spark_drivers(teams: Sequence[str]) -> Manifest:
    """Return the monitor of the drivers in teams' namespaces, each with its run's id; executors publish through them.

    A driver has the port only as long as its application runs.
    """
    run = {
        "sourceLabels": ["__meta_kubernetes_pod_label_emr_containers_amazonaws_com_job_id"],
        "targetLabel": "job_run",
    }
    endpoint = {"port": UI_PORT_NAME, "interval": INTERVAL, "relabelings": [run]}
    spec = {
        "namespaceSelector": {"matchNames": list(teams)},
        "selector": {"matchLabels": DRIVER},
        "podMetricsEndpoints": [{**endpoint, "path": path} for path in (EXECUTORS_PATH, DRIVER_PATH)],
    }
    return _monitor("PodMonitor", "spark-drivers", spec)


def karpenter() -> Manifest:
    """Return the monitor of Karpenter, whose own chart makes none: it is installed before monitors are known."""
    labels = {"app.kubernetes.io/name": "karpenter", "app.kubernetes.io/instance": "karpenter"}
    spec = {
        "namespaceSelector": {"matchNames": ["kube-system"]},
        "selector": {"matchLabels": labels},
        "endpoints": [{"port": "http-metrics", "interval": INTERVAL}],
    }
    return _monitor("ServiceMonitor", "karpenter", spec)


def metrics_exporter() -> Manifest:
    """Return the monitor of the exporter of GPU metrics to CloudWatch, whose own numbers are thus in one place more."""
    spec = {
        "namespaceSelector": {"matchNames": ["gpu-metrics"]},
        "selector": {"matchLabels": {"app.kubernetes.io/name": "dcgm-cloudwatch"}},
        "podMetricsEndpoints": [{"port": "http", "interval": INTERVAL}],
    }
    return _monitor("PodMonitor", "dcgm-cloudwatch", spec)


def _monitor(kind: str, name: str, spec: Manifest) -> Manifest:
    metadata = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": "monitoring.coreos.com/v1", "kind": kind, "metadata": metadata, "spec": spec}
