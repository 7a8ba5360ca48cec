"""Nested stacks live, change, go back and end with their parents."""

import copy
import json
from typing import TYPE_CHECKING, Any

from rehearsal.faults import Fault

if TYPE_CHECKING:
    from tests.rehearsal.cloudformation.conftest import Cloud


def one(**properties: object) -> dict[str, Any]:
    return {"Resources": {"A": {"Type": "AWS::SQS::Queue", "Properties": {"DelaySeconds": 1, **properties}}}}


def nested(url: str = "https://s3.amazonaws.com/assets/t.json", **parameters: str) -> dict[str, Any]:
    inner = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": url, "Parameters": parameters}}
    return {"Resources": {"Inner": inner}, "Outputs": {"Q": {"Value": {"Fn::GetAtt": "Inner.Outputs.Q"}}}}


INNER = one(DelaySeconds={"Ref": "Delay"}) | {
    "Parameters": {"Delay": {"Type": "Number"}},
    "Outputs": {"Q": {"Value": {"Ref": "A"}}},
}


def test_a_nested_stack_is_made_updated_and_deleted_with_its_parent(cloud: "Cloud") -> None:
    cloud.services.objects["assets/t.json"] = json.dumps(INNER).encode()
    made = cloud.create(nested(Delay="1"))
    assert made["Outputs"][0]["OutputValue"] in cloud.shelf.live
    cloud.update(nested(Delay="2"))
    assert cloud.shelf.did() == [("create", "A"), ("update", "A")]
    assert cloud.delete()["StackStatus"] == "DELETE_COMPLETE"
    assert cloud.shelf.live == {}
    assert all(s["StackStatus"] == "DELETE_COMPLETE" for s in cloud.call("ListStacks")["StackSummaries"])


def test_a_nested_stack_that_fails_fails_its_parent_and_both_go_back(cloud: "Cloud") -> None:
    cloud.services.objects["assets/t.json"] = json.dumps(INNER).encode()
    cloud.world.faults.plant(Fault("create", "A"))
    assert cloud.create(nested(Delay="1"))["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "was not successfully created: The following resource(s) failed to create: [A]" in cloud.reasons()
    assert len([s for s in cloud.call("ListStacks")["StackSummaries"] if s["StackStatus"] == "DELETE_COMPLETE"]) == 1


def test_a_nested_update_that_fails_goes_back_with_its_parent(cloud: "Cloud") -> None:
    cloud.services.objects["assets/t.json"] = json.dumps(INNER).encode()
    cloud.create(nested(Delay="1"))
    cloud.world.faults.plant(Fault("update", "A"))
    assert cloud.update(nested(Delay="2"))["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert list(cloud.shelf.live.values()) == [{"DelaySeconds": 1}]


def test_a_nested_replacement_waits_for_its_parent_before_the_old_half_goes(cloud: "Cloud") -> None:
    inner = copy.deepcopy(INNER)
    inner["Resources"]["A"]["Properties"]["QueueName"] = {"Fn::Sub": "queue-${Delay}"}
    cloud.services.objects["assets/t.json"] = json.dumps(inner).encode()
    last = {"Last": {"Type": "AWS::SNS::Topic", "DependsOn": "Inner", "Properties": {"DisplayName": "1"}}}
    one, two = nested(Delay="1"), nested(Delay="2")
    one["Resources"] |= last
    two["Resources"] |= json.loads(json.dumps(last).replace('"1"', '"2"'))
    cloud.create(one)
    cloud.world.faults.plant(Fault("update", "Last"))
    assert cloud.update(two)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert [name for name in cloud.shelf.live if name.startswith("queue")] == ["queue-1"]
    assert cloud.update(two)["StackStatus"] == "UPDATE_COMPLETE"
    assert [name for name in cloud.shelf.live if name.startswith("queue")] == ["queue-2"]
    assert {s["StackStatus"] for s in cloud.call("ListStacks")["StackSummaries"]} == {"UPDATE_COMPLETE"}
