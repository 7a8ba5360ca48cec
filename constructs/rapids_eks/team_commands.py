"""What a team types, from its data to its logs."""

import aws_cdk as cdk
from constructs import Construct

from rapids_eks.emr_team import EmrTeam
from rapids_eks.team_layout import INPUT, pascal_case


class TeamCommands(Construct):
    """Outputs with a team's commands, from `Upload` to `Reports`, each behind the team's name.

    `Submit` and `Watch` are of this project's own command line, and for its blueprint.yaml.
    """

    def __init__(self, scope: Construct, id: str, *, team: EmrTeam) -> None:  # noqa: A002 - CDK's own name for it
        super().__init__(scope, id)
        region = f"--region {cdk.Stack.of(self).region}"
        place = f"s3://{team.bucket.bucket_name}/{team.prefix}"
        commands = {
            "Upload": f"aws s3 cp {region} --recursive --exclude '*' --include '*.csv' DIRECTORY {place}{INPUT}",
            "List": f"aws s3 ls {region} --recursive --human-readable --summarize {place}",
            "Submit": f"python -m operations start --team {team.name} --watch",
            "Watch": f"python -m operations watch --team {team.name}",
            "Runs": f"aws emr-containers list-job-runs {region} --virtual-cluster-id {team.virtual_cluster.ref}",
            "Logs": f"aws logs tail {region} --follow {team.log_group_name}",
            "Reports": f"aws s3 cp {region} --recursive --exclude '*' --include '*/report/*' {place}output/ output",
        }
        for name, command in commands.items():
            cdk.CfnOutput(self, name, value=command).override_logical_id(f"{pascal_case(team.name)}{name}")
