"""A state machine's task that runs a job; what EMR does with it is told by the test."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from service_roles import service_role

from rehearsal import server
from rehearsal.access.propagation import PROPAGATION
from rehearsal.emr import admission
from rehearsal.emr.runs import JobRuns, Run
from rehearsal.services.emr_containers import VirtualClusters
from rehearsal.world import World

VIRTUAL = {"state": "RUNNING", "containerProvider": {"id": "c"}}
GIVEN = {
    "Name": "n",
    "VirtualClusterId": "v",
    "ExecutionRoleArn": "arn:aws:iam::111122223333:role/job",
    "ReleaseLabel": "emr-7.13.0-latest",
    "JobDriver": {"SparkSubmitJobDriver": {"EntryPoint": "s3://b/job.py"}},
    "ConfigurationOverrides": {"ApplicationConfiguration": [{"Classification": "c", "Properties": {"spark.a": "1"}}]},
    "Tags": {"own:key": "value"},
}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """One account whose runs end as their names say."""

    def carry_out(self: JobRuns, run: Run, place: tuple[str, str]) -> None:  # noqa: ARG001
        if run.record["name"] == "hangs":
            run.enter("RUNNING", 0)
            assert run.cancelled.wait(60)
            run.end("CANCELLED", self.world.clock.now())
        elif run.record["name"] == "fails":
            run.end("FAILED", self.world.clock.now(), stateDetails="no such file")
        else:
            run.end("COMPLETED", self.world.clock.now())

    monkeypatch.setattr(JobRuns, "_carry_out", carry_out)
    monkeypatch.setattr(VirtualClusters, "named", lambda _self, _id: VIRTUAL)
    monkeypatch.setattr(admission, "check", lambda *_: None)
    made = World(tmp_path, 0)
    server.serve(made)
    yield made
    made.close()


def started(world: World, given: dict[str, Any], *actions: str) -> str:
    """Start an execution of a state machine that runs a job; return its ARN."""
    role = service_role(world, "runner", "states.amazonaws.com")
    may = [{"Effect": "Allow", "Action": [f"emr-containers:{name}" for name in actions], "Resource": "*"}]
    may += [{"Effect": "Allow", "Action": ["iam:PassRole"], "Resource": "*"}]
    policy = json.dumps({"Version": "2012-10-17", "Statement": may})
    world.client("iam").put_role_policy(RoleName="runner", PolicyName="own", PolicyDocument=policy)
    world.clock.advance(timedelta(seconds=PROPAGATION))
    run = {
        "Type": "Task",
        "Resource": "arn:aws:states:::emr-containers:startJobRun.sync",
        "Parameters": {f"{key}.$": f"$.{key}" for key in given},
        "End": True,
    }
    definition = json.dumps({"StartAt": "Run", "States": {"Run": run}})
    machines = world.client("stepfunctions")
    machine = machines.create_state_machine(name="m", definition=definition, roleArn=role)["stateMachineArn"]
    return str(machines.start_execution(stateMachineArn=machine, input=json.dumps(given))["executionArn"])


def ended(world: World, execution: str) -> Any:  # noqa: ANN401 - DescribeExecution's answer
    machines = world.client("stepfunctions")
    assert world.clock.wait(
        6000, lambda: machines.describe_execution(executionArn=execution)["status"] != "RUNNING", 30
    )
    return machines.describe_execution(executionArn=execution)


def runs(world: World) -> list[dict[str, Any]]:
    return list(world.client("emr-containers").list_job_runs(virtualClusterId="v")["jobRuns"])


WITHOUT_CANCEL = ("StartJobRun", "DescribeJobRun", "TagResource")
ALL = (*WITHOUT_CANCEL, "CancelJobRun")


def test_a_run_is_started_as_the_machine_s_role_and_its_end_is_the_task_s(world: World) -> None:
    found = ended(world, started(world, GIVEN, *ALL))
    assert found["status"] == "SUCCEEDED", found
    told = json.loads(found["output"])
    assert (told["State"], told["Name"]) == ("COMPLETED", "n")
    (run,) = runs(world)
    assert ":assumed-role/runner/" in run["createdBy"]
    assert run["tags"] == GIVEN["Tags"]
    settings = run["configurationOverrides"]["applicationConfiguration"]
    assert settings == [{"classification": "c", "properties": {"spark.a": "1"}}]


def test_a_run_that_fails_fails_the_task_with_what_emr_says(world: World) -> None:
    found = ended(world, started(world, GIVEN | {"Name": "fails"}, *ALL))
    assert (found["status"], found["error"]) == ("FAILED", "States.TaskFailed")
    assert json.loads(found["cause"])["StateDetails"] == "no such file"


@pytest.mark.parametrize(("actions", "state"), [(ALL, "CANCELLED"), (WITHOUT_CANCEL, "RUNNING")])
def test_an_execution_that_is_stopped_cancels_its_run_if_its_role_may(
    world: World, actions: tuple[str, ...], state: str
) -> None:
    execution = started(world, GIVEN | {"Name": "hangs"}, *actions)
    assert world.clock.wait(6000, lambda: [run["state"] for run in runs(world)] == ["RUNNING"])
    world.client("stepfunctions").stop_execution(executionArn=execution)
    assert ended(world, execution)["status"] == "ABORTED"
    assert world.clock.wait(600, lambda: runs(world)[0]["state"] == state)
    if state == "RUNNING":
        world.client("emr-containers").cancel_job_run(virtualClusterId="v", id=runs(world)[0]["id"])


def test_a_role_that_may_start_no_runs_fails_the_task(world: World) -> None:
    found = ended(world, started(world, GIVEN, "DescribeJobRun"))
    assert "is not authorized to perform: emr-containers:StartJobRun" in found["cause"]
    assert not runs(world)


def test_a_run_with_tags_takes_permission_to_tag_runs(world: World) -> None:
    found = ended(world, started(world, GIVEN, "StartJobRun", "DescribeJobRun"))
    assert "is not authorized to perform: emr-containers:TagResource" in found["cause"]
    assert not runs(world)


def test_parameters_that_are_not_in_pascal_case_are_refused(world: World) -> None:
    found = ended(world, started(world, GIVEN | {"JobDriver": {"sparkSubmitJobDriver": {}}}, *ALL))
    assert "sparkSubmitJobDriver is no field of JobDriver" in found["cause"]
    assert not runs(world)
