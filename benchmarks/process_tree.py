"""CPU-seconds, wall time and peak memory of a command and all it starts, children that have ended included."""

import argparse
import ctypes
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from resource import struct_rusage

import psutil

INTERVAL = 0.25  # seconds between two looks at the memory
GRACE = float(os.environ.get("PROCESS_TREE_GRACE", "30"))  # seconds that descendants may outlive the command
PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
KIB = 1024 if sys.platform == "linux" else 1  # unit of ru_maxrss: KiB on Linux, bytes on macOS


@dataclass(frozen=True)
class Usage:
    """What a process tree used: seconds of CPU and wall time, bytes of memory, the command's exit status.

    `peak_rss` is the highest sum of resident memory over the tree, where pages shared by several processes count
    once (PSS) if the system tells, else each time; it is at least the peak of the largest single process.
    """

    status: int
    wall: float
    cpu: float
    peak_rss: int


@dataclass
class Peak:
    """Highest sum of memory seen so far, in bytes, and whether to go on looking."""

    memory: int = 0
    done: bool = False


def measure(command: Sequence[str], log: Path | None = None, environment: dict[str, str] | None = None) -> Usage:
    """Run a command to its end in a measuring process of its own; its output goes to `log`, or where ours goes.

    The CPU time is complete on Linux, where the measuring process adopts orphans (a JVM that outlives its Python);
    elsewhere orphans that nobody waited for are missing.
    """
    reader, writer = os.pipe()
    meter = [sys.executable, __file__, "--result", str(writer), "--", *command]
    with open(log or os.devnull, "ab") as output:  # noqa: PTH123 - os.devnull is no Path
        out = output if log else None
        process = subprocess.Popen(meter, stdout=out, stderr=out, pass_fds=[writer], env=environment)  # noqa: S603 - the caller's own command
        os.close(writer)
        with os.fdopen(reader) as result:
            text = result.read()
        process.wait()
    return Usage(**json.loads(text))


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the command after `--` and write the usage as JSON to the file descriptor `--result`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--result", type=int, default=1, help="file descriptor for the JSON (default: 1)")
    parser.add_argument("command", nargs="+")
    chosen = parser.parse_args(arguments)
    os.set_inheritable(chosen.result, False)  # noqa: FBT003 - the standard library's own signature
    with os.fdopen(chosen.result, "w") as result:
        usage = _run(chosen.command)
        json.dump(asdict(usage), result)
    return usage.status


def _run(command: Sequence[str]) -> Usage:
    _adopt_orphans()
    peak = Peak()
    start = time.monotonic()
    child = os.posix_spawnp(command[0], list(command), os.environ)
    sampler = threading.Thread(target=_sample, args=(peak,), daemon=True)
    sampler.start()
    ended = [os.wait4(child, 0)]
    wall = time.monotonic() - start
    ended += _orphans()
    peak.done = True
    sampler.join()
    return Usage(
        status=os.waitstatus_to_exitcode(ended[0][1]),
        wall=round(wall, 3),
        cpu=round(sum(used.ru_utime + used.ru_stime for _, _, used in ended), 3),
        peak_rss=max(peak.memory, *(used.ru_maxrss * KIB for _, _, used in ended)),
    )


def _adopt_orphans() -> None:
    """Become the parent of descendants whose own parent ends, so that their CPU time reaches us through wait4."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _orphans() -> Iterator[tuple[int, int, struct_rusage]]:
    """Wait for what outlived the command; after GRACE end it, since its later CPU time would be missed."""
    deadline = time.monotonic() + GRACE
    while True:
        try:
            ended = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if ended[0]:
            yield ended
            continue
        if time.monotonic() > deadline:
            for process in psutil.Process().children():
                process.kill()
        time.sleep(0.02)


def _sample(peak: Peak) -> None:
    while not peak.done:
        peak.memory = max(peak.memory, sum(map(memory, psutil.Process().children(recursive=True))))
        time.sleep(INTERVAL)


def memory(process: psutil.Process) -> int:
    """Return a process's share of the memory in bytes, 0 if it has ended."""
    try:
        if sys.platform == "linux":
            return int(process.memory_full_info().pss)
        return int(process.memory_info().rss)
    except psutil.Error:  # it has just ended
        return 0


if __name__ == "__main__":
    sys.exit(main())
