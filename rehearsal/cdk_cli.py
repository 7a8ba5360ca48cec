"""The pinned cdk CLI, run against a world."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from rehearsal import tools
from rehearsal.world import World

Say = Callable[[str], None]


class StepFailed(Exception):  # noqa: N818 - a step of the rehearsal, as the user sees it
    """A command failed, or did not do what the step is about; the message names both."""


@dataclass
class CdkCli:
    """Commands on one app: each is a named step, whose lines are passed on and whose seconds are kept."""

    world: World
    app: Path
    say: Say
    seconds: dict[str, float] = field(default_factory=dict)

    def __call__(self, step: str, *arguments: str) -> str:
        """Run one command and return what it says. Raises StepFailed."""
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

    def deploy(self, step: str, *arguments: str) -> str:
        """Deploy stacks without a question, with a line for each event; return what the CLI says."""
        return self(step, "deploy", "--require-approval", "never", "--progress", "events", *arguments)
