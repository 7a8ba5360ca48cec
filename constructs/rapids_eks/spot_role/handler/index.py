"""Makes sure that the account has EC2 Spot's service-linked role: a custom resource without properties."""

import json
import urllib.request
from collections.abc import Mapping
from typing import Any

import boto3

SERVICE = "spot.amazonaws.com"
ROLE = "AWSServiceRoleForEC2Spot"


def handler(event: Mapping[str, Any], _context: object) -> None:
    """Make the role unless it is there or the stack is being deleted, and tell CloudFormation how that went."""
    answer = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
    answer |= {"PhysicalResourceId": ROLE, "Status": "SUCCESS"}
    try:
        if event["RequestType"] != "Delete":
            ensure(boto3.client("iam"))
    except Exception as error:  # noqa: BLE001 - unanswered, the stack would wait for an hour
        answer |= {"Status": "FAILED", "Reason": f"The role {ROLE} could not be made: {error}"[:1000]}
    body = json.dumps(answer).encode()
    request = urllib.request.Request(event["ResponseURL"], body, {"Content-Type": ""}, method="PUT")  # noqa: S310 - CloudFormation's own
    with urllib.request.urlopen(request, timeout=30):  # noqa: S310 - the same
        pass


def ensure(iam: Any) -> None:  # noqa: ANN401 - boto3 makes its classes at run time
    """Make the role; one that is there stays as it is."""
    try:
        iam.create_service_linked_role(AWSServiceName=SERVICE)
    except iam.exceptions.InvalidInputException as error:
        if "has been taken in this account" not in str(error):
            raise
