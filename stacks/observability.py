"""The stack of metrics, dashboards and alerts."""

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_eks_v2 as eks
from constructs import Construct

import config
from config.instance_types import vcpus
from rapids_eks import metrics_price
from rapids_eks.alert_topic import AlertTopic
from rapids_eks.gpu_metrics import rules
from rapids_eks.grafana import Grafana
from rapids_eks.grafana_dashboards.cluster import Prices
from rapids_eks.grafana_dashboards.dashboards import dashboards
from rapids_eks.grafana_password import GrafanaPassword
from rapids_eks.kept_series import Fleet
from rapids_eks.metrics_workspace import MetricsWorkspace
from rapids_eks.observability_commands import ObservabilityCommands
from rapids_eks.prometheus import Prometheus
from rapids_eks.secrets_driver import NAME as SECRETS
from rapids_eks.secrets_driver import SecretsDriver


class ObservabilityStack(cdk.Stack):
    """Prometheus, its long-term store with rules, alerts and Grafana. Exposes `workspace` and `topic`, of alerts."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own name for it
        *,
        name: str,
        cluster: eks.ICluster,
        settings: config.Cluster,
        capacity: config.Capacity,
        teams: Sequence[str],
        prices: Prices,
        observability: config.Observability,
        env: cdk.Environment | None = None,
    ) -> None:
        super().__init__(scope, id, stack_name=f"{name}-observability", env=env, description=f"Metrics of {name}")
        alerts = AlertTopic(self, "Alerts", subscribers=observability.alert_subscribers)
        data, days = rules.data(runbooks=observability.runbooks or rules.RUNBOOKS), observability.log_retention_days
        workspace = MetricsWorkspace(self, "Workspace", name=name, rules=data, topic=alerts, log_retention_days=days)
        self.workspace, self.topic = workspace, alerts.topic
        prometheus = Prometheus(
            self,
            "Prometheus",
            cluster=cluster,
            cluster_name=name,
            workspace=workspace,
            teams=teams,
            instance_types=_types(settings, capacity),
            karpenter=capacity.mode == "karpenter",
            retention_days=observability.retention_days,
            volume_gib=observability.volume_gib,
            memory_mib=1024 * observability.memory_gib,
        )
        password = GrafanaPassword(self, "Password", name=name)
        driver = SecretsDriver(self, "Secrets", cluster_name=name, version=settings.add_ons.versions[SECRETS])
        grafana = Grafana(
            self,
            "Grafana",
            cluster=cluster,
            workspace=workspace,
            password=password,
            prometheus=prometheus.address,
            dashboards=dashboards(prices),
        )
        grafana.node.add_dependency(driver)
        ObservabilityCommands(self, "Commands", workspace=workspace, topic=alerts, password=password, grafana=grafana)
        _tell(self, _fleets(settings, capacity, len(teams)), observability.alert_subscribers)


def _tell(stack: cdk.Stack, fleets: Mapping[str, Fleet], subscribers: Sequence[str]) -> None:
    """Say at synth what it costs to keep the metrics of these fleets, and that alerts reach nobody, if so."""
    said = cdk.Annotations.of(stack)
    said.add_info(metrics_price.told(fleets))
    if not subscribers:
        said.add_info("Alerts tell nobody: name someone in observability.alert_subscribers, or use `Subscribe`")


def _types(settings: config.Cluster, capacity: config.Capacity) -> list[str]:
    """Return the types that nodes may have."""
    kinds = (settings.core_nodes, capacity.driver, capacity.gpu)
    return sorted({name for each in kinds for name in each.instance_types})


def _fleets(settings: config.Cluster, capacity: config.Capacity, teams: int) -> dict[str, Fleet]:
    """Return what is measured while no job runs, and while all nodes run that the limits allow."""
    core, driver, gpu = settings.core_nodes, capacity.driver, capacity.gpu
    drivers = driver.max_vcpus // min(map(vcpus, driver.instance_types))
    types = len(_types(settings, capacity))
    idle = Fleet(gpus=0, nodes=core.count, applications=0, types=types)
    nodes = core.count + drivers + gpu.most_nodes
    busy = Fleet(gpus=gpu.max_gpus, nodes=nodes, applications=teams, types=types, slices=gpu.most_slices)
    return {"without a job": idle, "with all nodes at work": busy}
