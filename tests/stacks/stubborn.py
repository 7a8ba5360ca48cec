"""Stacks that do not go at once, because the deletion of each of their resources fails once."""

from collections.abc import Callable

from tests.rehearsal.live.account import Account, Outcome
from tests.stacks.assembly import Assembly

Plant = Callable[..., None]
MOST = 100  # attempts; one is needed for each resource of the longest chain of dependencies, and one more


def deletion(account: Account, plant: Plant, assembly: Assembly, made: Outcome, stack: str) -> Outcome:
    """Delete a stack again and again; return how the last attempt ends.

    Each resource is deleted, but its stack is told that this failed, so that it is deleted twice. As nothing goes
    before what depends on it, each attempt meets the next ones.
    """
    for name, each in assembly.resources(stack).items():
        if each.get("DeletionPolicy", "Delete") == "Delete":
            plant("delete-late", name)
    for _ in range(MOST):
        gone = account.delete(made)
        if gone.status != "DELETE_FAILED":
            break
    else:
        raise AssertionError(f"{stack} does not go: {gone.reasons[-3000:]}")
    missed = account.world.page("faults")["planted"]
    account.world.page("faults", method="DELETE")
    assert gone.status != "DELETE_COMPLETE" or not missed, missed
    return gone
