"""Outputs appear whole or not at all, on local disk and on file systems that cannot rename."""

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from xgboost_pipeline import storage
from xgboost_pipeline.errors import PipelineError


@pytest.fixture(params=["local", "remote"])
def base(request: pytest.FixtureRequest, tmp_path: Path, spark: SparkSession) -> str:
    """A place to write: a directory, or the same directory through a Hadoop file system that is not `file:`."""
    if request.param == "local":
        return str(tmp_path)
    spark.sparkContext._jsc.hadoopConfiguration().set("fs.viewfs.mounttable.t.link./data", tmp_path.as_uri())  # noqa: SLF001 - Hadoop has no other door
    spark.sparkContext._jsc.hadoopConfiguration().set("fs.viewfs.impl.disable.cache", "true")  # noqa: SLF001 - the same
    return "viewfs://t/data"


def test_what_was_written_is_read_back(base: str, spark: SparkSession) -> None:
    with storage.output(f"{base}/out", kind="model") as out:
        out.write_json("a.json", {"x": [1, None]})
        spark.range(7).write.parquet(out.path("table"))
        out.manifest["label"] = "forward"
    stored = storage.open_output(f"{base}/out", kind="model")
    assert stored.read_json("a.json") == {"x": [1, None]}
    assert spark.read.parquet(stored.path("table")).count() == 7
    assert stored.manifest["label"] == "forward"


def test_a_failure_leaves_nothing(base: str, tmp_path: Path) -> None:
    def half() -> None:
        with storage.output(f"{base}/out", kind="model") as out:
            out.write_text("a.txt", "half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half()
    assert list(tmp_path.iterdir()) == []


def test_an_output_without_its_manifest_is_refused(base: str, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.txt").write_text("half")
    with pytest.raises(PipelineError, match=r"no finished model output: it has no manifest\.json; run `train`"):
        storage.open_output(f"{base}/out", kind="model")


def test_another_kind_is_refused(base: str) -> None:
    with storage.output(f"{base}/out", kind="features"):
        pass
    with pytest.raises(PipelineError, match="holds 'features', not 'model'"):
        storage.open_output(f"{base}/out", kind="model")


def test_an_existing_output_is_kept_unless_it_may_be_overwritten(base: str) -> None:
    with storage.output(f"{base}/out", kind="model") as out:
        out.write_text("a.txt", "old")
    with pytest.raises(PipelineError, match="exists: choose another output or add --overwrite"):
        storage.output(f"{base}/out", kind="model").__enter__()
    assert storage.open_output(f"{base}/out", kind="model").read_text("a.txt") == "old"
    with storage.output(f"{base}/out", kind="model", overwrite=True) as out:
        out.write_text("b.txt", "new")
    assert not storage.open_output(f"{base}/out", kind="model").exists("a.txt")


def test_overwriting_loses_nothing_when_it_fails_on_local_disk(tmp_path: Path) -> None:
    with storage.output(f"{tmp_path}/out", kind="model") as out:
        out.write_text("a.txt", "old")
    with pytest.raises(RuntimeError), storage.output(f"{tmp_path}/out", kind="model", overwrite=True):
        raise RuntimeError
    assert storage.open_output(f"{tmp_path}/out", kind="model").read_text("a.txt") == "old"


def test_a_directory_of_somebody_else_is_never_overwritten(base: str, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("years of work")
    with pytest.raises(PipelineError, match="is no model output of this program"):
        storage.output(f"{base}/out", kind="model", overwrite=True).__enter__()
    assert (tmp_path / "out" / "thesis.txt").read_text() == "years of work"


def test_a_changed_file_is_noticed(base: str, tmp_path: Path) -> None:
    with storage.output(f"{base}/out", kind="model") as out:
        out.write_text("a.txt", "as written")
    (tmp_path / "out" / "a.txt").write_text("as changed")
    for checksum in (tmp_path / "out").glob(".*.crc"):
        checksum.unlink()
    with pytest.raises(PipelineError, match=r"is damaged: a\.txt is not as it was written"):
        storage.open_output(f"{base}/out", kind="model").read_text("a.txt")
