"""Runs as resources in the rehearsal: a real cluster, real Spark, and what goes wrong between their looks."""

import json
from collections.abc import Callable

import pytest

from tests.constructs.rapids_eks.spark_job_run.site import Site
from tests.constructs.rapids_eks.spark_job_run.stacks import TAGS
from tests.rehearsal.live.account import Account
from tests.rehearsal.unused_permissions import denied, names_by_path, of_names, unexplained

Plant = Callable[..., None]
pytestmark = pytest.mark.usefixtures("no_stack_is_left")


def test_what_would_run_in_vain_is_told_before_anything_starts(account: Account, site: Site) -> None:
    wanted, before = site.wanted(), account.left()
    for says in ("holds no files: upload the quarterly .csv files", "the executors need 8 vCPUs of GPU instances"):
        refused = wanted.deploy(account, "Job")
        assert refused.status == "ROLLBACK_COMPLETE", refused.reasons
        assert says in refused.reasons, refused.reasons
        site.discarded(refused)
        site.put("2020Q1.csv")
    assert not site.runs()
    assert {each for each in account.left() if "s3 Object" not in each} == set(before)
    quotas = account.client("service-quotas")
    quotas.request_service_quota_increase(ServiceCode="ec2", QuotaCode="L-3819A6DF", DesiredValue=8)


def test_a_run_becomes_attributes_and_is_not_repeated_without_a_reason(
    account: Account, site: Site, plant: Plant
) -> None:
    stack = site.wanted().deploy(account, "Job")
    assert stack.status == "CREATE_COMPLETE", stack.reasons
    told = account.outputs(stack)
    assert (told["State"], told["RocAuc"], told["Rows"]) == ("COMPLETED", "0.75", "1234")
    assert site.text(told["Report"]) == "2020Q1.csv"
    runs = site.runs()
    assert runs[0]["id"] == told["RunId"]
    assert runs[0]["tags"].items() >= TAGS.items()
    started = len(runs)

    again = site.wanted(on_failure="report").update(account, "Job", stack)
    assert again.status == "UPDATE_COMPLETE", again.reasons
    assert account.outputs(again) == told
    assert len(site.runs()) == started

    plant("job-fail", "*", always=True)
    failed = site.wanted(run_id="2").update(account, "Job", stack)
    assert failed.status == "UPDATE_ROLLBACK_COMPLETE"
    assert "is FAILED (USER_ERROR)" in failed.reasons
    assert "RuntimeException: the fault job-fail" in failed.reasons
    assert "aws logs tail /emr-on-eks-logs/rapids-minimal/emr-ml-team-a" in failed.reasons
    assert account.outputs(failed) == told
    assert len(site.runs()) == started + 1, "going back starts nothing"
    assert not [line for line in printed(account) if "cloudformation-custom-resource-response" in line]
    site.discarded(stack)
    assert len(site.runs()) == started + 1


def printed(account: Account) -> list[str]:
    """Return what the functions of the run have printed."""
    logs = account.client("logs")
    found = logs.describe_log_groups(logGroupNamePrefix="Job-")["logGroups"]
    (group,) = [each["logGroupName"] for each in found]
    streams = [each["logStreamName"] for each in logs.describe_log_streams(logGroupName=group)["logStreams"]]
    events = [logs.get_log_events(logGroupName=group, logStreamName=name)["events"] for name in streams]
    lines = [each["message"] for one in events for each in one]
    assert any("has just been started" in line for line in lines)
    return lines


def test_a_function_that_dies_at_its_looks_starts_one_run(account: Account, site: Site, plant: Plant) -> None:
    stack = site.wanted(run_id="before").deploy(account, "Job")
    assert stack.status == "CREATE_COMPLETE", stack.reasons
    found = account.client("cloudformation").describe_stack_resources(StackName="Job")["StackResources"]
    names = [each["PhysicalResourceId"] for each in found if each["LogicalResourceId"].startswith("RunFunction")]
    wanted, before = site.wanted(run_id="dies"), len(site.runs())
    for _ in range(3):  # as often as the state machine tries again
        plant("kill-function", names[0])
    stack = wanted.update(account, "Job", stack)
    assert stack.status == "UPDATE_COMPLETE", stack.reasons
    assert account.outputs(stack)["State"] == "COMPLETED"
    assert len(site.runs()) == before + 1
    site.discarded(stack)


def test_a_run_that_goes_on_is_cancelled_with_its_stack(account: Account, site: Site, plant: Plant) -> None:
    plant("job-hang", "*")
    stack = site.wanted(run_id="hangs", wait="start").deploy(account, "Job")
    assert stack.status == "CREATE_COMPLETE", stack.reasons
    assert len(site.live()) == 1
    site.discarded(stack)
    assert site.runs()[0]["state"] == "CANCELLED"


@pytest.mark.usefixtures("ready")
def test_a_run_that_a_state_machine_watches_is_cancelled_with_its_execution(
    account: Account, site: Site, plant: Plant
) -> None:
    machines = account.client("stepfunctions")

    def ended(execution: str) -> str:
        account.waits(lambda: machines.describe_execution(executionArn=execution)["status"] != "RUNNING")
        return str(machines.describe_execution(executionArn=execution)["status"])

    plant("job-hang", "*")
    stack = site.wanted(run_id="watched", wait="state_machine").deploy(account, "Job")
    assert stack.status == "CREATE_COMPLETE", stack.reasons
    told, before = account.outputs(stack), len(site.runs())
    assert len(site.live()) == 1
    machines.stop_execution(executionArn=told["Execution"])
    account.waits(lambda: not site.live())
    assert (site.runs()[0]["state"], ended(told["Execution"])) == ("CANCELLED", "ABORTED")
    account.world.page("faults", method="DELETE")  # it may have ended before it could hang

    again = site.wanted(run_id="watched-2", wait="state_machine").update(account, "Job", stack)
    assert again.status == "UPDATE_COMPLETE", again.reasons
    assert ended(account.outputs(again)["Execution"]) == "SUCCEEDED"
    assert [run["state"] for run in site.runs()[:2]] == ["COMPLETED", "CANCELLED"]
    assert ":assumed-role/" in site.runs()[0]["createdBy"]

    same = site.wanted(run_id="watched-2", wait="state_machine", on_failure="report").update(account, "Job", stack)
    assert same.status == "UPDATE_COMPLETE", same.reasons
    assert account.outputs(same)["RocAuc"] == "0.75", "what has completed is taken, with its results"

    plant("job-hang", "*")
    wanted = site.wanted(run_id="watched-3", wait="state_machine")
    third = wanted.update(account, "Job", stack)
    assert third.status == "UPDATE_COMPLETE", third.reasons
    assert len(site.live()) == 1
    names = names_by_path(account.world, wanted.folder, "Job")
    site.discarded(stack)
    roles = of_names(account.world, names)
    assert (unexplained(roles), denied(roles)) == ([], [])
    assert site.runs()[0]["state"] == "CANCELLED"
    assert len(site.runs()) == before + 2


def test_a_creation_that_is_given_up_leaves_no_run(account: Account, site: Site, plant: Plant) -> None:
    """Guards against CloudFormation's own id in the deletion, as the creation had given no answer."""
    wanted = site.wanted(run_id="given-up", beside=True)
    (beside,) = [name for name, each in wanted.resources("Job").items() if each["Type"] == "AWS::SSM::Parameter"]
    plant("job-hang", "*", always=True)
    plant("create", beside)
    failed = wanted.deploy(account, "Job")
    assert failed.status == "ROLLBACK_COMPLETE", failed.reasons
    site.discarded(failed)


def test_an_update_that_is_cancelled_leaves_no_run_and_repeats_none(account: Account, site: Site, plant: Plant) -> None:
    stack = site.wanted(run_id="first").deploy(account, "Job")
    assert stack.status == "CREATE_COMPLETE", stack.reasons
    told, before = account.outputs(stack), len(site.runs())
    plant("job-hang", "*", always=True)
    assembly, stacks = site.wanted(run_id="second"), account.client("cloudformation")
    body = json.dumps({name: assembly.template("Job")[name] for name in ("Resources", "Outputs")})
    stacks.update_stack(StackName="Job", TemplateBody=body, Capabilities=["CAPABILITY_IAM"])
    account.waits(site.live)
    stacks.cancel_update_stack(StackName="Job")
    undone = account.settled(stack.stack)
    assert undone.status == "UPDATE_ROLLBACK_COMPLETE", undone.reasons
    account.waits(lambda: not site.live())
    assert account.outputs(undone) == told
    assert len(site.runs()) == before + 1
    site.discarded(stack)
