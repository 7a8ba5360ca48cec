"""The watermark and instance ids by a real Kubernetes API, with the rights that the cluster gives the exporter."""

import base64
import time
from collections.abc import Iterator
from pathlib import Path

import control_plane
import pytest

from dcgm_cloudwatch import check
from dcgm_cloudwatch.kubernetes import Api, ConfigMapStore
from dcgm_cloudwatch.watermark import OtherWriterError, StoreError
from rapids_eks.metrics_exporter.objects import NAME, NAMESPACE, access
from rehearsal.kubernetes.control_plane import ControlPlane

NODE = "ip-10-0-0-7.us-west-2.compute.internal"
PLURALS = {
    "ServiceAccount": f"api/v1/namespaces/{NAMESPACE}/serviceaccounts",
    "ConfigMap": f"api/v1/namespaces/{NAMESPACE}/configmaps",
    "Role": f"apis/rbac.authorization.k8s.io/v1/namespaces/{NAMESPACE}/roles",
    "RoleBinding": f"apis/rbac.authorization.k8s.io/v1/namespaces/{NAMESPACE}/rolebindings",
    "ClusterRole": "apis/rbac.authorization.k8s.io/v1/clusterroles",
    "ClusterRoleBinding": "apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
}


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane with the exporter's objects, and a node."""
    control_plane.required()
    plane = ControlPlane.start(tmp_path_factory.mktemp("plane"))
    try:
        plane.api.create("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
        for each in access():
            plane.api.create(f"/{PLURALS[each['kind']]}", each)
        spec = {"providerID": "aws:///us-west-2a/i-0123456789abcdef0"}
        plane.api.create("/api/v1/nodes", {"metadata": {"name": NODE}, "spec": spec})
        yield plane
    finally:
        plane.stop()


@pytest.fixture(scope="module")
def api(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Api:
    """The API as the exporter's pod sees it: with its token, its authority, its rights."""
    account = tmp_path_factory.mktemp("account")
    asked = f"/{PLURALS['ServiceAccount']}/{NAME}/token"
    token = plane.api.call("POST", asked, {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest"})
    (account / "token").write_text(token["status"]["token"])
    (account / "ca.crt").write_bytes(base64.b64decode(plane.ca_data))
    (account / "namespace").write_text(NAMESPACE)
    return Api(plane.endpoint, Path(account))


def test_two_writers_find_each_other_out(api: Api) -> None:
    """The ConfigMap is made with the cluster, without data."""
    first, second = (ConfigMapStore(api, api.namespace, NAME) for _ in range(2))
    assert first.read() is second.read() is None
    first.write("1")
    first.write("2")
    with pytest.raises(OtherWriterError, match="run one replica only"):
        second.write("3")
    assert second.read() == "2"


def test_a_label_that_is_added_is_no_other_writer_and_stays(plane: ControlPlane, api: Api) -> None:
    """Guards against an exporter that ends whenever the stack is applied anew."""
    store = ConfigMapStore(api, api.namespace, NAME)
    store.read()
    store.write("5")
    place = f"/{PLURALS['ConfigMap']}/{NAME}"
    found = plane.api.call("GET", place)
    found["metadata"].setdefault("labels", {})["release"] = "2"
    plane.api.call("PUT", place, found)
    store.write("6")
    assert store.read() == "6"
    assert plane.api.call("GET", place)["metadata"]["labels"]["release"] == "2"


def test_a_deleted_configmap_is_told_with_how_to_make_it(plane: ControlPlane, api: Api) -> None:
    """The exporter's rights let it write that one, and make none."""
    store = ConfigMapStore(api, api.namespace, NAME)
    store.read()
    place = f"/{PLURALS['ConfigMap']}/{NAME}"
    plane.api.call("DELETE", place)
    for _ in range(2):
        with pytest.raises(StoreError, match=f"kubectl create configmap {NAME} --namespace={NAMESPACE}"):
            store.write("7")
    plane.api.create(f"/{PLURALS['ConfigMap']}", {"metadata": {"name": NAME}})
    store.write("8")
    assert store.read() == "8"


def test_whether_it_may_be_written_is_known_without_writing(api: Api) -> None:
    assert check.unwritable(ConfigMapStore(api, api.namespace, NAME)) == ""
    assert check.unwritable(ConfigMapStore(api, api.namespace, "other")) == (
        "let the service account update gpu-metrics/other"
    )


def test_no_other_configmap_may_be_written(api: Api) -> None:
    with pytest.raises(StoreError, match="403"):
        ConfigMapStore(api, api.namespace, "other").write("1")


def test_a_nodes_instance_is_read_with_its_birth(api: Api) -> None:
    found = api.node(NODE)
    assert found
    assert found.instance == "i-0123456789abcdef0"
    assert time.time() - 3600 < found.since < time.time() + 60
    assert api.node("gone") is None
