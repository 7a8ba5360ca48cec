"""What a destroy has left, and why that may be."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch

from rehearsal.world import World


@dataclass
class LeftOver:
    """What exists after some step and did not when this was made."""

    world: World
    expected: Sequence[str] = ()  # patterns of `service kind id` that may stay
    found: dict[str, list[str]] = field(default_factory=dict)  # by step
    kept: frozenset[str] = frozenset()  # physical ids of what a DeletionPolicy has kept
    before: frozenset[str] = frozenset()
    stays: dict[str, str] = field(default_factory=dict)  # what nobody can delete, or need not, and why

    def remember(self) -> None:
        """Take what exists now for what was there before."""
        self.before = frozenset(resources(self.world))

    def look(self, step: str) -> None:
        """Note what exists after a step."""
        state = self.world.page("state")
        self.found[step] = sorted(set(state["resources"]) - self.before)
        self.kept = frozenset(_kept(self.world))
        self.stays = dict(state["stays"])

    @property
    def is_explained(self) -> bool:
        """Whether there is a reason for all that was found."""
        return not any(self.unexplained(found) for found in self.found.values())

    def unexplained(self, found: Sequence[str]) -> list[str]:
        """Return what of the leftovers nothing explains."""
        return [name for name in found if not self.reason(name)]

    def reason(self, name: str) -> str:
        """Return why something may be left, or nothing."""
        if any(name.endswith((f" {each}", f":{each}", f"/{each}")) for each in self.kept):
            return "kept by its DeletionPolicy"
        return next((f"expected: {pattern}" for pattern in self.expected if fnmatch(name, pattern)), "")

    def lines(self) -> Iterator[str]:
        """Yield what was left after each step, with the reason; what has none is marked."""
        for step, found in self.found.items():
            odd = set(self.unexplained(found))
            yield f"  left after {step}: {len(found)}, of which {len(odd)} unexplained"
            yield from (f"    ! {name}" if name in odd else f"      {name} ({self.reason(name)})" for name in found)
        yield from (f"  stays: {name} ({why})" for name, why in self.stays.items())


def resources(world: World) -> list[str]:
    """Return every resource that exists, as `service kind id`, without what AWS itself has put there."""
    return [str(each) for each in world.page("state")["resources"]]


def _kept(world: World) -> Iterator[str]:
    """Yield the physical ids of what was left where it was when its stack was deleted."""
    cloudformation = world.client("cloudformation")
    for page in cloudformation.get_paginator("list_stacks").paginate(StackStatusFilter=["DELETE_COMPLETE"]):
        for stack in page["StackSummaries"]:
            events = cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack["StackId"])
            skipped = (each for found in events for each in found["StackEvents"])
            yield from (each["PhysicalResourceId"] for each in skipped if each["ResourceStatus"] == "DELETE_SKIPPED")
