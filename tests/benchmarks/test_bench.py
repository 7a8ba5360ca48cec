import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import xgboost

import bench
from bench import Options, Step
from report_bench import text
from xgboost_pipeline.settings import add_options, from_arguments
from xgboost_pipeline.train.settings import SEARCHED, Settings

OPTIONS = Options(rows=1000, runs=2, rounds=17, heap="2g")


def summary(straightforward: list[Step], ours: list[Step]) -> dict[str, Any]:
    runs = {"straightforward": straightforward, "ours reference": ours, "ours forward": ours}
    measured = {name: [{"etl": step, "train": step} for step in steps] for name, steps in runs.items()}
    return bench._summary(OPTIONS, 200, measured)  # noqa: SLF001 - what main does between measuring and printing


def step(cpu: float, csv_bytes: int = 100) -> Step:
    return Step(cpu=cpu, wall=cpu / 2, peak_rss=int(cpu * 1e8), csv_bytes=csv_bytes)


def test_report_shows_medians_range_ratios_and_passes() -> None:
    report = text(summary([step(60, 400), step(80, 400)], [step(10), step(10)]))
    assert "70.0 (60.0-80.0)" in report
    assert "140.0 (120.0-160.0)" in report
    assert "straightforward / ours on the same work: ETL CPU 7.0x, total CPU 7.0x" in report
    assert "straightforward 4.00, ours reference 1.00, ours forward 1.00" in report


def test_peak_memory_is_that_of_the_greater_step() -> None:
    measured = {"a": [{"etl": step(3), "train": step(2)}], "b": [{"etl": step(2), "train": step(3)}]}
    medians: Any = bench._summary(OPTIONS, 1, measured)["medians"]  # noqa: SLF001 - the same
    assert medians["a"]["peak_rss"] == medians["b"]["peak_rss"] == 3e8


@pytest.mark.parametrize("name", ["straightforward", "ours reference", "ours forward"])
def test_every_contender_trains_the_same_rounds(tmp_path: Path, name: str) -> None:
    train = bench._commands(tmp_path, tmp_path, OPTIONS)[name]["train"]  # noqa: SLF001 - the commands it runs
    assert train[train.index("--rounds") + 1] == "17"


def test_ours_trains_with_the_defaults_of_xgboost_as_the_reference_does(tmp_path: Path) -> None:
    train = bench._commands(tmp_path, tmp_path, OPTIONS)["ours reference"]["train"]  # noqa: SLF001 - the same
    parser = ArgumentParser()
    add_options(parser, Settings)
    chosen = asdict(from_arguments(Settings, parser.parse_args(train[4:])))
    assert tree_settings({name: chosen[name] for name in (*SEARCHED, "max_bin")}) == tree_settings({})


def tree_settings(chosen: dict[str, Any]) -> dict[str, str]:
    rows = xgboost.DMatrix([[0.0], [1.0]], label=[0.0, 1.0])
    booster = xgboost.train({"tree_method": "hist", **chosen}, rows, num_boost_round=1)
    found: dict[str, str] = json.loads(booster.save_config())["learner"]["gradient_booster"]["tree_train_param"]
    return found


def test_ours_runs_by_the_verbs_that_users_run(tmp_path: Path) -> None:
    commands = bench._commands(tmp_path, tmp_path, OPTIONS)["ours reference"]  # noqa: SLF001 - the same
    assert commands["etl"][1:4] == ["-m", "xgboost_pipeline", "features"]
    assert commands["train"][1:4] == ["-m", "xgboost_pipeline", "train"]


def test_a_step_gets_the_heap_and_its_csv_bytes_are_found(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("a|b\n" * 50_000)
    code = (
        "from xgboost_pipeline.session import spark_session as s; spark = s('bench'); "
        f"print(spark.read.csv('{tmp_path}/in.csv', sep='|').where('_c0 = 1').count(), "
        "'-Xmx2g' in spark._jvm.java.lang.management.ManagementFactory.getRuntimeMXBean().getInputArguments())"
    )
    measured = bench._measure("etl", [sys.executable, "-c", code], tmp_path / "run", OPTIONS)  # noqa: SLF001 - the same
    assert (tmp_path / "run" / "etl.log").read_text().split()[-2:] == ["0", "True"]
    assert 200_000 <= measured.csv_bytes <= 2 * 200_000 + 100_000  # Spark reads the first line once more for the width
    assert measured.cpu > 1


def test_a_failing_step_ends_the_bench_with_the_end_of_its_log(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="etl failed with status 3"):
        bench._measure("etl", [sys.executable, "-c", "raise SystemExit(3)"], tmp_path, OPTIONS)  # noqa: SLF001 - the same
