"""The stack of GPU metrics in CloudWatch."""

from collections.abc import Sequence
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_eks_v2 as eks
from aws_cdk import aws_sns as sns
from constructs import Construct

import config
from rapids_eks.built_image.construct import BuiltImage
from rapids_eks.dashboard_widgets.construct import DashboardWidgets
from rapids_eks.gpu_dashboard import price, rows
from rapids_eks.gpu_dashboard.alarms import GpuAlarms
from rapids_eks.gpu_dashboard.construct import GpuDashboard
from rapids_eks.gpu_dashboard.metrics import Level, of_cluster, published
from rapids_eks.gpu_dashboard.thresholds import Thresholds
from rapids_eks.metrics_exporter.construct import PROMETHEUS, MetricsExporter
from rapids_eks.parallel_cluster_exporter import ParallelClusterExporter


class GpuDashboardStack(cdk.Stack):
    """The exporter of GPU metrics to CloudWatch, alarms and a dashboard. Exposes `alarms` and `dashboard`."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own name for it
        *,
        name: str,
        cluster: eks.ICluster,
        teams: Sequence[str],
        gpus: config.GpuNodes,
        program: Path,
        settings: config.GpuDashboard,
        topic: sns.ITopic | None = None,
        env: cdk.Environment | None = None,
    ) -> None:
        super().__init__(scope, id, stack_name=f"{name}-gpu-dashboard", env=env, description=f"GPU metrics of {name}")
        mig = gpus.mig_strategy != "none"
        metrics = published(settings.metrics, mig=mig) or settings.metrics
        MetricsExporter(
            self,
            "Exporter",
            cluster=cluster,
            cluster_name=name,
            image=settings.image or _image(self, program, settings),
            levels=settings.levels,
            metrics=metrics,
            interval_seconds=settings.interval_seconds,
            prometheus_url=settings.prometheus_url or PROMETHEUS,
        )
        self.alarms = GpuAlarms(
            self,
            "Alarms",
            cluster_name=name,
            teams=teams if "team" in settings.levels else [],
            thresholds=_thresholds(settings.alarms),
            metrics=metrics,
            topic=topic,
        )
        self.dashboard = _dashboard(self, name, settings, self.alarms, metrics, mig=mig)
        cdk.CfnOutput(self, "DashboardUrl", value=self.dashboard.url)
        _merge(self, self.dashboard, settings)
        for each in settings.parallel_clusters:
            _parallel_cluster(self, each, program, settings.alarms.lag_seconds, topic)
        _tell_price(self, gpus, len(teams), settings.levels, metrics)


def _merge(scope: Construct, dashboard: GpuDashboard, settings: config.GpuDashboard) -> None:
    merged = Construct(scope, "MergedInto")
    for each in settings.merge_into:
        DashboardWidgets(
            merged,
            each,
            dashboard_name=each,
            owner=dashboard.owner,
            widgets=dashboard.widgets,
            log_retention_days=settings.log_retention_days,
        )


def _image(scope: Construct, program: Path, settings: config.GpuDashboard) -> str:
    what, days = "the image of the GPU metrics exporter", settings.log_retention_days
    return BuiltImage(scope, "Image", context=program, base_image=settings.base, what=what, log_retention_days=days).uri


def _thresholds(alarms: config.GpuAlarms) -> Thresholds:
    return Thresholds(
        temperature_celsius=alarms.temperature_celsius,
        idle_percent=alarms.idle_percent,
        idle_minutes=alarms.idle_minutes,
        lag_seconds=alarms.lag_seconds,
        memory_percent=alarms.memory_percent,
        memory_alarm=alarms.memory,
    )


def _dashboard(
    scope: Construct,
    name: str,
    settings: config.GpuDashboard,
    alarms: GpuAlarms,
    metrics: Sequence[str],
    *,
    mig: bool,
) -> GpuDashboard:
    source = of_cluster(name, settings.levels, mig=mig)
    limits = rows.Limits(hot=settings.alarms.temperature_celsius, lag=settings.alarms.lag_seconds)
    return GpuDashboard(
        scope,
        "Dashboard",
        name=settings.dashboard_of(name),
        rows=list(rows.of_cluster(source, name, limits, alarms.arns, metrics)),
        period_seconds=settings.interval_seconds,
    )


def _parallel_cluster(scope: Construct, name: str, program: Path, lag: float, topic: sns.ITopic | None) -> None:
    made = ParallelClusterExporter(scope, name, cluster_name=name, program=program, lag_seconds=lag, topic=topic)
    told = {
        "PolicySetting": made.policy_setting,
        "InstallCommand": made.install_command,
        "DashboardUrl": made.dashboard.url,
    }
    for key, value in told.items():
        cdk.CfnOutput(made, key, value=value).override_logical_id(f"{name.replace('-', '')}{key}")


def _tell_price(
    scope: Construct, gpus: config.GpuNodes, teams: int, levels: Sequence[Level], metrics: Sequence[str]
) -> None:
    most = {"gpus": gpus.max_gpus, "nodes": gpus.most_nodes, "slices": gpus.most_slices}
    told = price.told(levels, teams=teams, chosen=metrics, **most)
    cdk.Annotations.of(scope).add_info(told)
