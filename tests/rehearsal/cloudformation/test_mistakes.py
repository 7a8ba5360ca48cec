"""Stacks with one mistake each, which AWS refuses by its documentation; corrected, they deploy."""

import copy
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from rehearsal.wire.call import Refused

if TYPE_CHECKING:
    from tests.rehearsal.cloudformation.conftest import Cloud

GUIDE = "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide"
TEMPLATES = "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}

SOUND: dict[str, Any] = {
    "Parameters": {"Delay": {"Type": "Number", "Default": "3", "MaxValue": 900}},
    "Conditions": {"Wanted": {"Fn::Equals": ["a", "a"]}},
    "Mappings": {"Sizes": {"dev": {"days": "7"}}},
    "Resources": {
        "Bucket": {
            "Type": "AWS::S3::Bucket",
            "Properties": {"BucketName": "sound-bucket", "VersioningConfiguration": {"Status": "Enabled"}},
        },
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"DelaySeconds": {"Ref": "Delay"}}, "DependsOn": "Bucket"},
        "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Fn::GetAtt": ["Queue", "Arn"]}}},
        "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST}},
        "Log": {
            "Type": "AWS::Logs::LogGroup",
            "Properties": {"RetentionInDays": {"Fn::FindInMap": ["Sizes", "dev", "days"]}},
        },
    },
    "Outputs": {"Name": {"Value": {"Ref": "Bucket"}, "Export": {"Name": "bucket"}}},
}


@dataclass(frozen=True)
class Mistake:
    """One change to the sound template, what AWS says to it, and where that is documented."""

    path: str  # what is changed, in dots
    value: Any
    says: str
    documented: str


MISTAKES = [
    Mistake(
        "Resources.Bucket.Properties.Colour",
        "red",
        "Unsupported property [Colour]",
        f"{TEMPLATES}/aws-resource-s3-bucket.html",
    ),
    Mistake(
        "Resources.Bucket.Properties.VersioningConfiguration.Status",
        "On",
        "On is not a valid enum value",
        f"{TEMPLATES}/aws-properties-s3-bucket-versioningconfiguration.html",
    ),
    Mistake(
        "Resources.Bucket.Properties.BucketName",
        "Not_A_Bucket",
        "does not match pattern",
        "https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html",
    ),
    Mistake(
        "Resources.Role.Properties",
        {},
        "Required property [AssumeRolePolicyDocument] not found",
        f"{TEMPLATES}/aws-resource-iam-role.html",
    ),
    Mistake(
        "Resources.Log.Properties.RetentionInDays",
        "ten",
        "expected type: integer, found: String",
        f"{TEMPLATES}/aws-resource-logs-loggroup.html",
    ),
    Mistake(
        "Resources.Log.Properties.RetentionInDays",
        8,
        "8 is not a valid enum value",
        f"{TEMPLATES}/aws-resource-logs-loggroup.html",
    ),
    Mistake(
        "Resources.Topic.Properties.DisplayName",
        {"Fn::GetAtt": ["Queue", "Url"]},
        "resource Queue does not support attribute type Url in Fn::GetAtt",
        f"{TEMPLATES}/aws-resource-sqs-queue.html",
    ),
    Mistake(
        "Resources.Topic.Properties.DisplayName",
        {"Ref": "Nobody"},
        "Unresolved resource dependencies [Nobody] in the Resources block of the template",
        f"{TEMPLATES}/intrinsic-function-reference-ref.html",
    ),
    Mistake(
        "Resources.Bucket.DependsOn",
        "Topic",
        "Circular dependency between resources: [Bucket, Queue, Topic]",
        f"{GUIDE}/troubleshooting.html",
    ),
    Mistake(
        "Resources.Queue.DependsOn",
        "Nobody",
        "Unresolved resource dependencies [Nobody]",
        f"{TEMPLATES}/aws-attribute-dependson.html",
    ),
    Mistake(
        "Resources.Queue.Condition",
        "Never",
        "Unresolved condition dependency Never in the Resources block",
        f"{GUIDE}/conditions-section-structure.html",
    ),
    Mistake(
        "Resources.Queue.Type",
        "AWS::SQS::Cue",
        "Unrecognized resource types: [AWS::SQS::Cue]",
        f"{GUIDE}/resources-section-structure.html",
    ),
    Mistake(
        "Resources.Queue.Propertys",
        {},
        "Invalid template resource property 'Propertys'",
        f"{GUIDE}/resources-section-structure.html",
    ),
    Mistake(
        "Resources.my-queue",
        {"Type": "AWS::SQS::Queue"},
        "Resource name my-queue is non alphanumeric",
        f"{GUIDE}/resources-section-structure.html",
    ),
    Mistake(
        "Resources.Queue.DeletionPolicy",
        "Keep",
        "Unrecognized DeletionPolicy Keep",
        f"{TEMPLATES}/aws-attribute-deletionpolicy.html",
    ),
    Mistake(
        "Resources", {}, "At least one Resources member must be defined", f"{GUIDE}/resources-section-structure.html"
    ),
    Mistake("Ressources", {}, "Invalid template property or properties [Ressources]", f"{GUIDE}/template-anatomy.html"),
    Mistake(
        "Resources",
        {f"Q{n}": {"Type": "AWS::SQS::Queue"} for n in range(501)},
        "is greater than maximum allowed, 500",
        f"{GUIDE}/cloudformation-limits.html",
    ),
    Mistake(
        "Parameters.Delay.Default",
        "901",
        "Parameter 'Delay' must be a number not greater than 900",
        f"{GUIDE}/parameters-section-structure.html",
    ),
    Mistake(
        "Parameters.Must",
        {"Type": "String"},
        "Parameters: [Must] must have values",
        f"{GUIDE}/parameters-section-structure.html",
    ),
    Mistake(
        "Conditions.Wanted",
        {"Fn::Equals": [{"Ref": "Bucket"}, "a"]},
        "Cannot reference resources in the Conditions block",
        f"{GUIDE}/conditions-section-structure.html",
    ),
    Mistake(
        "Resources.Log.Properties.RetentionInDays",
        {"Fn::FindInMap": ["Sizes", "prod", "days"]},
        "Unable to get mapping for Sizes::prod::days",
        f"{TEMPLATES}/intrinsic-function-reference-findinmap.html",
    ),
    Mistake(
        "Resources.Topic.Properties.DisplayName",
        {"Fn::ImportValue": "nobodys"},
        "No export named nobodys found",
        f"{TEMPLATES}/intrinsic-function-reference-importvalue.html",
    ),
    Mistake(
        "Resources.Topic.Properties.DisplayName",
        {"Fn::Select": [2, ["a", "b"]]},
        "Fn::Select cannot select nonexistent value at index 2",
        f"{TEMPLATES}/intrinsic-function-reference-select.html",
    ),
    Mistake(
        "Outputs.Name.Value",
        {"Ref": "Nobody"},
        "in the Outputs block of the template",
        f"{GUIDE}/outputs-section-structure.html",
    ),
    Mistake(
        "Outputs.Name.Value",
        {"Fn::GetAtt": ["Role", "Name"]},
        "does not support attribute type Name",
        f"{TEMPLATES}/aws-resource-iam-role.html",
    ),
]


def changed(path: str, value: object) -> dict[str, Any]:
    template = copy.deepcopy(SOUND)
    *parents, last = path.split(".")
    part = template
    for name in parents:
        part = part[name]
    part[last] = value
    return template


def refusal(cloud: "Cloud", template: dict[str, Any], **more: object) -> str:
    """Return what is said about a template: by the call itself, or by the change set's findings."""
    try:
        made = cloud.call(
            "CreateChangeSet",
            StackName="demo",
            ChangeSetName="c",
            ChangeSetType="CREATE",
            TemplateBody=json.dumps(template),
            **more,
        )
    except Refused as refused:
        return refused.message
    found = cloud.call("DescribeEvents", ChangeSetName=made["Id"])["OperationEvents"]
    return "\n".join(f"{event['LogicalResourceId']}: {event['ValidationStatusReason']}" for event in found)


def test_the_sound_stack_deploys(cloud: "Cloud") -> None:
    assert refusal(cloud, SOUND, Capabilities=["CAPABILITY_IAM"]) == ""
    cloud.call("ExecuteChangeSet", StackName="demo", ChangeSetName="c")
    assert cloud.settled("demo")["StackStatus"] == "CREATE_COMPLETE"


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.says[:40])
def test_one_mistake_is_refused_and_named(cloud: "Cloud", mistake: Mistake) -> None:
    assert mistake.says in refusal(cloud, changed(mistake.path, mistake.value), Capabilities=["CAPABILITY_IAM"])
    assert cloud.shelf.log == []


def test_a_role_needs_its_capability(cloud: "Cloud") -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/control-access-with-iam.html"""
    assert refusal(cloud, SOUND) == "Requires capabilities : [CAPABILITY_IAM]"
    named = changed("Resources.Role.Properties.RoleName", "fixed")
    assert refusal(cloud, named, Capabilities=["CAPABILITY_IAM"]) == "Requires capabilities : [CAPABILITY_NAMED_IAM]"


def test_a_large_template_must_come_by_s3(cloud: "Cloud") -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"""
    assert "Member must have length" in refusal(
        cloud, changed("Description", "x" * 51_200), Capabilities=["CAPABILITY_IAM"]
    )


def test_a_replacement_cannot_take_the_name_of_what_it_replaces(cloud: "Cloud") -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/troubleshooting.html"""
    group: dict[str, Any] = {
        "Type": "AWS::EKS::Cluster",
        "Properties": {
            "Name": "fixed",
            "RoleArn": "arn:aws:iam::111122223333:role/a",
            "ResourcesVpcConfig": {"SubnetIds": ["subnet-1"]},
        },
    }
    cloud.create({"Resources": {"Cluster": group}})
    group["Properties"]["RoleArn"] += "b"
    assert cloud.update({"Resources": {"Cluster": group}})["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert "cannot update a stack when a custom-named resource requires replacing. Rename fixed" in cloud.reasons()


def test_the_type_of_a_resource_cannot_change(cloud: "Cloud") -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/troubleshooting.html"""
    cloud.create({"Resources": {"A": {"Type": "AWS::SQS::Queue"}}})
    with pytest.raises(Refused, match=r"modifies resource type of the following resources: \[A\]"):
        cloud.update({"Resources": {"A": {"Type": "AWS::SNS::Topic"}}})


def test_a_name_that_exists_fails_the_second_stack(cloud: "Cloud") -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-name.html"""
    named = {"Resources": {"A": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "fixed"}}}}
    cloud.create(named)
    assert cloud.create(named, "second")["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "fixed already exists" in cloud.reasons("second")


def test_a_parameter_without_a_name_is_no_success(cloud: "Cloud") -> None:
    """A property that the type requires: moto's own engine reported success here.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ssm-parameter.html
    """
    assert "Required property [Value] not found" in refusal(
        cloud, {"Resources": {"P": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String"}}}}
    )
