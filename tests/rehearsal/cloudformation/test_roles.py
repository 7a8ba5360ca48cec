"""On the real port: a stack can do what its role may, and no more."""

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError
from service_roles import service_role

from rehearsal.world import World

PARAMETER = {"Type": "AWS::SSM::Parameter", "Properties": {"Name": "/roles/a", "Type": "String", "Value": "1"}}
TEMPLATE = json.dumps({"Resources": {"P": PARAMETER}})


def ended(world: World, stack_id: str) -> dict[str, Any]:
    client = world.client("cloudformation")
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        stack: dict[str, Any] = client.describe_stacks(StackName=stack_id)["Stacks"][0]
        if not stack["StackStatus"].endswith("_IN_PROGRESS"):
            return stack
    raise AssertionError(stack)


def test_a_permission_that_the_role_lacks_fails_the_resource_and_is_named(world: World) -> None:
    arn = service_role(world, "cannot-put", "cloudformation.amazonaws.com", ["ssm:DeleteParameter"])
    client = world.client("cloudformation")
    stack_id = client.create_stack(StackName="cannot-put", TemplateBody=TEMPLATE, RoleARN=arn)["StackId"]
    assert ended(world, stack_id)["StackStatus"] == "ROLLBACK_COMPLETE"
    reasons = str(
        [e.get("ResourceStatusReason") for e in client.describe_stack_events(StackName=stack_id)["StackEvents"]]
    )
    assert "assumed-role/cannot-put/AWSCloudFormation is not authorized to perform: ssm:PutParameter" in reasons
    assert "HandlerErrorCode: AccessDenied" in reasons


def test_a_role_with_its_permissions_deploys_and_deletes(world: World) -> None:
    actions = (
        "ssm:PutParameter",
        "ssm:GetParameter*",
        "ssm:DeleteParameter",
        "ssm:AddTagsToResource",
        "ssm:ListTagsForResource",
    )
    arn = service_role(world, "can-put", "cloudformation.amazonaws.com", [*actions])
    client = world.client("cloudformation")
    stack_id = client.create_stack(StackName="can-put", TemplateBody=TEMPLATE, RoleARN=arn)["StackId"]
    assert ended(world, stack_id)["StackStatus"] == "CREATE_COMPLETE"
    assert world.client("ssm").get_parameter(Name="/roles/a")["Parameter"]["Value"] == "1"
    client.delete_stack(StackName="can-put")
    assert ended(world, stack_id)["StackStatus"] == "DELETE_COMPLETE"


def test_a_role_that_does_not_trust_cloudformation_is_refused(world: World) -> None:
    arn = service_role(world, "untrusting", "lambda.amazonaws.com", ["*"])
    with pytest.raises(ClientError, match=f"Role {arn} is invalid or cannot be assumed"):
        world.client("cloudformation").create_stack(StackName="untrusting", TemplateBody=TEMPLATE, RoleARN=arn)
