"""What is in the way of a destruction: runs, as EMR deletes no virtual cluster that has one."""

from collections.abc import Iterator

from operations.findings import Finding, failed, ok, problem
from operations.preflight import access
from operations.preflight.question import Question
from operations.preflight.run import tried
from operations.runs.cancel import at_work as going_on
from operations.runs.records import Runs, teams_of
from rapids_eks.spark_job_run.handler.runs import RESOURCE


def in_the_way(question: Question) -> list[Finding]:
    """Return what would stop the deletion of the stacks."""
    found = tried("credentials", access.credentials, question)
    return found if failed(found) else [*found, *tried("runs", at_work, question)]


def at_work(question: Question) -> Iterator[Finding]:
    """Yield the runs that nobody cancels while the stacks are deleted; the pipeline's stack cancels its own."""
    subject, stopped = "runs", False
    for runs, run in going_on(teams_of(question.client, question.blueprint.name)):
        if not _has_stack(runs, str(run["id"])):
            stopped = True
            text = f"{run['id']} of {runs.team} is {run['state']}: its virtual cluster cannot be deleted before it ends"
            fix = f"`python -m operations cancel --team {runs.team} {run['id']}`, or `cancel --all` for all of them"
            yield problem(subject, text, fix)
    if not stopped:
        yield ok(subject, "none goes on but what the pipeline's stack cancels")


def _has_stack(runs: Runs, run_id: str) -> bool:
    return RESOURCE in runs.run(run_id).get("tags", {})
