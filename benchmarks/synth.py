"""Measures `cdk synth` of the whole app against one of an empty CDK app, and where its time goes: part of `make bench`.

Alternating runs, by CPU-seconds of the process tree: the cdk CLI, Python, and jsii's Node.js.
"""

import argparse
import os
import re
import shlex
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from process_tree import measure
from xgboost_pipeline.progress import say

ROOT = Path(__file__).parents[1]
EMPTY = "import aws_cdk as cdk; app = cdk.App(); cdk.CfnWaitConditionHandle(cdk.Stack(app, 'Empty'), 'H'); app.synth()"
IMPORTS = "import app"
APPS = {
    "an empty CDK app": EMPTY,
    "the same with our imports": f"{IMPORTS}; {EMPTY}",
    "the whole app": f"{IMPORTS}; app.main()",
}
COUNTED = 8  # modules that take longest to import


def main(arguments: Sequence[str] | None = None) -> int:
    """Synthesize each app `--runs` times in turn, and report medians and their ratios to the first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="runs of each app (default: 3)")
    runs = parser.parse_args(arguments).runs
    seconds: dict[str, list[float]] = {name: [] for name in APPS}
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(runs):
            for name, command in APPS.items():
                seconds[name].append(cpu(command, Path(folder) / f"{turn}-{name.replace(' ', '-')}"))
        say(text(seconds))
        say(_imports(Path(folder) / "imports"))
    return 0


def text(seconds: dict[str, list[float]]) -> str:
    """Return the medians of CPU-seconds as a table, each with its ratio to the first one."""
    base = median(next(iter(seconds.values())))
    rows = [
        f"  {name:<26}{median(each):6.1f} CPU-s ({min(each):.1f}-{max(each):.1f}), {median(each) / base:.2f}x"
        for name, each in seconds.items()
    ]
    return "\n".join(["synth, medians and range:", *rows])


def cpu(program: str, outdir: Path) -> float:
    """Return the CPU-seconds of a synth into `outdir`; raise SystemExit if it fails."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    app = shlex.join([sys.executable, "-c", program])
    command = [str(ROOT / "node_modules/.bin/cdk"), "synth", "--quiet", "--app", app, "--output", str(outdir)]
    used = measure(command, outdir.with_suffix(".log"), {**os.environ, "PATH": path})
    if used.status:
        raise SystemExit(f"error: `{shlex.join(command)}` ended with status {used.status}: run it by hand to see why")
    return used.cpu


def _imports(log: Path) -> str:
    """Return which modules take longest to import, what they import counted in."""
    measure([sys.executable, "-X", "importtime", "-c", IMPORTS], log)
    found = re.findall(r"import time: +\d+ \| +(\d+) \| ( *)(\S+)", log.read_text())
    slowest = sorted({(int(total), name) for total, indent, name in found}, reverse=True)[:COUNTED]
    return "\n".join(["slowest imports, s:", *(f"  {name:<40}{total / 1e6:6.2f}" for total, name in slowest)])


if __name__ == "__main__":
    sys.exit(main())
