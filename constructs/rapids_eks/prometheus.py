"""The cluster's own Prometheus."""

from collections.abc import Mapping, Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_eks_v2 as eks
from constructs import Construct

from rapids_eks import kept_series, scrape_targets
from rapids_eks.helm_release import HelmRelease
from rapids_eks.job_pools import CORE_LABELS
from rapids_eks.metrics_workspace import MetricsWorkspace
from rapids_eks.placement import Pod
from rapids_eks.pod_role import PodRole
from rapids_eks.storage_class import NAME as STORAGE_CLASS
from rapids_eks.system_pods import KUBE_STATE_METRICS, NODE_EXPORTER, PROMETHEUS_OPERATOR, RELOADER, prometheus

REPOSITORY, CHART, VERSION = (
    "https://prometheus-community.github.io/helm-charts",
    "kube-prometheus-stack",
    "88.5.3",
)
NAME = "kps"  # what the objects' names begin with
NAMESPACE = scrape_targets.NAMESPACE
SERVICE_ACCOUNT = f"{NAME}-prometheus"
SERVICE, PORT = f"{NAME}-prometheus", 9090
# No alerts in the cluster: those of the workspace arrive. The control plane cannot be scraped on EKS, and of kubelets,
# DNS and the API server nothing is shown.
OFF = (
    *("grafana", "alertmanager", "kubeApiServer", "kubelet", "coreDns", "kubeControllerManager", "kubeEtcd"),
    *("kubeProxy", "kubeScheduler"),
)
# Of the nodes' labels kube-state-metrics tells only those: where nodes come from, which they are, and what they cost.
NODE_LABELS = (
    *("NodeGroupType", "karpenter.sh/nodepool", "karpenter.sh/capacity-type", "eks.amazonaws.com/capacityType"),
    *("eks.amazonaws.com/nodegroup", "node.kubernetes.io/instance-type", "topology.kubernetes.io/zone"),
    "nvidia.com/gpu.product",
)
KINDS = (
    *("daemonsets", "deployments", "jobs", "namespaces", "nodes", "persistentvolumeclaims", "pods"),
    *("resourcequotas", "statefulsets"),
)
FULL = 0.85  # of the volume; beside the blocks there is the log of what is not yet in one
# What the operator calls the claim of its only pod:
# https://github.com/prometheus-operator/prometheus-operator/blob/v0.93.1/pkg/prometheus/common.go, VolumeClaimName
CLAIM = f"prometheus-{SERVICE}-db-prometheus-{SERVICE}-0"
SELECTED = ("serviceMonitor", "podMonitor", "probe", "rule", "scrapeConfig")
Values = dict[str, Any]


class Prometheus(Construct):
    """Prometheus, its operator, kube-state-metrics and the node exporter; what is kept goes on to a workspace.

    Exposes `namespace`, and `address`, where it answers in the cluster. It takes what any monitor in any namespace
    names. Whatever is a monitor must depend on this construct. The claim of its volume is made here and not left to the
    StatefulSet, which the operator deletes and makes anew when its volume is to be another: so the claim grows where it
    is, keeps what is stored, and goes with this construct.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own name for it
        *,
        cluster: eks.ICluster,
        cluster_name: str,
        workspace: MetricsWorkspace,
        teams: Sequence[str],
        instance_types: Sequence[str],
        karpenter: bool,
        retention_days: int = 15,
        volume_gib: int = 50,
        memory_mib: int = 2048,
    ) -> None:
        """Make it for nodes of some types; `cluster_name` is what all series are labelled with."""
        super().__init__(scope, id)
        self.namespace, self.address = NAMESPACE, f"http://{SERVICE}.{NAMESPACE}:{PORT}"
        namespace = eks.KubernetesManifest(self, "Namespace", cluster=cluster, manifest=[_namespace()])
        # One that is there already is taken over, as is the history on it.
        claim = eks.KubernetesManifest(self, "Claim", cluster=cluster, manifest=[_claim(volume_gib)], overwrite=True)
        claim.node.add_dependency(namespace)
        role = PodRole(self, "Role", permissions=[workspace.writing])
        role.give_to(cluster, namespace=NAMESPACE, service_account=SERVICE_ACCOUNT)
        chart = HelmRelease(
            self,
            "Chart",
            cluster=cluster,
            repository=REPOSITORY,
            chart=CHART,
            version=VERSION,
            namespace=NAMESPACE,
            values=values(
                cluster_name=cluster_name,
                remote_write=remote_write(workspace.remote_write_url, cdk.Stack.of(self).region, instance_types),
                retention_days=retention_days,
                volume_gib=volume_gib,
                memory_mib=memory_mib,
            ),
        )
        chart.node.add_dependency(claim, role)  # pods get their credentials when they start
        self._monitors(cluster, teams, karpenter=karpenter).node.add_dependency(chart)

    def _monitors(self, cluster: eks.ICluster, teams: Sequence[str], *, karpenter: bool) -> eks.KubernetesManifest:
        made = [
            scrape_targets.spark_drivers(teams),
            scrape_targets.metrics_exporter(),
            *([scrape_targets.karpenter()] if karpenter else []),
        ]
        return eks.KubernetesManifest(self, "Monitors", cluster=cluster, manifest=made)


def _namespace() -> Values:
    """Return the namespace; the node exporter uses the host's network, processes and files."""
    modes = {f"pod-security.kubernetes.io/{mode}": "privileged" for mode in ("enforce", "audit", "warn")}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": modes}}


def _claim(volume_gib: int) -> Values:
    metadata = {"name": CLAIM, "namespace": NAMESPACE}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": metadata,
        "spec": _volume(volume_gib),
    }


def _volume(gib: int) -> Values:
    size = {"requests": {"storage": f"{gib}Gi"}}
    return {"storageClassName": STORAGE_CLASS, "accessModes": ["ReadWriteOnce"], "resources": size}


def remote_write(url: str, region: str, instance_types: Sequence[str]) -> Values:
    """Return where the series of nodes of these types that are kept go on to, as a Prometheus object has it."""
    return {
        "url": url,
        "sigv4": {"region": region},
        # https://docs.aws.amazon.com/prometheus/latest/userguide/AMP-onboard-ingest-metrics-new-Prometheus.html
        "queueConfig": {"maxSamplesPerSend": 1000, "maxShards": 200, "capacity": 2500},
        "writeRelabelConfigs": kept_series.relabelings(instance_types),
    }


def values(*, cluster_name: str, remote_write: Values, retention_days: int, volume_gib: int, memory_mib: int) -> Values:
    """Return the chart's values; a key that the chart does not know would be ignored without a word."""
    return {
        "fullnameOverride": NAME,
        "defaultRules": {"create": False},
        **{part: {"enabled": False} for part in OFF},
        "prometheusOperator": {
            **_on_core_nodes(),
            **_requests(PROMETHEUS_OPERATOR),
            # Without a place for its Jobs an installation hangs.
            "admissionWebhooks": {"patch": _on_core_nodes()},
            "prometheusConfigReloader": _requests(RELOADER),
            "kubeletService": {"enabled": False},  # helm does not know of it, so it would stay in kube-system
        },
        "kube-state-metrics": {
            **_on_core_nodes(),
            **_requests(KUBE_STATE_METRICS),
            "collectors": list(KINDS),
            "metricLabelsAllowlist": [f"nodes=[{','.join(NODE_LABELS)}]"],
        },
        "prometheus-node-exporter": _requests(NODE_EXPORTER),  # on every node, whatever its taint
        "prometheus": {
            "serviceAccount": {"name": SERVICE_ACCOUNT},
            "prometheusSpec": {
                **_on_core_nodes(),
                **_requests(prometheus(memory_mib), limit=True),
                **_storage(retention_days, volume_gib),
                "scrapeInterval": f"{kept_series.INTERVAL}s",
                "externalLabels": {"cluster": cluster_name},
                # There is one replica, and what else it is called would be a label of every series.
                "replicaExternalLabelNameClear": True,
                "prometheusExternalLabelNameClear": True,
                "remoteWrite": [remote_write],
                **{f"{kind}SelectorNilUsesHelmValues": False for kind in SELECTED},
            },
        },
    }


def _storage(retention_days: int, volume_gib: int) -> Values:
    return {
        "retention": f"{retention_days}d",
        "retentionSize": f"{int(FULL * volume_gib)}GiB",
        "storageSpec": {"volumeClaimTemplate": {"spec": _volume(volume_gib)}},
        # The operator deletes a StatefulSet that cannot become what it should be; what is stored outlives that.
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
    }


def _on_core_nodes(labels: Mapping[str, str] = CORE_LABELS) -> Values:
    return {"nodeSelector": dict(labels), "tolerations": [{"key": "CriticalAddonsOnly", "operator": "Exists"}]}


def _requests(pod: Pod, *, limit: bool = False) -> Values:
    memory = {"memory": f"{pod.size.memory}Mi"}
    requests = {"cpu": f"{pod.size.cpu}m", **memory}
    return {"resources": {"requests": requests} | ({"limits": memory} if limit else {})}
