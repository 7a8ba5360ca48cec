"""The verbs over runs, as somebody at a terminal uses them, with AWS's answers told."""

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from operations import cli, verbs
from tests.operations.fake_aws import refuses
from tests.operations.fake_runs import ARGUMENTS, TEAM, Emr, Run, record


def test_a_list_has_the_newest_first_and_at_most_as_many_as_asked_for(run: Run) -> None:
    emr = Emr(
        {"one": record("one", "COMPLETED"), "two": record("two", "FAILED", 9), "three": record("three", "RUNNING", 5)}
    )
    status, said, _ = run(emr.aws(), "list", "--team", TEAM)
    assert status == 0
    assert [line.split()[0] for line in said.splitlines()] == ["two", "three", "one"]
    assert "2026-11-15 10:09:00" in said
    assert len(run(emr.aws(), "list", "--team", TEAM, "--limit", "1")[1].splitlines()) == 1


def test_a_team_need_not_be_named_where_it_is_clear_and_must_be_one_of_the_blueprint_s(run: Run) -> None:
    aws = Emr({}).aws()
    assert run(aws, "list")[2] == "error: emr-ml-team-a has no runs yet\n", "the pipeline's team"
    status, _, error = run(aws, "list", "--team", "c")
    assert (status, '"c" is no team' in error) == (1, True)
    assert run(aws, "list", config="minimal-cost")[2] == "error: emr-ml-team-a has no runs yet\n"


def test_a_team_without_a_virtual_cluster_is_told_to_deploy(run: Run) -> None:
    aws = Emr({}).aws()
    aws.answers["emr-containers.ListVirtualClusters"] = {"virtualClusters": []}
    status, _, error = run(aws, "list", "--team", TEAM)
    assert (status, "make deploy" in error) == (1, True)


def test_a_run_is_started_once_more_with_an_output_of_its_own_and_none_of_the_stack_s_tags(run: Run) -> None:
    emr = Emr(
        {"old": record("old", "COMPLETED"), "bad": record("bad", "FAILED", 5), "now": record("now", "RUNNING", 9)}
    )
    status, said, _ = run(emr.aws(), "start", "--team", TEAM)
    (asked,) = emr.started
    assert (status, said) == (0, "new\n")
    given = asked["jobDriver"]["sparkSubmitJobDriver"]["entryPointArguments"]
    assert given[:-1] == ARGUMENTS[:-1]
    assert given[-1].startswith("s3://data/a/output/2")
    assert given[-1] != ARGUMENTS[-1]
    assert asked["tags"] == {}
    assert {name: asked[name] for name in ("retryPolicyConfiguration", "executionRoleArn", "virtualClusterId")} == {
        "retryPolicyConfiguration": {"maxAttempts": 2},
        "executionRoleArn": "arn:aws:iam::111122223333:role/team-a",
        "virtualClusterId": "vc1",
    }


@pytest.mark.parametrize(
    ("files", "words"),
    [([], "s3://data/a/in/ holds no files: upload"), ([{"Key": "a/in/2020Q1.zip", "Size": 9}], "2020Q1.zip is comp")],
)
def test_no_run_is_started_without_loan_files(run: Run, files: list[dict[str, Any]], words: str) -> None:
    emr = Emr({"old": record("old", "COMPLETED")})
    aws = emr.aws()
    aws.answers["s3.ListObjectsV2"] = {"Contents": files}
    status, _, error = run(aws, "start")
    assert (status, emr.started) == (1, [])
    assert f"error: nothing was started: {words}" in error


@pytest.mark.parametrize(("cluster", "name"), [("vc1", "stored"), ("vc0", "loans")])
def test_the_request_that_the_pipeline_s_stack_has_stored_comes_first_if_it_is_the_team_s(
    run: Run, cluster: str, name: str
) -> None:
    stored = record("no", "PENDING", name="stored", virtualClusterId=cluster, tags={})
    request = {key: stored[key] for key in ("name", "virtualClusterId", "executionRoleArn", "jobDriver")}
    aws = Emr({"old": record("old", "COMPLETED")}).aws()
    output = {
        "OutputKey": "Request",
        "OutputValue": "aws s3 cp --region us-west-2 s3://data/a/scripts/x/request.json -",
    }
    aws.answers["cloudformation.DescribeStacks"] = {"Stacks": [{"Outputs": [output]}]}
    aws.answers["s3.GetObject"] = lambda asked: {
        "Body": BytesIO(json.dumps(request).encode() if asked["Key"] == "a/scripts/x/request.json" else b"")
    }
    status, said, _ = run(aws, "start", "--dry-run")
    assert (status, json.loads(said)["name"]) == (0, name)
    assert json.loads(run(aws, "start", "--dry-run", "--again", "old")[1])["name"] == "loans"


def test_other_input_and_output_replace_those_of_the_repeated_run(run: Run) -> None:
    emr = Emr({"old": record("old", "COMPLETED"), "bad": record("bad", "FAILED", 5)})
    more = ("--again", "old", "--input", "s3://data/a/other", "--output", "s3://data/a/there", "--dry-run")
    status, said, _ = run(emr.aws(), "start", "--team", TEAM, *more)
    given = json.loads(said)["jobDriver"]["sparkSubmitJobDriver"]["entryPointArguments"]
    assert (status, emr.started) == (0, [])
    assert given == ["run", "--device", "cuda", "--input", "s3://data/a/other", "--output", "s3://data/a/there"]


def test_where_nothing_has_run_nothing_can_be_repeated(run: Run) -> None:
    status, _, error = run(Emr({"now": record("now", "RUNNING")}).aws(), "start", "--team", TEAM)
    assert (status, "has no COMPLETED or FAILED or CANCELLED run yet" in error) == (1, True)
    status, _, error = run(Emr({}).aws(), "watch", "--team", TEAM, "gone")
    assert (status, 'has no run "gone"' in error) == (1, True)


def test_cancel_ends_a_run_and_takes_one_that_has_ended_for_done(run: Run) -> None:
    emr = Emr({"now": record("now", "RUNNING"), "old": record("old", "FAILED")})
    assert run(emr.aws(), "cancel", "--team", TEAM, "now")[:2] == (0, "now is being cancelled\n")
    assert run(emr.aws(), "cancel", "--team", TEAM, "old")[:2] == (0, "old has ended before, as FAILED\n")
    assert emr.cancelled == ["now"]


def test_cancel_all_ends_the_runs_of_every_team_and_waits_for_their_ends(run: Run) -> None:
    runs = {"one": record("one", "RUNNING"), "two": record("two", "PENDING", 5), "old": record("old", "COMPLETED")}
    emr = Emr(runs, ends_after=2)
    status, said, _ = run(emr.aws(), "cancel", "--all", "--every", "0.01")
    assert (status, sorted(emr.cancelled)) == (0, ["one", "two"])
    assert said.splitlines()[-1] == "no run goes on"
    assert [each["state"] for each in runs.values()] == ["CANCELLED", "CANCELLED", "COMPLETED"]
    other = Emr({"one": record("one", "RUNNING")})
    assert run(other.aws(), "cancel", "--all", "--team", "emr-ml-team-b", "--every", "0.01")[0] == 0
    assert other.cancelled == [], "of another team"


@pytest.mark.parametrize(("tags", "status"), [({}, 1), ({"spark-job-run:resource": "stack/1"}, 0)])
def test_a_destruction_is_stopped_by_runs_that_no_stack_cancels(run: Run, tags: dict[str, str], status: int) -> None:
    emr = Emr({"now": record("now", "RUNNING", tags=tags), "old": record("old", "FAILED", tags={})})
    aws = emr.aws()
    aws.answers["sts.GetCallerIdentity"] = {"Account": "111122223333", "Arn": "arn:aws:iam::111122223333:user/me"}
    found, said, _ = run(aws, "preflight", "--destroy")
    assert found == status
    assert ("python -m operations cancel --team emr-ml-team-a now" in said) == bool(status)
    assert "old" not in said


def test_a_report_that_was_not_written_is_told_and_nothing_is_downloaded(run: Run, tmp_path: Path) -> None:
    aws = Emr({"bad": record("bad", "FAILED"), "old": record("old", "COMPLETED")}).aws()
    folder = tmp_path / "here"
    assert "bad is FAILED" in run(aws, "report", "--team", TEAM, "bad", "--into", str(folder))[2]
    aws.answers["s3.ListObjectsV2"] = {"Contents": [], "IsTruncated": False}
    assert "s3://data/a/output/first/report/ has no report.html" in run(aws, "report", "--team", TEAM)[2]
    assert not folder.exists()


def test_what_aws_refuses_is_one_sentence(run: Run) -> None:
    aws = Emr({}).aws()
    aws.answers["emr-containers.ListVirtualClusters"] = refuses("AccessDeniedException", "you may not")
    assert run(aws, "list", "--team", TEAM) == (
        1,
        "",
        "error: AWS refuses ListVirtualClusters: AccessDeniedException: you may not\n",
    )


@pytest.mark.parametrize(
    "wrong",
    [
        ("list", "--limit", "0"),
        ("preflight", "--hours", "-1"),
        ("preflight", "--executors", "x"),
        ("watch", "--every", "inf"),
        ("cancel",),
        ("cancel", "now", "--all"),
        (),
    ],
)
def test_a_wrong_command_line_exits_with_2(wrong: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(wrong)
    assert stopped.value.code == 2
    assert "usage: python -m operations" in capsys.readouterr().err


def test_a_blueprint_that_is_not_there_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["preflight", "--config", "nowhere.yaml"]) == 1
    assert "there is no such file" in capsys.readouterr().err


def test_ctrl_c_ends_quietly(monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(verbs, "VERBS", {"list": stop})
    assert cli.main(["list"]) == 130


def test_every_verb_has_its_text() -> None:
    assert list(cli.TEXTS) == list(verbs.VERBS)
