"""Where metrics are kept for long, and from where alerts come."""

import aws_cdk as cdk
from aws_cdk import aws_aps as aps
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from rapids_eks.alert_topic import AlertTopic
from rapids_eks.awaited_resource.permission import Permission

READ = ("aps:QueryMetrics", "aps:GetSeries", "aps:GetLabels", "aps:GetMetricMetadata")


class MetricsWorkspace(Construct):
    """A workspace of Amazon Managed Service for Prometheus with rules, and an alert manager that tells a topic.

    Exposes its `arn` and `workspace_id`, the `url` that data sources have, `remote_write_url`, `writing` and
    `reading`, which a pod's role needs, and `log_group_name`: what the alert manager could not deliver, and rules that
    failed, stand there.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own name for it
        *,
        name: str,
        rules: str,
        topic: AlertTopic,
        log_retention_days: int = 30,
    ) -> None:
        """Make it; `rules` is a file of Prometheus rules as YAML."""
        super().__init__(scope, id)
        group, delivery = self._log_group(name, log_retention_days)
        made = aps.CfnWorkspace(
            self,
            "Workspace",
            alias=name,
            alert_manager_definition=alert_manager(topic.topic.topic_arn, cdk.Stack.of(self).region),
            logging_configuration=aps.CfnWorkspace.LoggingConfigurationProperty(log_group_arn=group.attr_arn),
        )
        made.node.add_dependency(delivery)
        aps.CfnRuleGroupsNamespace(self, "Rules", name="gpu", workspace=made.attr_arn, data=rules)
        topic.let_in(made.attr_arn)
        self.arn, self.workspace_id, self.log_group_name = made.attr_arn, made.attr_workspace_id, group.ref
        self.url = made.attr_prometheus_endpoint
        self.remote_write_url = f"{self.url}api/v1/remote_write"  # the endpoint ends in a slash
        self.writing = Permission(["aps:RemoteWrite"], [self.arn])
        self.reading = Permission(READ, [self.arn])

    def _log_group(self, name: str, retention_days: int) -> tuple[logs.CfnLogGroup, logs.CfnResourcePolicy]:
        """Make a group into which AWS delivers logs, and the policy that lets it.

        Where that is not there first, AWS writes one of its own, which nobody deletes.

        https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-infrastructure-V2-CloudWatchLogs.html
        """
        stack = cdk.Stack.of(self)
        group = logs.CfnLogGroup(
            self, "Log", log_group_name=f"/aws/vendedlogs/prometheus/{name}", retention_in_days=retention_days
        )
        source = stack.format_arn(service="logs", resource="*", arn_format=cdk.ArnFormat.NO_RESOURCE_NAME)
        delivered = iam.PolicyStatement(
            principals=[iam.ServicePrincipal("delivery.logs.amazonaws.com")],
            actions=["logs:CreateLogStream", "logs:PutLogEvents"],
            resources=[group.attr_arn],
            conditions={"StringEquals": {"aws:SourceAccount": stack.account}, "ArnLike": {"aws:SourceArn": source}},
        )
        document = iam.PolicyDocument(statements=[delivered])
        policy = logs.CfnResourcePolicy(
            self, "Delivery", policy_name=f"{name}-prometheus", policy_document=stack.to_json_string(document)
        )
        return group, policy


def alert_manager(topic_arn: str, region: str) -> str:
    """Return the definition of an alert manager that tells a topic of alerts that begin, go on and end.

    What is only worth knowing wakes nobody up: it goes to a receiver without an address. Of all addresses there may be
    SNS only, which must be told for which region to sign:
    https://docs.aws.amazon.com/prometheus/latest/userguide/AMP-alertmanager-config.html
    """
    return f"""alertmanager_config: |
  route:
    receiver: topic
    group_by: [alertname, cluster]
    group_wait: 30s
    group_interval: 5m
    repeat_interval: 12h
    routes:
      - receiver: nobody
        matchers: ['severity="info"']
  receivers:
    - name: nobody
    - name: topic
      sns_configs:
        - topic_arn: {topic_arn}
          sigv4:
            region: {region}
          send_resolved: true
"""
