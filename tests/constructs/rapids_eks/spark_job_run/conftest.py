"""A team's cluster in the rehearsal, for the tests that deploy runs."""

from collections.abc import Iterator
from pathlib import Path

import control_plane
import leaving
import pytest

from tests.constructs.rapids_eks.spark_job_run.site import Site
from tests.constructs.rapids_eks.spark_job_run.stacks import UNDER, tiny_code
from tests.rehearsal.live.account import Account, Outcome

VCPUS = 8  # of one node


@pytest.fixture
def no_stack_is_left(account: Account, site: Site) -> Iterator[None]:
    """Let a test that fails leave the next one room."""
    yield
    account.world.page("faults", method="DELETE")
    for each in account.client("cloudformation").describe_stacks()["Stacks"]:
        if each["StackName"] == "Job" and each["StackStatus"] != "DELETE_COMPLETE":
            account.discard(Outcome(each["StackId"], "", ""))
    assert site.stacks


@pytest.fixture(scope="session")
def site(account: Account, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A team's cluster that all tests of runs share."""
    control_plane.required()
    folder = tmp_path_factory.mktemp("runs")
    made = Site(account, folder, tiny_code(folder))
    assembly = made.wanted()
    for stack in UNDER:
        assembly.publish(account, stack)
    for stack in UNDER:
        made.stacks.append(assembly.deploy(account, stack))
        assert made.stacks[-1].status == "CREATE_COMPLETE", made.stacks[-1].reasons
    found = account.client("cloudformation").describe_stack_resources(StackName=made.stacks[-1].stack)
    ids = {each["ResourceType"]: each["PhysicalResourceId"] for each in found["StackResources"]}
    made.bucket, made.virtual_cluster = ids["AWS::S3::Bucket"], ids["AWS::EMRContainers::VirtualCluster"]

    def end() -> None:
        for outcome in reversed(made.stacks):
            account.discard(outcome)

    leaving.until_left(leaving.below(Path(__file__).parent), end)
    return made


@pytest.fixture
def ready(site: Site) -> Site:
    """Let runs find input, and nodes for it."""
    site.put("2020Q1.csv")
    quotas, spot = site.account.client("service-quotas"), {"ServiceCode": "ec2", "QuotaCode": "L-3819A6DF"}
    if quotas.get_service_quota(**spot)["Quota"]["Value"] < VCPUS:
        quotas.request_service_quota_increase(**spot, DesiredValue=VCPUS)
    return site
