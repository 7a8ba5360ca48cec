import copy
from pathlib import Path

import pytest

from dcgm_cloudwatch.kubernetes import Api, ConfigMapStore, KubernetesError
from dcgm_cloudwatch.watermark import FileStore, OtherWriterError, Store, StoreError
from tests.docker.dcgm_cloudwatch.kubernetes_port import KubernetesPort


@pytest.fixture(params=["file", "configmap"])
def two(request: pytest.FixtureRequest, tmp_path: Path, kubernetes: KubernetesPort) -> tuple[Store, Store]:
    """Two exporters' stores of one watermark."""
    if request.param == "file":
        return FileStore(tmp_path / "state" / "w.json"), FileStore(tmp_path / "state" / "w.json")
    api = Api(kubernetes.url)
    return ConfigMapStore(api, "monitoring", "w"), ConfigMapStore(api, "monitoring", "w")


def test_what_was_written_is_read(two: tuple[Store, Store]) -> None:
    first, second = two
    assert first.read() is None
    first.write("1")
    first.write("2")
    assert second.read() == "2"


def test_the_second_writer_is_found_out(two: tuple[Store, Store]) -> None:
    first, second = two
    first.read()
    first.write("1")
    second.read()
    second.write("2")
    with pytest.raises(OtherWriterError, match="another exporter"):
        first.write("3")
    assert second.read() == "2"


def test_two_that_begin_at_once_are_found_out(two: tuple[Store, Store]) -> None:
    first, second = two
    assert first.read() is second.read() is None
    first.write("1")
    with pytest.raises(OtherWriterError, match="another exporter"):
        second.write("2")


def test_an_answer_that_was_lost_is_no_other_writer(kubernetes: KubernetesPort) -> None:
    store = ConfigMapStore(Api(kubernetes.url), "monitoring", "w")
    store.read()
    store.write("1")
    twin = copy.copy(store)  # which did not get the answer to the next one
    store.write("2")
    twin.write("2")
    twin.write("3")
    assert store.read() == "3"


def test_an_api_that_is_down_is_tried_again(kubernetes: KubernetesPort) -> None:
    store = ConfigMapStore(Api(kubernetes.url), "monitoring", "w")
    kubernetes.down = True
    with pytest.raises(StoreError, match="503"):
        store.read()
    with pytest.raises(StoreError, match="503"):
        store.write("1")


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="file/w.json cannot be"):
        FileStore(tmp_path / "file" / "w.json").write("1")
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


def test_no_half_file_is_left(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "w.json")
    for text in ("1", "2"):
        store.write(text)
    assert [each.name for each in tmp_path.iterdir()] == ["w.json"]


def test_the_pods_own_api_and_namespace_are_found(tmp_path: Path) -> None:
    (tmp_path / "namespace").write_text("monitoring\n")
    api = Api.of_pod({"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"})
    assert api is not None
    assert api.url == "https://[fd00::1]:443"
    assert Api("http://x", tmp_path).namespace == "monitoring"
    assert Api.of_pod({}) is None
    with pytest.raises(KubernetesError, match="127.0.0.1:9"):
        Api("http://127.0.0.1:9").call("GET", "/")
