"""Faults planted from the command line, through to the events of a stack."""

from collections.abc import Callable, Iterator

import pytest

from rehearsal import cli
from tests.rehearsal.live.account import Account, changed
from tests.rehearsal.live.pieces import ACCOUNT, LOGS, REGION, allow, function, resource, role, thing

TOPIC = {"Topic": resource("SNS::Topic")}


Plant = Callable[..., None]


def test_a_fault_is_planted_from_the_command_line(account: Account) -> None:
    assert cli.main(["fault", "--directory", str(account.world.directory), "create", "Topic"]) == 0
    failed = account.create(TOPIC)
    assert "Topic: Fault planted by the rehearsal: create of Topic fails" in failed.reasons
    account.discard(failed)


@pytest.mark.parametrize(
    ("kind", "target", "why"),
    [
        ("create", "", "the target is empty"),
        ("throttle", "eks:NoSuchOperation", "'eks:NoSuchOperation' is no operation"),
        ("throttle", "EKS CreateCluster", "'EKS CreateCluster' is no operation"),
        ("kill-before", "eks:CreateCluster", "'eks:CreateCluster' is no operation: give FUNCTION@service:Operation"),
    ],
)
def test_a_fault_that_can_never_happen_is_refused(
    account: Account, kind: str, target: str, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["fault", "--directory", str(account.world.directory), kind, target]) == 1
    assert why in capsys.readouterr().err


@pytest.mark.usefixtures("plant")
def test_planted_faults_are_listed_and_cleared_from_the_command_line(
    account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    place = ["--directory", str(account.world.directory)]
    assert cli.main(["fault", *place, "create", "Topic", "--always"]) == 0
    capsys.readouterr()
    for more, said in (([], "create Topic always\n"), (["--clear"], ""), ([], "")):
        assert cli.main(["faults", *place, *more]) == 0
        assert capsys.readouterr().out == said


def test_creation_fails_once_and_the_second_attempt_succeeds(account: Account, plant: Plant) -> None:
    plant("create", "Topic")
    failed = account.create(TOPIC)
    assert failed.status == "ROLLBACK_COMPLETE"
    assert "Topic: Fault planted by the rehearsal: create of Topic fails" in failed.reasons
    account.discard(failed)
    made = account.create(TOPIC)
    assert made.status == "CREATE_COMPLETE"
    account.discard(made)


def test_an_update_fails_and_goes_back_with_the_old_properties(account: Account, plant: Plant) -> None:
    made = account.create(TOPIC)
    plant("update", "Topic")
    failed = account.update(made, changed(TOPIC, "Topic.Properties.DisplayName", "new"))
    assert failed.status == "UPDATE_ROLLBACK_COMPLETE"
    assert "Fault planted by the rehearsal: update of Topic fails" in failed.reasons
    assert account.update(made, changed(TOPIC, "Topic.Properties.DisplayName", "new")).status == "UPDATE_COMPLETE"
    account.discard(made)


def test_a_deletion_that_always_fails_leaves_delete_failed_each_time(account: Account, plant: Plant) -> None:
    stuck = {"Stuck": resource("SNS::Topic")}
    made = account.create(stuck)
    plant("delete", "Stuck", always=True)
    for _ in range(2):
        failed = account.delete(made)
        assert failed.status == "DELETE_FAILED"
        assert "Fault planted by the rehearsal: delete of Stuck fails" in failed.reasons
    retained = account.delete(made, RetainResources=["Stuck"])
    assert retained.status == "DELETE_COMPLETE"


def test_a_deletion_that_is_done_too_late_is_made_up_for_by_the_next_one(account: Account, plant: Plant) -> None:
    made = account.create(TOPIC)
    plant("delete-late", "Topic")
    failed = account.delete(made)
    assert failed.status == "DELETE_FAILED"
    assert "Topic is deleted, but later than was waited for" in failed.reasons
    left = [each["TopicArn"] for each in account.client("sns").list_topics()["Topics"]]
    assert not [each for each in left if "-Topic-" in each]
    assert account.delete(made).status == "DELETE_COMPLETE"


def test_a_throttled_call_fails_the_resource_when_the_sdk_gives_up(account: Account, plant: Plant) -> None:
    parameter = {"P": resource("SSM::Parameter", {"Name": "/live/p", "Type": "String", "Value": "x"})}
    for _ in range(3):  # as often as the SDK tries
        plant("throttle", "ssm:PutParameter")
    failed = account.create(parameter)
    assert failed.status == "ROLLBACK_COMPLETE"
    assert "Rate exceeded" in failed.reasons
    account.discard(failed)
    plant("throttle", "ssm:PutParameter")
    made = account.create(parameter)
    assert made.status == "CREATE_COMPLETE", made.reasons
    account.discard(made)


@pytest.fixture(scope="module")
def service_token(account: Account) -> Iterator[str]:
    """A function `live-faulty` that makes things, kept warm over this file's tests."""
    may = allow("ssm:PutParameter", "ssm:DeleteParameters", *LOGS)
    named = function("thing", "Role", FunctionName="live-faulty")
    made = account.create({"Role": role("lambda", may), "Function": named})
    assert made.status == "CREATE_COMPLETE", made.reasons
    yield f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:live-faulty"
    account.discard(made)


def test_a_function_that_is_killed_midway_is_tried_again(account: Account, plant: Plant, service_token: str) -> None:
    """An asynchronous invocation is retried, so that one kill is survived."""
    plant("kill-function", "live-faulty")
    one = changed({"Thing": thing()["Thing"]}, "Thing.Properties.ServiceToken", service_token)
    made = account.create(one)
    assert made.status == "CREATE_COMPLETE", made.reasons
    messages = account.client("logs").filter_log_events(logGroupName="/aws/lambda/live-faulty")["events"]
    assert any("signal: killed" in each["message"] or "exited" in each["message"] for each in messages), messages
    account.discard(made)


def test_a_dropped_response_fails_the_resource_and_not_its_deletion(
    account: Account, plant: Plant, service_token: str
) -> None:
    plant("drop-response", "Lost")
    one = changed({"Lost": thing()["Thing"]}, "Lost.Properties.ServiceToken", service_token)
    failed = account.create(one)
    assert failed.status == "ROLLBACK_COMPLETE", failed.reasons
    assert "Lost: CloudFormation did not receive a response from your Custom Resource" in failed.reasons
    account.discard(failed)


def test_faults_are_listed_and_forgotten(account: Account, plant: Plant) -> None:
    plant("create", "*", always=True)
    assert account.world.page("faults")["planted"] == [{"kind": "create", "target": "*", "always": True}]
    failed = account.create({"Any": resource("SNS::Topic")})
    assert "create of Any fails" in failed.reasons
    account.discard(failed)
    assert account.world.page("faults", method="DELETE") == {"planted": []}
    made = account.create({"Any": resource("SNS::Topic")})
    assert made.status == "CREATE_COMPLETE"
    account.discard(made)
