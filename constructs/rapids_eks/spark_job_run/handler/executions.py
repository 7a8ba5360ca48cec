"""Requests of CloudFormation to one resource that overlap: one of them counts, and begins when the others have ended.

CloudFormation does not wait for what it has given up, such as the creation of a resource when another one has failed.
Without this the creation's request might still start a run when the deletion's has found none.
"""

from typing import Any

# By the names of executions: a deletion is the last that comes, and before it the update that undoes another one. Which
# of them began first says less, as functions start when they can.
RANKS = {"Same": 1, "Delete": 2}


def newer_and_older(machine: Any, arn: str, execution: str) -> tuple[list[str], list[str]]:  # noqa: ANN401 - boto3 makes its classes at run time
    """Return the ids of the requests that count more than this one, and less, of those that have not ended."""
    pages = machine.get_paginator("list_executions").paginate(stateMachineArn=arn, statusFilter="RUNNING")
    begun = {each["executionArn"]: each["startDate"] for page in pages for each in page["executions"]}
    latest = max(begun.values(), default=0)
    own = (_rank(execution), begun.pop(execution, latest), execution)  # the list may not have it yet
    newer = {name for name, at in begun.items() if (_rank(name), at, name) > own}
    return sorted(map(_request, newer)), sorted(map(_request, set(begun) - newer))


def _rank(execution: str) -> int:
    return RANKS.get(execution.rpartition(":")[2].partition("-")[0], 0)


def _request(execution: str) -> str:
    return execution.rpartition(":")[2].partition("-")[2]
