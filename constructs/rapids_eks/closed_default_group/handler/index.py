"""Takes all rules of a security group away: a custom resource whose property `GroupId` names the group."""

import json
import urllib.request
from collections.abc import Mapping
from typing import Any

import boto3


def handler(event: Mapping[str, Any], _context: object) -> None:
    """Close the group, unless the stack is being deleted, and tell CloudFormation how that went."""
    group = event["ResourceProperties"]["GroupId"]
    answer = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
    answer |= {"PhysicalResourceId": group, "Status": "SUCCESS"}
    try:
        if event["RequestType"] != "Delete":
            close(boto3.client("ec2"), group)
    except Exception as error:  # noqa: BLE001 - unanswered, the stack would wait for an hour
        answer |= {"Status": "FAILED", "Reason": f"The rules of {group} could not be removed: {error}"[:1000]}
    body = json.dumps(answer).encode()
    request = urllib.request.Request(event["ResponseURL"], body, {"Content-Type": ""}, method="PUT")  # noqa: S310 - CloudFormation's own
    with urllib.request.urlopen(request, timeout=30):  # noqa: S310 - the same
        pass


def close(ec2: Any, group: str) -> None:  # noqa: ANN401 - boto3 makes its classes at run time
    """Remove every rule of a security group; a group without rules stays as it is."""
    filters = [{"Name": "group-id", "Values": [group]}]
    rules = ec2.describe_security_group_rules(Filters=filters)["SecurityGroupRules"]
    for is_egress, revoke in (
        (False, ec2.revoke_security_group_ingress),
        (True, ec2.revoke_security_group_egress),
    ):
        ids = [rule["SecurityGroupRuleId"] for rule in rules if rule["IsEgress"] is is_egress]
        if ids:
            revoke(GroupId=group, SecurityGroupRuleIds=ids)
