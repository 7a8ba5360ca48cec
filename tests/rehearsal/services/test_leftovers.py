import json

import pytest

from rehearsal.services.leftovers import Inventory
from rehearsal.world import World

QUEUE = {"Type": "AWS::SQS::Queue"}
UNKNOWN = {"Type": "AWS::SQS::Queue", "Properties": {"Colour": "blue"}}


def stacks(world: World) -> list[str]:
    return [row for row in Inventory(world, {}).resources() if row.startswith("cloudformation")]


@pytest.mark.parametrize(
    ("name", "resource", "status"), [("sound", QUEUE, "CREATE_COMPLETE"), ("broken", UNKNOWN, "ROLLBACK_COMPLETE")]
)
def test_a_stack_is_left_over_until_it_is_deleted(
    world: World, name: str, resource: dict[str, object], status: str
) -> None:
    """Guards against a listing of nothing but resources: a rolled-back stack has none, and keeps its name."""
    cloudformation = world.client("cloudformation")
    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps({"Resources": {"Queue": resource}}))

    def state() -> str:
        return str(cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"])

    assert world.clock.wait(3600, lambda: not state().endswith("_IN_PROGRESS"))
    assert state() == status
    assert stacks(world) == [f"cloudformation Stack {name}"]
    cloudformation.delete_stack(StackName=name)
    assert world.clock.wait(3600, lambda: stacks(world) == [])


def test_an_instance_is_left_over_until_it_is_terminated(world: World) -> None:
    """Guards against a node that nobody ends: the emulator keeps instances in reservations, which are no resources."""
    inventory, ec2 = Inventory(world, {}), world.client("ec2")
    made = ec2.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    assert f"ec2 Instance {made}" in inventory.resources()
    ec2.terminate_instances(InstanceIds=[made])
    assert world.clock.wait(3600, lambda: f"ec2 Instance {made}" not in inventory.resources())
