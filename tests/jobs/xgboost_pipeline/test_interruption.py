"""Ctrl-C and SIGTERM: one sentence, the status that shells expect, and neither files nor processes left."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

import psutil
import pytest
from feature_runs import write_portfolio
from portfolios import portfolio

TOO_LONG = 60  # seconds; a quarter of the loans below takes longer
SIGNALS = pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])


@dataclass(frozen=True)
class Stopped:
    """What became of a command that a signal stopped."""

    status: int
    errors: str
    left: list[str]
    alive: list[psutil.Process]


def stopped(folder: Path, number: int, sign: str, arguments: list[str], *, whole_group: bool = False) -> Stopped:
    """Run a command in a folder, and send it, or all its processes, the signal when a path with the sign appears."""
    folder.mkdir()
    (folder / "tmp").mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "xgboost_pipeline", *arguments],
        cwd=folder,
        env=os.environ | {"TMPDIR": str(folder / "tmp"), "XGBOOST_PIPELINE_MASTER": "local[2]"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_for(folder, sign, process)
    family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    (os.killpg if whole_group else os.kill)(process.pid, number)
    try:
        errors = process.communicate(timeout=TOO_LONG)[1]
        alive = psutil.wait_procs(family, timeout=5)[1]
    finally:
        for survivor in filter(psutil.Process.is_running, family):
            survivor.kill()
    left = [str(path.relative_to(folder)) for path in folder.rglob("*") if path.name != "tmp"]
    return Stopped(process.returncode, errors, left, alive)


def wait_for(folder: Path, sign: str, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + TOO_LONG
    while not appeared(folder, sign):
        assert process.poll() is None, "it ended before it could be stopped"
        assert time.monotonic() < deadline
        time.sleep(0.005)


def appeared(folder: Path, sign: str) -> bool:
    with suppress(FileNotFoundError):  # folders come and go while they are listed
        return any(sign in str(path) for path in folder.rglob("*"))
    return False


@pytest.fixture(scope="module")
def loans(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("interruption")
    write_portfolio(folder / "raw", portfolio(Random(3), 400))
    return str(folder / "raw")


@SIGNALS
def test_a_spark_job_that_is_stopped_while_it_writes_leaves_nothing(
    tmp_path: Path, loans: str, number: int, status: int
) -> None:
    found = stopped(tmp_path / "f", number, "_temporary", ["features", "--input", loans, "--output", "out"])
    sentence = "error: features was interrupted; nothing half-made is left\n"
    assert found == Stopped(status, sentence, [], [])


@SIGNALS
def test_a_stop_while_java_starts_leaves_no_java(tmp_path: Path, loans: str, number: int, status: int) -> None:
    arguments = ["features", "--input", loans, "--output", "out"]
    found = stopped(tmp_path / "f", number, "f/tmp/tmp", arguments)  # where Java will tell its port
    sentence = "error: features was interrupted; nothing half-made is left\n"
    assert found == Stopped(status, sentence, [], [])


@SIGNALS
@pytest.mark.parametrize("whole_group", [False, True])
def test_generation_in_processes_that_is_stopped_leaves_neither_processes_nor_temporary_files(
    tmp_path: Path, number: int, status: int, *, whole_group: bool
) -> None:
    arguments = ["generate", "--rows", "300000000", "--workers", "2", "--output", "out", "--truth", "truth"]
    found = stopped(tmp_path / "g", number, "2018Q1", arguments, whole_group=whole_group)
    sentence = "error: generate was interrupted; nothing half-made is left\n"
    assert found == Stopped(status, sentence, [], [])


def test_a_stop_while_libraries_are_loaded_is_one_sentence_too(tmp_path: Path) -> None:
    program = "import os, signal, sys; sys.path.insert(0, '.'); from xgboost_pipeline.cli import main; sys.exit(main())"
    broken = "import os, signal; os.kill(os.getpid(), signal.SIGINT)"
    (tmp_path / "optuna.py").write_text(broken)
    done = subprocess.run(
        [sys.executable, "-c", program, "tune", "--help"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (130, "error: tune was interrupted; nothing half-made is left\n")
