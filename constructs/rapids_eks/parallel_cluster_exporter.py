"""What a cluster of AWS ParallelCluster needs to publish its GPU metrics."""

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3_assets as s3_assets
from aws_cdk import aws_sns as sns
from constructs import Construct

from rapids_eks.acknowledged import acknowledge
from rapids_eks.gpu_dashboard.alarm import late
from rapids_eks.gpu_dashboard.construct import GpuDashboard
from rapids_eks.gpu_dashboard.metrics import of_parallel_cluster, parallel_cluster_dashboard
from rapids_eks.gpu_dashboard.rows import of_parallel_cluster as rows
from rapids_eks.metrics_exporter.construct import may_publish

PROGRAM = ("__main__.py", "dcgm_cloudwatch")  # of the folder; zipped, Python runs it as it is
ARCHIVE = "dcgm-cloudwatch.pyz"
# ParallelCluster brings its own Python to each of its systems: Amazon Linux 2 has 3.7, RHEL 8 has 3.6, or none.
# https://github.com/aws/aws-parallelcluster-cookbook/blob/develop/cookbooks/aws-parallelcluster-shared/attributes
PYTHONS = "/opt/parallelcluster/pyenv/versions/*/envs/node_virtualenv/bin/python"


class ParallelClusterExporter(Construct):
    """The exporter as one file in S3, a policy for the head node, a dashboard, and an alarm. Exposes all but the file.

    `policy_setting` is the line of the cluster's configuration that gives its head node the policy, and
    `install_command` what is typed there, or stands in a script for `OnNodeConfigured`: it installs and upgrades.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own name for it
        *,
        cluster_name: str,
        program: Path,
        lag_seconds: float = 600,
        topic: sns.ITopic | None = None,
    ) -> None:
        """Make it, of the folder in which the exporter's `__main__.py` is.

        The alarm tells the topic where metrics come later than that, or not at all, as before they first do.
        """
        super().__init__(scope, id)
        asset = _asset(self, program)
        source = of_parallel_cluster(cluster_name)
        self.policy = self._policy(asset, source.namespace)
        self.alarm = late(
            self,
            "ExporterLate",
            namespace=source.namespace,
            dimensions=source.known,
            cluster_name=cluster_name,
            limit=lag_seconds,
            topic=topic,
        )
        shown = rows(source, cluster_name, lag_seconds, [self.alarm.alarm_arn])
        self.dashboard = GpuDashboard(
            self, "Dashboard", name=parallel_cluster_dashboard(cluster_name), rows=list(shown)
        )
        region = cdk.Stack.of(self).region
        settings = f"--set CLUSTER_NAME={cluster_name} --set AWS_REGION={region}"
        # In a folder that nobody else can have made, or write to: root runs what is in it.
        folder = """d=$(mktemp -d) && trap 'rm -r "$d"' EXIT"""
        fetch = f'{folder} && aws s3 cp --region {region} {asset.s3_object_url} "$d/{ARCHIVE}"'
        self.policy_setting = (
            f"HeadNode: {{Iam: {{AdditionalIamPolicies: [{{Policy: {self.policy.managed_policy_arn}}}]}}}}"
        )
        python = f"p=$(ls -d {PYTHONS} 2>/dev/null | sort -V | tail -n 1)"
        self.install_command = f'({fetch} && {python} && sudo "${{p:-python3}}" -I "$d/{ARCHIVE}" install {settings})'

    def _policy(self, asset: s3_assets.Asset, namespace: str) -> iam.ManagedPolicy:
        read = iam.PolicyStatement(
            actions=["s3:GetObject"], resources=[asset.bucket.arn_for_objects(asset.s3_object_key)]
        )
        publish = may_publish(namespace)
        policy = iam.ManagedPolicy(
            self,
            "Policy",
            description="A ParallelCluster head node that publishes GPU metrics",
            statements=[publish.statement(), read],
        )
        acknowledge(policy, "IAM5", publish.why, "Resource::*")
        return policy


def _asset(scope: Construct, program: Path) -> s3_assets.Asset:
    missing = [name for name in PROGRAM if not (program / name).exists()]
    if missing:
        raise ValueError(f"{program} has no {' and no '.join(missing)}: give the folder of the exporter")
    exclude = ["*", *(f"!{name}" for name in PROGRAM), "**/__pycache__"]
    return s3_assets.Asset(scope, "Program", path=str(program), exclude=exclude, ignore_mode=cdk.IgnoreMode.DOCKER)
