"""A second rehearsal beside the first, slow enough to see what takes AWS a moment."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from rehearsal import daemon
from tests.rehearsal.live.account import Account, Outcome
from tests.rehearsal.live.pieces import ADMIN_POLICY, allow, arn, cluster, function, ref, role

SLOW = 15.0  # AWS's seconds in one of the wall's: a moment of ten is two thirds of one here


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory, platform: Outcome) -> Iterator[Account]:  # noqa: ARG001 - skips
    """A rehearsal with a cluster named `doomed`."""
    directory = Path(tmp_path_factory.mktemp("second"))
    started = Account(daemon.up(directory, 0, SLOW))
    made = started.create(cluster("doomed"), "same-name")
    assert made.status == "CREATE_COMPLETE", made.reasons
    yield started
    if daemon.find(directory):
        daemon.down(directory)


def test_two_side_by_side_do_not_meet(account: Account, second: Account) -> None:
    assert account.world.port != second.world.port
    stacks = account.client("cloudformation").list_stacks()["StackSummaries"]
    assert "same-name" not in [each["StackName"] for each in stacks]
    assert account.client("eks").list_clusters()["clusters"] == ["live"]
    assert second.client("eks").list_clusters()["clusters"] == ["doomed"]


def test_an_access_entry_is_not_in_effect_at_once(second: Account) -> None:
    """A naive function lets itself in and asks the cluster in the same breath.

    https://docs.aws.amazon.com/eks/latest/userguide/access-entries.html
    """
    hasty = {"Role": role("lambda", allow("eks:*")), "Hasty": function("hasty", "Role", Timeout=60)}
    made = second.create(hasty, outputs={"Role": {"Value": arn("Role")}, "Name": {"Value": ref("Hasty")}})
    assert made.status == "CREATE_COMPLETE", made.reasons
    found = second.outputs(made)
    given = json.dumps({"cluster": "doomed", "principal": found["Role"], "policy": ADMIN_POLICY})
    answer = second.client("lambda").invoke(FunctionName=found["Name"], Payload=given)["Payload"].read()
    assert json.loads(answer) == {"first": 401, "last": 200}


def test_one_that_is_killed_leaves_no_process_and_the_other_goes_on(account: Account, second: Account) -> None:
    """A crash must take the control plane and the functions with it."""
    running = daemon.find(second.world.directory)
    assert running
    process = psutil.Process(running.pid)
    parts = process.children(recursive=True)
    assert len(parts) >= 4
    process.send_signal(signal.SIGKILL)
    _, alive = psutil.wait_procs([process, *parts], timeout=60)
    assert alive == []
    assert account.client("sts").get_caller_identity()
    assert daemon.find(second.world.directory) is None
