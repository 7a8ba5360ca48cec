"""A custom resource that writes a parameter and answers as its properties tell it to."""

import json
import os
import urllib.request
from typing import Any

import boto3


def handler(event: dict[str, Any], _context: object) -> None:
    """Put or delete the parameter, and PUT the answer."""
    asked = event["ResourceProperties"]
    answer = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")} | {"Status": "SUCCESS"}
    if "Id" in asked:
        answer["PhysicalResourceId"] = asked["Id"]
    try:
        _act(event["RequestType"], asked["Name"])
        answer["Data"] = {"Text": "x" * int(asked["Size"])}
    except Exception as error:  # noqa: BLE001 - CloudFormation is told whatever it is
        answer |= {"Status": "FAILED", "Reason": str(error), "PhysicalResourceId": asked.get("Id", "none")}
    request = urllib.request.Request(event["ResponseURL"], json.dumps(answer).encode(), method="PUT")  # noqa: S310 - the URL that CloudFormation gave
    with urllib.request.urlopen(request):  # noqa: S310 - the URL that CloudFormation gave
        pass


def _act(kind: str, name: str) -> None:
    parameters = boto3.client("ssm", region_name=os.environ["AWS_REGION"])
    if kind == "Delete":
        parameters.delete_parameters(Names=[name])
    else:
        parameters.put_parameter(Name=name, Value=kind, Type="String", Overwrite=True)
