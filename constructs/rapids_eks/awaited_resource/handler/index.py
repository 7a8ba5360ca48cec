"""Speaks with CloudFormation for a function that takes minutes: starts the work, and tells how it ended."""

import json
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3

LONGEST = 2500  # bytes of a reason: CloudFormation takes 4096 in all
TOLD = ("StackId", "RequestId", "LogicalResourceId", "PhysicalResourceId")
KEPT = (*TOLD, "RequestType", "ResponseURL")


def handler(event: Mapping[str, Any], _context: object) -> None:
    """Take a request of CloudFormation, or what the state machine ended with."""
    if "request" in event:
        answer(event["request"], failure(event), event.get("found", {}).get("data"))
        return
    asked, kind = event["ResourceProperties"], event["RequestType"]
    # Known before anything is done, so that whatever fails, the deletion that follows is told what to delete.
    request = event if kind == "Delete" else {**event, "PhysicalResourceId": asked["PhysicalId"]}
    if kind not in asked["Awaited"]:
        answer(request, "")
        return
    # What one overlapping request is to another: an update to what there is already undoes one that was given up.
    rank = "Same" if kind == "Update" and event["PhysicalResourceId"] == asked["PhysicalId"] else kind
    try:
        start(boto3.client("stepfunctions"), asked["StateMachine"], request, f"{rank}-{event['RequestId']}")
    except Exception as error:  # noqa: BLE001 - unanswered, the stack would wait for an hour
        answer(request, f"The work could not be started: {error}")


def start(machine: Any, arn: str, request: Mapping[str, Any], name: str) -> None:  # noqa: ANN401 - boto3's own class
    """Start the state machine; a request that Lambda delivers twice starts it once."""
    kept = {name: request[name] for name in KEPT}
    properties = request["ResourceProperties"]
    deadline = datetime.now(UTC) + timedelta(seconds=float(properties["LimitSeconds"]))
    work = {"request": kept, "properties": properties, "found": {}, "waited": 0, "deadline": f"{deadline:%FT%TZ}"}
    with suppress(machine.exceptions.ExecutionAlreadyExists):
        machine.start_execution(stateMachineArn=arn, name=name, input=json.dumps(work))


def failure(end: Mapping[str, Any]) -> str:
    """Return why the work failed, or nothing where it is done."""
    if "error" in end:
        return said(end["error"])
    if reason := end["found"].get("failed"):
        return str(reason)
    left = end["found"]["left"]
    minutes = int(float(end["properties"]["LimitSeconds"])) // 60
    return f"After {minutes} minutes there is still: {'; '.join(left)}" if left else ""


def said(error: Mapping[str, str]) -> str:
    """Return the message of an exception, which the state machine holds as JSON, or its own words."""
    try:
        return str(json.loads(error["Cause"])["errorMessage"])
    except (KeyError, TypeError, ValueError):
        return f"{error.get('Error')}: {error.get('Cause')}"


def answer(request: Mapping[str, Any], reason: str, data: Mapping[str, str] | None = None) -> None:
    """Tell CloudFormation that a request succeeded, or, given a reason, that it failed."""
    body: dict[str, Any] = {name: request[name] for name in TOLD} | {"Status": "FAILED" if reason else "SUCCESS"}
    body |= {"Reason": reason.encode()[:LONGEST].decode(errors="ignore")} if reason else {}
    body |= {"Data": data} if data and not reason else {}
    url, text = request["ResponseURL"], json.dumps(body, ensure_ascii=False).encode()
    put = urllib.request.Request(url, text, {"Content-Type": ""}, method="PUT")  # noqa: S310 - CloudFormation's own
    with urllib.request.urlopen(put, timeout=30):  # noqa: S310 - the same
        pass
