import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

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


def _archive() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("a", "b")
    return content.getvalue()


def _alias(client: Callable[[str], Any]) -> None:
    key = client("kms").create_key()["KeyMetadata"]["KeyId"]
    client("kms").create_alias(AliasName="alias/kept", TargetKeyId=key)


def _metric_filter(client: Callable[[str], Any]) -> None:
    client("logs").create_log_group(logGroupName="kept")
    metric = {"metricName": "m", "metricNamespace": "n", "metricValue": "1"}
    given = {"filterName": "errors", "filterPattern": "ERROR", "metricTransformations": [metric]}
    client("logs").put_metric_filter(logGroupName="kept", **given)


def _upload(client: Callable[[str], Any]) -> None:
    client("s3").create_bucket(Bucket="kept", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    client("s3").create_multipart_upload(Bucket="kept", Key="part")


def _layer(client: Callable[[str], Any]) -> None:
    client("lambda").publish_layer_version(LayerName="kept", Content={"ZipFile": _archive()})


def _profile(client: Callable[[str], Any]) -> None:
    client("iam").create_instance_profile(InstanceProfileName="kept", Path="/karpenter/")


@pytest.mark.parametrize(
    ("make", "row"),
    [
        (_alias, "kms Alias arn:aws:kms:us-west-2:111122223333:alias/kept"),
        (_layer, "lambda LayerVersion arn:aws:lambda:us-west-2:111122223333:layer:kept:1"),
        (_metric_filter, "logs MetricFilter kept/errors"),
        (_profile, "iam InstanceProfile arn:aws:iam::111122223333:instance-profile/karpenter/kept"),
        (_upload, "s3 MultipartUpload kept/part"),
    ],
)
def test_what_lies_within_another_resource_is_left_over_too(
    world: World, make: Callable[[Callable[[str], Any]], None], row: str
) -> None:
    inventory = Inventory(world, {})
    make(world.client)
    assert [each for each in inventory.resources() if each.startswith(row)]


def test_what_nobody_can_delete_is_told_with_its_reason(world: World) -> None:
    inventory, kms = Inventory(world, {}), world.client("kms")
    key = kms.create_key()["KeyMetadata"]
    kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=7)
    role = world.client("iam").create_service_linked_role(AWSServiceName="spot.amazonaws.com")["Role"]
    assert inventory.resources() == []
    (first, linked), (second, until) = inventory.stays()
    assert (first, second) == (f"iam Role {role['Arn']}", f"kms Key {key['Arn']}")
    assert "one for the account" in linked
    assert until.startswith("AWS deletes it on 20")


def test_the_key_that_aws_makes_for_volumes_stays(world: World) -> None:
    """Guards against a listing that blames a stack for it: nobody can delete it."""
    inventory, ec2 = Inventory(world, {}), world.client("ec2")
    made = ec2.create_volume(AvailabilityZone="us-west-2a", Size=1, Encrypted=True)["VolumeId"]
    assert [each for each in inventory.resources() if not each.startswith("cloudformation")] == [f"ec2 Volume {made}"]
    assert {name.rpartition("/")[0].rpartition(":")[2] for name, why in inventory.stays() if "AWS's own" in why} == {
        "alias/aws",
        "key",
    }
    ec2.delete_volume(VolumeId=made)
