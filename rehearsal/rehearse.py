"""The whole story: bootstrap, deploy, no change, diff, destroy, deploy and destroy again, and what is left over."""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch

from rehearsal.cdk_cli import CdkCli, StepFailed
from rehearsal.world import World


@dataclass
class Rehearsal:
    """One run of `cdk` commands against a world: its steps' seconds, and the leftovers that were not there before."""

    cdk: CdkCli
    expected: Sequence[str] = ()  # patterns of `service kind id` that may stay
    left: dict[str, list[str]] = field(default_factory=dict)
    kept: frozenset[str] = frozenset()  # physical ids of what a DeletionPolicy has kept

    def run(self) -> bool:
        """Run every step; return whether nothing unexplained was left. Raises StepFailed."""
        world, assembly = self.cdk.world, str(self.cdk.world.directory / "cdk.out")
        self.cdk("synth", "synth", "--quiet", "--output", assembly)
        built = ("--app", assembly)
        self.cdk("bootstrap", "bootstrap", f"aws://{world.account}/{world.region}", *built)
        before = set(leftovers(world))
        for turn in ("", " again"):
            self.cdk.deploy(f"deploy{turn}", "--all", *built)
            if not turn:
                self._unchanged("deploy without a change", built)
                self.cdk("diff", "diff", "--all", "--fail", *built)
            self.cdk(f"destroy{turn}", "destroy", "--all", "--force", *built)
            self.left[f"destroy{turn}"] = sorted(set(leftovers(world)) - before)
            self.kept = frozenset(_kept(world))
        return not any(self.unexplained(found) for found in self.left.values())

    def unexplained(self, found: Sequence[str]) -> list[str]:
        """Return what of the leftovers nothing explains."""
        return [name for name in found if not self.reason(name)]

    def reason(self, name: str) -> str:
        """Return why something may be left, or nothing."""
        if any(name.endswith((f" {each}", f":{each}", f"/{each}")) for each in self.kept):
            return "kept by its DeletionPolicy"
        return next((f"expected: {pattern}" for pattern in self.expected if fnmatch(name, pattern)), "")

    def _unchanged(self, name: str, built: Sequence[str]) -> None:
        said = self.cdk.deploy(name, "--all", *built)
        stacks = self._stacks()
        if said.count("(no changes)") != stacks:
            raise StepFailed(f"{name}: {said.count('(no changes)')} of {stacks} stacks had no changes")

    def _stacks(self) -> int:
        """Return how many stacks the assembly has."""
        artifacts = json.loads((self.cdk.world.directory / "cdk.out/manifest.json").read_text())["artifacts"]
        return sum(artifact["type"] == "aws:cloudformation:stack" for artifact in artifacts.values())


def leftovers(world: World) -> list[str]:
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


def table(rehearsal: Rehearsal) -> str:
    """Return the seconds of each step, and what was left over after each destroy."""
    rows = [f"  {step:<26}{seconds:7.1f} s" for step, seconds in rehearsal.cdk.seconds.items()]
    for step, found in rehearsal.left.items():
        odd = set(rehearsal.unexplained(found))
        rows.append(f"  left after {step}: {len(found)}, of which {len(odd)} unexplained")
        rows += [f"    ! {name}" if name in odd else f"      {name} ({rehearsal.reason(name)})" for name in found]
    return "\n".join(rows)


def report(message: str) -> None:
    """Print a line at once, whatever standard output is."""
    sys.stdout.write(message + "\n")
    sys.stdout.flush()
