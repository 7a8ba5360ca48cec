"""A rehearsal that stays up beside the user's terminal: started, found again, and ended by its own process id."""

import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from rehearsal.clock import Clock
from rehearsal.world import World

MARK = ".rehearsal"  # in a directory that was made for a rehearsal, and may be emptied for the next one
RUNNING = "running.json"
START_TIMEOUT, STOP_TIMEOUT = 240.0, 30.0  # wall seconds; a start takes 4 of a processor that nobody else uses


class DaemonError(Exception):
    """A rehearsal could not be started, found or ended; the message says what to do."""


@dataclass(frozen=True)
class Running:
    """A rehearsal that is up: its process, when that began (a process id alone may be another's by now), its port.

    Port 0: it has yet to find one.
    """

    pid: int
    began: float
    port: int
    speed: float

    def alive(self) -> bool:
        """Return whether that very process still runs; one that its parent has yet to wait for does not."""
        try:
            process = psutil.Process(self.pid)
            return process.create_time() == self.began and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False


def claim(directory: Path) -> None:
    """Make a directory this process's own, empty; raise DaemonError where a rehearsal is up or others' files lie."""
    directory.mkdir(parents=True, exist_ok=True)
    with _locked(directory):
        if found := find(directory):
            raise DaemonError(
                f"a rehearsal is already up in {directory} (process {found.pid}): end it with "
                f"'python -m rehearsal down --directory {directory}', or give another --directory"
            )
        if not (directory / MARK).exists() and any(directory.iterdir()):
            raise DaemonError(f"{directory} holds files that no rehearsal made: give --directory a new or empty folder")
        (directory / MARK).touch()
        for each in [each for each in directory.iterdir() if each.name != MARK]:
            shutil.rmtree(each, ignore_errors=True) if each.is_dir() and not each.is_symlink() else each.unlink()
        note(directory, port=0)


@contextlib.contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Keep others from claiming a directory meanwhile."""
    opened = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield
    finally:
        os.close(opened)


def note(directory: Path, port: int, speed: float = 1.0) -> None:
    """Write down, whole, that this process is the rehearsal of a directory."""
    running = Running(os.getpid(), psutil.Process().create_time(), port, speed)
    partial = directory / f"running.{running.pid}"
    partial.write_text(json.dumps(asdict(running)))
    partial.replace(directory / RUNNING)


def forget(directory: Path) -> None:
    """Undo `note`."""
    (directory / RUNNING).unlink(missing_ok=True)


def find(directory: Path) -> Running | None:
    """Return the rehearsal that is up in a directory, None if there is none."""
    try:
        running = Running(**json.loads((directory / RUNNING).read_text()))
    except FileNotFoundError:
        return None
    return running if running.alive() else None


def world_of(directory: Path) -> World:
    """Return the world of the rehearsal that is up, to ask it; raise DaemonError where none is."""
    running = find(directory)
    if running is None:
        raise DaemonError(f"no rehearsal is up in {directory}: start one with 'python -m rehearsal up'")
    if not running.port:
        raise DaemonError(f"the rehearsal in {directory} (process {running.pid}) is still starting: try again")
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
        note(directory, world.port, speed)
        ended.wait()
    finally:
        forget(directory)
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
    try:
        return _answering(directory, child)
    except BaseException:  # Ctrl-C, for one, which does not reach a child in a session of its own
        child.kill()
        child.wait()
        forget(directory)
        raise


def _answering(directory: Path, child: subprocess.Popen[bytes]) -> World:
    """Return the world of a child that has just been started, as soon as it answers."""
    end = time.monotonic() + START_TIMEOUT
    while child.poll() is None and time.monotonic() < end:
        running = find(directory)
        if running and running.pid == child.pid:
            return World(directory, running.port)
        time.sleep(0.05)
    log = directory / "log"
    raise DaemonError(f"the rehearsal did not start; the end of {log}:\n{log.read_text()[-2000:]}")


def down(directory: Path) -> None:
    """End the rehearsal of a directory and wait until its process is gone; raise DaemonError where none is up."""
    running = find(directory)
    if running is None:
        raise DaemonError(f"no rehearsal is up in {directory}: nothing to end")
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            if running.alive():
                os.kill(running.pid, number)
        end = time.monotonic() + STOP_TIMEOUT
        while running.alive() and time.monotonic() < end:
            time.sleep(0.05)
