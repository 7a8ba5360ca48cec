"""A state machine that starts a job run and sees it to its end."""

from collections.abc import Mapping, Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as stepfunctions
from constructs import Construct

from rapids_eks.acknowledged import acknowledge, reference, resource
from rapids_eks.emr_team import ANY_TAG, EmrTeam

# All come from the execution's input: what is in the definition may not be in force yet when an execution starts.
FIELDS = (
    "Name",
    "VirtualClusterId",
    "ExecutionRoleArn",
    "ReleaseLabel",
    "JobDriver",
    "ConfigurationOverrides",
    "RetryPolicyConfiguration",
    "Tags",
)
DAY = cdk.Duration.days(1)
RUNS = "EMR gives runs their ids; all those of the team's own virtual cluster"
EXECUTIONS = "The function names executions after the contents of runs; all those of its own state machine"
WHY_NO_LOG = "An execution is one step, whose history Step Functions keeps for 90 days; the run's log is the team's"


class Workflow(Construct):
    """Runs what an execution's input has the parameters of, in PascalCase, for a team; exposes `arn`.

    An execution that is stopped cancels its run. None starts a second one: Step Functions carries out a step once,
    unless it is told to try again. As in AWS's own example there is no client token:
    https://docs.aws.amazon.com/step-functions/latest/dg/connect-emr-eks.html
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own name for it
        *,
        team: EmrTeam,
        timeout: cdk.Duration | None = None,
        tag_keys: Sequence[str] = ANY_TAG,
    ) -> None:
        """Make it; runs have tags of these keys only, and one that takes longer than `timeout` (a day) is given up."""
        super().__init__(scope, id)
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("states.amazonaws.com"))
        # https://docs.aws.amazon.com/step-functions/latest/dg/emr-eks-iam.html; Step Functions asks EMR every one to
        # five minutes, and needs no rule of EventBridge for that.
        team.grant_start(role, tag_keys)
        team.grant_watch(role)
        acknowledge_runs(role, team)
        machine = stepfunctions.CfnStateMachine(
            self,
            "StateMachine",
            role_arn=role.role_arn,
            definition_string=cdk.Stack.of(self).to_json_string(self._definition(timeout or DAY)),
        )
        machine.node.add_dependency(role)
        for rule in ("SF1", "SF2"):
            acknowledge(machine, rule, WHY_NO_LOG)
        self.arn, self._name = machine.attr_arn, machine.attr_name

    def _definition(self, timeout: cdk.Duration) -> Mapping[str, Any]:
        run = {
            "Type": "Task",
            "Resource": f"arn:{cdk.Stack.of(self).partition}:states:::emr-containers:startJobRun.sync",
            "Parameters": {f"{field}.$": f"$.{field}" for field in FIELDS},
            "TimeoutSeconds": int(timeout.to_seconds()),
            "End": True,
        }
        return {"StartAt": "Run", "States": {"Run": run}}

    def grant_control(self, role: iam.Role) -> None:
        """Let a role start executions, and watch and stop them."""
        executions = cdk.Stack.of(self).format_arn(
            service="states",
            resource="execution",
            resource_name=f"{self._name}:*",
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )
        role.add_to_policy(
            iam.PolicyStatement(actions=["states:ListExecutions", "states:StartExecution"], resources=[self.arn])
        )
        role.add_to_policy(
            iam.PolicyStatement(actions=["states:DescribeExecution", "states:StopExecution"], resources=[executions])
        )
        acknowledge(role, "IAM5", EXECUTIONS, resource(role, executions))


def acknowledge_runs(role: iam.Role, team: EmrTeam) -> None:
    """Tell cdk-nag why a role may do something with all runs of a team."""
    runs = f"{reference(role, team, team.virtual_cluster.attr_arn)}/jobruns/*"
    acknowledge(role, "IAM5", RUNS, resource(role, runs))
