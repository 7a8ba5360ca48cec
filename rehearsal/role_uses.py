"""What the roles of stacks were granted, have used and were denied, under the names that their templates give them."""

from collections.abc import Iterator
from typing import Any

from rehearsal.world import World

ROLE = "AWS::IAM::Role"


def of_stacks(world: World) -> dict[str, dict[str, list[Any]]]:
    """Return the page `grants` for every role of every stack that there is or was, by `STACK LOGICAL_ID`."""
    page = world.page("grants")
    return {place: page[name] for place, name in sorted(_roles(world)) if name in page}


def _roles(world: World) -> Iterator[tuple[str, str]]:
    """Yield place and physical name of each role: of a stack that is gone, only its events still tell them."""
    cloudformation = world.client("cloudformation")
    for page in cloudformation.get_paginator("list_stacks").paginate():
        for stack in page["StackSummaries"]:
            events = cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack["StackId"])
            for each in (event for found in events for event in found["StackEvents"]):
                if each["ResourceType"] == ROLE and each.get("PhysicalResourceId"):
                    yield f"{stack['StackName']} {each['LogicalResourceId']}", each["PhysicalResourceId"]
