"""Preflight of a new account in the rehearsal: what it lacks is found, and once it is mended nothing is left."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from operations import cli
from operations.account import Clients
from operations.findings import Finding, failed
from operations.preflight.question import Question, usual_executors
from operations.preflight.run import findings
from rehearsal import daemon, tools
from rehearsal.world import World
from tests.operations.fake_aws import ROOT, TODAY, blueprint

SPEED = 300.0
WANTED = {"L-1216C47A": 64.0, "L-DB2E81BA": 64.0, "L-3819A6DF": 64.0}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    directory = Path(tmp_path_factory.mktemp("preflight"))
    yield daemon.up(directory, 0, SPEED)
    daemon.down(directory)


def found(client: Clients, **changes: object) -> list[Finding]:
    given = blueprint().model_copy(update=changes)
    return findings(Question(given, client, TODAY, usual_executors(given), 1.0))


def subjects(all_found: list[Finding], level: str) -> set[str]:
    return {each.subject for each in all_found if each.level == level}


def eventually(ask: Callable[[], dict[str, str]]) -> dict[str, str]:
    """Return an answer once AWS does not refuse it any more: a new role is seen some seconds late."""
    end = time.monotonic() + 60
    while True:
        try:
            return ask()
        except ClientError:
            assert time.monotonic() < end, "the role is not seen"
            time.sleep(0.1)


def test_a_new_account_lacks_bootstrap_and_quotas_and_then_lacks_nothing(world: World) -> None:
    first = found(world.client)
    assert subjects(first, "problem") == {"CDK bootstrap", "GPU quota", "vCPU quota"}
    quotas, ssm = world.client("service-quotas"), world.client("ssm")
    for code, value in WANTED.items():
        quotas.request_service_quota_increase(ServiceCode="ec2", QuotaCode=code, DesiredValue=value)
    ssm.put_parameter(Name="/cdk-bootstrap/hnb659fds/version", Value="30", Type="String")
    mended = found(world.client)
    assert not failed(mended), mended
    assert subjects(mended, "warning") == set(), mended
    before = world.page("state")
    found(world.client)
    assert world.page("state") == before, "nothing is changed"


def test_a_type_that_a_zone_does_not_offer_is_found(world: World) -> None:
    given = blueprint()
    network = given.network.model_copy(update={"zones": ("usw2-az1", "usw2-az4")})  # no g5 in usw2-az4
    (gpu,) = [each for each in found(world.client, network=network) if each.subject == "GPU instance types"]
    assert (gpu.level, "usw2-az4" in gpu.text) == ("warning", True)
    capacity = given.capacity.model_copy(update={"mode": "cluster-autoscaler"})
    (gpu,) = [
        each for each in found(world.client, network=network, capacity=capacity) if each.subject == "GPU instance types"
    ]
    assert gpu.level == "problem"


def test_a_stack_that_could_not_be_deleted_and_a_strange_log_group_are_found(world: World) -> None:
    given, logs = blueprint(), world.client("logs")
    group = f"/emr-on-eks-logs/{given.name}/{given.teams[0].name}"
    logs.create_log_group(logGroupName=group)
    assert "log group" in subjects(found(world.client), "problem")
    logs.delete_log_group(logGroupName=group)
    cloudformation = world.client("cloudformation")
    template = '{"Resources": {"Nothing": {"Type": "AWS::CloudFormation::WaitConditionHandle"}}}'
    cloudformation.create_stack(StackName=f"{given.name}-teams", TemplateBody=template)
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName=f"{given.name}-teams", WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    logs.create_log_group(logGroupName=group)
    assert "log group" not in subjects(found(world.client), "problem"), "the stack may have made it"


def test_whoever_may_read_nothing_is_told_so_and_nothing_breaks(world: World) -> None:
    principal = {"AWS": f"arn:aws:iam::{world.account}:root"}
    trust = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = world.client("iam").create_role(RoleName="nobody", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    key = eventually(lambda: world.client("sts").assume_role(RoleArn=role, RoleSessionName="me")["Credentials"])
    keys = (key["AccessKeyId"], key["SecretAccessKey"], key["SessionToken"])
    all_found = found(lambda service: world.client(service, *keys))
    assert not failed(all_found), all_found
    denied = [each for each in all_found if each.level == "warning"]
    assert {each.subject for each in denied} >= {"CDK bootstrap", "GPU quota", "instance types"}
    assert all("AccessDenied" in each.text or "UnauthorizedOperation" in each.text for each in denied), denied


def test_the_command_line_reads_the_environment_that_the_rehearsal_prints(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in tools.FORGOTTEN:
        monkeypatch.delenv(name, raising=False)
    for name, value in tools.environment(world).items():
        monkeypatch.setenv(name, value)
    status = cli.main(["preflight", "--config", str(ROOT / "examples/private.yaml")])
    said = capsys.readouterr().out
    assert "arn:aws:iam::111122223333:" in said
    assert (status == 1) == ("\nproblem" in f"\n{said}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAUNKNOWN000000000")
    assert cli.main(["preflight"]) == 1
    assert "problem  credentials: us-west-2 does not accept them (InvalidClientTokenId)" in capsys.readouterr().out
