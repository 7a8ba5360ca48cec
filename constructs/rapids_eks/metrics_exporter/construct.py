"""The exporter as a pod of the cluster."""

from collections.abc import Sequence
from urllib.parse import urlsplit

import aws_cdk as cdk
from aws_cdk import aws_eks_v2 as eks
from constructs import Construct

from rapids_eks import prometheus
from rapids_eks.awaited_resource.permission import Permission
from rapids_eks.gpu_dashboard.metrics import LEVELS, Level, namespace
from rapids_eks.metrics_exporter import objects
from rapids_eks.pod_role import PodRole

PROMETHEUS = f"http://{prometheus.SERVICE}.{prometheus.NAMESPACE}:{prometheus.PORT}"


class MetricsExporter(Construct):
    """One pod that brings GPU metrics from Prometheus to CloudWatch, and may write to one namespace there.

    Exposes its `role`. The ConfigMap `dcgm-cloudwatch` of the namespace `gpu-metrics` holds what has been sent; it goes
    with the stack, and with it what was not sent yet.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own name for it
        *,
        cluster: eks.ICluster,
        cluster_name: str,
        image: str,
        levels: Sequence[Level] = LEVELS,
        metrics: Sequence[str] = (),
        interval_seconds: int = 60,
        prometheus_url: str = PROMETHEUS,
    ) -> None:
        """Make it; without `metrics` it publishes all. Raises ValueError where `cluster_name` is not literal text."""
        super().__init__(scope, id)
        if cdk.Token.is_unresolved(cluster_name):
            raise ValueError(
                f"The cluster's name {cluster_name!r} is known only when the stack is deployed, but becomes part of a "
                "condition in a policy: give literal text"
            )
        self.role = PodRole(self, "Role", permissions=[may_publish(namespace(cluster_name))])
        self.role.give_to(cluster, namespace=objects.NAMESPACE, service_account=objects.NAME)
        settings = {
            "PRESET": "eks",
            "CLUSTER_NAME": cluster_name,
            "AWS_REGION": cdk.Stack.of(self).region,
            "PROMETHEUS_URL": prometheus_url,
            "AGGREGATION": ",".join(levels),
            "SCRAPE_INTERVAL": str(interval_seconds),
            "WATERMARK": f"configmap:{objects.NAMESPACE}/{objects.NAME}",
            "LISTEN": f"0.0.0.0:{objects.PORT}",
            **({"METRICS": ",".join(metrics)} if metrics else {}),
        }
        space = eks.KubernetesManifest(self, "Namespace", cluster=cluster, manifest=[objects.namespace()])
        allowed = [*objects.access(), objects.network(_port(prometheus_url), elsewhere=prometheus_url != PROMETHEUS)]
        access = eks.KubernetesManifest(self, "Access", cluster=cluster, manifest=allowed)
        access.node.add_dependency(space)
        pod = objects.deployment(image, settings)
        program = eks.KubernetesManifest(self, "Program", cluster=cluster, manifest=[pod])
        program.node.add_dependency(access, self.role)  # pods get their credentials when they start


def may_publish(name: str) -> Permission:
    """Return the permission to write metrics into one namespace of CloudWatch."""
    return Permission(
        ["cloudwatch:PutMetricData"],
        ["*"],
        {"StringEquals": {"cloudwatch:namespace": name}},
        why="Metrics have no ARN; the condition names the one namespace",
    )


def _port(url: str) -> int:
    parts = urlsplit(url)
    return parts.port or (443 if parts.scheme == "https" else 80)
