"""Owns a log group that AWS may have made before: a custom resource with the properties `Name` and `RetentionDays`."""

import contextlib
import json
import urllib.request
from collections.abc import Mapping
from typing import Any

import boto3


def handler(event: Mapping[str, Any], _context: object) -> None:
    """Make or adopt the group, or delete it, and tell CloudFormation how that went."""
    asked = event["ResourceProperties"]
    answer = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
    # An update to another name is another resource: CloudFormation then deletes the old one by this id.
    answer |= {"PhysicalResourceId": event.get("PhysicalResourceId", asked["Name"]), "Status": "SUCCESS"}
    try:
        logs, eks = boto3.client("logs"), boto3.client("eks")
        if event["RequestType"] == "Delete":
            # The id is CloudFormation's own, and no group's name, where a creation was cancelled before its answer.
            made = event["PhysicalResourceId"]
            remove(logs, eks, made if made.startswith("/") else asked["Name"])
        else:
            if event["RequestType"] == "Create" and is_used(eks, asked["Name"]):
                raise ValueError("a cluster of this name is there already: delete it, or choose another name")  # noqa: TRY301
            answer["PhysicalResourceId"] = keep(logs, asked["Name"], int(asked["RetentionDays"]))
    except Exception as error:  # noqa: BLE001 - unanswered, the stack would wait for an hour
        answer |= {"Status": "FAILED", "Reason": f"The log group {asked['Name']}: {error}"[:1000]}
    body = json.dumps(answer).encode()
    request = urllib.request.Request(event["ResponseURL"], body, {"Content-Type": ""}, method="PUT")  # noqa: S310 - CloudFormation's own
    with urllib.request.urlopen(request, timeout=30):  # noqa: S310 - the same
        pass


def keep(logs: Any, name: str, days: int) -> str:  # noqa: ANN401 - boto3 makes its classes at run time
    """Make the group unless it is there, say how long it keeps its events, and return its name."""
    with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
        logs.create_log_group(logGroupName=name)
    logs.put_retention_policy(logGroupName=name, retentionInDays=days)
    return name


def remove(logs: Any, eks: Any, name: str) -> None:  # noqa: ANN401 - the same
    """Delete the group, unless a cluster writes to it, which is then not this stack's; one that is gone is deleted."""
    with contextlib.suppress(logs.exceptions.ResourceNotFoundException):
        if not is_used(eks, name):
            logs.delete_log_group(logGroupName=name)


def is_used(eks: Any, name: str) -> bool:  # noqa: ANN401 - the same
    """Return whether there is a cluster that writes to the group `/aws/eks/CLUSTER/cluster`."""
    try:
        eks.describe_cluster(name=name.split("/")[3])
    except eks.exceptions.ResourceNotFoundException:
        return False
    return True
