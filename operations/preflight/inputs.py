"""Whether the pipeline's team has uploaded the loan files that a run reads, and whether its executors can hold them."""

from collections.abc import Iterator

from botocore.exceptions import ClientError

from operations.account import is_missing_stack
from operations.findings import Finding, ok, warning
from operations.preflight.question import Question, pipeline
from rapids_eks.spark_job_run.handler import inputs
from rapids_eks.team_layout import INPUT, prefix

BUCKET = "AWS::S3::Bucket"


def uploaded(question: Question) -> Iterator[Finding]:
    """Yield what would stop a run before it is started; nothing as long as there is no bucket for its input."""
    job, team = pipeline(question.blueprint), question.blueprint.pipeline_team
    bucket = question.blueprint.data.bucket or _made(question)
    if job is None or team is None or not bucket:
        return
    uri = f"s3://{bucket}/{prefix(team.name)}{INPUT.rstrip('/')}"
    wrong = inputs.problem(question.client("s3"), uri, job.most_rows)
    if wrong:
        yield warning("input", f"a run would be refused: {wrong}", "do so before `make run`; a deployment needs none")
    else:
        yield ok("input", f"the files below {uri}/ look like loan files, and the executors have memory for their rows")


def _made(question: Question) -> str | None:
    """Return the name of the bucket that the teams' stack has made; None as long as it has not."""
    pages = question.client("cloudformation").get_paginator("list_stack_resources")
    try:
        found = [
            each
            for page in pages.paginate(StackName=f"{question.blueprint.name}-teams")
            for each in page["StackResourceSummaries"]
        ]
    except ClientError as error:
        if not is_missing_stack(error):
            raise
        return None
    return next((each.get("PhysicalResourceId") for each in found if each["ResourceType"] == BUCKET), None)
