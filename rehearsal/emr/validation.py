"""What EMR looks at once a run is accepted, before it makes a single pod.

https://docs.aws.amazon.com/emr/latest/EMR-on-EKS-DevelopmentGuide/emr-eks-jobs-error.html
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Literal

from botocore.exceptions import ClientError

from rehearsal.access.denial import denied
from rehearsal.access.guard import Guard
from rehearsal.access.identities import role as role_of
from rehearsal.emr.job import CLASSIFICATIONS, Job, configurations
from rehearsal.emr.pod_log import Keys
from rehearsal.emr.s3_objects import parts
from rehearsal.emr.service_accounts import COMPONENTS, service_account
from rehearsal.wire.call import Call, Principal
from rehearsal.world import World

Reason = Literal["INTERNAL_ERROR", "USER_ERROR", "VALIDATION_ERROR", "CLUSTER_UNAVAILABLE"]
POD_IDENTITY, AGENT = "pods.eks.amazonaws.com", "eks-pod-identity-agent"
LONGEST = 256  # characters of stateDetails


class Failed(Exception):  # noqa: N818 - the end of a run, not a defect
    """A run fails: EMR's reason, and the details as DescribeJobRun gives them."""

    def __init__(self, reason: Reason, details: str) -> None:
        super().__init__(details)
        self.reason, self.details = reason, details[:LONGEST]


def check_request(request: Mapping[str, Any]) -> None:
    """Raise Failed for a classification that EMR on EKS does not have."""
    for name, _ in configurations(request):
        if name not in CLASSIFICATIONS:
            raise Failed("VALIDATION_ERROR", f"JobRun submission failed. Classification {name} not supported.")


def check_role(job: Job, call: Call, guard: Guard, cluster_arn: str, associations: Iterable[Mapping[str, Any]]) -> None:
    """Raise Failed unless EKS Pod Identity can give the run's pods their role; `call` is that of StartJobRun."""
    problem = next(_lacks(job, call, guard, cluster_arn, list(associations)), None)
    if problem:
        raise Failed("VALIDATION_ERROR", f"JobRun submission failed. {problem}")


def _lacks(
    job: Job, call: Call, guard: Guard, cluster_arn: str, associations: list[Mapping[str, Any]]
) -> Iterator[str]:
    found = role_of(job.account, job.role_name)
    if found is None or found.arn != job.role_arn:
        yield f"Execution role {job.role_arn} does not exist."
    keys = {"aws:sourceaccount": (job.account,), "aws:sourcearn": (cluster_arn,)}
    for action in ("sts:AssumeRole", "sts:TagSession"):
        if not guard.service_may(POD_IDENTITY, action, job.role_arn, call, keys):
            yield f"The trust policy of role {job.role_name} does not allow {POD_IDENTITY} {action}."
    roles = {(each["namespace"], each["serviceAccount"]): each["roleArn"] for each in associations}
    for component in COMPONENTS:
        account = service_account(component, job.account, job.role_name)
        if roles.get((job.namespace, account)) != job.role_arn:
            yield f"No pod identity association of {job.role_name} in {job.namespace} for service account {account}."


def check_agent(addons: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise Failed where nobody gives the pods their credentials, which the first of them finds at its start."""
    if addons.get(AGENT, {}).get("status") != "ACTIVE":
        reason = f"Unable to load credentials from any of the providers in the chain: the add-on {AGENT} is not ACTIVE"
        raise Failed("USER_ERROR", f"Jobrun failed. Main Spark container terminated with errors. {reason}")


def check_access(world: World, job: Job, call: Call, guard: Guard, keys: Keys) -> None:
    """Raise Failed unless the role may look for log groups and read the program it is to run."""
    if job.monitoring.log_group:
        _check_logs(world, job, call, guard, keys)
    if job.entry_point.startswith("local://"):
        message = f"The rehearsal has no image, and so no {job.entry_point}: give an entry point in S3."
        raise Failed("VALIDATION_ERROR", message)
    bucket, key = parts(job.entry_point)
    try:
        world.client("s3", *keys).head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        message = f"Entry point {job.entry_point} cannot be read by {job.role_name}: {error}"
        raise Failed("VALIDATION_ERROR", f"JobRun submission failed. {message}") from error


def _check_logs(world: World, job: Job, call: Call, guard: Guard, keys: Keys) -> None:
    arn = f"arn:aws:sts::{job.account}:assumed-role/{job.role_name}/{job.run_id}"
    asked = replace(
        call,
        service="logs",
        operation="DescribeLogGroups",
        parameters={},
        principal=Principal(arn, job.role_name),
        access_key=keys[0],
    )
    action = "logs:DescribeLogGroups"
    if reason := guard.reason_against(asked, action, "*", {}):
        raise Failed("VALIDATION_ERROR", f"JobRun submission failed. {denied(asked, action, '*', reason).message}")
    group = job.monitoring.log_group
    found = world.client("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    if group not in [each["logGroupName"] for each in found]:
        raise Failed("VALIDATION_ERROR", f"JobRun submission failed. Log group {group} does not exist.")
