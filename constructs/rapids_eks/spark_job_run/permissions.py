"""What the function that starts and watches runs may do, beside what a team's submitters may."""

from collections.abc import Iterator, Sequence

import aws_cdk as cdk
from aws_cdk import aws_s3_assets as assets
from constructs import Construct

from rapids_eks.acknowledged import reference
from rapids_eks.awaited_resource.permission import Permission
from rapids_eks.emr_team import EmrTeam

OWN_FOLDERS = ("input", "scripts", "output")
SCRIPTS = "The folders of runs are named after their content; what lies in them is only ever written by this function"
RESULTS = "The folders of results are named after their runs' content"
INPUT = "The team names its input files itself"
STREAMS = "The streams of the team's own log group: EMR names them after runs and pods"


def permissions(
    scope: Construct, team: EmrTeam, package: assets.Asset, quota_codes: Sequence[str]
) -> Iterator[Permission]:
    """Yield them: the team's input read, code put in place, results and logs read; one object of CDK's own bucket."""
    stack, bucket = cdk.Stack.of(scope), reference(scope, team, team.bucket.bucket_arn)
    prefix = f"{bucket}/{team.prefix}"
    listed = {"StringLike": {"s3:prefix": [f"{team.prefix}{folder}/*" for folder in OWN_FOLDERS]}}
    # Not the asset's grant_read, which gives all of the bucket with every project's files.
    yield Permission(["s3:GetObject"], [f"{package.bucket.bucket_arn}/{package.s3_object_key}"])
    yield Permission(["s3:ListBucket"], [bucket], listed)
    yield Permission(["s3:GetObject"], [f"{prefix}input/*"], why=INPUT)
    yield Permission(["s3:GetObject"], [f"{prefix}output/*/report/metrics.json"], why=RESULTS)
    yield Permission(["s3:PutObject"], [f"{prefix}scripts/*"], why=SCRIPTS)
    group = stack.format_arn(
        service="logs",
        resource="log-group",
        resource_name=f"{team.log_group_name}:*",
        arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
    )
    yield Permission(["logs:DescribeLogStreams", "logs:GetLogEvents"], [group], why=STREAMS)
    if quota_codes:
        quotas = [stack.format_arn(service="servicequotas", resource="ec2", resource_name=code) for code in quota_codes]
        yield Permission(["servicequotas:GetServiceQuota"], quotas)
