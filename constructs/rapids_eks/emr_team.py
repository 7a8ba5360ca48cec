"""A team that runs Spark on EMR on EKS."""

import hashlib
from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_eks_v2 as eks
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk.aws_emrcontainers import CfnVirtualCluster
from constructs import Construct

from rapids_eks.job_role import JobRole
from rapids_eks.team_layout import prefix
from rapids_eks.team_namespace import TeamNamespace

ANY_TAG = ("*",)
LONGEST = 64  # https://docs.aws.amazon.com/emr-on-eks/latest/APIReference/API_CreateVirtualCluster.html


class EmrTeam(Construct):
    """A namespace, a job role, a log group and a virtual cluster, whose jobs see the team's own data and logs only.

    Exposes `name`, `virtual_cluster`, `job_role`, `log_group_name`, `bucket` and `prefix`, under which the team's
    `input`, `scripts`, `output` and `logs` lie.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own name for it
        *,
        cluster: eks.ICluster,
        cluster_name: str,
        name: str,
        bucket: s3.IBucket,
        gpus: int,
        vcpus: int | None = None,
        memory_gib: int | None = None,
        log_retention_days: int = 30,
    ) -> None:
        """Make it; the cluster's name must be literal text, and the quota is as `TeamNamespace` has it."""
        super().__init__(scope, id)
        self.name, self.bucket, self.prefix = name, bucket, prefix(name)
        namespace = TeamNamespace(
            self, "Namespace", cluster=cluster, name=name, gpus=gpus, vcpus=vcpus, memory_gib=memory_gib
        )
        # Its name is the stack's own, and nobody else may make it again: the job role cannot.
        self.log_group_name = f"/emr-on-eks-logs/{cluster_name}/{name}"
        log_group = logs.CfnLogGroup(
            self, "Logs", log_group_name=self.log_group_name, retention_in_days=log_retention_days
        )
        self.job_role = JobRole(
            self,
            "JobRole",
            cluster_name=cluster_name,
            namespace=name,
            bucket=bucket,
            prefix=f"{name}/",
            log_group_arn=_log_group_arn(self, self.log_group_name),
        )
        self.virtual_cluster = CfnVirtualCluster(
            self,
            "VirtualCluster",
            name=virtual_cluster_name(cluster_name, name),
            container_provider=CfnVirtualCluster.ContainerProviderProperty(
                id=cluster_name,
                type="EKS",
                info=CfnVirtualCluster.ContainerInfoProperty(
                    eks_info=CfnVirtualCluster.EksInfoProperty(namespace=name)
                ),
            ),
        )
        self.virtual_cluster.node.add_dependency(namespace, self.job_role, log_group)

    def grant_submit(self, grantee: iam.IGrantable, tag_keys: Sequence[str] = ANY_TAG) -> None:
        """Let somebody start, watch and cancel runs in this virtual cluster, as this team's job role and no other."""
        self.grant_start(grantee, tag_keys)
        self.grant_watch(grantee, listing=True)

    def grant_start(self, grantee: iam.IGrantable, tag_keys: Sequence[str] = ANY_TAG) -> None:
        """Let somebody start runs, with tags of these keys (`*` stands for any text), as this team's job role."""
        arn = self.virtual_cluster.attr_arn
        start = iam.PolicyStatement(
            actions=["emr-containers:StartJobRun"],
            resources=[arn],
            conditions={"ArnEquals": {"emr-containers:ExecutionRoleArn": self.job_role.role_arn}},
        )
        grantee.grant_principal.add_to_principal_policy(start)
        # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonemroneksemrcontainers.html
        passed = iam.PolicyStatement(
            actions=["iam:PassRole"],
            resources=[self.job_role.role_arn],
            conditions={"StringEquals": {"iam:PassedToService": "pods.eks.amazonaws.com"}},
        )
        grantee.grant_principal.add_to_principal_policy(passed)
        tagged = iam.PolicyStatement(
            actions=["emr-containers:TagResource"],
            resources=[f"{arn}/jobruns/*"],
            conditions={"ForAllValues:StringLike": {"aws:TagKeys": list(tag_keys)}},
        )
        grantee.grant_principal.add_to_principal_policy(tagged)

    def grant_watch(self, grantee: iam.IGrantable, *, listing: bool = False) -> None:
        """Let somebody look at runs and cancel them, and perhaps list them."""
        arn = self.virtual_cluster.attr_arn
        watch = ["emr-containers:CancelJobRun", "emr-containers:DescribeJobRun"]
        statements = [iam.PolicyStatement(actions=watch, resources=[f"{arn}/jobruns/*"])]
        if listing:
            statements.append(iam.PolicyStatement(actions=["emr-containers:ListJobRuns"], resources=[arn]))
        for each in statements:
            grantee.grant_principal.add_to_principal_policy(each)


def virtual_cluster_name(cluster_name: str, team: str) -> str:
    """Return the name of a team's virtual cluster; one that would be too long ends in a hash, as others begin alike."""
    name = f"{cluster_name}-{team}"
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 9]}-{digest}"


def _log_group_arn(scope: Construct, name: str) -> str:
    return cdk.Stack.of(scope).format_arn(
        service="logs", resource="log-group", resource_name=name, arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME
    )
