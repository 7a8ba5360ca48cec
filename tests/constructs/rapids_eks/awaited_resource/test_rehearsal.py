"""Deletions that take a while, go on for ever, or fail, in the rehearsal."""

import json
from collections.abc import Sequence
from pathlib import Path

import aws_cdk as cdk
import pytest

from rapids_eks.awaited_resource.construct import AwaitedResource
from rapids_eks.awaited_resource.handler import index
from tests.rehearsal.live.account import Account, Resources, changed
from tests.stacks.assembly import ACCOUNT, REGION, Assembly

STEP = Path(__file__).parent / "step.py"


def made(folder: Path, behaviour: str, *, minutes: int = 2, awaited: Sequence[str] = ("Delete",)) -> Assembly:
    code = folder / "code"
    (code / "handler").mkdir(parents=True)
    (code / "handler" / "__init__.py").touch()
    (code / "handler" / "index.py").write_text(STEP.read_text())
    app = cdk.App(outdir=str(folder / "out"))
    AwaitedResource(
        cdk.Stack(app, "Awaited", env=cdk.Environment(region=REGION, account=ACCOUNT)),
        "Awaiting",
        resource_type="Custom::Awaited",
        physical_id="awaited",
        description="Does as it is told",
        code=code,
        properties={"Behaviour": behaviour},
        permissions=[],
        limit=cdk.Duration.minutes(minutes),
        every=cdk.Duration.seconds(20),
        log_retention_days=1,
        awaited=awaited,
    )
    app.synth()
    return Assembly(folder / "out")


def wanted(account: Account, folder: Path, behaviour: str, awaited: Sequence[str] = ("Delete",)) -> Resources:
    assembly = made(folder, behaviour, awaited=awaited)
    assembly.publish(account, "Awaited")
    return assembly.resources("Awaited")


def test_a_deletion_is_watched_until_it_is_done_and_leaves_nothing(account: Account, tmp_path: Path) -> None:
    resources = wanted(account, tmp_path, "slow")
    before = account.left()
    stack = account.create(resources)
    assert stack.status == "CREATE_COMPLETE", stack.reasons
    gone = account.delete(stack)
    assert gone.status == "DELETE_COMPLETE", gone.reasons
    assert account.left() == before


@pytest.mark.parametrize(
    ("behaviour", "says"),
    [("never", "After 2 minutes there is still: something after 120 seconds"), ("raises", "not allowed to look")],
)
def test_a_deletion_that_does_not_end_or_fails_tells_why(
    behaviour: str, says: str, account: Account, tmp_path: Path
) -> None:
    stack = account.create(wanted(account, tmp_path, behaviour))
    assert stack.status == "CREATE_COMPLETE", stack.reasons
    stuck = account.delete(stack)
    assert stuck.status == "DELETE_FAILED"
    assert says in stuck.reasons, stuck.reasons
    account.discard(stuck)


def test_what_a_creation_and_a_replacement_find_become_attributes(account: Account, tmp_path: Path) -> None:
    resources = wanted(account, tmp_path, "tells", ("Create", "Update", "Delete"))
    (own,) = [name for name, each in resources.items() if each["Type"] == "Custom::Awaited"]
    outputs = {name: {"Value": {"Fn::GetAtt": [own, name]}} for name in ("Said", "Looks")}
    stack = account.create(resources, outputs=outputs)
    assert stack.status == "CREATE_COMPLETE", stack.reasons
    assert account.outputs(stack) == {"Said": "Create awaited", "Looks": "2"}
    other = changed(resources, f"{own}.Properties.PhysicalId", "another")
    stack = account.update(stack, other, outputs=outputs)
    assert account.outputs(stack) == {"Said": "Update another", "Looks": "2"}, stack.reasons
    account.discard(stack)


def test_the_time_of_the_looks_counts_too(account: Account, tmp_path: Path) -> None:
    """Guards against looks of a minute each after waits of seconds, for which CloudFormation's hour is too short."""
    stack = account.create(wanted(account, tmp_path, "never"))
    machines = account.client("stepfunctions")
    made = account.client("cloudformation").describe_stack_resources(StackName=stack.stack)["StackResources"]
    (arn,) = [each["PhysicalResourceId"] for each in made if each["ResourceType"] == "AWS::StepFunctions::StateMachine"]
    url = account.client("s3").generate_presigned_url("put_object", Params={"Bucket": "none", "Key": "answer"})
    request = dict.fromkeys(("StackId", "RequestId", "LogicalResourceId", "PhysicalResourceId", "RequestType"), "x")
    late = {"Behaviour": "never", "LimitSeconds": "120"}
    work = {"request": {**request, "ResponseURL": url}, "properties": late, "found": {}, "waited": 0}
    deadline = {"deadline": "2020-01-01T00:00:00Z"}
    started = machines.start_execution(stateMachineArn=arn, input=json.dumps(work | deadline))["executionArn"]

    def states() -> list[str]:
        events = machines.get_execution_history(executionArn=started)["events"]
        return [each["stateEnteredEventDetails"]["name"] for each in events if "stateEnteredEventDetails" in each]

    account.waits(lambda: "Answer" in states())
    assert states()[:3] == ["Look", "Over?", "Answer"]
    account.discard(stack)


def test_no_function_may_make_a_log_group(tmp_path: Path) -> None:
    """Guards against a log group that was deleted with the stack and comes back by a line written late."""
    found = made(tmp_path, "slow").text("Awaited")
    assert "logs:PutLogEvents" in found
    assert "logs:CreateLogGroup" not in found
    assert "AWSLambdaBasicExecutionRole" not in found


def test_a_limit_that_leaves_cloudformations_hour_no_room_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="60 minutes is too long.*50 at most"):
        made(tmp_path, "slow", minutes=60)


def test_what_answers_fits_into_a_template() -> None:
    assert len(Path(index.__file__).read_bytes()) <= 4096
