"""Single resources through their lives, on the emulator behind the real port."""

import json
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rehearsal.cloudformation.provider import Failure, Resource
from rehearsal.resources import PROVIDERS
from rehearsal.world import World

ALLOW = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}]}
TAGS = [{"Key": "team", "Value": "a"}]
BUCKET: dict[str, Any] = {
    "BucketEncryption": {
        "ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
    },
    "LifecycleConfiguration": {"Rules": [{"Id": "old", "Status": "Enabled", "ExpirationInDays": 30}]},
    "VersioningConfiguration": {"Status": "Enabled"},
    "Tags": TAGS,
}


def trusting(service: str) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}


@pytest.mark.parametrize(
    ("type_", "old", "new"),
    [
        ("AWS::SSM::Parameter", {"Type": "String", "Value": "1"}, {"Type": "String", "Value": "2", "Tags": {"a": "b"}}),
        ("AWS::Logs::LogGroup", {"RetentionInDays": 7, "Tags": TAGS}, {}),
        ("AWS::SQS::Queue", {"MessageRetentionPeriod": 60, "Tags": TAGS}, {"MessageRetentionPeriod": 120}),
        ("AWS::EC2::VPC", {"CidrBlock": "10.0.0.0/16", "Tags": TAGS}, {"CidrBlock": "10.0.0.0/16"}),
        ("AWS::EC2::VPC", {"CidrBlock": "10.0.0.0/16", "InstanceTenancy": "dedicated"}, {"CidrBlock": "10.0.0.0/16"}),
        ("AWS::ECR::Repository", {"ImageTagMutability": "MUTABLE"}, {"ImageTagMutability": "IMMUTABLE"}),
        ("AWS::APS::Workspace", {"Alias": "a", "Tags": TAGS}, {"Alias": "b", "Tags": TAGS}),
        ("AWS::S3::Bucket", BUCKET, {"VersioningConfiguration": {"Status": "Suspended"}}),
    ],
)
def test_a_resource_is_made_changed_and_removed_twice(driver: Any, type_: str, old: Any, new: Any) -> None:  # noqa: ANN401
    made = driver.create(type_, old)
    assert driver.update(type_, made, old, new).physical_id == made.physical_id
    driver.delete(type_, made, new)
    driver.delete(type_, made, new)  # a resource that is gone is no error


def test_a_resource_of_ec2_bears_its_stack_s_tags_and_cloudformation_s_own(driver: Any, world: World) -> None:  # noqa: ANN401
    """Guards against a search by aws:cloudformation:stack-name that finds nothing, and a tag that only AWS gives."""
    given, own = {"CidrBlock": "10.0.0.0/16"}, {"project": "spark", "aws:cloudformation:stack-name": "app"}
    request, ec2 = replace(driver.request("AWS::EC2::VPC", given), tags=own), world.client("ec2")
    made = PROVIDERS["AWS::EC2::VPC"].create(request)
    (vpc,) = ec2.describe_vpcs(VpcIds=[made.physical_id])["Vpcs"]
    assert {each["Key"]: each["Value"] for each in vpc["Tags"]} == own
    with pytest.raises(ClientError, match="reserved for internal use"):
        ec2.create_tags(Resources=[made.physical_id], Tags=[{"Key": "aws:mine", "Value": ""}])
    driver.delete("AWS::EC2::VPC", made, given)


def test_a_bucket_has_all_its_parts(driver: Any, world: World) -> None:  # noqa: ANN401
    made, storage = driver.create("AWS::S3::Bucket", BUCKET, "Parts"), world.client("s3")
    name = {"Bucket": made.physical_id}
    assert storage.get_bucket_versioning(**name)["Status"] == "Enabled"
    assert storage.get_bucket_tagging(**name)["TagSet"] == TAGS
    assert storage.get_bucket_lifecycle_configuration(**name)["Rules"][0]["Expiration"] == {"Days": 30}
    driver.update("AWS::S3::Bucket", made, BUCKET, {})
    with pytest.raises(ClientError, match="NoSuchLifecycleConfiguration"):
        storage.get_bucket_lifecycle_configuration(**name)
    with pytest.raises(ClientError, match="NoSuchTagSet"):
        storage.get_bucket_tagging(**name)


def test_a_bucket_with_an_object_is_not_deleted(driver: Any, world: World) -> None:  # noqa: ANN401
    made = driver.create("AWS::S3::Bucket", {}, "Full")
    world.client("s3").put_object(Bucket=made.physical_id, Key="k", Body=b"")
    with pytest.raises(ClientError, match="BucketNotEmpty"):
        driver.delete("AWS::S3::Bucket", made, {})


def test_a_property_that_no_operation_takes_is_refused_by_name(driver: Any) -> None:  # noqa: ANN401
    with pytest.raises(Failure, match="does not know AccelerateConfiguration of AWS::S3::Bucket"):
        driver.create("AWS::S3::Bucket", {"AccelerateConfiguration": {"AccelerationStatus": "Enabled"}})


def test_a_change_that_no_operation_takes_is_refused_by_name(driver: Any) -> None:  # noqa: ANN401
    old = {"CidrBlock": "10.9.0.0/16"}
    made = driver.create("AWS::EC2::VPC", old)
    with pytest.raises(Failure, match="cannot update CidrBlock of AWS::EC2::VPC"):
        driver.update("AWS::EC2::VPC", made, old, {"CidrBlock": "10.10.0.0/16"})


def test_a_resource_whose_part_fails_is_removed_again(driver: Any, world: World) -> None:  # noqa: ANN401
    broken = {"ManagedPolicyArns": ["arn:aws:iam::aws:policy/NoSuchPolicy"], "RoleName": "broken"}
    with pytest.raises(ClientError, match="NoSuchPolicy"):
        driver.create("AWS::IAM::Role", {"AssumeRolePolicyDocument": trusting("eks.amazonaws.com"), **broken})
    with pytest.raises(ClientError, match="NoSuchEntity"):
        world.client("iam").get_role(RoleName="broken")


@pytest.fixture
def role(driver: Any) -> Resource:  # noqa: ANN401
    properties = {"AssumeRolePolicyDocument": trusting("lambda.amazonaws.com"), "RoleName": "shared"}
    try:
        return driver.create("AWS::IAM::Role", properties)  # type: ignore[no-any-return]
    except ClientError:
        return Resource("shared", {"Arn": f"arn:aws:iam::{driver.world.account}:role/shared"})


def test_a_role_is_deleted_with_the_policies_of_its_template(driver: Any) -> None:  # noqa: ANN401
    given = {
        "AssumeRolePolicyDocument": trusting("eks.amazonaws.com"),
        "ManagedPolicyArns": ["arn:aws:iam::aws:policy/ReadOnlyAccess"],
        "Policies": [{"PolicyName": "p", "PolicyDocument": ALLOW}],
    }
    made = driver.create("AWS::IAM::Role", given, "Policies")
    driver.delete("AWS::IAM::Role", made, given)


def test_a_role_with_a_policy_from_elsewhere_is_not_deleted(driver: Any, world: World) -> None:  # noqa: ANN401
    given = {"AssumeRolePolicyDocument": trusting("eks.amazonaws.com")}
    made = driver.create("AWS::IAM::Role", given, "Foreign")
    world.client("iam").put_role_policy(RoleName=made.physical_id, PolicyName="x", PolicyDocument=json.dumps(ALLOW))
    with pytest.raises(ClientError, match="DeleteConflict"):
        driver.delete("AWS::IAM::Role", made, given)


def test_an_inline_policy_follows_its_roles(driver: Any, world: World, role: Resource) -> None:  # noqa: ANN401
    old = {"PolicyName": "inline", "PolicyDocument": ALLOW, "Roles": [role.physical_id]}
    made = driver.create("AWS::IAM::Policy", old)
    assert world.client("iam").list_role_policies(RoleName=role.physical_id)["PolicyNames"] == ["inline"]
    driver.update("AWS::IAM::Policy", made, old, {**old, "Roles": []})
    assert world.client("iam").list_role_policies(RoleName=role.physical_id)["PolicyNames"] == []


def test_a_function_takes_inline_code_and_forgets_a_variable(driver: Any, world: World, role: Resource) -> None:  # noqa: ANN401
    old = {
        "Code": {"ZipFile": "def handler(event, context): return 1"},
        "Runtime": "python3.11",
        "Handler": "index.handler",
        "Role": role.attributes["Arn"],
        "Environment": {"Variables": {"A": "1"}},
    }
    made = driver.create("AWS::Lambda::Function", old)
    functions = world.client("lambda")
    assert functions.get_function_configuration(FunctionName=made.physical_id)["Environment"]["Variables"] == {"A": "1"}
    new = {name: value for name, value in old.items() if name != "Environment"}
    driver.update("AWS::Lambda::Function", made, old, {**new, "MemorySize": 512})
    changed = functions.get_function_configuration(FunctionName=made.physical_id)
    assert changed["MemorySize"] == 512
    assert not changed.get("Environment", {}).get("Variables")


def test_egress_rules_stand_in_place_of_ec2s_own(driver: Any, world: World) -> None:  # noqa: ANN401
    vpc = driver.create("AWS::EC2::VPC", {"CidrBlock": "10.8.0.0/16"}).physical_id
    rule = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": "10.0.0.0/8"}
    given = {"GroupDescription": "d", "VpcId": vpc, "SecurityGroupEgress": [rule]}
    made = driver.create("AWS::EC2::SecurityGroup", given)
    found = world.client("ec2").describe_security_groups(GroupIds=[made.physical_id])["SecurityGroups"][0]
    assert [each["IpRanges"][0]["CidrIp"] for each in found["IpPermissionsEgress"]] == ["10.0.0.0/8"]


@pytest.mark.parametrize("type_", ["AWS::S3::Bucket", "AWS::SQS::Queue", "AWS::IAM::Role"])
def test_a_made_up_name_is_stack_logical_id_and_characters(driver: Any, type_: str) -> None:  # noqa: ANN401
    given = {"AssumeRolePolicyDocument": trusting("eks.amazonaws.com")} if type_ == "AWS::IAM::Role" else {}
    made = driver.create(type_, given, "ALogicalIdThatIsMuchLongerThanNamesMayBe")
    name = made.physical_id.rsplit("/", 1)[-1]
    assert name.lower() == "app-alogicalidthatismuchlong-0123456789ab"


def test_a_nat_gateway_that_fails_says_why_and_is_removed(driver: Any, world: World) -> None:  # noqa: ANN401
    ec2 = world.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.8.0.0/24")["Subnet"]["SubnetId"]
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    with pytest.raises(Failure, match="Network vpc-.* has no Internet gateway attached"):
        driver.create("AWS::EC2::NatGateway", {"SubnetId": subnet, "AllocationId": address})
    gateways = ec2.describe_nat_gateways(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["NatGateways"]
    assert [each["State"] for each in gateways] == ["deleted"]
    ec2.release_address(AllocationId=address)
    ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_vpc(VpcId=vpc)


def test_an_endpoint_without_a_type_is_a_gateway_and_goes_again(driver: Any, world: World) -> None:  # noqa: ANN401
    """Guards against the emulator, which does not know CloudFormation's default and breaks on deletion."""
    ec2 = world.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"]
    given = {"VpcId": vpc, "ServiceName": "com.amazonaws.us-west-2.s3"}
    made = driver.create("AWS::EC2::VPCEndpoint", given)
    assert ec2.describe_vpc_endpoints()["VpcEndpoints"][0]["VpcEndpointType"] == "Gateway"
    driver.delete("AWS::EC2::VPCEndpoint", made, given)
    ec2.delete_vpc(VpcId=vpc)
