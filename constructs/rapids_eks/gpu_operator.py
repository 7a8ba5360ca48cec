"""NVIDIA's GPU Operator, which makes the GPUs of nodes known to Kubernetes and measures them."""

import hashlib
from collections.abc import Mapping
from typing import Any, Literal

from aws_cdk import aws_eks_v2 as eks
from constructs import Construct

from rapids_eks.gpu_metrics import counters, scraping
from rapids_eks.helm_release import HelmRelease
from rapids_eks.job_pools import CORE_LABELS
from rapids_eks.placement import Pod
from rapids_eks.system_pods import FEATURE_DISCOVERY, OPERANDS, OPERATOR

REPOSITORY, CHART, VERSION = "https://helm.ngc.nvidia.com/nvidia", "gpu-operator", "v26.7.0"
NAMESPACE = "gpu-operator"
TAINT = "nvidia.com/gpu"  # key of the taint that keeps other pods off GPU nodes
Values = dict[str, Any]
_TOLERATED = [{"key": TAINT, "operator": "Exists", "effect": "NoSchedule"}]
_UNUSED = ("vgpuManager", "vgpuDeviceManager", "vfioManager", "ccManager", "kataSandboxDevicePlugin")
_UNWANTED = ("gds", "gdrcopy", "nodeStatusExporter", "dcgm")  # GPUDirect, and what the DCGM exporter has built in


class GpuOperator(Construct):
    """The operator with device plugin, DCGM exporter, feature discovery and, where GPUs are cut up, MIG manager.

    Exposes `namespace`, its name, and `chart`. The operator itself and the Jobs that clean up when it goes run on the
    core nodes, all else on GPU nodes, so the chart must go before the core nodes and after those who use its GPUs.

    Prometheus finds the DCGM exporter by a ServiceMonitor. As long as no such kind is defined, the operator passes over
    it without a word. When Prometheus comes later, the operator makes it the next time that it looks: within 45 seconds
    where there is no GPU node, else when one joins or an operand changes. No update of this chart is needed for it.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own name for it
        *,
        cluster: eks.ICluster,
        gpu_node_labels: Mapping[str, str],
        core_node_labels: Mapping[str, str] = CORE_LABELS,
        mig_strategy: Literal["none", "single"] = "none",
        driver_on_nodes: bool = True,
    ) -> None:
        """Install it for nodes with `gpu_node_labels`, which may have the taint `nvidia.com/gpu`.

        `driver_on_nodes` says that their image brings NVIDIA's driver and container toolkit, as the AL2023 images of
        EKS do and Ubuntu's do not.
        """
        super().__init__(scope, id)
        self.namespace = NAMESPACE
        namespace = eks.KubernetesManifest(self, "Namespace", cluster=cluster, manifest=[_namespace()])
        self.chart = HelmRelease(
            self,
            "Chart",
            cluster=cluster,
            repository=REPOSITORY,
            chart=CHART,
            version=VERSION,
            namespace=NAMESPACE,
            minutes=12,
            values=values(gpu_node_labels, core_node_labels, mig_strategy, driver_on_nodes=driver_on_nodes),
        )
        self.chart.node.add_dependency(namespace)


def values(
    gpu_node_labels: Mapping[str, str],
    core_node_labels: Mapping[str, str],
    mig_strategy: Literal["none", "single"],
    *,
    driver_on_nodes: bool,
) -> Values:
    """Return the chart's values; a key that the chart does not know would be ignored without a word."""
    return {
        "operator": {**_on_core_nodes(core_node_labels), **_requests(OPERATOR)},
        "daemonsets": {"tolerations": _TOLERATED},
        "driver": {"enabled": not driver_on_nodes},
        "toolkit": {"enabled": not driver_on_nodes},
        **{section: _requests(pod) for section, pod in OPERANDS.items()},
        "dcgmExporter": _dcgm_exporter(),
        "mig": {"strategy": mig_strategy},
        "migManager": {"enabled": mig_strategy != "none"},
        # This also rules the sandbox device plugin, whose own `enabled: false` the chart does not pass on.
        "sandboxWorkloads": {"enabled": False},
        **{section: {"enabled": False} for section in (*_UNUSED, *_UNWANTED)},
        "node-feature-discovery": _feature_discovery(gpu_node_labels, core_node_labels),
    }


def _dcgm_exporter() -> Values:
    """Return its values; the name tells the counters' content, for a pod does not see a change of a mounted file."""
    content = counters.csv()
    name = f"dcgm-counters-{hashlib.sha256(content.encode()).hexdigest()[:8]}"
    config = {"name": name, "create": True, "data": content}
    requests = _requests(OPERANDS["dcgmExporter"])
    return {"config": config, "serviceMonitor": scraping.service_monitor(), **requests}


def _feature_discovery(gpu_node_labels: Mapping[str, str], core_node_labels: Mapping[str, str]) -> Values:
    """Return the subchart's values; its worker would run on every node that has no taint."""
    central = {part: _on_core_nodes(core_node_labels) | _requests(FEATURE_DISCOVERY[part]) for part in ("master", "gc")}
    worker = {"nodeSelector": dict(gpu_node_labels), "tolerations": _TOLERATED}
    return {**central, "worker": worker | _requests(FEATURE_DISCOVERY["worker"])}


def _on_core_nodes(labels: Mapping[str, str]) -> Values:
    """Return where the Jobs of an uninstall run too; without a node for them the release would stay for ever."""
    return {"nodeSelector": dict(labels), "tolerations": [{"key": "CriticalAddonsOnly", "operator": "Exists"}]}


def _requests(pod: Pod) -> Values:
    return {"resources": {"requests": {"cpu": f"{pod.size.cpu}m", "memory": f"{pod.size.memory}Mi"}}}


def _namespace() -> Values:
    """Return the namespace; the operands are privileged and mount the host's files."""
    modes = {f"pod-security.kubernetes.io/{mode}": "privileged" for mode in ("enforce", "audit", "warn")}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": modes}}
