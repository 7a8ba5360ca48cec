"""The stacks where something fails while they are made."""

import os
from collections.abc import Callable, Iterator

import control_plane
import pytest

import config
from tests.rehearsal.live.account import Account
from tests.stacks.assembly import Assembly, synthesized

EVERY = "EVERY_RESOURCE" in os.environ  # as `make faults` has it
NETWORK = ("AWS::EC2::NatGateway", "Custom::ClosedDefaultGroup")
CLUSTER = ("AWS::EKS::Cluster", "AWS::EKS::Nodegroup", "Custom::AWSCDK-EKS-KubernetesResource", "Custom::Drain")


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    control_plane.required()
    return synthesized(tmp_path_factory.mktemp("faults"), config.Cluster())


@pytest.fixture(scope="module")
def network(account: Account, assembly: Assembly) -> Iterator[None]:
    """The network, under the cluster."""
    assembly.publish(account, "StackedCluster")
    made = assembly.deploy(account, "StackedNetwork")
    assert made.status == "CREATE_COMPLETE", made.reasons
    yield
    account.discard(made)


def resources(assembly: Assembly, stack: str, kinds: tuple[str, ...]) -> list[str]:
    """Return the logical ids of a stack's resources: all of them, or the first one of each of these kinds."""
    found = {name: each["Type"] for name, each in assembly.resources(stack).items()}
    found = {name: kind for name, kind in found.items() if kind != "AWS::CDK::Metadata"}
    return list(found) if EVERY else [next(name for name in found if found[name] == kind) for kind in kinds]


def fails_and_leaves_nothing(
    account: Account, plant: Callable[..., None], assembly: Assembly, stack: str, name: str
) -> None:
    """Deploy a stack of which one resource fails; the next one has the same names, and whatever this one left."""
    before = account.left()
    plant("create", name)
    failed = assembly.deploy(account, stack)
    assert failed.status == "ROLLBACK_COMPLETE", (name, failed.reasons)
    assert account.delete(failed).status == "DELETE_COMPLETE"
    assert account.left() == before, name


@pytest.mark.timeout(3600 if EVERY else 600)
def test_a_network_that_fails_leaves_nothing_in_the_way_of_the_next_attempt(
    account: Account, plant: Callable[..., None], assembly: Assembly
) -> None:
    assembly.publish(account, "StackedNetwork")
    for name in resources(assembly, "StackedNetwork", NETWORK):
        fails_and_leaves_nothing(account, plant, assembly, "StackedNetwork", name)
    made = assembly.deploy(account, "StackedNetwork")
    assert made.status == "CREATE_COMPLETE", made.reasons
    account.discard(made)


@pytest.mark.timeout(7200 if EVERY else 600)
@pytest.mark.usefixtures("network")
def test_a_cluster_that_fails_leaves_nothing_in_the_way_of_the_next_attempt(
    account: Account, plant: Callable[..., None], assembly: Assembly
) -> None:
    for name in resources(assembly, "StackedCluster", CLUSTER):
        fails_and_leaves_nothing(account, plant, assembly, "StackedCluster", name)
    made = assembly.deploy(account, "StackedCluster")
    assert made.status == "CREATE_COMPLETE", made.reasons
    account.discard(made)
