"""Measures ours against a straightforward implementation of the reference's method: `make bench`.

Both get the same files, Spark settings, heap, XGBoost parameters and rounds, each step in a process of its own, in
alternating runs. Results: medians and range on standard output, everything in build/bench.json.
"""

import argparse
import json
import os
import platform
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from event_log import csv_bytes_read
from process_tree import Usage, measure
from report_bench import text
from xgboost_pipeline.progress import say

HERE = Path(__file__).parent
BUILD = HERE.parent / "build"
STEPS = ("etl", "train")
XGBOOSTS_DEFAULTS = (  # which the reference trains with, and ours does not
    *("--learning-rate", "0.3", "--max-depth", "6", "--min-child-weight", "1", "--gamma", "0", "--reg-lambda", "1"),
    *("--reg-alpha", "0", "--subsample", "1", "--colsample-bytree", "1", "--max-bin", "256"),
)


@dataclass(frozen=True)
class Options:
    """What to measure: input rows, runs of each contender, trees, and the JVM's heap as Java writes it."""

    rows: int
    runs: int
    rounds: int
    heap: str


@dataclass(frozen=True)
class Step:
    """A measured step: CPU-seconds, wall seconds, peak memory in bytes, bytes of csv read."""

    cpu: float
    wall: float
    peak_rss: int
    csv_bytes: int


def main(arguments: Sequence[str] | None = None) -> int:
    """Generate the input once, run every contender `--runs` times in turn, and report."""
    options = _options(arguments)
    folder = BUILD / "bench"
    files = _files(folder, options)
    size = sum(file.stat().st_size for file in files.glob("*.csv"))
    measured: dict[str, list[dict[str, Step]]] = {name: [] for name in _commands(files, folder, options)}
    for run in range(options.runs):
        for name, commands in _commands(files, folder, options).items():
            measured[name].append({step: _measure(step, commands[step], folder, options) for step in STEPS})
            used = ", ".join(f"{step} {spent.cpu:.0f} CPU-s" for step, spent in measured[name][-1].items())
            say(f"run {run + 1}/{options.runs} {name}: {used}")
    result = _summary(options, size, measured)
    BUILD.joinpath("bench.json").write_text(json.dumps(result, indent=1) + "\n")
    say(text(result))
    return 0


def _options(arguments: Sequence[str] | None) -> Options:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=5_000_000, help="rows to generate (default: 5000000)")
    parser.add_argument("--runs", type=int, default=3, help="runs of each contender (default: 3)")
    parser.add_argument("--rounds", type=int, default=100, help="trees to grow (default: 100)")
    parser.add_argument("--heap", default="3g", help="heap of every JVM (default: 3g)")
    return Options(**vars(parser.parse_args(arguments)))


def _files(folder: Path, options: Options) -> Path:
    """Return the directory of generated files, made when it is not there."""
    files, truth = folder / f"files-{options.rows}", folder / f"truth-{options.rows}"
    if not files.exists():
        made = ["--output", str(files), "--truth", str(truth), "--rows", str(options.rows), "--overwrite"]
        _succeeded(measure([*_verb("generate"), *made], _log_of(folder, "generate")), "generate", folder)
    return files


def _commands(files: Path, folder: Path, options: Options) -> dict[str, dict[str, list[str]]]:
    """Return each contender's command per step."""
    return {
        "straightforward": _straightforward(files, folder, options),
        "ours reference": _ours("reference", files, folder, options),
        "ours forward": _ours("forward", files, folder, options),
    }


def _straightforward(files: Path, folder: Path, options: Options) -> dict[str, list[str]]:
    script, table = [sys.executable, str(HERE / "reference.py")], str(folder / "straightforward")
    return {
        "etl": [*script, "etl", "--input", str(files), "--output", table],
        "train": [*script, "train", "--input", table, "--rounds", str(options.rounds)],
    }


def _ours(label: str, files: Path, folder: Path, options: Options) -> dict[str, list[str]]:
    table, model = str(folder / label), str(folder / f"{label}-model")
    training = ["--split", "rows", "--rounds", str(options.rounds), "--early-stopping-rounds", "0", *XGBOOSTS_DEFAULTS]
    return {
        "etl": [*_verb("features"), "--input", str(files), "--output", table, "--label", label, "--overwrite"],
        "train": [*_verb("train"), "--features", table, "--output", model, *training, "--overwrite"],
    }


def _verb(name: str) -> list[str]:
    return [sys.executable, "-m", "xgboost_pipeline", name]


def _measure(step: str, command: list[str], folder: Path, options: Options) -> Step:
    events = folder / "events"
    shutil.rmtree(events, ignore_errors=True)
    events.mkdir(parents=True)
    logging = f"--conf spark.eventLog.enabled=true --conf spark.eventLog.dir={events.as_uri()}"
    environment = os.environ | {"PYSPARK_SUBMIT_ARGS": f"--driver-memory {options.heap} {logging} pyspark-shell"}
    usage = measure(command, _log_of(folder, step), environment)
    _succeeded(usage, step, folder)
    return Step(usage.cpu, usage.wall, usage.peak_rss, csv_bytes_read(events))


def _log_of(folder: Path, step: str) -> Path:
    """Return the file that takes a step's output, its folder made."""
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{step}.log"


def _succeeded(usage: Usage, step: str, folder: Path) -> None:
    if usage.status:
        log = _log_of(folder, step)
        sys.exit(f"error: {step} failed with status {usage.status}; the end of {log}:\n{log.read_text()[-2000:]}")


def _summary(options: Options, size: int, measured: dict[str, list[dict[str, Step]]]) -> dict[str, object]:
    runs = {name: [_totals(steps) for steps in taken] for name, taken in measured.items()}
    return {
        "options": asdict(options),
        "machine": {"cpus": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()},
        "input_bytes": size,
        "runs": runs,
        "medians": {name: {key: median(r[key] for r in taken) for key in taken[0]} for name, taken in runs.items()},
    }


def _totals(steps: dict[str, Step]) -> dict[str, float]:
    etl, train = steps["etl"], steps["train"]
    return {
        "etl_cpu": etl.cpu,
        "train_cpu": train.cpu,
        "total_cpu": round(etl.cpu + train.cpu, 3),
        "etl_wall": etl.wall,
        "total_wall": round(etl.wall + train.wall, 3),
        "etl_peak_rss": etl.peak_rss,
        "peak_rss": max(etl.peak_rss, train.peak_rss),
        "csv_bytes": etl.csv_bytes + train.csv_bytes,
    }


if __name__ == "__main__":
    sys.exit(main())
