import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from service_roles import service_role

from rehearsal.world import World


@pytest.fixture
def ec2(world: World) -> Any:  # noqa: ANN401 - boto3 makes its classes at run time
    return world.client("ec2")


@pytest.fixture
def vpc(ec2: Any) -> str:  # noqa: ANN401
    return str(ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"])


@pytest.fixture
def subnet(ec2: Any, vpc: str) -> str:  # noqa: ANN401
    return str(ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"])


def gateway(ec2: Any, vpc: str) -> str:  # noqa: ANN401
    made = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=made, VpcId=vpc)
    return str(made)


def test_a_nat_gateway_holds_its_subnet_its_address_and_the_internet_gateway(
    world: World,
    ec2: Any,  # noqa: ANN401
    vpc: str,
    subnet: str,
) -> None:
    """Guards against the emulator, which lets all three go at once and keeps the gateway's interface for ever."""
    internet = gateway(ec2, vpc)
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    nat = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address)["NatGateway"]["NatGatewayId"]
    steps = (
        (ec2.detach_internet_gateway, {"InternetGatewayId": internet, "VpcId": vpc}),
        (ec2.release_address, {"AllocationId": address}),
        (ec2.delete_subnet, {"SubnetId": subnet}),
    )
    for step, given in steps:
        with pytest.raises(ClientError, match="DependencyViolation|InUse"):
            step(**given)
    ec2.delete_nat_gateway(NatGatewayId=nat)

    def gone() -> bool:
        return bool(ec2.describe_nat_gateways(NatGatewayIds=[nat])["NatGateways"][0]["State"] == "deleted")

    assert not gone()
    assert world.clock.wait(3600, gone)
    for step, given in steps:
        step(**given)


def test_a_nat_gateway_is_pending_before_it_is_available(world: World, ec2: Any, subnet: str) -> None:  # noqa: ANN401
    made = ec2.create_nat_gateway(SubnetId=subnet, ConnectivityType="private")["NatGateway"]

    def state() -> str:
        found = ec2.describe_nat_gateways(NatGatewayIds=[made["NatGatewayId"]])["NatGateways"]
        return str(found[0]["State"])

    assert made["State"] == state() == "pending"
    assert world.clock.wait(3600, lambda: state() == "available")


def test_a_public_nat_gateway_without_an_internet_gateway_fails_and_frees_its_address(
    world: World,
    ec2: Any,  # noqa: ANN401
    subnet: str,
) -> None:
    """Guards against the emulator, whose gateways work in any network."""
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    nat = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address)["NatGateway"]["NatGatewayId"]

    def described() -> dict[str, Any]:
        return dict(ec2.describe_nat_gateways(NatGatewayIds=[nat])["NatGateways"][0])

    assert described()["State"] == "pending"
    assert world.clock.wait(3600, lambda: described()["State"] == "failed")
    assert described()["FailureCode"] == "Gateway.NotAttached"
    assert described()["FailureMessage"].endswith("has no Internet gateway attached")
    ec2.release_address(AllocationId=address)
    ec2.delete_subnet(SubnetId=subnet)


def test_a_vpc_is_not_deleted_with_an_internet_gateway(ec2: Any, vpc: str) -> None:  # noqa: ANN401
    internet = gateway(ec2, vpc)
    with pytest.raises(ClientError, match="DependencyViolation"):
        ec2.delete_vpc(VpcId=vpc)
    ec2.detach_internet_gateway(InternetGatewayId=internet, VpcId=vpc)
    ec2.delete_vpc(VpcId=vpc)
    assert not ec2.describe_network_acls(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["NetworkAcls"]


def test_a_vpc_is_not_deleted_with_a_security_group(ec2: Any, vpc: str) -> None:  # noqa: ANN401
    ec2.create_security_group(GroupName="g", Description="d", VpcId=vpc)
    with pytest.raises(ClientError, match="DependencyViolation"):
        ec2.delete_vpc(VpcId=vpc)


def test_a_group_that_another_names_is_not_deleted(ec2: Any, vpc: str) -> None:  # noqa: ANN401
    one, other = (ec2.create_security_group(GroupName=n, Description="d", VpcId=vpc)["GroupId"] for n in "ab")
    pair = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "UserIdGroupPairs": [{"GroupId": one}]}
    ec2.authorize_security_group_ingress(GroupId=other, IpPermissions=[pair])
    with pytest.raises(ClientError, match="has a dependent object"):
        ec2.delete_security_group(GroupId=one)
    ec2.delete_security_group(GroupId=other)
    ec2.delete_security_group(GroupId=one)


def test_a_terminated_instance_leaves_its_subnet(ec2: Any, subnet: str) -> None:  # noqa: ANN401
    """Guards against the emulator, which keeps the first interface of an ended instance."""
    image = ec2.describe_images()["Images"][0]["ImageId"]
    made = ec2.run_instances(ImageId=image, InstanceType="m5.large", SubnetId=subnet, MinCount=1, MaxCount=1)
    instance = made["Instances"][0]["InstanceId"]
    with pytest.raises(ClientError, match="DependencyViolation"):
        ec2.delete_subnet(SubnetId=subnet)
    ec2.terminate_instances(InstanceIds=[instance])
    ec2.delete_subnet(SubnetId=subnet)


def test_a_state_machine_calls_as_its_role_and_needs_no_execution_name(world: World) -> None:
    """Guards against the emulator, whose interpreter calls as nobody and starts a second execution named None."""
    role = service_role(world, "machine", "states.amazonaws.com")
    task = {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:sts:getCallerIdentity", "Next": "Wait"}
    states = {"Ask": task, "Wait": {"Type": "Wait", "Seconds": 120, "End": True}}
    definition = json.dumps({"StartAt": "Ask", "States": states})
    machines = world.client("stepfunctions")
    machine = machines.create_state_machine(name="m", definition=definition, roleArn=role)["stateMachineArn"]
    executions = [machines.start_execution(stateMachineArn=machine)["executionArn"] for _ in range(2)]
    assert len(set(executions)) == 2

    def ended() -> bool:
        return all(machines.describe_execution(executionArn=each)["status"] != "RUNNING" for each in executions)

    assert world.clock.wait(1200, ended)
    answered = machines.describe_execution(executionArn=executions[0])
    assert answered["status"] == "SUCCEEDED", answered
    assert ":assumed-role/machine/" in answered["output"]


def test_a_machine_whose_role_does_not_trust_it_is_refused(world: World) -> None:
    document = json.dumps({"Version": "2012-10-17", "Statement": []})
    trust = document.replace("[]", '[{"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole"}]')
    role = world.client("iam").create_role(RoleName="other", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    definition = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
    with pytest.raises(ClientError, match="states.amazonaws.com"):
        world.client("stepfunctions").create_state_machine(name="n", definition=definition, roleArn=role)
