"""Outputs appear whole or not at all, on local disk and on file systems that cannot rename."""

import time
from contextlib import suppress
from pathlib import Path
from threading import Thread

import pytest
from pyspark.sql import SparkSession

from xgboost_pipeline import storage
from xgboost_pipeline.errors import PipelineError
from xgboost_pipeline.storage.files import LocalFiles


@pytest.fixture
def remote(tmp_path: Path, spark: SparkSession) -> str:
    """The directory `tmp_path`, through a Hadoop file system that is not `file:`."""
    spark.sparkContext._jsc.hadoopConfiguration().set("fs.viewfs.mounttable.t.link./data", tmp_path.as_uri())  # noqa: SLF001 - Hadoop has no other door
    spark.sparkContext._jsc.hadoopConfiguration().set("fs.viewfs.impl.disable.cache", "true")  # noqa: SLF001 - the same
    return "viewfs://t/data"


@pytest.fixture(params=["local", "remote"])
def base(request: pytest.FixtureRequest, tmp_path: Path, remote: str) -> str:
    """A place to write: local, or where nothing can be renamed."""
    return str(tmp_path) if request.param == "local" else remote


def test_what_was_written_is_read_back(base: str, spark: SparkSession) -> None:
    with storage.output(f"{base}/out", kind="model") as out:
        out.write_json("a.json", {"x": [1, None]})
        spark.range(7).write.parquet(out.path("table"))
        out.manifest["label"] = "forward"
    stored = storage.open_output(f"{base}/out", kind="model")
    assert stored.read_json("a.json") == {"x": [1, None]}
    assert spark.read.parquet(stored.path("table")).count() == 7
    assert stored.manifest["label"] == "forward"


def test_only_what_was_written_lies_in_an_output(base: str, tmp_path: Path) -> None:
    (tmp_path / "made.csv").write_text("1|2")
    with storage.output(f"{base}/out", kind="loan-files") as out:
        out.add_file("made.csv", tmp_path / "made.csv")
        out.write_text("a.txt", "text")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"made.csv", "a.txt", "manifest.json"}


def test_a_failure_leaves_nothing(base: str, tmp_path: Path) -> None:
    def half() -> None:
        with storage.output(f"{base}/out", kind="model") as out:
            out.write_text("a.txt", "half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half()
    assert list(tmp_path.iterdir()) == []


def test_a_failure_leaves_nothing_though_spark_is_still_writing(base: str, tmp_path: Path, spark: SparkSession) -> None:
    """Tasks that outlive their job write again what has just been deleted."""

    def write(path: str) -> None:
        with suppress(Exception):  # it is cancelled
            spark.range(0, 40_000_000, 1, 40).write.parquet(path)

    def half() -> None:
        with storage.output(f"{base}/out", kind="model") as out:
            writing.append(Thread(target=write, args=(out.path("table"),)))
            writing[0].start()
            while not list(tmp_path.rglob("part-*")):
                time.sleep(0.01)
            raise RuntimeError

    writing: list[Thread] = []
    with pytest.raises(RuntimeError):
        half()
    writing[0].join()
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
    with pytest.raises(PipelineError, match=r"is damaged: a\.txt is not as it was written"):
        storage.open_output(f"{base}/out", kind="model").read_text("a.txt")


def write(uri: str, text: str, *, overwrite: bool = False) -> None:
    with storage.output(uri, kind="model", overwrite=overwrite) as out:
        out.write_text("a.txt", text)


def write_and_fail(uri: str, earlier: dict[str, str]) -> None:
    with storage.together(earlier):
        write(uri, "new", overwrite=bool(earlier))
        raise RuntimeError


def write_all(earlier: dict[str, str]) -> None:
    with storage.together(earlier):
        for uri in earlier:
            write(uri, "new", overwrite=True)


def read(uri: str) -> str:
    return storage.open_output(uri, kind="model").read_text("a.txt")


def test_outputs_of_one_run_are_read_by_its_later_steps_and_appear_together(base: str) -> None:
    with storage.together({}):
        write(f"{base}/a", "new")
        assert read(f"{base}/a") == "new"
        write(f"{base}/b", "new")
    assert (read(f"{base}/a"), read(f"{base}/b")) == ("new", "new")


def test_a_run_that_fails_leaves_none_of_its_outputs(base: str, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        write_and_fail(f"{base}/a", {})
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_fails_leaves_all_outputs_of_an_earlier_one_on_local_disk(tmp_path: Path) -> None:
    write(f"{tmp_path}/a", "old")
    write(f"{tmp_path}/b", "old")
    with pytest.raises(RuntimeError):
        write_and_fail(f"{tmp_path}/a", {f"{tmp_path}/a": "model", f"{tmp_path}/b": "model"})
    assert (read(f"{tmp_path}/a"), read(f"{tmp_path}/b")) == ("old", "old")
    assert {path.name for path in tmp_path.iterdir()} == {"a", "b"}


@pytest.mark.parametrize("failing", range(4))
def test_outputs_that_cannot_be_put_in_place_leave_the_old_ones(
    tmp_path: Path, failing: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier = {f"{tmp_path}/{name}": "model" for name in "ab"}
    for uri in earlier:
        write(uri, "old")
    renamed: list[str] = []
    rename = LocalFiles.rename

    def sometimes(self: LocalFiles, source: str, target: str) -> None:
        renamed.append(source)
        if len(renamed) == failing + 1:
            raise OSError("planted")
        rename(self, source, target)

    monkeypatch.setattr(LocalFiles, "rename", sometimes)
    with pytest.raises(OSError, match="planted"):
        write_all(earlier)
    assert [read(uri) for uri in earlier] == ["old", "old"]
    assert {path.name for path in tmp_path.iterdir()} == {"a", "b"}


def test_a_run_that_fails_where_nothing_can_be_renamed_leaves_no_old_output_beside_new_ones(remote: str) -> None:
    write(f"{remote}/a", "old")
    write(f"{remote}/b", "old")
    with pytest.raises(RuntimeError):
        write_and_fail(f"{remote}/a", {f"{remote}/a": "model", f"{remote}/b": "model"})
    for name in "ab":
        with pytest.raises(PipelineError, match="no finished model output"):
            read(f"{remote}/{name}")


def test_earlier_outputs_that_are_not_written_again_go_and_those_of_others_stay(base: str, tmp_path: Path) -> None:
    write(f"{base}/a", "old")
    write(f"{base}/b", "old")
    (tmp_path / "thesis").mkdir()
    with storage.together({f"{base}/a": "model", f"{base}/b": "model", f"{base}/thesis": "model"}):
        write(f"{base}/a", "new", overwrite=True)
    assert read(f"{base}/a") == "new"
    assert {path.name for path in tmp_path.iterdir()} == {"a", "thesis"}


def test_old_outputs_are_moved_away_before_the_first_new_one_appears(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uris = {f"{tmp_path}/a": "model", f"{tmp_path}/b": "model"}
    for uri in uris:
        write(uri, "old")
    renamed: list[str] = []
    rename = LocalFiles.rename

    def recorded(files: LocalFiles, uri: str, new_uri: str) -> None:
        renamed.append(Path(new_uri).name)
        rename(files, uri, new_uri)

    monkeypatch.setattr(LocalFiles, "rename", recorded)
    with storage.together(uris):
        for uri in uris:
            write(uri, "new", overwrite=True)
    assert renamed == [".a.old", ".b.old", "a", "b"]
