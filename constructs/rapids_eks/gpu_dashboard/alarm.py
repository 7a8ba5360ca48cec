"""One alarm, which tells a topic when it rings and when it is over."""

from collections.abc import Mapping
from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from constructs import Construct

from rapids_eks.gpu_dashboard.thresholds import PERIOD_MINUTES


def metric(namespace: str, name: str, statistic: str, dimensions: Mapping[str, str]) -> cloudwatch.Metric:
    """Return what an alarm watches."""
    return cloudwatch.Metric(
        namespace=namespace,
        metric_name=name,
        dimensions_map=dict(dimensions),
        statistic=statistic,
        period=cdk.Duration.minutes(PERIOD_MINUTES),
    )


def alarm(
    scope: Construct,
    id_: str,
    watched: cloudwatch.Metric,
    text: str,
    *,
    threshold: float,
    periods: int,
    topic: sns.ITopic | None,
    on: bool = True,
    comparison: cloudwatch.ComparisonOperator = cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
    missing: cloudwatch.TreatMissingData = cloudwatch.TreatMissingData.NOT_BREACHING,  # no GPU is no trouble
) -> cloudwatch.Alarm:
    """Make an alarm; one that is not `on` is seen, and tells nobody."""
    made = cloudwatch.Alarm(
        scope,
        id_,
        metric=cast("cloudwatch.IMetric", watched),
        alarm_description=text,
        threshold=threshold,
        evaluation_periods=periods,
        comparison_operator=comparison,
        treat_missing_data=missing,
        actions_enabled=on,
    )
    if topic:
        action = cast("cloudwatch.IAlarmAction", actions.SnsAction(topic))
        made.add_alarm_action(action)
        made.add_ok_action(action)
    return made


def late(
    scope: Construct,
    id_: str,
    *,
    namespace: str,
    dimensions: Mapping[str, str],
    cluster_name: str,
    limit: float,
    topic: sns.ITopic | None,
) -> cloudwatch.Alarm:
    """Make the alarm on an exporter that is late by more than so many seconds, or silent."""
    return alarm(
        scope,
        id_,
        metric(namespace, "LagSeconds", "Maximum", dimensions),
        f"GPU metrics come more than {limit:g} s late, or not at all ({cluster_name})",
        threshold=limit,
        periods=2,
        topic=topic,
        comparison=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
        missing=cloudwatch.TreatMissingData.BREACHING,
    )
