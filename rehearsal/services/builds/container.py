"""Runs the commands of a build for real, with stand-ins for `docker` and `aws` that ask this rehearsal."""

import os
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from rehearsal.functions.credentials import session_keys
from rehearsal.world import World

TOOLS = ("aws", "docker")
SHELL = "bash"  # the one shell that is rehearsed, which a build specification must ask for
LOOK = 0.2  # seconds of the wall between two looks whether a build was stopped
PHASES = ("install", "pre_build", "build")
Record = Mapping[str, Any]


@dataclass(frozen=True)
class Container:
    """Calling it does a build's work; it returns why that failed, if it did, and what was printed."""

    world: World

    def __call__(self, build: Record, fault: bool) -> tuple[str, list[str]]:
        """Run the commands of a build; with `fault`, building an image fails."""
        try:
            script = _script(build["source"]["buildspec"])
        except ValueError as error:
            return f"YAML_FILE_ERROR: {error}", []
        with tempfile.TemporaryDirectory() as folder, self.world.clock.at_work():
            code, printed = _run(script, Path(folder), self._environment(build, Path(folder), fault), _stopped(build))
        lines = printed.splitlines()
        said = "Error while executing command" if code else ""
        return f"COMMAND_EXECUTION_ERROR: {said}. Reason: exit status {code}" if code else "", lines

    def _environment(self, build: Record, folder: Path, fault: bool) -> dict[str, str]:
        """Return what commands find in their environment: nothing of this machine's but its plainest commands."""
        key, secret, token = session_keys(self.world, build["serviceRole"], "AWSCodeBuild")
        own = {
            "PATH": os.pathsep.join([str(_tools(folder)), str(Path(sys.executable).parent), "/usr/bin", "/bin"]),
            "HOME": str(folder),
            "AWS_REGION": self.world.region,
            "AWS_DEFAULT_REGION": self.world.region,
            "AWS_ENDPOINT_URL": self.world.endpoint,
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_SESSION_TOKEN": token,
            "CODEBUILD_BUILD_ID": build["id"],
            "CODEBUILD_BUILD_NUMBER": str(build["buildNumber"]),
            "REHEARSAL_FAULT": "1" * fault,
        }
        return own | {each["name"]: each["value"] for each in build["environment"]["environmentVariables"]}


def _script(specification: str) -> str:
    """Return the commands as one script, each of which ends it when it fails. ValueError names what is not known."""
    asked = yaml.safe_load(specification)
    if asked.get("version") != 0.2 or asked.get("env", {}).get("shell") != SHELL:  # noqa: PLR2004 - CodeBuild's newest
        raise ValueError(f"only builds of version 0.2 with `env: {{shell: {SHELL}}}` are rehearsed")
    unknown = {*asked} - {"version", "env", "phases"} | {*asked["env"]} - {"shell"} | {*asked["phases"]} - {*PHASES}
    if unknown:
        raise ValueError(f"{', '.join(sorted(unknown))} of a build specification is not rehearsed")
    commands = [each for phase in PHASES for each in asked["phases"].get(phase, {}).get("commands", ())]
    return "".join(map(_command, commands))


def _command(command: str) -> str:
    announced = shlex.quote(f"[Container] Running command {command.splitlines()[0]}")
    return f"echo {announced}\n{command}\nrc=$?; [ $rc -eq 0 ] || exit $rc\n"


def _tools(folder: Path) -> Path:
    """Put the stand-ins where commands find them by their names."""
    into = folder / ".tools"
    into.mkdir()
    for name in TOOLS:
        program = shlex.join([sys.executable, "-I", str(Path(__file__).with_name(f"{name}.py"))])
        (into / name).write_text(f'#!/bin/sh\nexec {program} "$@"\n')
        (into / name).chmod(0o755)
    return into


def _run(script: str, folder: Path, env: Mapping[str, str], stopped: Callable[[], bool]) -> tuple[int, str]:
    """Return the exit status and what was printed; a build that is stopped ends with its processes."""
    with (folder / ".log").open("w+") as log:
        process = subprocess.Popen(  # noqa: S603 - what users deploy, as they would in CodeBuild
            [SHELL, "-c", script], cwd=folder, env=env, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        while process.poll() is None:
            try:
                process.wait(LOOK)
            except subprocess.TimeoutExpired:
                if stopped():
                    os.killpg(process.pid, signal.SIGKILL)
        log.seek(0)
        return process.returncode, log.read()


def _stopped(build: Record) -> Callable[[], bool]:
    return lambda: bool(build["buildComplete"])
