"""The API as the cdk CLI and boto3 use it: change sets, exports, protection, nested stacks, templates from S3."""

import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

from rehearsal.wire.call import Refused

if TYPE_CHECKING:
    from tests.rehearsal.cloudformation.conftest import Cloud

QUEUE = {"Type": "AWS::SQS::Queue", "Properties": {"DelaySeconds": 1}}


def one(**properties: object) -> dict[str, Any]:
    return {"Resources": {"A": {"Type": "AWS::SQS::Queue", "Properties": {"DelaySeconds": 1, **properties}}}}


def change_set(cloud: "Cloud", template: dict[str, Any], kind: str = "UPDATE", **more: object) -> dict[str, Any]:
    cloud.call(
        "CreateChangeSet", StackName="demo", ChangeSetName="next", TemplateBody=template, ChangeSetType=kind, **more
    )
    found: dict[str, Any] = cloud.call(
        "DescribeChangeSet", StackName="demo", ChangeSetName="next", IncludePropertyValues=True
    )
    return found


def test_a_change_set_creates_a_stack_only_when_it_is_executed(cloud: "Cloud") -> None:
    found = change_set(cloud, one(), "CREATE")
    assert [c["ResourceChange"]["Action"] for c in found["Changes"]] == ["Add"]
    assert cloud.settled("demo")["StackStatus"] == "REVIEW_IN_PROGRESS"
    assert cloud.shelf.log == []
    cloud.call("ExecuteChangeSet", StackName="demo", ChangeSetName="next")
    assert cloud.settled("demo")["StackStatus"] == "CREATE_COMPLETE"


def test_a_change_set_without_changes_fails_in_the_words_the_cli_waits_for(cloud: "Cloud") -> None:
    cloud.create(one())
    found = change_set(cloud, one())
    assert found["Status"] == "FAILED"
    assert found["StatusReason"].startswith("The submitted information didn't contain changes.")


def test_an_update_without_changes_is_refused(cloud: "Cloud") -> None:
    cloud.create(one())
    with pytest.raises(Refused, match="No updates are to be performed"):
        cloud.update(one())


def test_other_tags_of_the_stack_are_a_change_even_where_nothing_can_carry_them(cloud: "Cloud") -> None:
    untaggable = {"Resources": {"M": {"Type": "AWS::CDK::Metadata", "Properties": {"Analytics": "x"}}}}
    cloud.create(untaggable)
    assert cloud.update(untaggable, Tags=[{"Key": "a", "Value": "b"}])["Tags"] == [{"Key": "a", "Value": "b"}]


@pytest.mark.parametrize(
    ("properties", "replacement"), [({"DelaySeconds": 2}, "False"), ({"QueueName": "fixed"}, "True")]
)
def test_a_change_set_tells_what_is_replaced(cloud: "Cloud", properties: dict[str, Any], replacement: str) -> None:
    cloud.create(one())
    (change,) = change_set(cloud, one(**properties))["Changes"]
    assert change["ResourceChange"]["Replacement"] == replacement
    assert ("PolicyAction" in change["ResourceChange"]) is (replacement == "True")


def test_a_change_that_hangs_on_a_replaced_resource_is_dynamic(cloud: "Cloud") -> None:
    user = {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Ref": "A"}}}
    cloud.create({"Resources": {**one()["Resources"], "User": user}})
    changes = change_set(cloud, {"Resources": {**one(QueueName="fixed")["Resources"], "User": user}})["Changes"]
    detail = next(c for c in changes if c["ResourceChange"]["LogicalResourceId"] == "User")["ResourceChange"][
        "Details"
    ][0]
    assert (detail["Evaluation"], detail["CausingEntity"]) == ("Dynamic", "A")


def test_values_are_shown_only_on_demand(cloud: "Cloud") -> None:
    cloud.create(one())
    change_set(cloud, one(DelaySeconds=2))
    plain = cloud.call("DescribeChangeSet", StackName="demo", ChangeSetName="next")
    assert "BeforeValue" not in json.dumps(plain, default=str)


def test_a_change_of_outputs_alone_can_be_executed(cloud: "Cloud") -> None:
    cloud.create(one())
    assert change_set(cloud, one() | {"Outputs": {"X": {"Value": "1"}}})["Status"] == "CREATE_COMPLETE"
    cloud.call("ExecuteChangeSet", StackName="demo", ChangeSetName="next")
    assert cloud.settled("demo")["Outputs"] == [{"OutputKey": "X", "OutputValue": "1"}]


def test_a_wrong_property_fails_the_change_set_and_is_told_by_describe_events(cloud: "Cloud") -> None:
    found = change_set(cloud, one(Colour="red"), "CREATE")
    assert (found["Status"], "AWS::EarlyValidation::PropertyValidation" in found["StatusReason"]) == ("FAILED", True)
    (event,) = cloud.call("DescribeEvents", StackName="demo", ChangeSetName="next", Filters={"FailedEvents": True})[
        "OperationEvents"
    ]
    assert (event["ValidationStatusReason"], event["ValidationPath"]) == (
        "Unsupported property [Colour]",
        "/Resources/A/Properties",
    )
    with pytest.raises(Refused, match="cannot be executed in its current status"):
        cloud.call("ExecuteChangeSet", StackName="demo", ChangeSetName="next")


def test_executing_one_change_set_takes_the_others_away(cloud: "Cloud") -> None:
    cloud.create(one())
    change_set(cloud, one(DelaySeconds=2))
    cloud.update(one(DelaySeconds=3))
    with pytest.raises(Refused, match="does not exist"):
        cloud.call("ExecuteChangeSet", StackName="demo", ChangeSetName="next")


def test_a_stack_that_does_not_exist_is_refused_as_the_cli_expects(cloud: "Cloud") -> None:
    with pytest.raises(Refused, match="Stack with id nowhere does not exist") as refused:
        cloud.call("DescribeStacks", StackName="nowhere")
    assert refused.value.code == "ValidationError"


def test_deleting_what_is_not_there_is_no_error(cloud: "Cloud") -> None:
    assert cloud.call("DeleteStack", StackName="nowhere") == {}


def test_a_protected_stack_cannot_be_deleted(cloud: "Cloud") -> None:
    cloud.create(one(), EnableTerminationProtection=True)
    with pytest.raises(Refused, match="cannot be deleted while TerminationProtection is enabled"):
        cloud.call("DeleteStack", StackName="demo")
    cloud.call("UpdateTerminationProtection", StackName="demo", EnableTerminationProtection=False)
    assert cloud.delete()["StackStatus"] == "DELETE_COMPLETE"


def test_a_stack_at_work_takes_no_second_operation(cloud: "Cloud") -> None:
    gate = cloud.shelf.slow["A"] = threading.Event()
    cloud.call("CreateStack", StackName="demo", TemplateBody=one())
    with pytest.raises(Refused, match="is in CREATE_IN_PROGRESS state and can not be updated"):
        cloud.call("UpdateStack", StackName="demo", TemplateBody=one(DelaySeconds=2))
    gate.set()
    cloud.settled("demo")


EXPORTING = one() | {"Outputs": {"Q": {"Value": {"Ref": "A"}, "Export": {"Name": "queue"}}}}
IMPORTING = {
    "Resources": {"B": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Fn::ImportValue": "queue"}}}}
}


def test_an_export_in_use_keeps_the_stack(cloud: "Cloud") -> None:
    cloud.create(EXPORTING)
    cloud.create(IMPORTING, "user")
    left = cloud.delete()
    assert (left["StackStatus"], left["StackStatusReason"]) == (
        "CREATE_COMPLETE",
        "Export queue cannot be deleted as it is in use by user",
    )
    assert len(cloud.shelf.live) == 2
    assert cloud.call("ListImports", ExportName="queue")["Imports"] == ["user"]
    cloud.delete("user")
    assert cloud.delete()["StackStatus"] == "DELETE_COMPLETE"


@pytest.mark.parametrize(("wanted", "verb"), [(one(), "deleted"), ({**EXPORTING, **one(QueueName="other")}, "updated")])
def test_an_export_in_use_can_neither_go_nor_change(cloud: "Cloud", wanted: dict[str, Any], verb: str) -> None:
    cloud.create(EXPORTING)
    cloud.create(IMPORTING, "user")
    assert cloud.update(wanted)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert f"Export queue cannot be {verb} as it is in use by user" in cloud.reasons()
    assert [e["Name"] for e in cloud.call("ListExports")["Exports"]] == ["queue"]


def test_two_stacks_cannot_export_one_name(cloud: "Cloud") -> None:
    cloud.create(EXPORTING)
    assert cloud.create(EXPORTING, "second")["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "Export with name queue is already exported by stack demo" in cloud.reasons("second")


def test_a_failed_stack_no_longer_uses_what_it_imported(cloud: "Cloud") -> None:
    cloud.create(EXPORTING)
    cloud.shelf.broken.add(("create", "B"))
    cloud.create(IMPORTING, "user")
    assert cloud.delete()["StackStatus"] == "DELETE_COMPLETE"


def test_parameters_keep_their_previous_values_on_demand_and_hide_noecho(cloud: "Cloud") -> None:
    wanted = one(DelaySeconds={"Ref": "Delay"}) | {
        "Parameters": {
            "Delay": {"Type": "Number", "Default": 5},
            "Secret": {"Type": "String", "NoEcho": True, "Default": "x"},
        }
    }
    cloud.create(wanted, Parameters=[{"ParameterKey": "Delay", "ParameterValue": "7"}])
    wanted["Outputs"] = {"O": {"Value": {"Ref": "Delay"}}}
    made = cloud.update(wanted, Parameters=[{"ParameterKey": "Delay", "UsePreviousValue": True}])
    assert made["Outputs"][0]["OutputValue"] == "7"
    assert {p["ParameterKey"]: p["ParameterValue"] for p in made["Parameters"]} == {"Delay": "7", "Secret": "****"}


def test_a_noecho_parameter_is_shown_nowhere(cloud: "Cloud") -> None:
    wanted = {
        "Parameters": {"Secret": {"Type": "String", "NoEcho": "true", "Default": "hunter2"}},
        "Resources": {"A": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Fn::Sub": "x-${Secret}"}}}},
    }
    shown = [change_set(cloud, wanted, "CREATE")]
    cloud.call("ExecuteChangeSet", StackName="demo", ChangeSetName="next")
    shown += [cloud.settled("demo"), cloud.call("DescribeStackEvents", StackName="demo")]
    assert "hunter2" not in str(shown)
    assert cloud.shelf.requests[0].properties == {"DisplayName": "x-hunter2"}


def test_parameters_from_ssm_show_what_was_read(cloud: "Cloud") -> None:
    cloud.services.parameters["/version"] = "30"
    wanted = one() | {"Parameters": {"V": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/version"}}}
    (shown,) = cloud.create(wanted)["Parameters"]
    assert shown == {"ParameterKey": "V", "ParameterValue": "/version", "ResolvedValue": "30"}


@pytest.mark.parametrize(
    "url", ["https://s3.us-west-2.amazonaws.com/assets/t.json", "https://assets.s3.us-west-2.amazonaws.com/t.json"]
)
def test_templates_are_read_from_s3(cloud: "Cloud", url: str) -> None:
    cloud.services.objects["assets/t.json"] = json.dumps(one()).encode()
    stack_id = cloud.call("CreateStack", StackName="demo", TemplateURL=url)["StackId"]
    assert cloud.settled(stack_id)["StackStatus"] == "CREATE_COMPLETE"
    assert json.loads(cloud.call("GetTemplate", StackName="demo")["TemplateBody"]) == one()


def test_long_lists_come_in_pages(cloud: "Cloud") -> None:
    cloud.create({"Resources": {f"Q{n}": QUEUE for n in range(60)}})
    first = cloud.call("DescribeStackEvents", StackName="demo")
    rest = cloud.call("DescribeStackEvents", StackName="demo", NextToken=first["NextToken"])
    assert len(first["StackEvents"]) == 100
    assert len({e["EventId"] for e in first["StackEvents"] + rest["StackEvents"]}) == 182


def test_a_summary_tells_parameters_types_and_capabilities(cloud: "Cloud") -> None:
    role = {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "r", "AssumeRolePolicyDocument": {}}}
    body = json.dumps({"Resources": {"R": role}, "Parameters": {"P": {"Type": "String"}}})
    found = cloud.call("GetTemplateSummary", TemplateBody=body)
    assert (found["ResourceTypes"], found["Capabilities"]) == (["AWS::IAM::Role"], ["CAPABILITY_NAMED_IAM"])
    assert found["Parameters"][0]["ParameterKey"] == "P"
    assert cloud.call("ValidateTemplate", TemplateBody=body)["Parameters"][0]["ParameterKey"] == "P"


@pytest.mark.parametrize("operation", ["DetectStackDrift", "CreateStackSet"])
def test_what_is_not_rehearsed_says_so(cloud: "Cloud", operation: str) -> None:
    with pytest.raises(Refused, match=f"cloudformation:{operation} is not rehearsed"):
        cloud.call(operation, StackName="demo")


def test_options_that_would_be_without_effect_are_refused(cloud: "Cloud") -> None:
    with pytest.raises(Refused, match="RollbackTriggers: not rehearsed"):
        cloud.create(one(), RollbackConfiguration={"RollbackTriggers": [{"Arn": "a", "Type": "b"}]})
