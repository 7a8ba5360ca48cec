import copy
from pathlib import Path

import pytest

from dcgm_cloudwatch.kubernetes import Api, ConfigMapStore, KubernetesError
from dcgm_cloudwatch.watermark import FileStore, OtherWriterError, Store, StoreError, parse
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


def test_two_in_step_are_found_out(kubernetes: KubernetesPort) -> None:
    """Guards against two replicas that deliver the same minutes, and so keep the same texts, for ever."""
    first, second = (ConfigMapStore(Api(kubernetes.url), "monitoring", "w") for _ in range(2))
    first.read()
    first.write("1")
    second.read()
    first.write("2")
    with pytest.raises(OtherWriterError, match="another exporter"):
        second.write("2")


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


def store(kubernetes: KubernetesPort) -> ConfigMapStore:
    return ConfigMapStore(Api(kubernetes.url), "monitoring", "w")


PLACE = "/api/v1/namespaces/monitoring/configmaps/w"


def touch(kubernetes: KubernetesPort, **labels: str) -> None:
    """Change a ConfigMap's labels, as applying it anew does."""
    made = kubernetes.objects[PLACE]
    kubernetes.put(PLACE, {**made, "metadata": {**made["metadata"], "labels": labels}})


def test_labels_that_change_are_no_other_writer_and_stay(kubernetes: KubernetesPort) -> None:
    """Applying the stack anew changes an annotation, and with it the version."""
    own = store(kubernetes)
    own.read()
    own.write("1")
    for text in ("2", "3"):
        touch(kubernetes, release=text)
        own.write(text)
    assert own.read() == "3"
    assert kubernetes.objects[PLACE]["metadata"]["labels"] == {"release": "3"}


def test_labels_that_change_faster_than_one_can_write_are_told(kubernetes: KubernetesPort) -> None:
    own = store(kubernetes)
    own.write("1")

    def touched() -> bool:
        touch(kubernetes, at=str(len(kubernetes.calls)))
        return False

    kubernetes.refuse = touched
    with pytest.raises(StoreError, match="changes faster"):
        own.write("2")
    kubernetes.refuse = lambda: False
    own.write("3")
    assert own.read() == "3"


def test_an_emptied_configmap_begins_anew(kubernetes: KubernetesPort) -> None:
    """As its error advises: to delete it is no way, where nobody may make it again."""
    kubernetes.put(PLACE, {"metadata": {"name": "w"}, "data": {"watermark.json": "{"}})
    own = store(kubernetes)
    kubernetes.may_create = False
    with pytest.raises(StoreError, match="empty the ConfigMap"):
        parse(own.read() or "")
    kubernetes.put(PLACE, {"metadata": {"name": "w"}})
    assert own.read() is None
    own.write("1")
    assert own.read() == "1"


def test_a_deleted_configmap_is_told_with_how_to_make_it_and_then_written(kubernetes: KubernetesPort) -> None:
    own = store(kubernetes)
    own.write("1")
    kubernetes.may_create = False
    del kubernetes.objects[PLACE]
    for _ in range(2):
        with pytest.raises(StoreError, match="kubectl create configmap w --namespace=monitoring"):
            own.write("2")
    kubernetes.put(PLACE, {"metadata": {"name": "w"}})
    own.write("2")
    assert own.read() == "2"


def test_a_deleted_configmap_is_made_again_where_that_is_allowed(kubernetes: KubernetesPort) -> None:
    own = store(kubernetes)
    own.write("1")
    del kubernetes.objects[PLACE]
    own.write("2")
    assert own.read() == "2"


def test_another_writer_is_found_out_in_spite_of_changed_labels(kubernetes: KubernetesPort) -> None:
    first, second = store(kubernetes), store(kubernetes)
    first.write("1")
    second.read()
    second.write("2")
    touch(kubernetes, release="2")
    with pytest.raises(OtherWriterError, match="one replica"):
        first.write("3")
    assert second.read() == "2"
