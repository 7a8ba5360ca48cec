"""A run of a Spark job as a resource of a stack."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3_assets as assets
from constructs import Construct

from rapids_eks.awaited_resource.construct import AwaitedResource
from rapids_eks.emr_team import EmrTeam
from rapids_eks.spark_job.job import SparkJob
from rapids_eks.spark_job.request import PACKAGE, Place, request
from rapids_eks.spark_job_run import content
from rapids_eks.spark_job_run.permissions import permissions
from rapids_eks.spark_job_run.workflow import Workflow, acknowledge_runs

LIMIT = cdk.Duration.minutes(50)
EVERY = cdk.Duration.seconds(20)


class SparkJobRun(Construct):
    """Runs a job for a team, once for each content: code, image, arguments, sizes and `run_id`.

    Whatever changes the content starts a new run, in the deployment that brings the change; going back to a content
    that has completed starts none as long as its report is there. Deleting it cancels its run if that goes on; results
    stay in the team's bucket, each content's in a folder of its own. New input alone is no new content.

    Exposes what is known when the deployment is over, as text: `run_id` and `run_name`, `state`, `seconds`, `output`,
    `report` and `metrics` (URIs), `roc_auc` and `rows` (read); `-` is what is not known. `request` is the URI of the
    parameters of StartJobRun. With `state_machine`, `execution` is the ARN of what runs the job, and `commands` are
    those that watch and stop it, by name.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own name for it
        *,
        team: EmrTeam,
        job: SparkJob,
        code: Path,
        run_id: str = "",
        wait: Literal["wait", "start", "state_machine"] = "wait",
        timeout: cdk.Duration | None = None,
        on_failure: Literal["fail", "report"] = "fail",
        spot: bool = False,
        log_retention_days: int = 30,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Make it; `code` is the folder of the package with its `__main__.py`, and another `run_id` means another run.

        With `wait` the deployment ends with the run, or without it after 40 minutes; with `start` once EMR has taken
        it; with `state_machine` then, too, but an execution watches the run for `timeout` (a day), and cancels it when
        it is stopped. A run that fails ends the deployment, or `report`s it only: then another `run_id` tries again.
        The runs have `tags` (46 at most) beside those by which they are found again; other tags are no new content.
        """
        super().__init__(scope, id)
        beside, package = content.files(code), _package(self, code)
        stack, need = cdk.Stack.of(self), content.vcpus(job, spot=spot)
        keys = [content.OWN_TAGS, *(tags or {})]
        watched = wait == "state_machine"
        workflow = Workflow(self, "Workflow", team=team, timeout=timeout, tag_keys=keys) if watched else None
        made = AwaitedResource(
            self,
            "Run",
            resource_type="Custom::SparkJobRun",
            physical_id=content.physical_id(job, package.asset_hash, beside, run_id),
            description=f"Starts, watches and cancels the runs of {job.name}",
            code=Path(__file__).parent,
            properties={
                **_told(self, job, content.place(team)),
                "Package": {"Bucket": package.s3_bucket_name, "Key": package.s3_object_key, "Name": PACKAGE},
                **{name: stack.to_json_string(each) for name, each in (("Files", beside), ("Quotas", need))},
                **_ways(stack, wait, on_failure, workflow, tags),
            },
            permissions=list(permissions(self, team, package, need["codes"])),
            limit=LIMIT,
            every=EVERY,
            log_retention_days=log_retention_days,
            awaited=("Create", "Update", "Delete"),
        )
        _let_submit(made, team, workflow, keys)
        self._attributes(made.resource, watched=watched)

    def _attributes(self, made: cdk.CustomResource, *, watched: bool) -> None:
        self.run_id, self.run_name = made.get_att_string("RunId"), made.get_att_string("RunName")
        self.state, self.seconds = made.get_att_string("State"), made.get_att_string("Seconds")
        self.output, self.request = made.get_att_string("Output"), made.get_att_string("Request")
        self.report, self.metrics = made.get_att_string("Report"), made.get_att_string("Metrics")
        self.execution = made.get_att_string("Execution")
        self.roc_auc, self.rows = made.get_att_string("RocAuc"), made.get_att_string("Rows")
        self.commands = _commands(cdk.Stack.of(self).region, self.execution) if watched else {}


def _package(scope: Construct, code: Path) -> assets.Asset:
    exclude = list(content.excluded(code))
    return assets.Asset(scope, "Package", path=str(code.parent), exclude=exclude, ignore_mode=cdk.IgnoreMode.GIT)


def _told(run: Construct, job: SparkJob, place: Place) -> dict[str, str]:
    """Return what the function is told of the job, as text: CloudFormation makes every number of a property one."""
    stack = cdk.Stack.of(run)
    return {
        "Resource": f"{stack.stack_id}/{run.node.addr[-8:]}",
        "Request": stack.to_json_string(request(job, place)),
        "Input": place.input,
        "Scripts": place.scripts,
        "Output": place.output,
        "MostRows": str(job.most_rows),
    }


def _ways(
    stack: cdk.Stack, wait: str, on_failure: str, workflow: Workflow | None, tags: Mapping[str, str] | None
) -> dict[str, str]:
    """Return how the function goes about a run."""
    told = {"Wait": wait, "OnFailure": on_failure} | ({"Workflow": workflow.arn} if workflow else {})
    return told | ({"Tags": stack.to_json_string(dict(tags))} if tags else {})


def _commands(region: str, execution: str) -> dict[str, str]:
    chosen = f"--region {region} --execution-arn {execution}"
    return {
        "Watch": f"aws stepfunctions describe-execution {chosen}",
        "Stop": f"aws stepfunctions stop-execution {chosen}",
    }


def _let_submit(made: AwaitedResource, team: EmrTeam, workflow: Workflow | None, tag_keys: Sequence[str]) -> None:
    """Give the function what a submitter of the team has, and its own stack and state machine to look at.

    Where a state machine starts the runs, the function starts the machine instead.
    """
    may = iam.Policy(made, "MaySubmit", roles=[made.role])
    if workflow:
        team.grant_watch(made.role, listing=True)
        workflow.grant_control(made.role)
        made.resource.node.add_dependency(workflow)
    else:
        team.grant_submit(made.role, tag_keys)
    may.add_statements(
        iam.PolicyStatement(actions=["states:ListExecutions"], resources=[made.machine_arn]),
        iam.PolicyStatement(actions=["cloudformation:DescribeStacks"], resources=[cdk.Stack.of(made).stack_id]),
    )
    acknowledge_runs(made.role, team)
    made.resource.node.add_dependency(may, made.role)
