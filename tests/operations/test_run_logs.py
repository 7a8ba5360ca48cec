"""What a run prints, read and watched by somebody at a terminal."""

from datetime import timedelta

import pytest

from tests.operations.fake_aws import refuses
from tests.operations.fake_runs import START, TEAM, Emr, Logs, Run, record


@pytest.mark.parametrize(
    ("options", "streams"),
    [
        ((), ["/spark-now/spark-now-driver/stdout", "/spark-now/spark-now-driver/stderr"]),
        (("--only", "stderr"), ["/spark-now/spark-now-driver/stderr"]),
        (("--part", "executors"), ["/spark-now/loans-driver-exec-1/stdout"]),
        (("--part", "submitter"), ["/now-abcde/stdout"]),
    ],
)
def test_logs_are_of_the_part_that_is_asked_for(run: Run, options: tuple[str, ...], streams: list[str]) -> None:
    aws = Logs(Emr({"now": record("now", "RUNNING")})).aws()
    status, said, _ = run(aws, "logs", "--team", TEAM, *options)
    assert (status, said.splitlines()) == (0, [f"{stream} line 1" for stream in streams])


def test_followed_logs_tell_each_line_once_and_end_with_the_run(run: Run) -> None:
    emr = Emr({"now": record("now", "RUNNING")}, later=["RUNNING", "RUNNING", "RUNNING", "COMPLETED"])
    aws = Logs(emr).aws()
    status, said, _ = run(aws, "logs", "--team", TEAM, "--follow", "--only", "stdout", "--every", "0.01")
    assert (status, [line[-6:] for line in said.splitlines()]) == (0, [f"line {n}" for n in (1, 2, 3, 4)])


def test_logs_that_are_gone_or_not_there_yet_are_said_to_be(run: Run) -> None:
    aws = Emr({"now": record("now", "PENDING")}).aws()
    aws.answers["logs.DescribeLogStreams"] = {"logStreams": []}
    assert "nothing is printed yet by the driver of now, which is PENDING" in run(aws, "logs", "--team", TEAM)[2]
    aws.answers["logs.DescribeLogStreams"] = refuses("ResourceNotFoundException")
    assert "the log group /emr/a is gone" in run(aws, "logs", "--team", TEAM)[2]


def test_watch_tells_states_and_progress_and_is_0_only_for_a_completed_run(run: Run) -> None:
    emr = Emr({"now": record("now", "PENDING", finishedAt=START + timedelta(hours=1, seconds=5))})
    emr.later = ["PENDING", "PENDING", "RUNNING", "COMPLETED"]
    status, said, _ = run(Logs(emr).aws(), "watch", "--team", TEAM, "--every", "0.01")
    lines = said.splitlines()
    assert status == 0
    assert [line for line in lines if " is " in line] == [
        f"1:00:05 now is {state}" for state in ("PENDING", "RUNNING", "COMPLETED")
    ]
    assert len([line for line in lines if line.startswith("  ")]) == 4


def test_watch_says_why_a_run_failed_and_where_its_log_is(run: Run) -> None:
    failed = record("now", "FAILED", failureReason="USER_ERROR", stateDetails="Last error seen in logs - X")
    status, said, _ = run(Logs(Emr({"now": failed})).aws(), "watch", "--team", TEAM, "now")
    assert status == 1
    assert "USER_ERROR: Last error seen in logs - X" in said
    assert f"python -m operations logs --team {TEAM} now" in said
