"""Custom resources: what their handlers are sent, and which answers CloudFormation accepts."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from rehearsal.cloudformation import custom
from rehearsal.faults import Fault

if TYPE_CHECKING:
    from tests.rehearsal.cloudformation.conftest import Cloud

FUNCTION = "arn:aws:lambda:us-west-2:111122223333:function:handler"
Answer = Callable[[dict[str, Any]], dict[str, Any] | bytes]


def template(**properties: object) -> dict[str, Any]:
    resource = {"Type": "Custom::Thing", "Properties": {"ServiceToken": FUNCTION, **properties}}
    return {"Resources": {"Thing": resource}}


def success(event: dict[str, Any]) -> dict[str, Any]:
    return {
        "Status": "SUCCESS",
        "PhysicalResourceId": event.get("PhysicalResourceId", "thing-1"),
        "Data": {"Colour": "red"},
    }


def answering(cloud: "Cloud", answer: Answer) -> None:
    def handler(event: dict[str, Any]) -> None:
        found = answer(event)
        response_id = event["ResponseURL"].split("amazonaws.com/")[1].split("?")[0]
        custom.receive(response_id, found if isinstance(found, bytes) else json.dumps(found).encode())

    cloud.services.handler = handler


def test_a_handler_is_sent_what_the_documentation_says(cloud: "Cloud") -> None:
    answering(cloud, success)
    cloud.create(template(Flag=True, Number=3, List=[1, {"Deep": False}]))
    (event,) = cloud.services.invoked
    assert event["ResourceProperties"] == {
        "ServiceToken": FUNCTION,
        "Flag": "true",
        "Number": "3",
        "List": ["1", {"Deep": "false"}],
    }
    assert (event["RequestType"], event["LogicalResourceId"], event["ResourceType"]) == (
        "Create",
        "Thing",
        "Custom::Thing",
    )
    assert event["ResponseURL"].startswith(
        "https://cloudformation-custom-resource-response-uswest2.s3.us-west-2.amazonaws.com/"
    )
    assert "PhysicalResourceId" not in event
    assert {"StackId", "RequestId"} <= event.keys()


def test_what_a_handler_returns_is_there_for_others(cloud: "Cloud") -> None:
    answering(cloud, success)
    wanted = template()
    wanted["Outputs"] = {"Id": {"Value": {"Ref": "Thing"}}, "Colour": {"Value": {"Fn::GetAtt": "Thing.Colour"}}}
    outputs = {o["OutputKey"]: o["OutputValue"] for o in cloud.create(wanted)["Outputs"]}
    assert outputs == {"Id": "thing-1", "Colour": "red"}


def test_an_attribute_that_the_handler_did_not_return_fails_the_stack(cloud: "Cloud") -> None:
    answering(cloud, success)
    cloud.create(template() | {"Outputs": {"X": {"Value": {"Fn::GetAtt": "Thing.Size"}}}})
    assert "Vendor response doesn't contain Size attribute" in cloud.reasons()


def test_an_update_carries_the_old_properties(cloud: "Cloud") -> None:
    answering(cloud, success)
    cloud.create(template(Size=1))
    cloud.update(template(Size=2))
    event = cloud.services.invoked[1]
    assert (event["RequestType"], event["PhysicalResourceId"]) == ("Update", "thing-1")
    assert event["OldResourceProperties"]["Size"] == "1"


def test_another_physical_id_on_update_deletes_the_old_one_in_the_cleanup(cloud: "Cloud") -> None:
    answering(cloud, lambda e: {"Status": "SUCCESS", "PhysicalResourceId": "thing-" + e["ResourceProperties"]["Size"]})
    cloud.create(template(Size=1))
    cloud.update(template(Size=2))
    sent = [(e["RequestType"], e.get("PhysicalResourceId")) for e in cloud.services.invoked]
    assert sent == [("Create", None), ("Update", "thing-1"), ("Delete", "thing-1")]


def test_a_failed_update_sends_a_second_update_with_old_and_new_exchanged(cloud: "Cloud") -> None:
    answering(
        cloud,
        lambda e: success(e) | ({"Status": "FAILED", "Reason": "no"} if e["ResourceProperties"]["Size"] == "2" else {}),
    )
    cloud.create(template(Size=1))
    assert cloud.update(template(Size=2))["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    first, second = cloud.services.invoked[1:]
    assert first["ResourceProperties"]["Size"] == second["OldResourceProperties"]["Size"] == "2"
    assert second["ResourceProperties"]["Size"] == "1"


def test_a_failed_creation_is_followed_by_delete_for_its_physical_id(cloud: "Cloud") -> None:
    answering(
        cloud,
        lambda e: success(e) | ({"Status": "FAILED", "Reason": "no room"} if e["RequestType"] == "Create" else {}),
    )
    assert cloud.create(template())["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "Received response status [FAILED] from custom resource. Message returned: no room" in cloud.reasons()
    assert [(e["RequestType"], e.get("PhysicalResourceId")) for e in cloud.services.invoked] == [
        ("Create", None),
        ("Delete", "thing-1"),
    ]


def test_another_service_token_is_refused(cloud: "Cloud") -> None:
    answering(cloud, success)
    cloud.create(template())
    cloud.update(template(ServiceToken=FUNCTION + "2"))
    assert "Modifying service token is not allowed." in cloud.reasons()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda e: success(e) | {"Data": {"Big": "x" * 4096}}, "Response is too long."),
        (lambda _: {"Status": "SUCCESS"}, "Invalid PhysicalResourceId"),
        (lambda e: success(e) | {"Status": "OK"}, "Invalid response status 'OK'"),
        (lambda _: b"<html>", "is not JSON"),
    ],
)
def test_an_answer_that_cloudformation_would_not_accept_fails_the_resource(
    cloud: "Cloud", answer: Answer, reason: str
) -> None:
    answering(cloud, lambda e: answer(e) if e["RequestType"] == "Create" else success(e))
    assert cloud.create(template())["StackStatus"] == "ROLLBACK_COMPLETE"
    assert reason in cloud.reasons()


def test_an_answer_of_4096_bytes_is_accepted(cloud: "Cloud") -> None:
    def padded(event: dict[str, Any]) -> bytes:
        body = json.dumps(success(event))
        return (body + " " * (4096 - len(body))).encode()

    answering(cloud, padded)
    assert cloud.create(template())["StackStatus"] == "CREATE_COMPLETE"


def test_a_handler_that_never_answers_fails_after_its_timeout_and_gets_delete(cloud: "Cloud") -> None:
    cloud.create(template(ServiceTimeout=60))
    assert "CloudFormation did not receive a response from your Custom Resource" in cloud.reasons()
    assert [e["RequestType"] for e in cloud.services.invoked] == ["Create", "Delete"]


def test_the_end_of_the_rehearsal_ends_the_wait(cloud: "Cloud") -> None:
    cloud.world.clock.speed = 1
    cloud.call("CreateStack", StackName="demo", TemplateBody=template())
    while not cloud.services.invoked:
        pass
    cloud.world.close()
    assert cloud.settled("demo")["StackStatus"] == "ROLLBACK_FAILED"
    assert "The rehearsal has ended" in cloud.reasons()


def test_a_dropped_response_is_as_if_it_had_never_come(cloud: "Cloud") -> None:
    answering(cloud, success)
    cloud.world.faults.plant(Fault("drop-response", "Thing"))
    assert cloud.create(template(ServiceTimeout=60))["StackStatus"] == "ROLLBACK_COMPLETE"


def test_a_service_token_that_is_no_function_is_refused(cloud: "Cloud") -> None:
    cloud.create(template(ServiceToken="nonsense"))
    assert "Invalid service token" in cloud.reasons()


def test_a_wait_condition_takes_its_signals(cloud: "Cloud") -> None:
    handle = {"Type": "AWS::CloudFormation::WaitConditionHandle"}
    wait = {"Type": "AWS::CloudFormation::WaitCondition", "Properties": {"Handle": {"Ref": "Handle"}, "Timeout": "600"}}
    cloud.call(
        "CreateStack",
        StackName="demo",
        TemplateBody={
            "Resources": {"Handle": handle, "Wait": wait},
            "Outputs": {"Data": {"Value": {"Fn::GetAtt": "Wait.Data"}}},
        },
    )
    while "CREATE_IN_PROGRESS" not in cloud.statuses("Wait"):
        pass
    resource = cloud.call("DescribeStackResource", StackName="demo", LogicalResourceId="Handle")["StackResourceDetail"]
    custom.receive(
        resource["PhysicalResourceId"].rsplit("/")[-1], b'{"Status": "SUCCESS", "UniqueId": "1", "Data": "ready"}'
    )
    made = cloud.settled("demo")
    assert (made["StackStatus"], made["Outputs"][0]["OutputValue"]) == ("CREATE_COMPLETE", '{"1": "ready"}')


def test_a_wait_condition_without_signals_times_out(cloud: "Cloud") -> None:
    handle = {"Type": "AWS::CloudFormation::WaitConditionHandle"}
    wait = {"Type": "AWS::CloudFormation::WaitCondition", "Properties": {"Handle": {"Ref": "Handle"}, "Timeout": "60"}}
    cloud.create({"Resources": {"Handle": handle, "Wait": wait}})
    assert "WaitCondition timed out. Received 0 conditions when expecting 1" in cloud.reasons()


def test_a_resource_whose_update_failed_is_deleted_once(cloud: "Cloud") -> None:
    answering(cloud, lambda e: success(e) | ({"Status": "FAILED"} if e["RequestType"] == "Update" else {}))
    cloud.create(template(Size=1))
    assert cloud.update(template(Size=2), DisableRollback=True)["StackStatus"] == "UPDATE_FAILED"
    assert cloud.delete()["StackStatus"] == "DELETE_COMPLETE"
    assert [e["RequestType"] for e in cloud.services.invoked] == ["Create", "Update", "Delete"]
