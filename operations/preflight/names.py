"""Whether the names that the stacks take are free, and the stacks themselves in a state that can be updated."""

from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import ClientError

from operations.account import is_missing_stack
from operations.findings import Finding, ok, problem, warning
from operations.preflight.question import Question

STACKS = ("network", "cluster", "teams", "observability", "gpu-dashboard", "image", "pipeline")
GONE, UNFINISHED = "DELETE_COMPLETE", "_IN_PROGRESS"
READY = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE")


def names(question: Question) -> Iterator[Finding]:
    """Yield each stack that is there with what it needs, and each name that something else has."""
    states = {kind: _state(question, f"{question.blueprint.name}-{kind}") for kind in STACKS}
    for kind, (state, reason) in states.items():
        if state:
            yield _of_stack(question, f"{question.blueprint.name}-{kind}", state, reason)
    if not any(state for state, _ in states.values()):
        yield ok("stacks", f"none of {question.blueprint.name} yet")
    if not states["cluster"][0]:
        yield from _taken_by_cluster(question)
    if not states["teams"][0]:
        yield from _taken_by_teams(question)
    yield from _bucket(question)


def _state(question: Question, stack: str) -> tuple[str, str]:
    """Return a stack's state and the reason that it gives; nothing where there is none."""
    try:
        found = question.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    except ClientError as error:
        if not is_missing_stack(error):
            raise
        return "", ""
    state = str(found["StackStatus"])
    return ("", "") if state == GONE else (state, str(found.get("StackStatusReason", "")))


def _of_stack(question: Question, stack: str, state: str, reason: str) -> Finding:
    text, end = f"{stack} is {state}{': ' * bool(reason)}{reason}", f"--region {question.region} --stack-name {stack}"
    if state in READY:
        return ok("stack", text)
    if state.endswith(UNFINISHED):
        return problem("stack", text, f"wait until it has ended: `aws cloudformation describe-stacks {end}`")
    if state == "ROLLBACK_COMPLETE":  # nothing of it is left: the cdk CLI deletes it by itself
        return warning("stack", text, "its creation has failed; the next deployment makes it anew")
    fixes = {
        "UPDATE_ROLLBACK_FAILED": f"aws cloudformation continue-update-rollback {end}",
        "DELETE_FAILED": f"remove what the stack's events name, then aws cloudformation delete-stack {end}",
    }
    return problem("stack", text, fixes.get(state, f"aws cloudformation delete-stack {end}, then deploy again"))


def _taken_by_cluster(question: Question) -> Iterator[Finding]:
    name, eks = question.blueprint.name, question.client("eks")
    found = _there(lambda: eks.describe_cluster(name=name), "ResourceNotFoundException")
    if found:
        text = f"there is a cluster {name} that the stack {name}-cluster has not made"
        yield problem("cluster name", text, "choose another `name` in the blueprint")


def _taken_by_teams(question: Question) -> Iterator[Finding]:
    """Yield log groups that would be in the way: each team's has a name that its jobs know."""
    for team in question.blueprint.teams:
        group = f"/emr-on-eks-logs/{question.blueprint.name}/{team.name}"
        found = question.client("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"]
        if any(each["logGroupName"] == group for each in found):
            fix = f"aws logs delete-log-group --region {question.region} --log-group-name {group}"
            text = f"there is a log group {group} that the stack {question.blueprint.name}-teams has not made"
            yield problem("log group", text, f"{fix} (once nobody needs what is in it), or choose another `name`")


def _bucket(question: Question) -> Iterator[Finding]:
    name = question.blueprint.data.bucket
    if not name:
        return
    found = _there(lambda: question.client("s3").get_bucket_location(Bucket=name), "NoSuchBucket")
    if not found:
        fix = "make it, or set `data.bucket` to null for a new one"
        yield problem("data bucket", f"there is no bucket {name}", fix)
        return
    region = found["LocationConstraint"] or "us-east-1"
    if region != question.region:
        text = f"{name} is in {region}, and the nodes in {question.region}: each byte would be paid for"
        yield problem("data bucket", text, "give a bucket of the same region")
    else:
        yield ok("data bucket", f"{name} is there")


def _there(ask: Callable[[], Any], missing: str) -> Any:  # noqa: ANN401 - an answer of boto3
    """Return an answer, or None where AWS says that there is no such thing."""
    try:
        return ask()
    except ClientError as error:
        if error.response["Error"]["Code"] != missing:
            raise
        return None
