"""Instances of the account's EC2."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from rehearsal.kubernetes.fleet import Ec2Fleet, LaunchError, Order, Subnet


@pytest.fixture
def ec2(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield boto3.client("ec2", region_name="us-west-2")


@pytest.fixture
def subnet(ec2: Any) -> Subnet:  # noqa: ANN401 - a boto3 client
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    made = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24", AvailabilityZone="us-west-2b")["Subnet"]["SubnetId"]
    ec2.create_tags(Resources=[made], Tags=[{"Key": "discovery", "Value": "blue"}])
    return Subnet(made, "us-west-2b")


def test_a_selector_finds_by_tag_by_key_and_by_id(ec2: Any, subnet: Subnet) -> None:  # noqa: ANN401 - a boto3 client
    fleet = Ec2Fleet(ec2)
    for term in ({"tags": {"discovery": "blue"}}, {"tags": {"discovery": "*"}}, {"id": subnet.id}):
        assert fleet.subnets([term]) == [subnet]
    assert fleet.subnets([{"tags": {"discovery": "green"}}]) == []


def test_an_instance_comes_with_its_tags_and_goes(ec2: Any, subnet: Subnet) -> None:  # noqa: ANN401 - a boto3 client
    fleet = Ec2Fleet(ec2)
    made = fleet.launch(Order("m5.large", subnet, tags={"owner": "me"}))
    [instance] = ec2.describe_instances(InstanceIds=[made])["Reservations"][0]["Instances"]
    assert (instance["InstanceType"], instance["Tags"]) == ("m5.large", [{"Key": "owner", "Value": "me"}])
    fleet.terminate(made)
    fleet.terminate("i-0123456789abcdef0")
    [instance] = ec2.describe_instances(InstanceIds=[made])["Reservations"][0]["Instances"]
    assert instance["State"]["Name"] == "terminated"


def test_an_instance_of_a_group_has_the_volume_metadata_and_tags_of_its_template(ec2: Any, subnet: Subnet) -> None:  # noqa: ANN401 - a boto3 client
    disk = {"VolumeSize": 80, "VolumeType": "gp3", "Encrypted": True, "DeleteOnTermination": True}
    data = {
        "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": disk}],
        "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 1},
        "TagSpecifications": [{"ResourceType": "volume", "Tags": [{"Key": "Name", "Value": "core"}]}],
    }
    ec2.create_launch_template(LaunchTemplateName="core", LaunchTemplateData=data)
    made = Ec2Fleet(ec2).launch(Order("m5.large", subnet, tags={"owner": "me"}, template={"name": "core"}))
    [instance] = ec2.describe_instances(InstanceIds=[made])["Reservations"][0]["Instances"]
    assert instance["MetadataOptions"]["HttpTokens"] == "required"
    assert instance["Tags"] == [{"Key": "owner", "Value": "me"}]
    [root] = instance["BlockDeviceMappings"]
    [volume] = ec2.describe_volumes(VolumeIds=[root["Ebs"]["VolumeId"]])["Volumes"]
    assert (volume["VolumeType"], volume["Encrypted"], volume["Size"]) == ("gp3", True, 80)
    assert {each["Key"]: each["Value"] for each in volume["Tags"]} == {"Name": "core", "owner": "me"}


def test_what_ec2_refuses_is_said(ec2: Any) -> None:  # noqa: ANN401 - a boto3 client
    with pytest.raises(LaunchError, match="InvalidSubnetID"):
        Ec2Fleet(ec2).launch(Order("m5.large", Subnet("subnet-0123456789abcdef0", "us-west-2a")))
