"""How Prometheus finds and labels the DCGM exporter's series.

The operator's ServiceMonitor, with `honorLabels: false`, gives each series these labels:

| label | what it names |
|---|---|
| `node` | the Kubernetes node, from discovery; the exporter's own `Hostname` became `hostname` after 4.8.2 |
| `gpu`, `UUID`, `modelName`, `device`, `pci_bus_id` | the GPU; `gpu` is its index on the node |
| `GPU_I_ID`, `GPU_I_PROFILE` | the slice where a GPU is cut up by MIG; then the GPU as a whole has no series |
| `exported_namespace`, `exported_pod`, `exported_container` | the workload; absent on a GPU that nobody has |
| `xid` | the error, of DCGM_EXP_XID_ERRORS_TOTAL, which has a series only once one has come |
| `namespace`, `pod`, `container`, `service`, `endpoint`, `instance`, `job` | the exporter itself |
"""

from typing import Any

INTERVAL = "30s"  # the exporter asks DCGM that often; who scrapes more often reads the same numbers again
RELEASE = "kube-prometheus-stack"  # what a Prometheus whose selectors are left as they are wants as label `release`
NODE_LABEL = "node"
WORKLOAD_LABELS = ("exported_namespace", "exported_pod", "exported_container")
JOB = "nvidia-dcgm-exporter"
RELABELINGS = ({"sourceLabels": ["__meta_kubernetes_pod_node_name"], "targetLabel": NODE_LABEL, "action": "replace"},)


def service_monitor() -> dict[str, Any]:
    """Return the chart's `dcgmExporter.serviceMonitor`."""
    return {
        "enabled": True,
        "interval": INTERVAL,
        "honorLabels": False,
        "additionalLabels": {"release": RELEASE},
        "relabelings": [dict(each) for each in RELABELINGS],
    }
