"""Stacks come to every state that CloudFormation knows, and only by getting there."""

import threading
from typing import TYPE_CHECKING, Any

import pytest

from rehearsal.faults import Fault
from rehearsal.wire.call import Refused

if TYPE_CHECKING:
    from tests.rehearsal.cloudformation.conftest import Cloud


def queue(**properties: object) -> dict[str, Any]:
    return {"Type": "AWS::SQS::Queue", "Properties": properties}


def topic(**properties: object) -> dict[str, Any]:
    return {"Type": "AWS::SNS::Topic", "Properties": properties}


def stack(**resources: object) -> dict[str, Any]:
    return {"Resources": resources}


CHAIN = stack(
    First=queue(DelaySeconds=1),
    Second=topic(DisplayName={"Ref": "First"}),
    Third=queue(QueueName={"Fn::Sub": "${Second}-3"}),
)


def test_resources_are_made_in_the_order_of_their_references_and_removed_in_reverse(cloud: "Cloud") -> None:
    assert cloud.create(CHAIN)["StackStatus"] == "CREATE_COMPLETE"
    assert cloud.shelf.did() == [("create", "First"), ("create", "Second"), ("create", "Third")]
    assert cloud.delete()["StackStatus"] == "DELETE_COMPLETE"
    assert cloud.shelf.did()[3:] == [("delete", "Third"), ("delete", "Second"), ("delete", "First")]
    assert cloud.shelf.live == {}


def test_depends_on_orders_what_no_reference_orders(cloud: "Cloud") -> None:
    cloud.create(stack(A={**queue(), "DependsOn": "B"}, B=queue()))
    assert cloud.shelf.did() == [("create", "B"), ("create", "A")]


def test_independent_resources_are_made_at_the_same_time(cloud: "Cloud") -> None:
    gate = cloud.shelf.slow["A"] = threading.Event()
    cloud.call("CreateStack", StackName="demo", TemplateBody=stack(A=queue(), B=queue()))
    while "CREATE_COMPLETE" not in cloud.statuses("B"):
        pass
    assert "CREATE_COMPLETE" not in cloud.statuses("A")
    gate.set()
    assert cloud.settled("demo")["StackStatus"] == "CREATE_COMPLETE"


def test_a_failed_creation_removes_what_was_made_and_names_what_failed(cloud: "Cloud") -> None:
    cloud.shelf.broken.add(("create", "Third"))
    made = cloud.create(CHAIN)
    assert made["StackStatus"] == "ROLLBACK_COMPLETE"
    assert cloud.shelf.live == {}
    assert "The following resource(s) failed to create: [Third]. Rollback requested by user." in cloud.reasons()
    assert cloud.statuses("Third")[:2] == ["CREATE_IN_PROGRESS", "CREATE_FAILED"]


def test_a_rolled_back_stack_can_only_be_deleted(cloud: "Cloud") -> None:
    cloud.shelf.broken.add(("create", "Third"))
    cloud.create(CHAIN)
    with pytest.raises(Refused, match="is in ROLLBACK_COMPLETE state and can not be updated"):
        cloud.update(CHAIN)
    assert cloud.delete()["StackStatus"] == "DELETE_COMPLETE"


def test_a_sibling_under_way_is_cancelled_and_still_removed(cloud: "Cloud") -> None:
    gate = cloud.shelf.slow["Slow"] = threading.Event()
    cloud.shelf.broken.add(("create", "Bad"))
    cloud.call(
        "CreateStack",
        StackName="demo",
        TemplateBody=stack(Slow=queue(), Bad={**queue(), "DependsOn": "Quick"}, Quick=queue()),
    )
    while "CREATE_FAILED" not in cloud.statuses("Slow"):
        pass
    gate.set()
    assert cloud.settled("demo")["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "Resource creation cancelled" in cloud.reasons()
    assert "CREATE_COMPLETE" not in cloud.statuses("Slow")
    assert cloud.shelf.live == {}


def test_a_rollback_that_cannot_delete_is_ROLLBACK_FAILED(cloud: "Cloud") -> None:  # noqa: N802 - CloudFormation's own spelling
    cloud.shelf.broken |= {("create", "Third"), ("delete", "First")}
    made = cloud.create(CHAIN)
    assert (made["StackStatus"], made["StackStatusReason"]) == (
        "ROLLBACK_FAILED",
        "The following resource(s) failed to delete: [First]. ",
    )


def test_without_rollback_everything_stays_and_can_be_rolled_back_later(cloud: "Cloud") -> None:
    cloud.shelf.broken.add(("create", "Third"))
    assert cloud.create(CHAIN, DisableRollback=True)["StackStatus"] == "CREATE_FAILED"
    assert len(cloud.shelf.live) == 2
    cloud.call("RollbackStack", StackName="demo")
    assert cloud.settled("demo")["StackStatus"] == "ROLLBACK_COMPLETE"
    assert cloud.shelf.live == {}


def test_without_rollback_a_later_update_goes_on_from_where_it_stopped(cloud: "Cloud") -> None:
    cloud.shelf.broken.add(("create", "Third"))
    cloud.create(CHAIN, DisableRollback=True)
    cloud.shelf.broken.clear()
    assert cloud.update(CHAIN, DisableRollback=True)["StackStatus"] == "UPDATE_COMPLETE"
    assert cloud.shelf.did().count(("create", "First")) == 1


def test_an_update_changes_in_place_what_may_be_changed_in_place(cloud: "Cloud") -> None:
    cloud.create(stack(A=queue(DelaySeconds=1), B=topic(DisplayName={"Fn::GetAtt": ["A", "Arn"]})))
    assert (
        cloud.update(stack(A=queue(DelaySeconds=2), B=topic(DisplayName={"Fn::GetAtt": ["A", "Arn"]})))["StackStatus"]
        == "UPDATE_COMPLETE"
    )
    assert cloud.shelf.did()[2:] == [("update", "A")]


def test_a_replacement_is_made_before_its_users_change_and_the_old_one_goes_last(cloud: "Cloud") -> None:
    cloud.create(stack(A=queue(QueueName="one"), B=topic(DisplayName={"Ref": "A"})))
    cloud.update(stack(A=queue(QueueName="two"), B=topic(DisplayName={"Ref": "A"})))
    assert cloud.shelf.log[2:] == [
        ("create", "A", "two"),
        ("update", "B", cloud.shelf.log[1][2]),
        ("delete", "A", "one"),
    ]


def test_what_a_template_no_longer_holds_is_removed_after_everything_else(cloud: "Cloud") -> None:
    cloud.create(stack(A=queue(), B=queue(DelaySeconds=1)))
    cloud.update(stack(B=queue(DelaySeconds=2)))
    assert cloud.shelf.did()[2:] == [("update", "B"), ("delete", "A")]


def test_a_failed_update_is_followed_by_a_second_with_the_old_properties(cloud: "Cloud") -> None:
    cloud.create(stack(A=queue(DelaySeconds=1)))
    cloud.world.faults.plant(Fault("update", "A"))
    assert cloud.update(stack(A=queue(DelaySeconds=2)))["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    (request,) = [r for r in cloud.shelf.requests if r.old_properties]
    assert (request.properties, request.old_properties) == ({"DelaySeconds": 1}, {"DelaySeconds": 2})


def test_a_failed_update_keeps_replaced_resources_and_removes_new_ones(cloud: "Cloud") -> None:
    cloud.create(stack(A=queue(QueueName="one"), Z=topic(DisplayName="z")))
    cloud.shelf.broken.add(("update", "Z"))
    wanted = stack(A=queue(QueueName="two"), New=queue(QueueName="new"), Z=topic(DisplayName={"Fn::Sub": "${A}${New}"}))
    cloud.world.faults.plant(Fault("update", "Z"))
    cloud.shelf.broken.clear()
    assert cloud.update(wanted)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert {"one"} <= cloud.shelf.live.keys()
    assert not {"two", "new"} & cloud.shelf.live.keys()
    assert cloud.update(wanted)["StackStatus"] == "UPDATE_COMPLETE"


def test_a_rollback_that_fails_can_be_continued_and_skip_resources(cloud: "Cloud") -> None:
    cloud.create(stack(A=queue(DelaySeconds=1)))
    cloud.world.faults.plant(Fault("update", "A", always=True))
    assert cloud.update(stack(A=queue(DelaySeconds=2)))["StackStatus"] == "UPDATE_ROLLBACK_FAILED"
    cloud.call("ContinueUpdateRollback", StackName="demo")
    assert cloud.settled("demo")["StackStatus"] == "UPDATE_ROLLBACK_FAILED"
    cloud.call("ContinueUpdateRollback", StackName="demo", ResourcesToSkip=["A"])
    assert cloud.settled("demo")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"


def test_an_update_without_rollback_pauses_and_can_be_rolled_back(cloud: "Cloud") -> None:
    cloud.create(stack(A=queue(DelaySeconds=1), B=queue(QueueName="one")))
    cloud.world.faults.plant(Fault("update", "A"))
    wanted = stack(A={**queue(DelaySeconds=2), "DependsOn": "B"}, B=queue(QueueName="two"))
    assert cloud.update(wanted, DisableRollback=True)["StackStatus"] == "UPDATE_FAILED"
    assert {"one", "two"} <= cloud.shelf.live.keys()
    cloud.call("RollbackStack", StackName="demo")
    assert cloud.settled("demo")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert {"one", "two"} & cloud.shelf.live.keys() == {"one"}


def test_what_failed_is_tried_again_when_the_paused_update_is_repeated(cloud: "Cloud") -> None:
    cloud.create(stack(A=queue(DelaySeconds=1)))
    cloud.world.faults.plant(Fault("update", "A"))
    cloud.update(stack(A=queue(DelaySeconds=2)), DisableRollback=True)
    assert cloud.update(stack(A=queue(DelaySeconds=2)), DisableRollback=True)["StackStatus"] == "UPDATE_COMPLETE"
    assert list(cloud.shelf.live.values()) == [{"DelaySeconds": 2}]


def test_deleting_a_paused_update_leaves_no_half_of_a_replacement(cloud: "Cloud") -> None:
    cloud.create(stack(A=queue(DelaySeconds=1), B=queue(QueueName="one")))
    cloud.world.faults.plant(Fault("update", "A"))
    cloud.update(stack(A={**queue(DelaySeconds=2), "DependsOn": "B"}, B=queue(QueueName="two")), DisableRollback=True)
    assert cloud.delete()["StackStatus"] == "DELETE_COMPLETE"
    assert cloud.shelf.live == {}


def test_cleanup_that_fails_leaves_the_update_complete(cloud: "Cloud") -> None:
    cloud.create(stack(A=queue(), B=queue()))
    cloud.shelf.broken.add(("delete", "A"))
    assert cloud.update(stack(B=queue()))["StackStatus"] == "UPDATE_COMPLETE"
    assert cloud.statuses("A").count("DELETE_FAILED") == 3
    assert [
        r["LogicalResourceId"] for r in cloud.call("ListStackResources", StackName="demo")["StackResourceSummaries"]
    ] == ["B"]


def test_an_update_can_be_cancelled(cloud: "Cloud") -> None:
    cloud.create(stack(A=queue()))
    gate = cloud.shelf.slow["B"] = threading.Event()
    cloud.call("UpdateStack", StackName="demo", TemplateBody=stack(A=queue(), B=queue()))
    while "CREATE_IN_PROGRESS" not in cloud.statuses("B"):
        pass
    cloud.call("CancelUpdateStack", StackName="demo")
    while "CREATE_FAILED" not in cloud.statuses("B"):
        pass
    gate.set()
    assert cloud.settled("demo")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert len(cloud.shelf.live) == 1


def test_a_creation_that_takes_longer_than_its_timeout_is_rolled_back(cloud: "Cloud") -> None:
    gate = cloud.shelf.slow["A"] = threading.Event()
    stack_id = cloud.call("CreateStack", StackName="demo", TemplateBody=stack(A=queue()), TimeoutInMinutes=1)["StackId"]
    while "CREATE_FAILED" not in cloud.statuses("A"):
        pass
    gate.set()
    assert cloud.settled(stack_id)["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "exceeded the specified timeout" in cloud.reasons()


@pytest.mark.parametrize(("policy", "kept"), [("Delete", False), ("Retain", True), ("RetainExceptOnCreate", True)])
def test_the_deletion_policy_decides_what_a_deleted_stack_leaves(cloud: "Cloud", policy: str, kept: bool) -> None:
    cloud.create(stack(A={**queue(), "DeletionPolicy": policy}))
    assert cloud.delete()["StackStatus"] == "DELETE_COMPLETE"
    assert bool(cloud.shelf.live) is kept


@pytest.mark.parametrize(("policy", "kept"), [("Retain", True), ("RetainExceptOnCreate", False)])
def test_the_deletion_policy_decides_what_a_failed_creation_leaves(cloud: "Cloud", policy: str, kept: bool) -> None:
    cloud.shelf.broken.add(("create", "B"))
    cloud.create(stack(A={**queue(), "DeletionPolicy": policy}, B={**queue(), "DependsOn": "A"}))
    assert bool(cloud.shelf.live) is kept
    assert ("DELETE_SKIPPED" in cloud.statuses("A")) is kept


def test_the_update_replace_policy_keeps_the_replaced_half(cloud: "Cloud") -> None:
    cloud.create(stack(A={**queue(QueueName="one"), "UpdateReplacePolicy": "Retain"}))
    cloud.update(stack(A={**queue(QueueName="two"), "UpdateReplacePolicy": "Retain"}))
    assert {"one", "two"} == cloud.shelf.live.keys()


def test_a_stuck_resource_leaves_DELETE_FAILED_and_may_then_be_retained(cloud: "Cloud") -> None:  # noqa: N802
    cloud.create(CHAIN)
    cloud.shelf.broken.add(("delete", "Second"))
    left = cloud.delete()
    assert left["StackStatus"] == "DELETE_FAILED"
    assert left["StackStatusReason"] == "The following resource(s) failed to delete: [Second]. "
    assert ("delete", "First") not in cloud.shelf.did()
    assert cloud.delete(RetainResources=["Second"])["StackStatus"] == "DELETE_COMPLETE"


def test_a_defect_of_a_provider_fails_the_resource_with_its_text(
    cloud: "Cloud", monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> float:
        return 1 / 0

    monkeypatch.setattr(cloud.shelf, "create", broken)
    cloud.create(stack(A=queue()))
    assert "ZeroDivisionError" in cloud.reasons()


def test_a_type_without_provider_fails_and_is_named(cloud: "Cloud") -> None:
    cloud.create(stack(A={"Type": "AWS::Kinesis::Stream"}))
    assert "no provider for AWS::Kinesis::Stream" in cloud.reasons()


def test_a_new_tag_of_the_stack_updates_what_can_be_tagged(cloud: "Cloud") -> None:
    cloud.create(stack(A=queue()))
    cloud.update(stack(A=queue()), Tags=[{"Key": "team", "Value": "a"}])
    assert cloud.shelf.requests[-1].tags["team"] == "a"
    assert cloud.shelf.requests[-1].tags["aws:cloudformation:logical-id"] == "A"


def test_secrets_are_read_when_the_resource_is_handled_and_not_shown(cloud: "Cloud") -> None:
    cloud.services.secrets["db"] = '{"user": "root"}'
    cloud.create(stack(A=topic(DisplayName="{{resolve:secretsmanager:db:SecretString:user}}")))
    assert cloud.shelf.requests[0].properties == {"DisplayName": "root"}
    assert "root" not in str(cloud.call("DescribeStackEvents", StackName="demo"))


def test_a_rollback_leaves_alone_what_the_update_had_not_touched(cloud: "Cloud") -> None:
    cloud.create(stack(A=queue(DelaySeconds=1), B=queue()))
    cloud.world.faults.plant(Fault("update", "A"))
    cloud.update(stack(A=queue(DelaySeconds=2), B=queue()))
    assert cloud.statuses("B") == ["CREATE_IN_PROGRESS", "CREATE_IN_PROGRESS", "CREATE_COMPLETE"]
