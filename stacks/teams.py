"""The stack of the teams."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_eks_v2 as eks
from aws_cdk import aws_s3 as s3
from constructs import Construct

import config
from rapids_eks.data_bucket.construct import DataBucket
from rapids_eks.emr_team import EmrTeam
from rapids_eks.team_commands import TeamCommands
from rapids_eks.team_layout import pascal_case, prefix


class TeamsStack(cdk.Stack):
    """The data bucket and the teams that run jobs. Exposes `teams`, by their names, and `bucket`."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own name for it
        *,
        name: str,
        cluster: eks.ICluster,
        teams: Sequence[config.Team],
        data: config.Data,
        max_gpus: int,
        log_retention_days: int,
        env: cdk.Environment | None = None,
    ) -> None:
        super().__init__(scope, id, stack_name=f"{name}-teams", env=env, description=f"The teams of {name}")
        self.bucket = _bucket(self, data, [team.name for team in teams])
        if not data.bucket:
            self.export_value(self.bucket.bucket_name)
            self.export_value(self.bucket.bucket_arn)
        self.teams, before = {}, None
        scope = Construct(self, "Team")  # so that no name of a team is that of another construct
        for team in teams:
            quota = team.quota
            made = self.teams[team.name] = EmrTeam(
                scope,
                pascal_case(team.name),
                cluster=cluster,
                cluster_name=name,
                name=team.name,
                bucket=self.bucket,
                gpus=max_gpus if quota.gpus is None else quota.gpus,
                vcpus=quota.vcpus,
                memory_gib=quota.memory_gib,
                log_retention_days=log_retention_days,
            )
            made.node.add_dependency(self.node.find_child("Data"))  # with what empties it
            # EMR writes the namespaces of all virtual clusters into one access entry of EKS: not two at a time.
            if before:
                made.virtual_cluster.node.add_dependency(before.virtual_cluster)
            before = made
            TeamCommands(made, "Commands", team=made)
            # Exported whether or not another stack uses it now: one that is in use could not be taken back.
            for value in (made.virtual_cluster.ref, made.virtual_cluster.attr_arn, made.job_role.role_arn):
                self.export_value(value)


def _bucket(scope: Construct, data: config.Data, teams: Sequence[str]) -> s3.IBucket:
    if data.bucket:
        return s3.Bucket.from_bucket_name(scope, "Data", data.bucket)
    logs = {f"{prefix(team)}logs/": data.log_days for team in teams}
    made = DataBucket(scope, "Data", keep=data.keep, old_version_days=data.old_version_days, expiring=logs)
    return made.bucket
