"""The resource of a run as a template: what makes it another run, and what its function may do."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from cfnlint.api import lint
from cfnlint.config import ManualArgs
from template_graph import Graph

from rapids_eks.spark_job.request import Place
from rapids_eks.spark_job.request import request as job_request
from rapids_eks.spark_job_run import content
from rapids_eks.spark_job_run.handler.submission import Clients
from rapids_eks.spark_job_run.handler.workflow import pascal_case
from tests.constructs.rapids_eks.spark_job_run.stacks import TAGS, described, synthesized, tiny_code
from tests.constructs.rapids_eks.spark_job_run.world import WORKFLOW, World
from tests.constructs.rapids_eks.spark_job_run.world import request as asks
from tests.stacks.assembly import Assembly

LINT = {"ignore_checks": ["W3005"]}  # CDK names in DependsOn what a Ref names too
# The action that each of the handler's calls needs.
ACTIONS = {
    "cancel_job_run": "emr-containers:CancelJobRun",
    "copy_object": "s3:PutObject",
    "describe_job_run": "emr-containers:DescribeJobRun",
    "describe_log_streams": "logs:DescribeLogStreams",
    "get_log_events": "logs:GetLogEvents",
    "describe_stacks": "cloudformation:DescribeStacks",
    "get_object": "s3:GetObject",
    "get_service_quota": "servicequotas:GetServiceQuota",
    "list_executions": "states:ListExecutions",
    "start_execution": "states:StartExecution",
    "describe_execution": "states:DescribeExecution",
    "stop_execution": "states:StopExecution",
    "list_job_runs": "emr-containers:ListJobRuns",
    "list_objects_v2": "s3:ListBucket",
    "put_object": "s3:PutObject",
    "start_job_run": "emr-containers:StartJobRun",
}
UNUSED = {
    "logs:CreateLogStream": "Lambda itself writes what the function prints",
    "logs:PutLogEvents": "the same",
}


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_code(tmp_path_factory.mktemp("code"))


@pytest.fixture(scope="module")
def assembly(code: Path, tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    return synthesized(tmp_path_factory.mktemp("run"), code, beside=True)


def of(assembly: Assembly, kind: str) -> dict[str, Any]:
    (found,) = [each for each in assembly.resources("Job").values() if each["Type"] == kind]
    return dict(found["Properties"])


@pytest.fixture(scope="module")
def watched(code: Path, tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """Return the stacks with a run that a state machine starts."""
    return synthesized(tmp_path_factory.mktemp("machine"), code, wait="state_machine", timeout=cdk.Duration.hours(5))


@pytest.mark.parametrize("mode", ["assembly", "watched"])
def test_the_template_is_valid(mode: str, request: pytest.FixtureRequest) -> None:
    assembly: Assembly = request.getfixturevalue(mode)
    found = lint(assembly.text("Job"), config=ManualArgs(regions=["us-west-2"], **LINT))
    assert [str(each) for each in found] == []


def test_two_synths_are_equal(assembly: Assembly, code: Path, tmp_path: Path) -> None:
    assert synthesized(tmp_path, code, beside=True).text("Job") == assembly.text("Job")


def test_the_archive_holds_the_package_and_nothing_else(assembly: Assembly) -> None:
    key = of(assembly, "Custom::SparkJobRun")["Package"]["Key"].removesuffix(".zip")
    folder = assembly.folder / f"asset.{key}"
    packed = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert packed == {f"tiny_package/{name}.py" for name in ("__init__", "__main__", "told")}


CHANGES: dict[str, Callable[[dict[str, Any]], None]] = {
    "package": lambda given: given.update(package="1"),
    "program": lambda given: given["beside"].update({"__main__.py": "other"}),
    "run_id": lambda given: given.update(run_id="2"),
    "image": lambda given: given.update(job=replace(given["job"], image="other@sha256:2")),
    "arguments": lambda given: given.update(job=replace(given["job"], arguments=("--rounds", "5"))),
    "executors": lambda given: given.update(job=replace(given["job"], executors=2)),
    "conf": lambda given: given.update(job=replace(given["job"], conf={"spark.log.level": "INFO"})),
}


def parts(**more: Any) -> dict[str, Any]:  # noqa: ANN401 - the arguments of physical_id
    return {"job": described(), "package": "0", "beside": {"__main__.py": "print()"}, "run_id": "", **more}


@pytest.mark.parametrize("name", CHANGES)
def test_whatever_changes_the_content_makes_another_id(name: str) -> None:
    other = parts()
    CHANGES[name](other)
    assert content.physical_id(**other) != content.physical_id(**parts())
    assert content.physical_id(**parts()) == content.physical_id(**parts())


def test_an_image_that_only_the_deployment_knows_is_a_part_of_the_id() -> None:
    stack = cdk.Stack(cdk.App(), "Images")
    images = [cdk.Fn.get_att(name, "Uri").to_string() for name in ("A", "B")]
    ids = [content.physical_id(**parts(job=described(image=image))) for image in images]
    resolved = [stack.resolve(each)["Fn::Join"][1] for each in ids]
    assert [each[0] for each in resolved] == [resolved[0][0]] * 2, "tokens are numbered as they come"
    assert [each[1] for each in resolved] == [{"Fn::GetAtt": [name, "Uri"]} for name in ("A", "B")]


def test_how_a_run_is_watched_makes_no_other_run(
    assembly: Assembly, watched: Assembly, code: Path, tmp_path: Path
) -> None:
    changed = synthesized(tmp_path, code, wait="start", on_failure="report", spot=False)
    ids = [of(each, "Custom::SparkJobRun")["PhysicalId"] for each in (changed, assembly, watched)]
    assert ids[0] == ids[1] == ids[2]


def test_a_state_machine_takes_every_parameter_of_a_run_and_gives_up_in_time(watched: Assembly) -> None:
    """Guards against a parameter that SparkJob's request has and the state machine leaves out."""
    machines = [
        each for each in watched.resources("Job").values() if each["Type"] == "AWS::StepFunctions::StateMachine"
    ]
    texts = [json.dumps(each["Properties"]["DefinitionString"]) for each in machines]
    (text,) = [each for each in texts if "startJobRun.sync" in each]
    nowhere = Place(*["nowhere"] * len(Place.__dataclass_fields__))
    for field in pascal_case({**job_request(described(), nowhere), "tags": {}}):
        assert f'\\"{field}.$\\": \\"$.{field}\\"'.replace(": ", ":") in text, field
    assert '\\"TimeoutSeconds\\":18000' in text


def test_only_what_starts_runs_may_start_them(assembly: Assembly, watched: Assembly) -> None:
    start = {"emr-containers:StartJobRun", "emr-containers:TagResource"}
    assert granted(assembly) >= start
    assert not granted(watched) & start


@pytest.mark.parametrize("mode", ["assembly", "watched"])
def test_who_starts_runs_may_tag_runs_alone_and_with_known_keys_alone(
    mode: str, request: pytest.FixtureRequest
) -> None:
    every = request.getfixturevalue(mode).resources("Job").values()
    documents = [
        document["PolicyDocument"]
        for each in every
        for document in (*each.get("Properties", {}).get("Policies", []), each.get("Properties", {}))
        if "PolicyDocument" in document
    ]
    statements = [each for document in documents for each in document["Statement"]]
    (tagging,) = [each for each in statements if "emr-containers:TagResource" in each["Action"]]
    assert tagging["Action"] == "emr-containers:TagResource"
    assert json.dumps(tagging["Resource"]).endswith('"/jobruns/*"]]}')
    assert tagging["Condition"] == {"ForAllValues:StringLike": {"aws:TagKeys": ["spark-job-run:*", *TAGS]}}


def test_other_tags_make_no_other_run(assembly: Assembly, code: Path, tmp_path: Path) -> None:
    other = of(synthesized(tmp_path, code, tags={"project": "other"}), "Custom::SparkJobRun")
    assert json.loads(other["Tags"]) == {"project": "other"}
    assert other["PhysicalId"] == of(assembly, "Custom::SparkJobRun")["PhysicalId"]


def test_the_smallest_type_tells_how_many_vcpus_the_executors_need() -> None:
    one = content.vcpus(described(), spot=True)
    assert (one["vcpus"], one["codes"]) == (8, ["L-DB2E81BA", "L-3819A6DF"])
    many = described(gpu_types=["g6.12xlarge", "g6.4xlarge"], executors=4)
    assert content.vcpus(many, spot=False)["codes"] == ["L-DB2E81BA"]
    assert content.vcpus(many, spot=False)["vcpus"] == 4 * 12, "four executors share the 48 of a g6.12xlarge"
    assert content.vcpus(described(gpu_types=["g6.12xlarge", "p5.48xlarge"]), spot=True)["codes"] == []


def test_as_many_rows_fit_as_the_memory_was_made_for() -> None:
    for rows in (10**8, 4 * 10**8):
        job = described(rows=rows, executors=8, gpu_types=["g6e.4xlarge"])
        assert job.most_rows >= rows
    assert job.most_rows < 1.01 * rows


def test_every_permission_is_there_before_the_first_request_and_until_the_last(assembly: Assembly) -> None:
    resources = assembly.resources("Job")
    (run,) = [name for name, each in resources.items() if each["Type"] == "Custom::SparkJobRun"]
    kinds = ("AWS::IAM::Policy", "AWS::IAM::Role", "AWS::Logs::LogGroup")
    assert {name for name, each in resources.items() if each["Type"] in kinds} <= set(Graph(resources).needs(run))


def test_the_request_s_url_goes_nowhere_but_to_what_answers(assembly: Assembly) -> None:
    definition = json.dumps(of(assembly, "AWS::StepFunctions::StateMachine")["DefinitionString"])
    assert "ResponseURL" not in definition


def granted(assembly: Assembly) -> set[str]:
    """Return what the function's role may do."""
    every = assembly.resources("Job")
    (function,) = [each for each in every.values() if each.get("Properties", {}).get("Handler", "").startswith("h")]
    role = function["Properties"]["Role"]["Fn::GetAtt"][0]
    more = [each["Properties"] for each in every.values() if {"Ref": role} in each["Properties"].get("Roles", [])]
    documents = [each["PolicyDocument"] for each in (*every[role]["Properties"]["Policies"], *more)]
    actions = [each["Action"] for document in documents for each in document["Statement"]]
    return {name for each in actions for name in ([each] if isinstance(each, str) else each)}


class Recorder:
    """Notes the names of the operations that a client is asked for."""

    def __init__(self, client: Any, used: set[str]) -> None:  # noqa: ANN401 - any client
        self._client, self._used = client, used

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - the client's
        found = getattr(self._client, name)
        if name == "get_paginator":
            return self._paginator
        if name != "exceptions":
            self._used.add(name)
        return found

    def _paginator(self, operation: str) -> Any:  # noqa: ANN401 - the client's
        self._used.add(operation)
        return self._client.get_paginator(operation)


UNUSED_BY_A_STARTER = {
    "emr-containers:TagResource": "StartJobRun with tags; the rehearsal refuses it without",
    "iam:PassRole": "StartJobRun hands the job role on; the rehearsal refuses it without",
}


@pytest.mark.parametrize(
    ("mode", "more", "unused"), [("assembly", {}, UNUSED | UNUSED_BY_A_STARTER), ("watched", WORKFLOW, UNUSED)]
)
def test_every_permission_is_used_or_has_a_reason(
    mode: str, more: dict[str, str], unused: dict[str, str], request: pytest.FixtureRequest
) -> None:
    assembly: Assembly = request.getfixturevalue(mode)
    used: set[str] = set()
    world = World()
    every = {
        name: Recorder(getattr(world, name), used) for name in ("emr", "s3", "logs", "quotas", "machine", "stacks")
    }
    clients = Clients(**every, region="us-west-2")
    asked = asks(**more)
    found = world.look(asked, clients)
    found = world.look(replace(asked, found=found), clients) if more else found
    world.machine.begin()
    world.logs.streams = {"loans/0abc/jobs/0/containers/spark-0/spark-0-driver/stderr": ["ValueError"]}
    world.emr.becomes(world.emr.records[0], "FAILED")
    assert "ValueError" in world.look(replace(asked, found=found), clients)["failed"]
    world.emr.becomes(world.emr.records[0], "RUNNING")
    world.look(asks("Delete", **more), clients)
    assert {ACTIONS[name] for name in used} | set(unused) == granted(assembly)
    assert not {ACTIONS[name] for name in used} & set(unused)
