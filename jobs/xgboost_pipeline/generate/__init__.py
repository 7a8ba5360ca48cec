"""Synthetic loan files in the Fannie Mae layout, and the true default probability of each row."""

import multiprocessing
import os
import re
import signal
import tempfile
from collections.abc import Generator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from xgboost_pipeline import months as calendar
from xgboost_pipeline import storage
from xgboost_pipeline.errors import PipelineError
from xgboost_pipeline.generate.plan import plan
from xgboost_pipeline.generate.quarters import Quarter, Written, write_quarter
from xgboost_pipeline.progress import say, timed
from xgboost_pipeline.settings import option

__all__ = ["Settings", "run"]

_MONTHS = range(60, 241)
_ROWS = range(1_000, 1_000_000_001)
_YEARS = range(2000, 2076)
_FIRST_QUARTER = re.compile(r"(\d{4})Q([1-4])")


@dataclass(frozen=True)
class Settings:
    """Options of `generate`."""

    output: str = option("directory or URI for the loan files, one for each acquisition quarter")
    truth: str = option("directory or URI for the true default probabilities (parquet below table/), apart from output")
    rows: int = option("rows to make, met within a few percent", default=1_000_000)
    first_quarter: str = option("first acquisition quarter, as YYYYQn", default="2018Q1")
    months: int = option("length of the data in months, 60 or more", default=66)
    seed: int = option("random seed, 0 or more: the same seed and options make the same bytes", default=7)
    workers: int = option("processes, each of about 0.5 GB; 0 = one for each processor", default=0)
    overwrite: bool = option("replace outputs of an earlier run", default=False)


def run(settings: Settings) -> None:
    """Write the loan files and the true probabilities, both or none; raise PipelineError for unusable settings."""
    first = _checked(settings)
    with (
        timed("Generation"),
        storage.together({}),
        storage.output(settings.output, kind="loan-files", overwrite=settings.overwrite) as files,
        storage.output(settings.truth, kind="truth", overwrite=settings.overwrite) as truth,
        tempfile.TemporaryDirectory(prefix="generate-") as folder,
    ):
        quarters = plan(Path(folder), seed=settings.seed, first=first, months=settings.months, rows=settings.rows)
        written = []
        with closing(_written(quarters, _processes(settings.workers))) as results:
            for result in results:
                files.add_file(result.quarter.loan_file.name, result.quarter.loan_file)
                truth.add_file(f"table/{result.quarter.truth_file.name}", result.quarter.truth_file)
                written.append(result)
                _report(result, len(quarters))
        description = _description(settings, written)
        files.manifest.update(description)
        truth.manifest.update(description)
    say(f"{description['rows']:,} rows in {len(written)} files of {settings.output}")


def _written(quarters: list[Quarter], processes: int) -> Generator[Written, None, None]:
    if processes == 1:
        yield from map(write_quarter, quarters)
        return
    # Not forked: a driver that runs Spark has threads, and a fork among threads may hang.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(processes, context, signal.signal, (signal.SIGINT, signal.SIG_IGN))
    try:
        yield from pool.map(write_quarter, quarters)
    except BrokenProcessPool as error:
        raise PipelineError(
            f"one of {processes} worker processes was killed, most likely for lack of memory: use fewer --workers"
        ) from error
    except BaseException:
        for process in multiprocessing.active_children():
            process.terminate()  # else they write on in a folder that is being removed
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _report(result: Written, quarters: int) -> None:
    name, width = result.quarter.loan_file.name, result.quarter.width
    say(f"{name} ({result.quarter.number + 1}/{quarters}): {result.rows:,} rows, {result.size:,} bytes, {width} fields")


def _description(settings: Settings, written: list[Written]) -> dict[str, object]:
    return {
        "synthetic": True,
        "seed": settings.seed,
        "first_quarter": settings.first_quarter,
        "months": settings.months,
        "rows": sum(result.rows for result in written),
        "loans": sum(result.quarter.loans for result in written),
        "quarters": [result.quarter.loan_file.stem for result in written],
        "widths": {result.quarter.loan_file.stem: result.quarter.width for result in written},
    }


def _processes(workers: int) -> int:
    return workers or os.cpu_count() or 1


def _checked(settings: Settings) -> int:
    """Return the month index of the first quarter's first month; raise PipelineError for unusable settings."""
    match = _FIRST_QUARTER.fullmatch(settings.first_quarter)
    if not match or int(match[1]) not in _YEARS:
        raise PipelineError(
            f"--first-quarter {settings.first_quarter!r} is no quarter: write it as YYYYQn, "
            f"from {_YEARS[0]}Q1 to {_YEARS[-1]}Q4, for example 2018Q1"
        )
    _in_range("--months", settings.months, _MONTHS)
    _in_range("--rows", settings.rows, _ROWS)
    _in_range("--seed", settings.seed, range(2**63))
    _in_range("--workers", settings.workers, range(1025))
    _refuse_nested(_place(settings.output), _place(settings.truth))
    return calendar.index(int(match[1]), 1 + 3 * (int(match[2]) - 1))


def _in_range(option_name: str, value: int, allowed: range) -> None:
    if value not in allowed:
        raise PipelineError(
            f"{option_name} {value} is out of range: give a whole number from {allowed[0]} to {allowed[-1]}"
        )


def _place(uri: str) -> str:
    """Return a URI without its last slash, or the absolute path of a local directory."""
    local = re.sub("^file:(//)?", "", uri)
    return uri.rstrip("/") if ":" in local else str(Path(local).expanduser().resolve())


def _refuse_nested(output: str, truth: str) -> None:
    if f"{output}/".startswith(f"{truth}/") or f"{truth}/".startswith(f"{output}/"):
        raise PipelineError(
            f"--truth {truth!r} and --output {output!r} overlap: training must never read the truth, so give it "
            "a directory of its own"
        )
