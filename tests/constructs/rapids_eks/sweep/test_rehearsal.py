"""The sweep in the rehearsal: what is planted there by hand goes with the stack, what is another's stays."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import aws_cdk as cdk
import control_plane
import pytest
from aws_cdk import aws_ec2 as ec2

from rapids_eks.sweep.construct import Sweep, tags_of
from rapids_eks.sweep.handler.index import sweep
from tests.rehearsal.live.account import Account, Outcome, Resources
from tests.rehearsal.live.pieces import ACCOUNT, REGION, cluster, network, ref
from tests.stacks.assembly import Assembly

LOGS = "/aws/eks/swept/cluster"
ANOTHERS = "/aws/eks/swept-too/cluster"


@dataclass(frozen=True)
class Place:
    """A network of which the sweep is in charge."""

    stack: Outcome
    vpc: str
    subnet: str


@pytest.fixture
def place(account: Account) -> Iterator[Place]:
    made = account.create(network(), outputs={"Vpc": {"Value": ref("Vpc")}, "Subnet": {"Value": ref("SubnetA")}})
    found = account.outputs(made)
    yield Place(made, found["Vpc"], found["Subnet"])
    account.discard(made)


@pytest.fixture(scope="session")
def wanted(account: Account, tmp_path_factory: pytest.TempPathFactory) -> Resources:
    """The resources of a stack with a sweep, whose VPC is yet to be named."""
    folder = tmp_path_factory.mktemp("sweep")
    app = cdk.App(outdir=str(folder))
    stack = cdk.Stack(app, "Swept", env=cdk.Environment(region=REGION, account=ACCOUNT))
    vpc = ec2.Vpc.from_vpc_attributes(stack, "Vpc", vpc_id="vpc-to-be", availability_zones=["us-west-2a"])
    Sweep(stack, "Sweep", vpc=vpc, cluster_name="swept", log_groups=["/aws/lambda/Swept-*"])
    app.synth()
    made = Assembly(folder)
    made.publish(account, "Swept")
    return made.resources("Swept")


def in_vpc(wanted: Resources, vpc: object) -> Resources:
    """Return the resources for that VPC."""
    (name,) = [name for name, each in wanted.items() if each["Type"] == "Custom::Sweep"]
    resource = {**wanted[name], "Properties": {**wanted[name]["Properties"], "VpcId": vpc}}
    return {**wanted, name: resource}


def without(wanted: Resources, action: str) -> Resources:
    """Return the resources of a role that lacks one permission."""

    def spared(statement: dict[str, Any]) -> bool:
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        return action not in actions

    def narrowed(each: dict[str, Any]) -> dict[str, Any]:
        policies = [
            {
                **policy,
                "PolicyDocument": {
                    **policy["PolicyDocument"],
                    "Statement": [one for one in policy["PolicyDocument"]["Statement"] if spared(one)],
                },
            }
            for policy in each["Properties"].get("Policies", [])
        ]
        return {**each, "Properties": {**each["Properties"], "Policies": policies}}

    return {name: narrowed(each) if each["Type"] == "AWS::IAM::Role" else each for name, each in wanted.items()}


def tags(kind: str, found: dict[str, str]) -> list[dict[str, Any]]:
    return [{"ResourceType": kind, "Tags": [{"Key": key, "Value": value} for key, value in found.items()]}]


def plant(account: Account, place: Place, name: str) -> set[str]:
    """Make what controllers of a cluster of that name would leave, and return the ids."""
    client, owned = account.client("ec2"), {f"kubernetes.io/cluster/{name}": "owned"}
    inside = {"SubnetId": place.subnet}
    of_nodes = tags("instance", {**owned, "karpenter.sh/nodepool": "gpu"})
    machine = client.run_instances(
        **inside, ImageId="ami-12c6146b", MinCount=1, MaxCount=1, TagSpecifications=of_nodes
    )["Instances"][0]["InstanceId"]
    interface = client.create_network_interface(
        **inside, TagSpecifications=tags("network-interface", {"cluster.k8s.amazonaws.com/name": name})
    )["NetworkInterface"]["NetworkInterfaceId"]
    volume = client.create_volume(
        AvailabilityZone="us-west-2a", Size=1, TagSpecifications=tags("volume", {"eks-cluster-name": name})
    )["VolumeId"]
    template = client.create_launch_template(
        LaunchTemplateName=f"karpenter.k8s.aws/{name}",
        LaunchTemplateData={"InstanceType": "m5.large"},
        TagSpecifications=tags("launch-template", {"karpenter.k8s.aws/cluster": name}),
    )["LaunchTemplate"]["LaunchTemplateId"]
    return {machine, interface, volume, template, *plant_groups(account, place, name)}


def plant_groups(account: Account, place: Place, name: str) -> set[str]:
    """Make two security groups that name each other."""
    client = account.client("ec2")
    marks = ({f"kubernetes.io/cluster/{name}": "owned"}, {"elbv2.k8s.aws/cluster": name})
    one, two = (
        client.create_security_group(
            GroupName=f"k8s-{name}-{number}",
            Description="k8s",
            VpcId=place.vpc,
            TagSpecifications=tags("security-group", mark),
        )["GroupId"]
        for number, mark in enumerate(marks)
    )
    for group, other in ((one, two), (two, one)):
        pairs = [{"GroupId": other}]
        rule = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": pairs}
        client.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
        client.authorize_security_group_egress(GroupId=group, IpPermissions=[rule])
    return {one, two}


def there(account: Account, ids: set[str]) -> set[str]:
    """Return which of the ids exist."""
    filters = [{"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]}]
    found = account.client("ec2").describe_instances(Filters=filters)["Reservations"]
    running = {each["InstanceId"] for one in found for each in one["Instances"]}
    return ids & (running | {each.split()[-1].rpartition("/")[2] for each in account.left()})


def remove(account: Account, place: Place, name: str) -> None:
    """Sweep up after a cluster of that name as the account's administrator."""
    clients = {each: account.client(each) for each in ("ec2", "eks", "elb", "elbv2", "iam", "logs")}
    asked = {
        "ClusterName": name,
        "VpcId": place.vpc,
        "Tags": tags_of(name),
        "ProfilePath": f"/karpenter/{REGION}/{name}/",
    }
    account.waits(lambda: not sweep(clients, {**asked, "LogGroups": [], "QuietSeconds": 0}, 0))


def test_what_controllers_left_goes_with_the_stack_and_what_is_anothers_stays(
    account: Account, place: Place, wanted: Resources
) -> None:
    before = account.left()
    made = account.create(in_vpc(wanted, place.vpc))
    assert made.status == "CREATE_COMPLETE", made.reasons
    ours, others = plant(account, place, "swept"), plant(account, place, "swept-too")
    logs = account.client("logs")
    for name in (LOGS, ANOTHERS, "/aws/lambda/Swept-Handler123"):
        logs.create_log_group(logGroupName=name)
    assert there(account, ours) == ours

    gone = account.delete(made)
    assert gone.status == "DELETE_COMPLETE", gone.reasons
    assert there(account, ours) == set()
    assert there(account, others) == others
    left = [each["logGroupName"] for each in logs.describe_log_groups()["logGroups"]]
    assert ANOTHERS in left
    assert not {LOGS, "/aws/lambda/Swept-Handler123"} & set(left)

    remove(account, place, "swept-too")
    logs.delete_log_group(logGroupName=ANOTHERS)
    assert account.left() == before


def test_a_permission_that_is_missing_is_named_and_the_rest_is_swept(
    account: Account, place: Place, wanted: Resources
) -> None:
    made = account.create(without(in_vpc(wanted, place.vpc), "ec2:DeleteVolume"))
    assert made.status == "CREATE_COMPLETE", made.reasons
    planted = plant(account, place, "swept")
    stuck = account.delete(made)
    assert stuck.status == "DELETE_FAILED"
    assert "ec2:DeleteVolume" in stuck.reasons
    assert {name.partition("-")[0] for name in there(account, planted)} == {"vol"}
    remove(account, place, "swept")
    account.discard(stuck)


def test_a_vpc_that_is_gone_is_swept_already(account: Account, wanted: Resources) -> None:
    before = account.left()
    made = account.create(wanted)
    assert made.status == "CREATE_COMPLETE", made.reasons
    gone = account.delete(made)
    assert gone.status == "DELETE_COMPLETE", gone.reasons
    assert account.left() == before


def test_the_log_group_that_eks_makes_anew_is_gone_with_the_cluster(account: Account, wanted: Resources) -> None:
    """Guards against a log group that outlives the cluster or comes back, and is in the way of the next one."""
    control_plane.required()
    before = account.left()
    logging = {"ClusterLogging": {"EnabledTypes": [{"Type": "api"}]}}
    parts = cluster("swept", Logging=logging) | in_vpc(wanted, ref("Vpc"))
    parts["Cluster"]["DependsOn"] = [name for name, each in parts.items() if each["Type"] == "Custom::Sweep"]
    made = account.create(parts)
    assert made.status == "CREATE_COMPLETE", made.reasons
    assert [each for each in account.left() if each.endswith(f":{LOGS}")]
    gone = account.delete(made)
    assert gone.status == "DELETE_COMPLETE", gone.reasons
    time.sleep(2)  # ten of AWS's minutes, in which nothing may come back
    assert account.left() == before
