"""The role of a team's job runs."""

from hashlib import sha256
from typing import Literal

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk.aws_eks import CfnPodIdentityAssociation
from constructs import Construct

from rapids_eks.acknowledged import acknowledge, resource
from rapids_eks.pod_role import PodRole

LONGEST = 32  # characters of a name: those of EMR's service accounts hold it in base 36, and may have 63 themselves
HASHED = 10
COMPONENTS: tuple[Literal["client", "driver", "executor"], ...] = ("client", "driver", "executor")
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


class JobRole(PodRole):
    """What the pods of a team's job runs may do: read and write under one prefix of a bucket, and write one log group.

    They get it by EKS Pod Identity, for the service accounts that EMR makes. Exposes `associations`, which a virtual
    cluster must depend on.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own name for it
        *,
        cluster_name: str,
        namespace: str,
        bucket: s3.IBucket,
        prefix: str,
        log_group_arn: str,
    ) -> None:
        """Make it; `prefix` ends with a slash, and the log group's ARN without an asterisk.

        Raises ValueError where the stack's region is not given, since the name holds it: names of roles are global.
        """
        name = role_name(cluster_name, cdk.Stack.of(scope).region, namespace)
        super().__init__(scope, id, role_name=name)
        self._data(bucket, prefix)
        self._logs(log_group_arn)
        self.associations = [
            CfnPodIdentityAssociation(
                self,
                component.title(),
                cluster_name=cluster_name,
                namespace=namespace,
                service_account=service_account(component, cdk.Stack.of(self).account, name),
                role_arn=self.role_arn,
            )
            for component in COMPONENTS
        ]

    def _data(self, bucket: s3.IBucket, prefix: str) -> None:
        objects = bucket.arn_for_objects(f"{prefix}*")
        self.add_to_policy(
            iam.PolicyStatement(
                actions=["s3:ListBucket"],
                resources=[bucket.bucket_arn],
                conditions={"StringLike": {"s3:prefix": f"{prefix}*"}},
            )
        )
        actions = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
        self.add_to_policy(iam.PolicyStatement(actions=actions, resources=[objects]))
        acknowledge(self, "IAM5", "The team's own prefix: a job names its objects itself", resource(self, objects))

    def _logs(self, group: str) -> None:
        write = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
        self.add_to_policy(iam.PolicyStatement(actions=write, resources=[f"{group}:*"]))
        # EMR refuses a run whose role may not: it looks for the group in the list of all
        self.add_to_policy(iam.PolicyStatement(actions=["logs:DescribeLogGroups"], resources=["*"]))
        acknowledge(self, "IAM5", "The streams of the team's own log group", resource(self, f"{group}:*"))
        acknowledge(self, "IAM5", "EMR on EKS demands logs:DescribeLogGroups on all groups", "Resource::*")


def role_name(cluster_name: str, region: str, team: str) -> str:
    """Return a name of 32 characters at most, which another cluster, region or team does not share."""
    if cdk.Token.is_unresolved(region):
        raise ValueError("The name of a job role holds the region, which is not known here: give the stack a region")
    digest = sha256(f"{cluster_name}|{region}|{team}".encode()).hexdigest()[:HASHED]
    return f"{team[: LONGEST - HASHED - 1].rstrip('-')}-{digest}"


def service_account(component: Literal["client", "driver", "executor"], account: str, role_name: str) -> str:
    """Return as whom the submitter (`client`), the driver or an executor runs; the account's id may be a token.

    https://docs.aws.amazon.com/emr/latest/EMR-on-EKS-DevelopmentGuide/setting-up-enable-IAM.html
    """
    return f"emr-containers-sa-spark-{component}-{account}-{base36(role_name)}"


def base36(text: str) -> str:
    """Return the bytes of a text, read as one number, in base 36."""
    number, digits = int.from_bytes(text.encode(), "big"), ""
    while number:
        number, digit = divmod(number, 36)
        digits = DIGITS[digit] + digits
    return digits or "0"
