"""The pinned cdk CLI, run against a world."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rehearsal import tools
from rehearsal.world import World

Say = Callable[[str], None]
STANDARD = "L-1216C47A"  # the quota of vCPUs of standard types, on demand


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

    def prepare(self, *arguments: str) -> None:
        """Synthesize the app, for all commands that follow, and bootstrap the world."""
        self("synth", "synth", "--quiet", "--output", str(self._assembly), *arguments)
        self.built("bootstrap", "bootstrap", f"aws://{self.world.account}/{self.world.region}")

    def ask(self, wanted: Mapping[str, int], why: str) -> None:
        """Have quotas of vCPUs, by their codes, raised that a new account starts without; in AWS somebody decides."""
        quotas = self.world.client("service-quotas")
        for code, vcpus in wanted.items():
            quota = {"ServiceCode": "ec2", "QuotaCode": code}
            if quotas.get_service_quota(**quota)["Quota"]["Value"] < vcpus:
                self.say(f"--- ask for {vcpus} vCPUs (quota {code}): {why}")
                quotas.request_service_quota_increase(**quota, DesiredValue=vcpus)

    def built(self, step: str, *arguments: str) -> str:
        """Run a command on what was synthesized."""
        return self(step, *arguments, "--app", str(self._assembly))

    def deploy(self, step: str, *stacks: str) -> str:
        """Deploy stacks without a question, with a line for each event; return what the CLI says."""
        return self.built(step, "deploy", *stacks, "--require-approval", "never", "--progress", "events")

    def destroy(self, step: str) -> None:
        """Delete every stack."""
        self.built(step, "destroy", "--all", "--force")

    def stacks(self) -> list[str]:
        """Return the ids of the stacks that were synthesized."""
        artifacts = json.loads((self._assembly / "manifest.json").read_text())["artifacts"]
        return [name for name, each in artifacts.items() if each["type"] == "aws:cloudformation:stack"]

    @property
    def _assembly(self) -> Path:
        return self.world.directory / "cdk.out"

    def times(self) -> Iterator[str]:
        """Yield a line with the seconds of each step."""
        yield from (f"  {step:<26}{seconds:7.1f} s" for step, seconds in self.seconds.items())
