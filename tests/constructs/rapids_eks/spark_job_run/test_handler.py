"""One look at a run: every state of EMR, for every request, whether it is the first look or another one."""

import json
from dataclasses import replace
from typing import Any

import pytest

from config.blueprint import MOST_TAGS
from rapids_eks.spark_job_run.handler import runs
from tests.constructs.rapids_eks.spark_job_run.emr import missing, refused
from tests.constructs.rapids_eks.spark_job_run.world import WORKFLOW, World, request, with_run

STATES = ("PENDING", "SUBMITTED", "RUNNING", "CANCEL_PENDING", "COMPLETED", "FAILED", "CANCELLED")
ACCESS = "Cluster c does not have sufficient permissions."
# What a look comes to where there is a run in one of the states, in their order: w(atches), s(tarts), d(one), f(ails),
# c(ancels). `own`: the request has started the run itself; it was repeated, or crashed before it could say so.
TABLE = {
    ("Create", "another's"): "wwwwdss",
    ("Update", "another's"): "wwwwdss",
    ("Create", "own"): "wwwwdff",
    ("Update", "own"): "wwwwdff",
    ("Delete", "own"): "cccwddd",
    ("Delete", "another's"): "cccwddd",  # request, that is: the resource is the same
}
NOT_WAITED_FOR = {
    ("Create", "another's"): "wddwdss",
    ("Update", "another's"): "wddwdds",
    ("Create", "own"): "wddddff",
    ("Update", "own"): "wddddff",
    ("Delete", "own"): "cccwddd",
    ("Delete", "another's"): "cccwddd",
}
REPORTED = {
    ("Create", "another's"): "wwwwdss",
    ("Update", "another's"): "wwwwdds",
    ("Create", "own"): "wwwwddd",
    ("Update", "own"): "wwwwddd",
    ("Delete", "own"): "cccwddd",
    ("Delete", "another's"): "cccwddd",
}
MODES: tuple[tuple[dict[str, str], dict[tuple[str, str], str]], ...] = (
    ({}, TABLE),
    ({"Wait": "start"}, NOT_WAITED_FOR),
    ({"OnFailure": "report"}, REPORTED),
    (WORKFLOW, NOT_WAITED_FOR),
)
CASES = [
    (mode, kind, whose, state, expected[n])
    for mode, table in MODES
    for (kind, whose), expected in table.items()
    for n, state in enumerate(STATES)
]


@pytest.mark.parametrize(("mode", "kind", "whose", "state", "expected"), CASES)
def test_what_a_look_comes_to(mode: dict[str, str], kind: str, whose: str, state: str, expected: str) -> None:
    world = with_run(state, "r1" if whose == "own" else "r0", **mode)
    for _ in range(2):  # the second time as if the first one's answer had been lost
        found = world.look(request(kind, **mode))
        world.machine.begin()
        if expected == "s":
            assert world.emr.calls[:1] == ["start"]
            assert len(world.emr.records) == 2
            return
        assert outcome(found) == ("w" if expected == "c" else expected), found
        assert "start" not in world.emr.calls
    assert world.emr.calls == (["cancel"] if expected == "c" else [])


def outcome(found: dict[str, Any]) -> str:
    return "w" if not found["done"] else "f" if "failed" in found else "d"


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("kind", ["Create", "Update"])
def test_a_run_that_is_watched_is_seen_to_its_end(kind: str, state: str) -> None:
    world = with_run(state)
    found = world.look(request(kind))
    assert outcome(found) == TABLE[kind, "own"][STATES.index(state)]
    if not found["done"]:
        assert found["run"] == "0"
        assert state in found["left"][0]


def test_attributes_are_what_the_report_says() -> None:
    world = with_run("COMPLETED")
    data = world.look(request())["data"]
    name = runs.run_name("loans", "spark-job-run/loans/a")
    assert data == {
        "RunId": "0",
        "RunName": name,
        "State": "COMPLETED",
        "Seconds": "720",
        "Output": f"s3://data/output/{name}",
        "Request": f"s3://data/scripts/{name}/request.json",
        "Execution": "-",
        "Report": f"s3://data/output/{name}/report/report.html",
        "Metrics": f"s3://data/output/{name}/report/metrics.json",
        "RocAuc": "0.875",
        "Rows": "215",
    }


def test_what_is_not_known_yet_is_no_missing_attribute() -> None:
    """Guards against GetAtt, which fails a stack for an attribute that an answer lacks."""
    waiting, waited = (with_run(state, Wait="start").look(request(Wait="start")) for state in ("RUNNING", "COMPLETED"))
    assert waiting["data"].keys() == waited["data"].keys()
    assert (waiting["data"]["RocAuc"], waiting["data"]["Seconds"]) == ("-", "-")


def test_a_completed_run_whose_results_were_deleted_is_repeated() -> None:
    world = with_run("COMPLETED", "r0")
    world.s3.objects = {key: body for key, body in world.s3.objects.items() if "output" not in key}
    world.look(request())
    assert len(world.emr.records) == 2


def test_files_are_put_in_place_once() -> None:
    world = World()
    name = runs.run_name("loans", "spark-job-run/loans/a")
    world.look(request())
    files = {"package.zip", "__main__.py", "request.json"}
    assert {key for key in world.s3.objects if key.startswith("scripts/")} == {f"scripts/{name}/{x}" for x in files}
    assert json.loads(world.s3.objects[f"scripts/{name}/request.json"])["name"] == name
    world.emr.records.clear()
    world.look(request(number="r2"))
    assert len(world.s3.written) == 3


def test_emr_s_own_access_is_waited_for() -> None:
    """Guards against the first run in a new namespace, which EMR may not enter for some seconds."""
    world = World()
    world.emr.refuses = refused("ValidationException", ACCESS)
    watched = world.next(request())
    assert "not in force yet" in watched.found["left"][0]
    world.emr.refuses = None
    for attempt in range(3):
        watched = world.next(watched)
        assert len(world.emr.records) == attempt + 1
        assert len(world.emr.live()) == 1
        world.emr.becomes(world.emr.records[-1], "FAILED", ACCESS)


def test_access_that_never_comes_fails_the_request() -> None:
    world = World()
    watched = request()
    while not watched.found.get("done"):
        watched = world.next(watched)
        for each in world.emr.live():
            world.emr.becomes(each, "FAILED", ACCESS)
        assert watched.waited < 3000
    assert ACCESS in watched.found["failed"]
    assert len({each["clientToken"] for each in world.emr.records}) == len(world.emr.records)


def test_another_refusal_is_the_state_machine_s_to_repeat() -> None:
    world = World()
    world.emr.refuses = refused("AccessDeniedException", "no")
    with pytest.raises(type(world.emr.refuses)):
        world.look(request())


def test_what_an_update_that_is_undone_has_started_is_cancelled_whatever_it_goes_back_to() -> None:
    world = with_run("COMPLETED")
    world.s3.objects = {key: body for key, body in world.s3.objects.items() if "output" not in key}
    given_up = request("Update", "spark-job-run/loans/b", "r2")
    world.look(given_up)
    undoing = replace(request("Update", number="r3"), same=True)
    world.machine.running = {given_up.execution: 1, undoing.execution: 2}
    undoing = world.next(undoing)
    assert "about to end" in undoing.found["left"][0]
    assert "takes this one's place" in world.look(given_up)["failed"]
    world.machine.running = {undoing.execution: 2}
    world.look(undoing)
    assert [each["state"] for each in world.emr.records] == ["COMPLETED", "CANCEL_PENDING", "PENDING"]


@pytest.mark.parametrize(
    ("kind", "status", "starts"),
    [
        ("Create", "CREATE_IN_PROGRESS", True),
        ("Create", "ROLLBACK_IN_PROGRESS", False),
        ("Create", "UPDATE_ROLLBACK_IN_PROGRESS", False),
        ("Create", "ROLLBACK_COMPLETE", False),
        ("Update", "UPDATE_ROLLBACK_COMPLETE", False),
        ("Update", "DELETE_IN_PROGRESS", False),
    ],
)
def test_a_request_that_comes_late_starts_nothing(kind: str, status: str, starts: bool) -> None:
    """Guards against an event that Lambda delivers when the deletion that followed it is over."""
    world = World()
    world.stacks.status = status
    found = world.look(request(kind))
    assert (len(world.emr.records) == 1) == starts
    assert ("failed" in found) != starts


def test_going_back_pays_for_nothing_twice_and_ends_well() -> None:
    """Guards against a run that was cancelled, or whose report was deleted, and that a rollback starts again."""
    world = World()
    world.stacks.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    found = world.look(request("Update"))
    assert not world.emr.records
    assert found["done"]
    assert "failed" not in found
    assert found["data"]["State"] == "-"


def test_a_run_that_takes_longer_than_one_waits_goes_on_and_is_reported_as_it_is() -> None:
    """Guards against a deployment that fails for time, whose rollback cancels what hours were paid for."""
    world = World()
    watched = world.next(request())
    world.emr.becomes(world.emr.records[0], "RUNNING")
    assert not world.look(watched)["done"]
    late = world.look(replace(watched, waited=2400))
    assert late["done"]
    assert late["data"]["State"] == "RUNNING"
    assert world.emr.records[0]["state"] == "RUNNING"


@pytest.mark.parametrize(("now", "done"), [("2025-01-01T00:39:59.999Z", False), ("2025-01-01T00:40:01.000Z", True)])
def test_slow_looks_do_not_let_the_deadline_come_before_a_run_is_given_back(now: str, done: bool) -> None:
    """Guards against throttled looks, which count for the state machine's deadline and not as waiting."""
    world = with_run("RUNNING")
    found = world.look(replace(request(), waited=600, now=now))
    assert found["done"] == done
    assert "failed" not in found
    assert world.emr.records[0]["state"] == "RUNNING"


def test_a_run_that_emr_has_forgotten_fails_the_request() -> None:
    world = World()
    watched = world.next(request())
    world.emr.records.clear()
    assert world.look(watched)["failed"] == "Job run 0 is gone from EMR's list"


def test_an_id_that_cloudformation_made_up_means_whatever_the_resource_has_started() -> None:
    world = World()
    world.look(request())
    world.look(
        request(number="other", Resource="arn:stack/1/another")
    )  # which takes up the same run, but did not start it
    world.look(request(physical_id="spark-job-run/loans/b", number="r2", Resource="arn:stack/1/another"))
    deleted = world.look(request("Delete", "stack-Run-1ABC", "r3"))
    assert [each["state"] for each in world.emr.records] == ["CANCEL_PENDING", "PENDING"]
    assert not deleted["done"]


def test_a_deletion_leaves_the_runs_of_other_resources_alone() -> None:
    world = World()
    world.look(request(Resource="arn:stack/1/another"))
    deletion = world.next(request("Delete"))
    assert not deletion.found["done"], "it looks once more"
    assert world.look(deletion)["done"]
    assert world.emr.calls == ["start"]


def test_a_virtual_cluster_that_is_gone_has_no_runs() -> None:
    world = with_run("RUNNING")
    world.emr.gone = True
    assert world.look(world.next(request("Delete")))["done"]


def test_a_run_that_ends_before_it_can_be_cancelled_is_no_error() -> None:
    world = with_run("RUNNING")
    seen = runs.named(world.emr, "0abc", world.emr.records[0]["name"])
    for state, error in (("COMPLETED", None), ("COMPLETED", missing("Job run 0"))):
        world.emr.becomes(world.emr.records[0], state)
        world.emr.gone = error is not None
        runs.cancel(world.emr, "0abc", seen)
    assert world.emr.calls == ["cancel", "cancel"]


def test_a_name_of_any_job_is_one_of_a_run_and_of_a_folder() -> None:
    name = runs.run_name(f"a/b#{60 * 'c'}", "spark-job-run/x")
    assert name.startswith("a-b-ccc")
    assert len(name) == 64
    assert name != runs.run_name(f"a/b#{60 * 'c'}", "spark-job-run/y")


@pytest.mark.parametrize("mode", [{}, WORKFLOW])
def test_a_run_has_the_tags_that_are_wanted_beside_those_by_which_it_is_found(mode: dict[str, str]) -> None:
    wanted = {f"tag{n}": "x" for n in range(MOST_TAGS)}
    world, given = World(), json.dumps({**wanted, runs.REQUEST: "not to be believed"})
    world.look(request(**mode, Tags=given))
    world.machine.begin()
    (record,) = world.emr.records
    assert record["tags"].items() >= {**wanted, runs.REQUEST: "r1"}.items()
    assert len(record["tags"]) <= 50, "as many as EMR takes"
