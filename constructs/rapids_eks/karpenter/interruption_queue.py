"""What EC2 and AWS Health announce about instances."""

from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from rapids_eks.acknowledged import acknowledge

# https://karpenter.sh/docs/concepts/disruption/#interruption
ANNOUNCEMENTS = {
    "SpotInterruption": ("aws.ec2", "EC2 Spot Instance Interruption Warning"),
    "Rebalance": ("aws.ec2", "EC2 Instance Rebalance Recommendation"),
    "StateChange": ("aws.ec2", "EC2 Instance State-change Notification"),
    "Health": ("aws.health", "AWS Health Event"),
}


class InterruptionQueue(Construct):
    """A queue with what is announced about the account's instances, for Karpenter to act on in time.

    Exposes the `queue`; it is encrypted and reached by TLS only. Whoever reads it must depend on all of this construct.
    """

    def __init__(self, scope: Construct, id: str) -> None:  # noqa: A002 - CDK's own name for it
        super().__init__(scope, id)
        self.queue = sqs.Queue(
            self,
            "Queue",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=cdk.Duration.minutes(5),  # what is older comes too late
        )
        acknowledge(self.queue, "SQS3", "What Karpenter has not read within minutes is about instances that are gone")
        target = targets.SqsQueue(cast("sqs.IQueue", self.queue))
        for name, (source, kind) in ANNOUNCEMENTS.items():
            pattern = events.EventPattern(source=[source], detail_type=[kind])
            events.Rule(self, name, event_pattern=pattern, targets=[target])
