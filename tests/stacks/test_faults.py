"""Stacks of which something fails while they are made or deleted: the next attempt succeeds, under the same names."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import aws_cdk as cdk
import control_plane
import pytest

import config
from app import build
from tests.rehearsal.live.account import Account, Outcome
from tests.stacks import stubborn
from tests.stacks.assembly import ACCOUNT, Assembly

ROOT = Path(__file__).parents[2]
EVERY = os.environ.get("EVERY_RESOURCE", "")  # "2/3" is the second third of each stack's, as `make faults` has it
KINDS = {
    "Network": ("AWS::EC2::NatGateway", "Custom::ClosedDefaultGroup"),
    "Cluster": (
        "AWS::EKS::Cluster",
        "AWS::EKS::Nodegroup",
        "Custom::AWSCDK-EKS-KubernetesResource",
        "Custom::Drain",
    ),
    "Teams": ("AWS::EMRContainers::VirtualCluster", "Custom::EmptiedBucket"),
}


@dataclass
class Attempts:
    """The stacks of the minimal example, made one upon the other."""

    account: Account
    assembly: Assembly
    made: list[Outcome] = field(default_factory=list)
    before: list[str] = field(default_factory=list)

    def resources(self, stack: str) -> list[str]:
        """Return the logical ids of a stack's resources: a share of all, or the first one of each of some kinds."""
        found = {name: each["Type"] for name, each in self.assembly.resources(stack).items()}
        found = {name: kind for name, kind in found.items() if kind != "AWS::CDK::Metadata"}
        if not EVERY:
            return [next(name for name in found if found[name] == kind) for kind in KINDS[stack]]
        share, shares = map(int, EVERY.split("/"))
        return list(found)[share - 1 :: shares]

    def fail(self, stack: str) -> str:
        """Deploy a stack of which something fails; return what is wrong with the end of that, or nothing."""
        before = self.account.left()
        failed = self.assembly.deploy(self.account, stack)
        deleted = self.account.delete(failed)
        if (failed.status, deleted.status) != ("ROLLBACK_COMPLETE", "DELETE_COMPLETE"):
            return f"{failed.status} {failed.reasons} {deleted.status} {deleted.reasons}"
        return ", ".join(set(self.account.left()) ^ set(before))


@pytest.fixture(scope="module")
def attempts(account: Account, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attempts]:
    control_plane.required()
    blueprint = config.load(ROOT / "examples/minimal-cost.yaml").model_copy(update={"account": ACCOUNT})
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    app = cdk.App(outdir=str(tmp_path_factory.mktemp("faults")), context=context)
    tried = Attempts(account, Assembly(Path(build(blueprint, app).synth().directory)))
    for stack in KINDS:
        tried.assembly.publish(account, stack)
    tried.before = account.left()
    yield tried
    for made in reversed(tried.made):
        account.discard(made)


@pytest.mark.timeout(7200 if EVERY else 600)
@pytest.mark.parametrize("stack", KINDS)
def test_what_fails_leaves_nothing_in_the_way_of_the_next_attempt(
    stack: str, attempts: Attempts, plant: Callable[..., None]
) -> None:
    wrong, names = [], attempts.resources(stack)
    for number, name in enumerate(names, 1):
        plant("create", name)
        said = attempts.fail(stack)
        print(f"{stack} {EVERY} {number} of {len(names)}: {name}: {said or 'nothing left'}", flush=True)  # noqa: T201 - an hour's progress
        if said:
            wrong.append(f"{name}: {said}")
    assert not wrong, "\n".join(wrong)
    attempts.made.append(attempts.assembly.deploy(attempts.account, stack))
    assert attempts.made[-1].status == "CREATE_COMPLETE", attempts.made[-1].reasons


@pytest.mark.timeout(1800)
def test_deletions_that_fail_at_each_resource_once_end_with_nothing_left(
    account: Account, attempts: Attempts, plant: Callable[..., None]
) -> None:
    assert attempts.made
    for stack, made in reversed(list(zip(KINDS, attempts.made, strict=False))):
        if EVERY.startswith("1/") or stack != "Cluster":
            gone = stubborn.deletion(account, plant, attempts.assembly, made, stack)
        else:
            gone = account.delete(made)
        assert gone.status == "DELETE_COMPLETE", gone.reasons
        attempts.made.pop()
    assert account.left() == attempts.before
