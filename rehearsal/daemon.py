"""A rehearsal that stays up beside the user's terminal: started, found again, and ended by its own process id."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from rehearsal.clock import Clock
from rehearsal.world import World

MARK = ".rehearsal"  # in a directory that was made for a rehearsal, and may be emptied for the next one
START_TIMEOUT, STOP_TIMEOUT = 60.0, 30.0  # wall seconds


class DaemonError(Exception):
    """A rehearsal could not be started, found or ended; the message says what to do."""


@dataclass(frozen=True)
class Running:
    """A rehearsal that is up: its process, when that began (a process id alone may be another's by now), its port."""

    pid: int
    began: float
    port: int
    speed: float

    def alive(self) -> bool:
        """Return whether that very process still runs."""
        try:
            return psutil.Process(self.pid).create_time() == self.began
        except psutil.NoSuchProcess:
            return False


def claim(directory: Path) -> None:
    """Make a directory a rehearsal's own, empty; raise DaemonError where one is up or somebody else's files lie."""
    if found := find(directory):
        raise DaemonError(
            f"a rehearsal is already up in {directory} (process {found.pid}): end it with "
            f"'python -m rehearsal down --directory {directory}', or give another --directory"
        )
    if directory.exists() and not (directory / MARK).exists() and any(directory.iterdir()):
        raise DaemonError(f"{directory} holds files that no rehearsal made: give --directory a new or empty folder")
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    (directory / MARK).touch()


def find(directory: Path) -> Running | None:
    """Return the rehearsal that is up in a directory, None if there is none."""
    try:
        running = Running(**json.loads((directory / "running.json").read_text()))
    except FileNotFoundError:
        return None
    return running if running.alive() else None


def world_of(directory: Path) -> World:
    """Return the world of the rehearsal that is up, to ask it; raise DaemonError where none is."""
    running = find(directory)
    if running is None:
        raise DaemonError(f"no rehearsal is up in {directory}: start one with 'python -m rehearsal up'")
    return World(directory, running.port)


def serve(directory: Path, port: int, speed: float) -> None:
    """Be the rehearsal until a SIGTERM or SIGINT comes; everything that was started ends with it."""
    from rehearsal import server  # noqa: PLC0415 - seconds, which those who only look for a rehearsal need not wait

    directory.mkdir(parents=True, exist_ok=True)
    world = World(directory, port, clock=Clock(speed))
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    try:
        server.serve(world)
        _write(directory, Running(os.getpid(), psutil.Process().create_time(), world.port, speed))
        ended.wait()
    finally:
        (directory / "running.json").unlink(missing_ok=True)
        world.close()


def up(directory: Path, port: int, speed: float) -> World:
    """Start a rehearsal in the background and return its world when it answers; raise DaemonError if it does not."""
    claim(directory)
    log = directory / "log"
    command = [sys.executable, "-m", "rehearsal", "serve", "--directory", str(directory), "--port", str(port)]
    with log.open("wb") as output:
        child = subprocess.Popen(  # noqa: S603 - this very program
            [*command, "--speed", str(speed)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    end = time.monotonic() + START_TIMEOUT
    while child.poll() is None and time.monotonic() < end:
        running = find(directory)
        if running and running.pid == child.pid:
            return World(directory, running.port)
        time.sleep(0.05)
    child.kill()
    raise DaemonError(f"the rehearsal did not start; the end of {log}:\n{log.read_text()[-2000:]}")


def down(directory: Path) -> None:
    """End the rehearsal of a directory and wait until its process is gone; raise DaemonError where none is up."""
    running = find(directory)
    if running is None:
        raise DaemonError(f"no rehearsal is up in {directory}: nothing to end")
    process = psutil.Process(running.pid)
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT)
    except psutil.TimeoutExpired:
        process.kill()
        process.wait()


def _write(directory: Path, running: Running) -> None:
    """Write the file whole, so that who looks for it never reads half of it."""
    partial = directory / f"running.{running.pid}"
    partial.write_text(json.dumps(asdict(running)))
    partial.replace(directory / "running.json")
