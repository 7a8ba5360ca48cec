"""The app that `stand_in.py` deploys: the sample of the rehearsal's tests, and four teams; 120 resources, 45 types."""

import sys
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_ssm as ssm
from constructs import Construct

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "rehearsal" / "app"))
from network import NetworkStack
from platform_stack import PlatformStack

TEAMS = ("Credit", "Fraud", "Pricing", "Research")


class TeamsStack(cdk.Stack):
    """What teams have beside the cluster: a bucket for all; a role, logs, a queue, a topic and its place for each."""

    def __init__(self, scope: Construct, id: str) -> None:  # noqa: A002 - CDK's own name for it
        super().__init__(scope, id)
        bucket = s3.Bucket(self, "Shared", enforce_ssl=True, removal_policy=cdk.RemovalPolicy.DESTROY)
        for name in TEAMS:
            _team(Construct(self, name), name.lower(), bucket)


def _team(scope: Construct, name: str, bucket: s3.Bucket) -> None:
    role = iam.Role(scope, "Role", assumed_by=iam.AccountRootPrincipal())
    bucket.grant_read(role, f"{name}/*")
    logs.LogGroup(scope, "Logs", removal_policy=cdk.RemovalPolicy.DESTROY)
    sns.Topic(scope, "Topic")
    sqs.Queue(scope, "Queue")
    ssm.StringParameter(scope, "Place", string_value=bucket.s3_url_for_object(name))


def build() -> cdk.App:
    """Return the app."""
    app = cdk.App(analytics_reporting=False)  # no resource of the CLI's own counts
    network = NetworkStack(app, "SampleNetwork")
    PlatformStack(app, "SamplePlatform", vpc=network.vpc, note="measured")
    TeamsStack(app, "Teams")
    return app


if __name__ == "__main__":
    build().synth()
