"""GPU metrics in CloudWatch."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from config.errors import Problem
from config.image import Reference
from config.section import RetentionDays, Section, Shape
from rapids_eks.gpu_dashboard.metrics import LEVELS, METRICS, Level, MetricName, parallel_cluster_dashboard
from rapids_eks.gpu_dashboard.thresholds import PERIOD_MINUTES

DashboardName = Annotated[str, Shape(r"[A-Za-z0-9_-]{1,255}", "1 to 255 letters, digits, hyphens and underscores")]
# Whose names become a namespace and part of a dashboard's name: https://docs.aws.amazon.com/parallelcluster/latest/ug/pcluster.create-cluster-v3.html
ParallelCluster = Annotated[
    str, Shape(r"[a-zA-Z][a-zA-Z0-9-]{0,59}", "a cluster's name: a letter, then up to 59 letters, digits and hyphens")
]


class GpuAlarms(Section):
    """When alarms on the GPUs of the whole cluster ring."""

    temperature_celsius: Annotated[int, Field(ge=30, le=120)] = 85
    """How hot a GPU has been in two spans of 5 minutes, one after the other."""
    idle_percent: Annotated[int, Field(ge=1, le=100)] = 50
    """The share of a team's GPUs that its pods have had and let idle for `idle_minutes`."""
    idle_minutes: Annotated[int, Field(ge=5, le=1440)] = 30
    """For how long; a multiple of 5."""
    lag_seconds: Annotated[int, Field(ge=120, le=86400)] = 600
    """How late metrics come, or that none come at all."""
    memory_percent: Annotated[int, Field(ge=1, le=100)] = 95
    """How full a GPU's memory has been in two spans of 5 minutes."""
    memory: bool = False
    """Whether that alarm tells anybody: RAPIDS fills the memory at the start of every job."""

    def problems(self) -> Iterator[Problem]:
        """Yield minutes that are no whole periods."""
        if self.idle_minutes % PERIOD_MINUTES:
            text = f"{self.idle_minutes} is no multiple of {PERIOD_MINUTES} minutes, in which idleness is measured"
            yield Problem(("idle_minutes",), text)


class GpuDashboard(Section):
    """The exporter of GPU metrics to CloudWatch, a dashboard and alarms."""

    levels: Annotated[tuple[Level, ...], Field(min_length=1)] = LEVELS
    """What metrics are published of; alarms need `cluster`. Each GPU, node and team costs as many metrics: leave out
    `gpu` and `node` where there are many."""
    metrics: Annotated[tuple[MetricName, ...], Field(min_length=1)] = METRICS
    """Which metrics are published; what is left out is missing from the dashboard, and its alarms with it. Where MIG
    cuts up GPUs, GPUUtilization is that of each part's engine, and GPUMemoryUtilization is missing."""
    interval_seconds: Literal[60, 300] = 60
    """The time that one value is of. It changes no price but that of requests; with 300 everything is later."""
    prometheus_url: (
        Annotated[
            str, Shape(r"https?://[\w.-]+(?::\d{1,5})?(?:/[\w./-]*)?", "an address like http://prometheus.example:9090")
        ]
        | None
    ) = None
    """Prometheus with the metrics of DCGM and kube-state-metrics; null is the one of `observability`."""
    image: Reference | None = None
    """The exporter's image, ready; null builds docker/dcgm-cloudwatch."""
    base: Reference = "public.ecr.aws/docker/library/python:3.13-slim-bookworm"
    """What that is built on: an image with Python 3.9 or newer. One by its digest stays the same."""
    name: DashboardName | None = None
    """Name of the dashboard; null is the cluster's name with -gpu. A dashboard of that name must not exist."""
    merge_into: Annotated[tuple[DashboardName, ...], Field(max_length=10)] = ()
    """Existing dashboards of this region that get the same widgets below their own."""
    alarms: GpuAlarms = GpuAlarms()
    """When alarms ring; they tell the subscribers of `observability`."""
    parallel_clusters: Annotated[tuple[ParallelCluster, ...], Field(max_length=10)] = ()
    """Clusters of AWS ParallelCluster that shall publish GPU metrics too: each gets a policy for its head node, an
    installation command, and a dashboard."""
    log_retention_days: RetentionDays = 30
    """Days for which the logs of the image's build, and of what changes dashboards, are kept."""

    def dashboard_of(self, cluster_name: str) -> str:
        """Return the name of the dashboard."""
        return self.name or f"{cluster_name}-gpu"

    def merged_into_itself(self, cluster_name: str) -> Iterator[Problem]:
        """Yield dashboards of the stack's own that its widgets shall be put into, where they are already."""
        own = {self.dashboard_of(cluster_name), *map(parallel_cluster_dashboard, self.parallel_clusters)}
        for index, each in enumerate(self.merge_into):
            if each in own:
                text = f"{each} is a dashboard that this makes, and would be changed behind its back: name another"
                yield Problem(("merge_into", index), text)

    def problems(self) -> Iterator[Problem]:
        """Yield what is there twice, and alarms without what they watch."""
        for name in ("levels", "metrics", "merge_into", "parallel_clusters"):
            given = getattr(self, name)
            if len(set(given)) < len(given):
                twice = next(each for each in given if given.count(each) > 1)
                yield Problem((name,), f"{twice} is given twice: keep one of them")
        if "cluster" not in self.levels:
            yield Problem(("levels",), "lacks cluster, which the alarms and the first graphs are made of: add it")
