"""The Auto Scaling groups of node groups, and the public parameters that tell their images."""

from typing import Any

import pytest
from moto.autoscaling.models import autoscaling_backends
from moto.ec2.models import ec2_backends
from moto.ssm.models import ssm_backends

from rehearsal.services import ssm
from rehearsal.services.eks import auto_scaling
from rehearsal.wire.call import Call, Principal, Refused

ACCOUNT, REGION = "111122223333", "us-west-2"
PATIENCE = 60_000.0  # AWS's seconds; ten of the wall's
IMAGES = "/aws/service/eks/optimized-ami/1.35/amazon-linux-2023/x86_64/nvidia"


def call(operation: str, service: str = "autoscaling", **parameters: Any) -> Call:  # noqa: ANN401 - parameters
    return Call(service, operation, parameters, Principal(f"arn:aws:iam::{ACCOUNT}:root"), "", REGION, ACCOUNT, "1")


@pytest.fixture
def group(account: Any) -> Any:  # noqa: ANN401 - the conftest's Account; moto's
    """The Auto Scaling group of a node group of none to three nodes."""
    cluster = account.cluster()
    sizes = {"minSize": 0, "maxSize": 3, "desiredSize": 0}
    given = {"clusterName": "c", "nodegroupName": "n", "nodeRole": account.role, "subnets": account.subnets}
    account.call("CreateNodegroup", {**given, "scalingConfig": sizes})
    account.wait(PATIENCE, lambda: cluster.node_groups["n"]["status"] == "ACTIVE")
    (made,) = autoscaling_backends[ACCOUNT][REGION].autoscaling_groups.values()
    return made


def test_it_carries_what_the_autoscaler_looks_for(group: Any) -> None:  # noqa: ANN401 - moto's
    tags = {each["Key"]: each["Value"] for each in group.tags}
    assert tags["k8s.io/cluster-autoscaler/enabled"] == "true"
    assert tags["k8s.io/cluster-autoscaler/c"] == "owned"
    assert tags["eks:nodegroup-name"] == "n"
    assert (group.min_size, group.max_size, group.desired_capacity) == (0, 3, 0)


def test_its_node_group_grows_with_it_and_no_further_than_it_may(account: Any, group: Any) -> None:  # noqa: ANN401
    resize = auto_scaling.operations(account.eks)["SetDesiredCapacity"]
    resize(call("SetDesiredCapacity", AutoScalingGroupName=group.name, DesiredCapacity=2))
    plane = account.eks.clusters["c"].plane
    account.wait(PATIENCE, lambda: plane.api.nodes["n"] == 2)
    described = account.call("DescribeNodegroup", {"clusterName": "c", "nodegroupName": "n"})["nodegroup"]
    assert described["scalingConfig"]["desiredSize"] == 2
    for wrong, side in ((4, "above max value 3"), (-1, "below min value 0")):
        with pytest.raises(Refused, match=side):
            resize(call("SetDesiredCapacity", AutoScalingGroupName=group.name, DesiredCapacity=wrong))
    with pytest.raises(Refused, match="name not found"):
        resize(call("SetDesiredCapacity", AutoScalingGroupName="other", DesiredCapacity=1))


def test_an_activity_that_failed_says_why(account: Any, group: Any, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ANN401
    def none(_: object) -> None:
        raise RuntimeError("no capacity")

    monkeypatch.setattr(account.eks.clusters["c"].plane, "add_node_group", none)
    handlers = auto_scaling.operations(account.eks)
    handlers["SetDesiredCapacity"](call("SetDesiredCapacity", AutoScalingGroupName=group.name, DesiredCapacity=1))
    asked = call("DescribeScalingActivities", AutoScalingGroupName=group.name)

    def told(member: str) -> list[str]:
        return [str(each.get(member)) for each in handlers["DescribeScalingActivities"](asked)["Activities"]]

    account.wait(PATIENCE, lambda: told("StatusCode") == ["Failed"])
    assert told("StatusMessage") == ["no capacity"]


def test_it_goes_with_its_node_group_and_eks_s_launch_template_too(account: Any, group: Any) -> None:  # noqa: ANN401
    assert group
    account.call("DeleteNodegroup", {"clusterName": "c", "nodegroupName": "n"})
    account.wait(PATIENCE, lambda: not account.eks.clusters["c"].node_groups)
    assert not autoscaling_backends[ACCOUNT][REGION].autoscaling_groups
    assert not ec2_backends[ACCOUNT][REGION].launch_templates


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (f"{IMAGES}/recommended/image_id", "ami-"),
        (f"{IMAGES}/amazon-eks-node-al2023-x86_64-nvidia-1.35-v20260930/release_version", "1.35.0-20260930"),
        ("/aws/service/canonical/ubuntu/eks/24.04/1.35/stable/current/amd64/hvm/ebs-gp3/ami-id", "ami-"),
    ],
)
@pytest.mark.usefixtures("account")
def test_images_are_told_by_public_parameters(name: str, value: str) -> None:
    assert ssm.get_parameter(call("GetParameter", "ssm", Name=name))["Parameter"]["Value"].startswith(value)


@pytest.mark.parametrize(
    "name",
    [
        f"{IMAGES}/amazon-eks-node-al2023-x86_64-standard-1.35-v20260930/release_version",  # of another variant
        f"{IMAGES}/amazon-eks-node-al2023-x86_64-nvidia-1.35-20261112/release_version",  # without the v
        "/aws/service/canonical/ubuntu/eks/24.04/1.20/stable/current/amd64/hvm/ebs-gp3/ami-id",
        "/mine",
    ],
)
@pytest.mark.usefixtures("account")
def test_a_parameter_that_is_not_there_is_not_found(name: str) -> None:
    with pytest.raises(Refused, match="ParameterNotFound"):
        ssm.get_parameter(call("GetParameter", "ssm", Name=name))


@pytest.mark.usefixtures("account")
def test_the_account_s_own_parameters_are_found_as_ever() -> None:
    own = {"name": "/mine", "description": "", "value": "x", "parameter_type": "String", "allowed_pattern": ""}
    more = {"keyid": "", "overwrite": False, "tags": [], "data_type": "text", "tier": None, "policies": None}
    ssm_backends[ACCOUNT][REGION].put_parameter(**own, **more)
    assert ssm.get_parameter(call("GetParameter", "ssm", Name="/mine"))["Parameter"]["Value"] == "x"
