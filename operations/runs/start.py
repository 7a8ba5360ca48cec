"""A run, started once more."""

import json
import re
import sys
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from operations.account import is_missing_stack
from operations.errors import OperationError
from operations.runs.records import ENDED, Runs, argument
from rapids_eks.spark_job_run.handler import inputs

# Not the tags: those of a stack's own run mark it as the stack's, which would then take this one for its own.
REPEATED = (
    *("name", "virtualClusterId", "executionRoleArn", "releaseLabel", "jobDriver", "configurationOverrides"),
    "retryPolicyConfiguration",
)
REQUEST = "Request"  # the output of the pipeline's stack that names its request
URI = re.compile(r"s3://([^/\s]+)/(\S+)")


def template(runs: Runs, again: str | None, stack: str) -> Mapping[str, Any]:
    """Return what is repeated: the run `again`, else the request that the stack has stored, else the newest ended run.

    Raises OperationError.
    """
    stored = None if again else _stored(runs, stack)
    return stored or runs.chosen(again, ENDED)


def request(
    repeated: Mapping[str, Any], options: Mapping[str, str], tags: Mapping[str, str], now: datetime
) -> dict[str, Any]:
    """Return the parameters of StartJobRun that repeat a run; it writes to a new place beside that run's.

    `options` replace those of the command line, the output too, like {"--input": "s3://..."}. Raises OperationError.
    """
    made = {key: repeated[key] for key in REPEATED if key in repeated}
    spark = repeated["jobDriver"].get("sparkSubmitJobDriver")
    if spark is None:
        raise OperationError(f"the run {repeated['id']} is no spark-submit: start it with `aws emr-containers`")
    output = argument(repeated, "--output")
    own = {"--output": f"{_folder(output)}/{now:%Y%m%d-%H%M%S}"} if output else {}
    arguments = _replaced(spark.get("entryPointArguments", []), {**own, **options})
    made["jobDriver"] = {"sparkSubmitJobDriver": {**spark, "entryPointArguments": arguments}}
    return {**made, "tags": dict(tags)}


def refuse_bad_input(runs: Runs, asked: Mapping[str, Any]) -> None:
    """Raise OperationError where what a run is to read is not there, or no loan files.

    Who may not look is let pass: starting a run takes no right to read its data.
    """
    uri = argument(asked, "--input") or ""
    if not uri.startswith("s3://"):
        return
    try:
        wrong = inputs.problem(runs.client("s3"), uri, sys.maxsize)
    except ClientError:
        return
    if wrong:
        raise OperationError(f"nothing was started: {wrong}")


def _stored(runs: Runs, stack: str) -> Mapping[str, Any] | None:
    """Return the request that a stack has stored, or None where there is none for this virtual cluster."""
    try:
        (found,) = runs.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    except ClientError as error:
        if not is_missing_stack(error):
            raise
        return None
    told = {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", [])}
    place = URI.search(told.get(REQUEST, ""))
    if place is None:
        return None
    body = runs.client("s3").get_object(Bucket=place[1], Key=place[2])["Body"].read()
    stored: Mapping[str, Any] = json.loads(body)
    return stored if stored["virtualClusterId"] == runs.virtual_cluster else None


def _folder(output: str) -> str:
    return output.rstrip("/").rpartition("/")[0]


def _replaced(given: list[str], options: Mapping[str, str]) -> list[str]:
    """Return a command line with other values for options, which are added where they were not given."""
    made = list(given)
    for name, value in options.items():
        if name in made:
            made[made.index(name) + 1] = value
        else:
            made += [name, value]
    return made
