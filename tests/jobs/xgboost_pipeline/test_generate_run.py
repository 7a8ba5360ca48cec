import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from xgboost_pipeline.errors import PipelineError
from xgboost_pipeline.generate import Settings, run
from xgboost_pipeline.storage.files import LocalFiles


def _make(base: Path, name: str, *, seed: int = 7, workers: int = 1, rows: int = 3_000) -> dict[str, bytes]:
    run(Settings(output=f"{base}/{name}", truth=f"{base}/{name}-truth", rows=rows, seed=seed, workers=workers))
    paths = [*(base / name).glob("*.csv"), *(base / f"{name}-truth" / "table").iterdir()]
    return {path.name: path.read_bytes() for path in paths}


def test_same_seed_gives_the_same_bytes_for_any_number_of_processes(tmp_path: Path) -> None:
    alone, together = _make(tmp_path, "alone"), _make(tmp_path, "together", workers=2)
    assert len(alone) == 44
    assert alone == together


def test_another_seed_gives_other_bytes_in_every_file(tmp_path: Path) -> None:
    first, second = _make(tmp_path, "first"), _make(tmp_path, "second", seed=8)
    assert all(first[name] != second[name] for name in first)


def test_the_manifests_say_that_the_files_are_synthetic_and_how_they_were_made(tmp_path: Path) -> None:
    _make(tmp_path, "made", seed=11)
    for folder in ("made", "made-truth"):
        manifest = json.loads((tmp_path / folder / "manifest.json").read_text())
        assert (manifest["synthetic"], manifest["seed"], manifest["months"]) == (True, 11, 66)
        assert manifest["rows"] == sum(path.read_bytes().count(b"\n") for path in (tmp_path / "made").glob("*.csv"))
        assert manifest["quarters"] == sorted(path.stem for path in (tmp_path / "made").glob("*.csv"))
        assert manifest["widths"]["2018Q1"] == 108


def test_months_that_are_no_whole_quarters_end_on_time(tmp_path: Path) -> None:
    settings = Settings(output=f"{tmp_path}/made", truth=f"{tmp_path}/truth", rows=3_000, months=61, workers=1)
    run(settings)
    last = max(pq.read_table(tmp_path / "truth" / "table").column("month").to_pylist())
    assert last == 2018 * 12 + 60


def test_the_first_quarter_can_be_chosen(tmp_path: Path) -> None:
    settings = Settings(output=f"{tmp_path}/a", truth=f"{tmp_path}/b", rows=1_000, first_quarter="2003Q3", workers=1)
    run(settings)
    assert min(path.name for path in (tmp_path / "a").glob("*.csv")) == "2003Q3.csv"


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"months": 59}, "--months 59 is out of range: give a whole number from 60 to 240"),
        ({"rows": 999}, "--rows 999 is out of range"),
        ({"seed": -1}, "--seed -1 is out of range"),
        ({"workers": -1}, "--workers -1 is out of range"),
        ({"first_quarter": "2018-Q1"}, "--first-quarter '2018-Q1' is no quarter"),
        ({"first_quarter": "1990Q1"}, "--first-quarter '1990Q1' is no quarter"),
    ],
)
def test_unusable_options_are_refused_and_leave_nothing(
    tmp_path: Path, option: dict[str, str | int], message: str
) -> None:
    with pytest.raises(PipelineError, match=message):
        run(_settings(tmp_path, option))
    assert list(tmp_path.iterdir()) == []


def _settings(base: Path, option: dict[str, str | int]) -> Settings:
    return Settings(output=f"{base}/files", truth=f"{base}/truth", **option)  # type: ignore[arg-type]


@pytest.mark.parametrize("truth", ["files", "files/truth", "files/", "."])
def test_the_truth_is_kept_apart_from_what_training_reads(tmp_path: Path, truth: str) -> None:
    with pytest.raises(PipelineError, match="overlap"):
        run(Settings(output=f"{tmp_path}/files", truth=f"{tmp_path}/{truth}", rows=1_000, workers=1))
    assert list(tmp_path.iterdir()) == []


def test_a_failure_leaves_neither_files_nor_truth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("xgboost_pipeline.generate.quarters.pq.ParquetWriter", fail)
    with pytest.raises(OSError, match="disk full"):
        run(Settings(output=f"{tmp_path}/files", truth=f"{tmp_path}/truth", rows=1_000, workers=1))
    assert list(tmp_path.iterdir()) == []


def test_progress_names_each_quarter_with_rows_and_bytes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = _make(tmp_path, "made")
    size, rows = len(made["2018Q1.csv"]), made["2018Q1.csv"].count(b"\n")
    assert f"2018Q1.csv (1/22): {rows:,} rows, {size:,} bytes, 108 fields" in capsys.readouterr().out


def test_files_and_truth_appear_together_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = _make(tmp_path, "made")
    rename = LocalFiles.rename

    def sometimes(self: LocalFiles, source: str, target: str) -> None:
        if target.endswith("/made-truth"):
            monkeypatch.undo()
            raise OSError("planted")
        rename(self, source, target)

    monkeypatch.setattr(LocalFiles, "rename", sometimes)
    settings = Settings(
        output=f"{tmp_path}/made", truth=f"{tmp_path}/made-truth", rows=3_000, seed=8, workers=1, overwrite=True
    )
    with pytest.raises(OSError, match="planted"):
        run(settings)
    assert {path.name for path in tmp_path.iterdir()} == {"made", "made-truth"}
    assert {path.name: path.read_bytes() for path in (tmp_path / "made").glob("*.csv")}.items() <= old.items()
