"""The cluster's stack where something fails while it is made."""

from collections.abc import Callable, Iterator

import control_plane
import pytest

import config
from tests.rehearsal.live.account import Account
from tests.stacks.assembly import Assembly, synthesized


@pytest.fixture(scope="module")
def assembly(account: Account, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Assembly]:
    """The stacks, of which the network's is there."""
    control_plane.required()
    made = synthesized(tmp_path_factory.mktemp("faults"), config.Cluster())
    made.publish(account, "StackedCluster")
    network = made.deploy(account, "StackedNetwork")
    assert network.status == "CREATE_COMPLETE", network.reasons
    yield made
    account.discard(network)


@pytest.mark.parametrize(
    "kind", ["AWS::EKS::Cluster", "AWS::EKS::Nodegroup", "Custom::AWSCDK-EKS-KubernetesResource", "Custom::Drain"]
)
def test_what_fails_leaves_nothing_in_the_way_of_the_next_attempt(
    kind: str, account: Account, plant: Callable[..., None], assembly: Assembly
) -> None:
    """The next attempt is the next case: it has the same names, and whatever this one left."""
    before = account.left()
    plant("create", next(name for name, each in assembly.resources("StackedCluster").items() if each["Type"] == kind))
    failed = assembly.deploy(account, "StackedCluster")
    assert failed.status == "ROLLBACK_COMPLETE", failed.reasons
    assert account.delete(failed).status == "DELETE_COMPLETE"
    assert account.left() == before
