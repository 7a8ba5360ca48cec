"""The sweep's rounds against an emulator of AWS in this process."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from rapids_eks.sweep.construct import tags_of
from rapids_eks.sweep.handler import ec2, index, load_balancers, names, security_groups
from rapids_eks.sweep.handler.deletion import attempt, is_tagged

OURS, OTHER = "demo", "demo-two"
OWNED = {f"kubernetes.io/cluster/{OURS}": "owned"}
PATH = f"/karpenter/us-west-2/{OURS}/"
SERVICES = ("ec2", "eks", "elb", "elbv2", "iam", "logs")
Clients = dict[str, Any]


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "none")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield {name: boto3.client(name, region_name="us-west-2") for name in SERVICES}


@pytest.fixture
def vpc(clients: Clients) -> str:
    return str(clients["ec2"].create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"])


@pytest.fixture
def subnet(clients: Clients, vpc: str) -> str:
    made = clients["ec2"].create_subnet(VpcId=vpc, CidrBlock="10.9.0.0/24", AvailabilityZone="us-west-2a")
    return str(made["Subnet"]["SubnetId"])


def asked(vpc: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - any of the resource's properties
    usual = {"ClusterName": OURS, "VpcId": vpc, "Tags": tags_of(OURS), "ProfilePath": PATH}
    return {**usual, "LogGroups": [], "QuietSeconds": "0", **more}


def listed(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def rounds(clients: Clients, vpc: str, **more: Any) -> list[list[str]]:  # noqa: ANN401 - any of the properties
    """Return what each round tells, until one finds nothing."""
    told = [index.sweep(clients, asked(vpc, **more), 0)]
    while told[-1] and len(told) < 5:
        told.append(index.sweep(clients, asked(vpc, **more), 0))
    return told


def test_load_balancers_of_both_kinds_and_target_groups_go_by_their_tags(
    clients: Clients, vpc: str, subnet: str
) -> None:
    listener = [{"Protocol": "tcp", "LoadBalancerPort": 80, "InstancePort": 80}]
    for name, tags in (("ours", OWNED), ("others", {f"kubernetes.io/cluster/{OTHER}": "owned"})):
        clients["elb"].create_load_balancer(
            LoadBalancerName=name, Listeners=listener, Subnets=[subnet], Tags=listed(tags)
        )
    for name, cluster in (("ours", OURS), ("others", OTHER)):
        marks = listed({"elbv2.k8s.aws/cluster": cluster})
        clients["elbv2"].create_load_balancer(Name=name, Subnets=[subnet], Type="network", Tags=marks)
        clients["elbv2"].create_target_group(Name=name, Protocol="TCP", Port=80, VpcId=vpc, Tags=marks)
    first, *_, last = rounds(clients, vpc)
    assert len([line for line in first if line.startswith(("load balancer", "target group"))]) == 3
    assert last == []
    (old,) = clients["elb"].describe_load_balancers()["LoadBalancerDescriptions"]
    (new,) = clients["elbv2"].describe_load_balancers()["LoadBalancers"]
    (group,) = clients["elbv2"].describe_target_groups()["TargetGroups"]
    assert {old["LoadBalancerName"], new["LoadBalancerName"], group["TargetGroupName"]} == {"others"}


def test_more_load_balancers_than_can_be_asked_for_their_tags_at_once_are_all_swept(
    clients: Clients, vpc: str, subnet: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """https://docs.aws.amazon.com/elasticloadbalancing/2012-06-01/APIReference/API_DescribeTags.html."""
    describe_tags = clients["elb"].describe_tags

    def limited(LoadBalancerNames: list[str]) -> Any:  # noqa: ANN401, N803 - boto3's own
        assert 1 <= len(LoadBalancerNames) <= 20, "the emulator knows no limit"
        return describe_tags(LoadBalancerNames=LoadBalancerNames)

    monkeypatch.setattr(clients["elb"], "describe_tags", limited)
    listener = [{"Protocol": "tcp", "LoadBalancerPort": 80, "InstancePort": 80}]
    for number in range(23):
        clients["elb"].create_load_balancer(
            LoadBalancerName=f"n{number}", Listeners=listener, Subnets=[subnet], Tags=listed(OWNED)
        )
    assert rounds(clients, vpc)[-1] == []
    assert clients["elb"].describe_load_balancers()["LoadBalancerDescriptions"] == []


def test_interfaces_of_a_load_balancer_that_is_gone_are_waited_for(clients: Clients, vpc: str, subnet: str) -> None:
    """Guards against a network that cannot be deleted, for AWS removes such interfaces late and they have no tags."""
    made = clients["ec2"].create_network_interface(SubnetId=subnet, Description="ELB net/gone/123")
    (line,) = load_balancers.vanishing(clients["ec2"], clients["elb"], clients["elbv2"], vpc)
    assert made["NetworkInterface"]["NetworkInterfaceId"] in line
    assert "ELB net/gone/123" in line


def test_interfaces_of_a_load_balancer_that_is_there_are_its_own(clients: Clients, vpc: str, subnet: str) -> None:
    made = clients["elbv2"].create_load_balancer(Name="anothers", Subnets=[subnet], Type="network")["LoadBalancers"]
    name = made[0]["LoadBalancerArn"].partition(":loadbalancer/")[2]
    clients["ec2"].create_network_interface(SubnetId=subnet, Description=f"ELB {name}")
    assert load_balancers.vanishing(clients["ec2"], clients["elb"], clients["elbv2"], vpc) == []


def test_instance_profiles_go_with_their_roles_taken_out_and_other_clusters_stay(clients: Clients, vpc: str) -> None:
    iam = clients["iam"]
    iam.create_role(RoleName="node", AssumeRolePolicyDocument="{}")
    for name, path in (("ours", f"{PATH}uid/"), ("others", f"/karpenter/us-west-2/{OTHER}/uid/"), ("elsewhere", "/")):
        iam.create_instance_profile(InstanceProfileName=name, Path=path)
        iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName="node")
    assert rounds(clients, vpc) == [["instance profile ours (being deleted)"], []]
    left = {each["InstanceProfileName"] for each in iam.list_instance_profiles()["InstanceProfiles"]}
    assert left == {"others", "elsewhere"}


def test_what_is_in_use_stays_and_its_user_is_named(clients: Clients, vpc: str, subnet: str) -> None:
    compute = clients["ec2"]
    group = compute.create_security_group(GroupName="ours", Description="k8s", VpcId=vpc)["GroupId"]
    compute.create_tags(Resources=[group], Tags=listed(OWNED))
    image = compute.describe_images()["Images"][0]["ImageId"]
    user = compute.run_instances(ImageId=image, MinCount=1, MaxCount=1, SubnetId=subnet)["Instances"][0]["InstanceId"]
    volume = compute.create_volume(AvailabilityZone="us-west-2a", Size=1)["VolumeId"]
    interface = compute.create_network_interface(SubnetId=subnet, Groups=[group])["NetworkInterface"]
    name = interface["NetworkInterfaceId"]
    compute.create_tags(Resources=[volume, name], Tags=listed(OWNED))
    compute.attach_volume(InstanceId=user, VolumeId=volume, Device="/dev/sdh")
    compute.attach_network_interface(InstanceId=user, NetworkInterfaceId=name, DeviceIndex=1)
    told = "\n".join(index.sweep(clients, asked(vpc), 0))
    assert f"network interface {name} (in-use, used by {user})" in told
    assert f"volume {volume} (in-use by {user})" in told
    assert (
        compute.describe_instances(InstanceIds=[user])["Reservations"][0]["Instances"][0]["State"]["Name"] == "running"
    )


def test_a_group_that_another_ones_rule_names_is_told_with_that_one(clients: Clients, vpc: str) -> None:
    compute = clients["ec2"]
    ours, theirs = (
        compute.create_security_group(GroupName=name, Description="x", VpcId=vpc)["GroupId"]
        for name in ("ours", "theirs")
    )
    rule = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": [{"GroupId": ours}]}
    compute.authorize_security_group_ingress(GroupId=theirs, IpPermissions=[rule])
    assert security_groups.users(compute, ours) == [f"named by a rule of {theirs}"]


def test_nothing_is_touched_while_the_cluster_is_in_use(clients: Clients, vpc: str, subnet: str) -> None:
    """Guards against a cluster of another stack, for whose name this one was rolled back: its deletion must succeed."""
    interface = clients["ec2"].create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    clients["ec2"].create_tags(Resources=[interface], Tags=listed(OWNED))
    clients["eks"].create_cluster(
        name=OURS, roleArn="arn:aws:iam::123456789012:role/eks", resourcesVpcConfig={"subnetIds": [subnet]}
    )
    assert index.sweep(clients, asked(vpc), 0) == []
    assert clients["ec2"].describe_network_interfaces(NetworkInterfaceIds=[interface])["NetworkInterfaces"]


def test_a_log_group_that_comes_back_late_is_deleted_again(clients: Clients) -> None:
    logs, name = clients["logs"], "/aws/eks/demo/cluster"
    for other in (f"{name}-two", name):
        logs.create_log_group(logGroupName=other)
    first = names.log_groups(logs, [name], 0, 300)
    assert first[0] == f"log group {name} (being deleted)"
    assert "300 more seconds" in first[1]
    logs.create_log_group(logGroupName=name)
    assert f"log group {name} (being deleted)" in names.log_groups(logs, [name], 280, 300)
    assert names.log_groups(logs, [name], 300, 300) == []
    assert [each["logGroupName"] for each in logs.describe_log_groups()["logGroups"]] == [f"{name}-two"]


def error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": f"because of {code}"}}, "Delete")


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("InvalidVolume.NotFound", "thing (being deleted)"),
        ("NoSuchEntity", "thing (being deleted)"),
        ("DependencyViolation", "thing (because of DependencyViolation)"),
        ("RequestLimitExceeded", "thing (because of RequestLimitExceeded)"),
    ],
)
def test_what_is_gone_is_no_obstacle_and_what_aws_refuses_now_is_tried_again(code: str, says: str) -> None:
    def refuse() -> None:
        raise error(code)

    assert attempt("thing", refuse) == says


@pytest.mark.parametrize("code", ["UnauthorizedOperation", "AccessDenied", "AccessDeniedException"])
def test_what_is_not_allowed_is_raised(code: str) -> None:
    def refuse() -> None:
        raise error(code)

    with pytest.raises(ClientError, match=code):
        attempt("thing", refuse)


def test_all_kinds_are_swept_before_a_denial_is_told(
    monkeypatch: pytest.MonkeyPatch, clients: Clients, vpc: str
) -> None:
    swept: list[str] = []

    def denied(*_: object) -> list[str]:
        raise error("AccessDenied")

    def seen(*_: object) -> list[str]:
        swept.append("logs")
        return []

    monkeypatch.setattr(ec2, "instances", denied)
    monkeypatch.setattr(names, "log_groups", seen)
    with pytest.raises(RuntimeError, match="because of AccessDenied"):
        index.sweep(clients, asked(vpc), 0)
    assert swept == ["logs"]


def test_a_tag_is_the_clusters_only_with_its_value() -> None:
    assert is_tagged(listed(OWNED), tags_of(OURS)["Instances"])
    assert not is_tagged(listed({f"kubernetes.io/cluster/{OURS}": "shared"}), tags_of(OURS)["Instances"])
    assert not is_tagged(listed({"elbv2.k8s.aws/cluster": OTHER}), tags_of(OURS)["SecurityGroups"])
