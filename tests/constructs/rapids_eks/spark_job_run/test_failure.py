"""What a stack event says of a run that failed."""

from datetime import UTC, datetime

import pytest

from rapids_eks.spark_job_run.handler.failure import LARGEST, LogPlace, reason
from rapids_eks.spark_job_run.handler.runs import Run
from tests.constructs.rapids_eks.spark_job_run.emr import refused
from tests.constructs.rapids_eks.spark_job_run.world import request, with_run


def failed(details: str, *lines: str) -> str:
    world = with_run("FAILED")
    world.emr.becomes(world.emr.records[0], "FAILED", details)
    driver = "loans/0abc/jobs/0/containers/spark-0/spark-0-driver"
    world.logs.streams = {
        f"{driver}-00001/stderr": ["ValueError: of the first attempt"],
        f"{driver}-00002/stdout": ["ValueError: on stdout"],
        f"{driver}-00002/stderr": ["started", *lines, "INFO ShutdownHookManager: deleting error files"],
        "loans/0abc/jobs/1/containers/spark-1/spark-1-driver/stderr": ["ValueError: of another run"],
    }
    return str(world.look(request())["failed"])


def test_a_failure_says_what_emr_and_the_driver_say_and_where_the_log_is() -> None:
    text = failed(
        "Jobrun failed. Main Spark container terminated with errors.", "error: no '|' in it", "    at x.Error"
    )
    assert text.startswith("Job run 0 is FAILED (USER_ERROR) after 12 minutes. EMR: Jobrun failed. Main Spark")
    assert "The driver: error: no '|' in it" in text
    assert "aws logs tail /logs/team-a --region us-west-2 --log-stream-name-prefix loans/0abc/jobs/0 --since" in text
    link = "https://us-west-2.console.aws.amazon.com/cloudwatch/home?region=us-west-2#logsV2:log-groups/log-group/"
    assert f"{link}$252Flogs$252Fteam-a$3FlogStreamNameFilter$3Dloans$252F0abc$252Fjobs$252F0" in text


def test_without_an_error_on_stderr_stdout_is_read() -> None:
    assert "The driver: ValueError: on stdout" in failed("Jobrun failed.")


def test_what_emr_quotes_is_not_said_twice() -> None:
    assert failed("Jobrun failed. error: x", "error: x").count("error: x") == 1


@pytest.mark.parametrize("letter", ["x", "é", "\N{SNOWMAN}"])
def test_a_reason_is_short(letter: str) -> None:
    text = failed(letter * 256, f"Error {letter * 2000}")
    assert len(text.encode()) <= LARGEST
    assert "logStreamNameFilter" in text


@pytest.mark.parametrize("team", ["a", 63 * "t"])
@pytest.mark.parametrize("cluster", ["c", 100 * "c"])
def test_emr_s_words_are_whole_and_no_link_is_cut_whatever_the_names(cluster: str, team: str) -> None:
    """Guards against long names, for whose sake EMR's own reason was left out and the link ended in the middle."""
    log = LogPlace(f"/emr-on-eks-logs/{cluster}/{team}", f"{20 * 'j'}/{25 * 'v'}/jobs/{19 * '0'}", "us-gov-west-1")
    details = "why".center(256, "x")
    run = Run(19 * "0", "loans", "FAILED", datetime.now(UTC), reason="CLUSTER_UNAVAILABLE", details=details)
    text = reason(run, f"Error {'e' * 2000}", log)
    assert len(text.encode()) <= LARGEST
    assert details in text
    assert log.command in text
    assert ("https://" in text) == (log.link in text)
    assert log.link in text or len(cluster) == 100, "it is left out for the longest only"


def test_a_log_that_cannot_be_read_hides_no_failure() -> None:
    world = with_run("FAILED")
    world.logs.refuses = refused("ResourceNotFoundException", "no such log group")
    assert "is FAILED" in world.look(request())["failed"]
