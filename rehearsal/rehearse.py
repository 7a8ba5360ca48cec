"""The whole story: bootstrap, deploy, no change, diff, destroy, deploy and destroy again, and what is left over."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from rehearsal import tools
from rehearsal.world import World

Say = Callable[[str], None]


class StepFailed(Exception):  # noqa: N818 - a step of the rehearsal, as the user sees it
    """A command failed, or did not do what the step is about; the message names both."""


@dataclass
class Rehearsal:
    """One run of `cdk` commands against a world: its steps' seconds, and the leftovers that were not there before."""

    world: World
    app: Path
    expected: Sequence[str] = ()  # patterns of `service kind id` that may stay
    say: Say = print
    seconds: dict[str, float] = field(default_factory=dict)
    left: dict[str, list[str]] = field(default_factory=dict)
    kept: frozenset[str] = frozenset()  # physical ids of what a DeletionPolicy has kept

    def run(self) -> bool:
        """Run every step; return whether nothing unexplained was left. Raises StepFailed."""
        assembly = str(self.world.directory / "cdk.out")
        self._cdk("synth", "synth", "--quiet", "--output", assembly)
        built = ("--app", assembly)
        self._cdk("bootstrap", "bootstrap", f"aws://{self.world.account}/{self.world.region}", *built)
        before = set(leftovers(self.world))
        for turn in ("", " again"):
            self._deploy(f"deploy{turn}", built)
            if not turn:
                self._unchanged("deploy without a change", built)
                self._cdk("diff", "diff", "--all", "--fail", *built)
            self._cdk(f"destroy{turn}", "destroy", "--all", "--force", *built)
            self.left[f"destroy{turn}"] = sorted(set(leftovers(self.world)) - before)
            self.kept = frozenset(_kept(self.world))
        return not any(self.unexplained(found) for found in self.left.values())

    def unexplained(self, found: Sequence[str]) -> list[str]:
        """Return what of the leftovers nothing explains."""
        return [name for name in found if not self.reason(name)]

    def reason(self, name: str) -> str:
        """Return why something may be left, or nothing."""
        if any(name.endswith((f" {each}", f":{each}", f"/{each}")) for each in self.kept):
            return "kept by its DeletionPolicy"
        return next((f"expected: {pattern}" for pattern in self.expected if fnmatch(name, pattern)), "")

    def _deploy(self, name: str, built: Sequence[str]) -> str:
        return self._cdk(name, "deploy", "--all", "--require-approval", "never", "--progress", "events", *built)

    def _unchanged(self, name: str, built: Sequence[str]) -> None:
        said = self._deploy(name, built)
        stacks = self._stacks()
        if said.count("(no changes)") != stacks:
            raise StepFailed(f"{name}: {said.count('(no changes)')} of {stacks} stacks had no changes")

    def _stacks(self) -> int:
        """Return how many stacks the assembly has."""
        artifacts = json.loads((self.world.directory / "cdk.out/manifest.json").read_text())["artifacts"]
        return sum(artifact["type"] == "aws:cloudformation:stack" for artifact in artifacts.values())

    def _cdk(self, step: str, *arguments: str) -> str:
        """Run one command of the cdk CLI, pass on what it says, and return it."""
        start, lines = time.monotonic(), []
        self.say(f"--- {step}")
        command = [str(tools.ROOT / "node_modules/.bin/cdk"), *arguments, "--ci", "--no-color", "--no-notices"]
        with subprocess.Popen(  # noqa: S603 - the pinned CLI, with arguments of our own
            command,
            cwd=self.app,
            env=tools.full_environment(self.world),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # so that all that it starts ends with it
        ) as process:
            try:
                for line in process.stdout or ():
                    lines.append(line)
                    self.say(line.rstrip())
            except BaseException:
                os.killpg(process.pid, signal.SIGKILL)
                raise
        self.seconds[step] = time.monotonic() - start
        if process.returncode:
            raise StepFailed(f"{step}: cdk {' '.join(arguments)} ended with status {process.returncode}")
        return "".join(lines)


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
    rows = [f"  {step:<26}{seconds:7.1f} s" for step, seconds in rehearsal.seconds.items()]
    for step, found in rehearsal.left.items():
        odd = set(rehearsal.unexplained(found))
        rows.append(f"  left after {step}: {len(found)}, of which {len(odd)} unexplained")
        rows += [f"    ! {name}" if name in odd else f"      {name} ({rehearsal.reason(name)})" for name in found]
    return "\n".join(rows)


def report(message: str) -> None:
    """Print a line at once, whatever standard output is."""
    sys.stdout.write(message + "\n")
    sys.stdout.flush()
