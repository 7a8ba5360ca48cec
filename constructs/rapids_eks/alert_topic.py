"""Where alerts and alarms arrive."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from constructs import Construct

# Who publishes, and what of the account's does so on its behalf. The key cannot name the workspace itself: that needs
# the topic, which needs the key.
# https://docs.aws.amazon.com/prometheus/latest/userguide/AMP-alertmanager-receiver-AMPpermission.html
# https://docs.aws.amazon.com/sns/latest/dg/sns-enable-encryption-for-topic-sqs-queue-subscriptions.html
PUBLISHERS: Mapping[str, tuple[str, str, cdk.ArnFormat]] = MappingProxyType(
    {
        "aps": ("aps", "workspace", cdk.ArnFormat.SLASH_RESOURCE_NAME),
        "cloudwatch": ("cloudwatch", "alarm", cdk.ArnFormat.COLON_RESOURCE_NAME),
    }
)


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
            key.add_to_resource_policy(
                _allowed(service, ["kms:Decrypt", "kms:GenerateDataKey*"], "*", _sources(self, service))
            )
        made = sns.Topic(self, "Topic", master_key=cast("kms.IKey", key), enforce_ssl=True)
        self.topic = cast("sns.ITopic", made)
        self._let_publish("cloudwatch", _sources(self, "cloudwatch"))
        receivers = Construct(self, "Subscribers")
        for each in subscribers:
            protocol = "https" if each.startswith("https:") else "email"
            sns.CfnSubscription(receivers, each, topic_arn=made.topic_arn, protocol=protocol, endpoint=each)

    def let_in(self, workspace_arn: str) -> None:
        """Let the alert manager of one workspace of Amazon Managed Service for Prometheus publish."""
        self._let_publish("aps", workspace_arn)

    def _let_publish(self, service: str, source: str) -> None:
        actions = ["sns:Publish", "sns:GetTopicAttributes"]
        self.topic.add_to_resource_policy(_allowed(service, actions, self.topic.topic_arn, source))


def _sources(scope: Construct, service: str) -> str:
    """Return the pattern of what publishes on a service's behalf."""
    name, kind, form = PUBLISHERS[service]
    return cdk.Stack.of(scope).format_arn(service=name, resource=kind, resource_name="*", arn_format=form)


def _allowed(service: str, actions: Sequence[str], resource: str, source: str) -> iam.PolicyStatement:
    """Return what a service may do for this account and a source of it, but for nobody else's."""
    conditions = {
        "StringEquals": {"aws:SourceAccount": cdk.Aws.ACCOUNT_ID},
        "ArnLike": {"aws:SourceArn": source},
    }
    principal = iam.ServicePrincipal(f"{service}.amazonaws.com")
    return iam.PolicyStatement(
        principals=[principal], actions=list(actions), resources=[resource], conditions=conditions
    )
