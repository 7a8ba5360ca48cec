"""Alarms on the GPUs of a whole cluster, and on the exporter that measures them."""

from collections.abc import Sequence

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sns as sns
from constructs import Construct

from rapids_eks.gpu_dashboard.alarm import alarm, late, metric
from rapids_eks.gpu_dashboard.metrics import CLUSTER, METRICS, TEAM, namespace
from rapids_eks.gpu_dashboard.thresholds import PERIOD_MINUTES, Thresholds
from rapids_eks.team_layout import pascal_case


class GpuAlarms(Construct):
    """Alarms: hot, XID, ECC, allocated but idle for each team or in all, memory nearly full, exporter late or silent.

    Exposes their `arns`. They watch roll-ups: a query of Metrics Insights would see three hours and 500 series, a
    search can have no alarm. With a topic they tell it when they ring and when it is over; else they are only seen.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own name for it
        *,
        cluster_name: str,
        teams: Sequence[str],
        thresholds: Thresholds,
        metrics: Sequence[str] = METRICS,
        topic: sns.ITopic | None = None,
    ) -> None:
        """Make them; a cluster's name in literal text, the `teams` whose roll-ups are published, and which `metrics`.

        Without teams, idle GPUs are watched in the roll-up of the cluster.

        Whatever is not published has no alarm.
        """
        super().__init__(scope, id)
        self._cluster, self._published, self._topic = cluster_name, {*metrics}, topic
        self._hot(thresholds.temperature_celsius)
        self._errors("Xid", "GPUXidErrors", "The driver told an error of a GPU: a job's own, or a broken GPU")
        self._errors("Ecc", "GPUEccErrors", "GPU memory was corrupt: the node should go")
        for team in teams or [""]:
            self._idle(team, thresholds)
        self._memory(thresholds)
        self._late(thresholds.lag_seconds)
        self.arns = [each.alarm_arn for each in self.node.children if isinstance(each, cloudwatch.Alarm)]

    def _hot(self, limit: float) -> None:
        self._alarm(
            "Hot",
            self._metric("GPUTemperature", "Maximum"),
            f"A GPU has had {limit:g} °C or more in 5 minutes, and in the 5 minutes before",
            threshold=limit,
            periods=2,
        )

    def _errors(self, id_: str, name: str, text: str) -> None:
        self._alarm(id_, self._metric(name, "Sum"), text, threshold=1, periods=1)

    def _idle(self, team: str, limits: Thresholds) -> None:
        whose = f"{team}'s GPUs" if team else "all GPUs"
        share, minutes = f"{limits.idle_percent:g} % of {whose} or more", limits.idle_minutes
        self._alarm(
            f"{pascal_case(team)}Idle" if team else "Idle",
            self._metric("GPUAllocatedIdle", "Average", team=team),
            f"{share} were allocated but idle for {minutes} minutes: they cost as much as busy ones",
            threshold=limits.idle_percent / 100,
            periods=minutes // PERIOD_MINUTES,
        )

    def _memory(self, limits: Thresholds) -> None:
        self._alarm(
            "MemoryFull",
            self._metric("GPUMemoryUsedPercent", "Maximum"),
            f"The memory of a GPU was {limits.memory_percent:g} % full for 10 minutes",
            threshold=limits.memory_percent,
            periods=2,
            on=limits.memory_alarm,
        )

    def _late(self, limit: float) -> None:
        late(
            self,
            "ExporterLate",
            namespace=namespace(self._cluster),
            dimensions={CLUSTER: self._cluster},
            cluster_name=self._cluster,
            limit=limit,
            topic=self._topic,
        )

    def _metric(self, name: str, statistic: str, *, team: str | None = None) -> cloudwatch.Metric:
        dimensions = {CLUSTER: self._cluster, **({TEAM: team} if team else {})}
        return metric(namespace(self._cluster), name, statistic, dimensions)

    def _alarm(
        self, id_: str, watched: cloudwatch.Metric, text: str, *, threshold: float, periods: int, on: bool = True
    ) -> None:
        if watched.metric_name in self._published:
            text = f"{text} ({self._cluster})"
            alarm(self, id_, watched, text, threshold=threshold, periods=periods, topic=self._topic, on=on)
