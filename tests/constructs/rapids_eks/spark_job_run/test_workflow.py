"""Runs that a state machine starts: what differs from those that the function starts itself."""

import json

import pytest

from rapids_eks.spark_job_run.handler import runs, workflow
from tests.constructs.rapids_eks.spark_job_run.emr import refused
from tests.constructs.rapids_eks.spark_job_run.step_functions import RUNS
from tests.constructs.rapids_eks.spark_job_run.world import WORKFLOW, World, request, with_run

ACCESS = "Cluster c does not have sufficient permissions."


def test_a_request_is_done_once_emr_has_taken_the_run() -> None:
    world = World()
    asked = world.next(request(**WORKFLOW))
    assert "execution that starts a job run" in asked.found["left"][0]
    for _ in range(2):
        asked = world.next(asked)
        assert "the job run of execution loans-" in asked.found["left"][0]
    world.machine.begin()
    world.emr.becomes(world.emr.records[0], "RUNNING")
    told = world.look(asked)["data"]
    (execution,) = world.machine.executions.values()
    assert (told["Execution"], told["RunId"], told["State"]) == (execution["executionArn"], "0", "RUNNING")
    assert len(world.emr.records) == 1


def test_the_user_s_own_keys_stay_as_they_are() -> None:
    given = {"jobDriver": {"a": [1]}, "tags": {"b:c": "d"}, "x": [{"properties": {"spark.e": "f"}}]}
    wanted = {"JobDriver": {"A": [1]}, "Tags": {"b:c": "d"}, "X": [{"Properties": {"spark.e": "f"}}]}
    assert workflow.pascal_case(given) == wanted


def test_names_of_executions_tell_requests_and_attempts_apart_and_are_short_enough() -> None:
    name = runs.run_name("c" * 100, "spark-job-run/x")
    names = {workflow.execution_name(name, asked, attempt) for asked in ("r1", "r2") for attempt in (1, 2)}
    assert len(names) == 4
    assert max(map(len, names)) <= 80


@pytest.mark.parametrize("trouble", ["Rate exceeded", "not authorized to perform emr-containers:StartJobRun", ACCESS])
def test_a_start_that_is_refused_is_tried_again_by_another_execution(trouble: str) -> None:
    world = World()
    world.emr.refuses = refused("SomeException", trouble)
    asked = world.next(request(**WORKFLOW))
    world.machine.begin()
    asked = world.next(asked)
    world.emr.refuses = None
    world.machine.begin()
    world.look(asked)
    assert len(world.machine.executions) == 2
    assert len(world.emr.records) == 1


def test_a_lasting_refusal_fails_the_request_with_its_reason() -> None:
    world = World()
    world.emr.refuses = refused("ValidationException", f"no such release {2000 * 'x'}")
    asked = request(**WORKFLOW)
    while not asked.found.get("done"):
        asked = world.next(asked)
        world.machine.begin()
        assert asked.waited < 300
    assert "is FAILED, and EMR has no run: EMRContainers.Exception" in asked.found["failed"]
    assert "no such release" in asked.found["failed"]
    assert f"--execution-arn {RUNS.replace(':stateMachine:', ':execution:')}:loans-" in asked.found["failed"]
    assert len(asked.found["failed"].encode()) <= 1000


def test_a_deletion_stops_the_execution_and_cancels_the_run() -> None:
    world = with_run("RUNNING", **WORKFLOW)
    world.look(request("Delete", number="r2", **WORKFLOW))
    assert world.machine.stopped == list(world.machine.executions)
    assert world.emr.calls == ["cancel"]


def test_an_execution_that_somebody_stops_before_there_is_a_run_fails_its_request() -> None:
    world = World()
    asked = world.next(request(**WORKFLOW))
    (execution,) = world.machine.executions.values()
    world.machine.stop_execution(execution["executionArn"], "")
    assert "is CANCELLED, and EMR has no run" in world.look(asked)["failed"]


def test_an_execution_that_is_stopped_just_before_the_deletion_may_have_a_run_that_is_not_listed_yet() -> None:
    world = World()
    world.emr.late = world.machine.hasty = True
    world.look(request(**WORKFLOW))
    (execution,) = world.machine.executions.values()
    world.machine.stop_execution(execution["executionArn"], "")
    deletion = world.next(request("Delete", number="r2", **WORKFLOW))
    assert not deletion.found["done"]
    world.emr.unlisted.clear()
    assert not world.look(deletion)["done"]
    assert world.emr.calls == ["start", "cancel"]


def test_an_execution_that_has_not_seen_the_end_of_its_run_is_not_taken_for_one_to_come() -> None:
    """Guards against a state machine that looks every five minutes."""
    world = with_run("COMPLETED", **WORKFLOW)
    name = runs.run_name("loans", "spark-job-run/loans/b")
    world.look(request("Update", "spark-job-run/loans/b", "r2", **WORKFLOW))
    world.machine.begin()
    world.emr.becomes(world.emr.records[1], "COMPLETED")
    world.s3.objects[f"output/{name}/report/metrics.json"] = b"{}"
    assert [each["status"] for each in world.machine.executions.values()] == ["RUNNING", "RUNNING"]
    assert world.look(request("Update", number="r3", **WORKFLOW))["data"]["State"] == "COMPLETED"
    assert world.look(request("Delete", "spark-job-run/loans/b", "r4", **WORKFLOW))["done"]
    assert not world.machine.stopped


def test_a_state_machine_that_is_gone_has_no_executions() -> None:
    world = with_run("RUNNING", **WORKFLOW)
    gone = WORKFLOW | {"Workflow": "arn:aws:states:us-west-2:1:stateMachine:gone"}
    world.machine.gone = gone["Workflow"]
    world.look(request("Delete", number="r2", **gone))
    assert world.emr.calls == ["cancel"]


def test_input_holds_what_the_run_is_found_by() -> None:
    world = World()
    world.look(request(**WORKFLOW))
    (execution,) = world.machine.executions.values()
    tags = json.loads(execution["input"])["Tags"]
    assert (tags[runs.REQUEST], tags[runs.EXECUTION]) == ("r1", execution["name"])
