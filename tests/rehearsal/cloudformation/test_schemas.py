"""What the registry says: types, attributes, properties, and what a change replaces."""

from typing import Any

import pytest

from rehearsal.cloudformation import schemas
from rehearsal.cloudformation.intrinsics import UNKNOWN

WEST = "us-west-2"


@pytest.mark.parametrize(
    ("type_name", "attribute", "exists"),
    [
        ("AWS::S3::Bucket", "Arn", True),
        ("AWS::S3::Bucket", "BucketArn", False),
        ("AWS::EKS::Cluster", "OpenIdConnectIssuerUrl", True),
        ("AWS::EKS::Cluster", "EncryptionConfigKeyArn", True),
        ("AWS::EC2::SecurityGroup", "VpcId", True),  # documented, though not read-only in the schema
        ("AWS::CloudFormation::Stack", "Outputs.Anything", True),
        ("Custom::Thing", "Whatever", True),
    ],
)
def test_attributes_are_those_that_are_documented(type_name: str, attribute: str, exists: bool) -> None:
    assert schemas.has_attribute(type_name, attribute, WEST) is exists


@pytest.mark.parametrize(
    ("type_name", "old", "new", "answer"),
    [
        ("AWS::S3::Bucket", {"BucketName": "a"}, {"BucketName": "b"}, "True"),
        ("AWS::S3::Bucket", {"Tags": []}, {"Tags": [1]}, "False"),
        (
            "AWS::EKS::Cluster",
            {"KubernetesNetworkConfig": {"ServiceIpv4Cidr": "a"}},
            {"KubernetesNetworkConfig": {"ServiceIpv4Cidr": "b"}},
            "True",
        ),
        (
            "AWS::EKS::Cluster",
            {"AccessConfig": {"AuthenticationMode": "a"}},
            {"AccessConfig": {"AuthenticationMode": "b"}},
            "False",
        ),
        ("AWS::EKS::Nodegroup", {"InstanceTypes": ["a"]}, {"InstanceTypes": ["b"]}, "True"),
        ("AWS::EMRContainers::VirtualCluster", {"Name": "a"}, {"Name": "b"}, "True"),
        ("AWS::EC2::VPC", {"InstanceTenancy": "default"}, {"InstanceTenancy": "dedicated"}, "Conditional"),
        ("Custom::Thing", {"A": 1}, {"A": 2}, "False"),
    ],
)
def test_a_change_replaces_where_the_registry_says_so(
    type_name: str, old: dict[str, Any], new: dict[str, Any], answer: str
) -> None:
    assert schemas.replacing(type_name, WEST, old, new) == answer


@pytest.mark.parametrize(
    ("type_name", "old", "new", "answer"),
    [
        ("AWS::EC2::VPC", {"InstanceTenancy": "dedicated"}, {"InstanceTenancy": "default"}, False),
        ("AWS::EC2::VPC", {"InstanceTenancy": "dedicated"}, {}, False),
        ("AWS::EC2::VPC", {"InstanceTenancy": "default"}, {"InstanceTenancy": "dedicated"}, True),
        ("AWS::EC2::VPC", {"InstanceTenancy": "dedicated", "CidrBlock": "a"}, {"CidrBlock": "b"}, True),
        ("AWS::Lambda::Function", {"DurableConfig": {"ExecutionTimeout": 1}}, {}, True),  # the answer that costs more
        ("AWS::Lambda::Function", {"Timeout": 1}, {"Timeout": 2}, False),
    ],
)
def test_a_conditional_change_replaces_unless_the_documentation_leaves_it_in_place(
    type_name: str, old: dict[str, Any], new: dict[str, Any], *, answer: bool
) -> None:
    assert schemas.replaced(type_name, WEST, old, new) is answer


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"EnableDnsSupport": "true"}, {"EnableDnsSupport": True}),
        ({"CidrBlock": 10}, {"CidrBlock": "10"}),
        ({"Ipv4NetmaskLength": "16"}, {"Ipv4NetmaskLength": 16}),
        ({"Ipv4NetmaskLength": "x"}, {"Ipv4NetmaskLength": "x"}),
        ({"Tags": [{"Key": "a", "Value": True}]}, {"Tags": [{"Key": "a", "Value": "true"}]}),
    ],
)
def test_scalars_take_the_type_of_the_schema(given: dict[str, Any], found: dict[str, Any]) -> None:
    vpc = schemas.schema("AWS::EC2::VPC", WEST)
    assert schemas.coerce(given, vpc, vpc) == found


@pytest.mark.parametrize(
    ("type_name", "properties", "path", "message"),
    [
        ("AWS::SQS::Queue", {"Colour": 1}, "", "Unsupported property [Colour]"),
        ("AWS::IAM::Role", {}, "", "Required property [AssumeRolePolicyDocument] not found"),
        ("AWS::S3::Bucket", {"Arn": "x"}, "", "Unsupported property [Arn]"),
        (
            "AWS::S3::Bucket",
            {"VersioningConfiguration": {"Status": "on"}},
            "/VersioningConfiguration/Status",
            "on is not a valid enum value",
        ),
        (
            "AWS::S3::Bucket",
            {"BucketName": "UPPER"},
            "/BucketName",
            "UPPER does not match pattern ^([a-z0-9][a-z0-9.-]*[a-z0-9])?$",
        ),
        ("AWS::SQS::Queue", {"DelaySeconds": "soon"}, "/DelaySeconds", "expected type: integer, found: String"),
        ("AWS::EC2::VPC", {}, "", "Exactly one of the properties ['CidrBlock', 'Ipv4IpamPoolId'] is required"),
        ("Custom::Thing", {}, "", "Required property [ServiceToken] not found"),
    ],
)
def test_properties_are_refused_with_their_path(
    type_name: str, properties: dict[str, Any], path: str, message: str
) -> None:
    assert (path, message) in schemas.problems(type_name, WEST, properties)


def test_what_is_not_known_yet_is_not_refused() -> None:
    assert schemas.problems("AWS::S3::Bucket", WEST, {"BucketName": UNKNOWN, "Tags": UNKNOWN}) == []
    assert schemas.problems("AWS::S3::Bucket", WEST, {"BucketName": "{{resolve:ssm:Name}}"}) == []


def test_a_type_is_taggable_where_the_registry_says_so() -> None:
    assert schemas.taggable("AWS::S3::Bucket", WEST)
    assert not schemas.taggable("AWS::IAM::Policy", WEST)
