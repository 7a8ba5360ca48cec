"""Where alerts and alarms arrive."""

from collections.abc import Sequence
from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from constructs import Construct

PUBLISHERS = ("aps", "cloudwatch")


class AlertTopic(Construct):
    """An encrypted topic to which only this account's alarms, and workspaces that are let in, publish; by TLS.

    Exposes `topic`. Whoever gets its messages by e-mail or https must confirm that first.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own name for it
        *,
        subscribers: Sequence[str] = (),
        key_deletion_days: int = 7,
    ) -> None:
        """Make it, for `subscribers` that are e-mail addresses or URLs beginning with https."""
        super().__init__(scope, id)
        key = kms.Key(
            self,
            "Key",
            description="Alerts on their way to subscribers",
            enable_key_rotation=True,
            pending_window=cdk.Duration.days(key_deletion_days),
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        for service in PUBLISHERS:
            key.add_to_resource_policy(_encrypting(service))
        made = sns.Topic(self, "Topic", master_key=cast("kms.IKey", key), enforce_ssl=True)
        self.topic = cast("sns.ITopic", made)
        self._let_publish("cloudwatch", _alarms(cdk.Stack.of(self)))
        receivers = Construct(self, "Subscribers")
        for each in subscribers:
            protocol = "https" if each.startswith("https:") else "email"
            sns.CfnSubscription(receivers, each, topic_arn=made.topic_arn, protocol=protocol, endpoint=each)

    def let_in(self, workspace_arn: str) -> None:
        """Let the alert manager of one workspace of Amazon Managed Service for Prometheus publish."""
        self._let_publish("aps", workspace_arn)

    def _let_publish(self, service: str, source: str) -> None:
        self.topic.add_to_resource_policy(_publishing(service, self.topic.topic_arn, source))


def _alarms(stack: cdk.Stack) -> str:
    """Return the pattern of this account's alarms."""
    form = cdk.ArnFormat.COLON_RESOURCE_NAME
    return stack.format_arn(service="cloudwatch", resource="alarm", resource_name="*", arn_format=form)


def _encrypting(service: str) -> iam.PolicyStatement:
    """Return what a service needs of a topic's key, as AWS publishes it: without conditions.

    For whom a service publishes is the topic's policy to decide; nothing says that a service names it to KMS as well.
    https://docs.aws.amazon.com/prometheus/latest/userguide/AMP-alertmanager-receiver-AMPpermission.html
    https://repost.aws/knowledge-center/cloudwatch-configure-alarm-sns
    """
    principal = iam.ServicePrincipal(f"{service}.amazonaws.com")
    actions = ["kms:Decrypt", "kms:GenerateDataKey*"]
    return iam.PolicyStatement(principals=[principal], actions=actions, resources=["*"])


def _publishing(service: str, topic: str, source: str) -> iam.PolicyStatement:
    """Return that a service may publish for this account and a source of it, but for nobody else's."""
    conditions = {
        "StringEquals": {"aws:SourceAccount": cdk.Aws.ACCOUNT_ID},
        "ArnLike": {"aws:SourceArn": source},
    }
    principal = iam.ServicePrincipal(f"{service}.amazonaws.com")
    actions = ["sns:Publish", "sns:GetTopicAttributes"]
    return iam.PolicyStatement(principals=[principal], actions=actions, resources=[topic], conditions=conditions)
