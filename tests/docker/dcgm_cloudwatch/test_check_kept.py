"""What is kept is looked at by `check`, never written; and whoever writes it leaves it to its owner."""

import os
import time
from pathlib import Path

import pytest
from botocore.exceptions import NoCredentialsError

from dcgm_cloudwatch import check, refusals, unit
from dcgm_cloudwatch.kubernetes import Api, ConfigMapStore
from dcgm_cloudwatch.watermark import FileStore, Progress
from tests.docker.dcgm_cloudwatch.prometheus_port import PrometheusPort
from tests.docker.dcgm_cloudwatch.test_check import Make, checked, now

SERVICE = (54321, 54322)  # ids of its user and group


def test_a_check_leaves_what_is_kept_to_the_service(prometheus: PrometheusPort, exporter: Make) -> None:
    """Guards against a root's check, after which the service could not read its own file."""
    now(prometheus)
    made = exporter()
    file = made.folder / "watermark.json"
    file.write_text(Progress(60).text())
    before = file.stat()
    status, found = checked(made)
    assert status == 0
    assert "through" in found["watermark"]
    after = file.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert list(made.folder.iterdir()) == [file]


def test_what_cannot_be_read_is_told_with_what_to_do(prometheus: PrometheusPort, exporter: Make) -> None:
    now(prometheus)
    made = exporter()
    (made.folder / "watermark.json").write_text("{")
    status, found = checked(made)
    assert status == 1
    assert "cannot be read" in found["watermark"]


def test_a_watermark_in_the_future_is_broken(prometheus: PrometheusPort, exporter: Make) -> None:
    now(prometheus)
    made = exporter()
    (made.folder / "watermark.json").write_text(Progress(int(time.time()) + 86_400).text())
    status, found = checked(made)
    assert status == 1
    assert "in the future" in found["watermark"]
    assert f"remove file:{made.folder / 'watermark.json'}" in found["watermark"]


def test_a_file_keeps_its_mode(tmp_path: Path) -> None:
    file = tmp_path / "watermark.json"
    file.write_text("1")
    file.chmod(0o640)
    store = FileStore(file)
    assert store.read() == "1"
    store.write("2")
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("2", 0o640)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root writes what others own")
def test_root_leaves_a_file_to_whose_it_is(tmp_path: Path) -> None:
    for folder, first in (("begun", None), ("known", "1")):
        file = tmp_path / folder / "watermark.json"
        file.parent.mkdir()
        os.chown(file.parent, *SERVICE)
        if first:
            file.write_text(first)
            os.chown(file, *SERVICE)
        store = FileStore(file)
        assert store.read() == first
        store.write("2")
        found = file.stat()
        assert (found.st_uid, found.st_gid) == SERVICE, folder


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FileStore(tmp_path / "not/there/yet.json")
    assert check.unwritable(store) == ""
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert check.unwritable(store) == f"let this user write in {tmp_path}"


class Reviewing(Api):
    """A Kubernetes API that knows what may be done."""

    def call(self, method: str, path: str, body: object = None) -> dict[str, object]:
        assert (method, path) == ("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews")
        assert isinstance(body, dict)
        asked = body["spec"]["resourceAttributes"]
        assert (asked["verb"], asked["resource"], asked["namespace"]) == ("update", "configmaps", "gpu-metrics")
        return {"status": {"allowed": asked["name"] == "dcgm-cloudwatch"}}


def test_the_right_to_write_a_config_map_is_asked_for_not_tried() -> None:
    api = Reviewing("http://127.0.0.1:1")
    assert check.unwritable(ConfigMapStore(api, "gpu-metrics", "dcgm-cloudwatch")) == ""
    assert "update gpu-metrics/other" in check.unwritable(ConfigMapStore(api, "gpu-metrics", "other"))
    nobody = Api("http://127.0.0.1:1")
    assert check.unwritable(ConfigMapStore(nobody, "gpu-metrics", "other")) == "", "that it cannot be told is no fault"


def test_credentials_that_a_head_node_keeps_from_its_users_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = NoCredentialsError()
    assert "Pod Identity" in refusals.refusal(error, "ParallelCluster/hpc/GPU", "us-west-2").fix
    script = tmp_path / "imds-access.sh"
    script.touch()
    monkeypatch.setattr(unit, "IMDS_ACCESS", str(script))
    fix = refusals.refusal(error, "ParallelCluster/hpc/GPU", "us-west-2").fix
    assert f"{script} --allow dcgm-cloudwatch" in fix
    assert "HeadNode/Imds/Secured" in fix
