"""Measures the rehearsal against its goals: start, deploy and destroy of an app of 120 resources, memory, CPU-seconds.

The real cdk CLI deploys `stand_in_app.py`. CPU-seconds tell what a step costs on whatever machine; the goals are of
the wall's seconds on two processors that do nothing else. The memory of functions and of Spark counts apart.
"""

import argparse
import os
import resource
import shlex
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from process_tree import INTERVAL, memory
from xgboost_pipeline.progress import say

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT))
from rehearsal import daemon  # noqa: E402 - found by the line before
from rehearsal.cdk_cli import CdkCli  # noqa: E402

APP = Path(__file__).parent / "stand_in_app.py"
DAEMON, PLANES, FUNCTIONS, SPARK = "the daemon", "control planes", "functions", "Spark"
GOALS = {"start": 8.0, "deploy": 45.0, "destroy": 30.0}  # wall seconds
MOST = 2 * 1024**3  # bytes, without functions and Spark


@dataclass(frozen=True)
class Row:
    """What a step took: wall seconds, and CPU-seconds of the rehearsal with all it started, and of the cdk CLI."""

    wall: float
    rehearsal: float
    cli: float = 0.0


@dataclass
class Sampler:
    """Looks at the memory of a rehearsal's processes until `done`; `peaks` are bytes by part, `peak` is of all ours."""

    root: psutil.Process
    peaks: dict[str, int] = field(default_factory=dict)
    peak: int = 0
    done: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Look again and again, for a thread."""
        while not self.done.wait(INTERVAL):
            self.look()

    def look(self) -> None:
        """Note what is used now, where it is more than ever."""
        used = dict.fromkeys((DAEMON, PLANES, FUNCTIONS, SPARK), 0)
        for process, part in parts(self.root):
            used[part] += memory(process)
        self.peak = max(self.peak, used[DAEMON] + used[PLANES])
        self.peaks = {part: max(found, self.peaks.get(part, 0)) for part, found in used.items()}


def parts(root: psutil.Process) -> Iterator[tuple[psutil.Process, str]]:
    """Yield each process of a rehearsal with what it belongs to: what a function or a job starts is theirs."""
    found = {root.pid: DAEMON}
    yield root, DAEMON
    try:
        below = root.children(recursive=True)
    except psutil.Error:
        return
    for process in below:  # parents before their children
        try:
            command, parent = " ".join(process.cmdline()), process.ppid()
        except psutil.Error:  # it has just ended
            continue
        part = found.get(parent, DAEMON)
        found[process.pid] = _part(command) if part == DAEMON else part
        yield process, found[process.pid]


def _part(command: str) -> str:
    """Return what a process that the daemon itself has started is for."""
    for mark, part in {"/kubebox ": PLANES, "supervisor.py": SPARK, "/functions/": FUNCTIONS}.items():
        if mark in command:
            return part
    return DAEMON


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure once and report; return 1 where a goal is missed."""
    argparse.ArgumentParser(description=__doc__).parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        rows, sampler = measured(Path(folder) / "rehearsal")
    say(text(rows, sampler.peaks, sampler.peak))
    return int(not good(rows, sampler.peak))


def measured(directory: Path) -> tuple[dict[str, Row], Sampler]:
    """Return what each step took in a rehearsal of its own, which is ended."""
    began = time.monotonic()
    command = [sys.executable, "-m", "rehearsal", "up", "--directory", str(directory)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own program
    wall = time.monotonic() - began
    try:
        running = daemon.find(directory)
        if running is None:
            raise SystemExit(f"error: the rehearsal has ended by itself: {(directory / 'log').read_text()[-2000:]}")
        sampler = Sampler(psutil.Process(running.pid))
        rows = {"start": Row(wall, _cpu(sampler.root))}
        threading.Thread(target=sampler.run, daemon=True).start()
        rows |= _steps(CdkCli(daemon.world_of(directory), APP.parent, lambda _: None), sampler.root)
        sampler.done.set()
    finally:
        daemon.down(directory)
    return rows, sampler


def _steps(cdk: CdkCli, root: psutil.Process) -> dict[str, Row]:
    cdk.prepare("--app", shlex.join([sys.executable, str(APP)]))
    steps: dict[str, Callable[[str], object]] = {
        "deploy": lambda step: cdk.deploy(step, "--all"),
        "destroy": cdk.destroy,
    }
    rows = {}
    for name, step in steps.items():
        before, own = _cpu(root), _cpu_of_children()
        step(name)
        rows[name] = Row(cdk.seconds[name], _cpu(root) - before, _cpu_of_children() - own)
    return rows


def _cpu(root: psutil.Process) -> float:
    """Return the CPU-seconds of a process tree, those who have ended included."""
    total = 0.0
    for process, _ in parts(root):
        try:
            total += sum(process.cpu_times()[:4])  # user, system, and of ended children
        except psutil.Error:
            continue
    return total


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def good(rows: Mapping[str, Row], peak: int) -> bool:
    """Return whether all goals are met."""
    return peak <= MOST and all(rows[name].wall <= goal for name, goal in GOALS.items())


def text(rows: Mapping[str, Row], peaks: Mapping[str, int], peak: int) -> str:
    """Return the table, each figure beside its goal."""
    lines = ["the rehearsal, 120 resources:" + _crowded()]
    for name, row in rows.items():
        said = _beside(row.wall <= GOALS[name], f"{GOALS[name]:g} s")
        lines.append(f"  {name:<8}{row.wall:7.1f} s {row.rehearsal:7.1f} CPU-s{row.cli:7.1f} CPU-s of the CLI {said}")
    said = _beside(peak <= MOST, f"{MOST >> 20} MiB")
    lines.append(f"  memory  {peak >> 20:7} MiB {said}; peaks: " + _each(peaks))
    return "\n".join(lines)


def _each(peaks: Mapping[str, int]) -> str:
    return ", ".join(f"{part} {found >> 20} MiB" for part, found in peaks.items())


def _beside(met: bool, goal: str) -> str:
    return f"(goal {goal}: {'met' if met else 'MISSED'})"


def _crowded() -> str:
    """Return a warning where others use the processors, so that the wall's seconds say little."""
    load, processors = os.getloadavg()[0], os.cpu_count() or 1
    return f" (load {load:.0f} on {processors} processors: trust CPU-seconds only)" if load > 2 * processors else ""


if __name__ == "__main__":
    sys.exit(main())
