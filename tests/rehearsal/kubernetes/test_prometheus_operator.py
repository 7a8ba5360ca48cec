"""The stand-in for the Prometheus operator: what it makes, and what becomes of it and of its claims."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from rehearsal.charts import definitions
from rehearsal.clock import Clock
from rehearsal.kubernetes.api import Item
from rehearsal.kubernetes.cluster import Cluster
from rehearsal.kubernetes.prometheus_operator import (
    CONTROLLER,
    PrometheusOperator,
    reloader_resources,
    stateful_set,
)

Kubectl = Callable[..., str]
CLAIM = "prometheus-p-db-prometheus-p-0"


@pytest.fixture
def kinds(kubectl: Kubectl) -> None:
    """Define what the operator is told by."""
    kubectl("apply", "--server-side", "-f", "-", given=list(definitions.of_group("monitoring.coreos.com").values()))
    kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=110s")


@pytest.fixture
def operator(kubectl: Kubectl, nodes: str, kinds: None) -> Iterator[str]:  # noqa: ARG001 - they must be there
    key, _, value = CONTROLLER.partition("=")
    spec = {"containers": [{"name": "main", "image": "x"}], "tolerations": [{"operator": "Exists"}]}
    metadata = {"name": "operator", "namespace": "default", "labels": {key: value}}
    kubectl("apply", "-f", "-", given=[{"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}])
    yield "operator"
    kubectl("-n", "default", "delete", "pod/operator", "--timeout=110s")


def wanted(namespace: str, gib: int, when_deleted: str) -> Item:
    """Return a Prometheus; its claim is never served, for no driver runs."""
    size = {"requests": {"storage": f"{gib}Gi"}}
    claim = {"spec": {"storageClassName": "none", "accessModes": ["ReadWriteOnce"], "resources": size}}
    spec: dict[str, Any] = {
        "storage": {"volumeClaimTemplate": claim},
        "retention": "15d",
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": when_deleted, "whenScaled": "Retain"},
    }
    about = {"name": "p", "namespace": namespace}
    return {"apiVersion": "monitoring.coreos.com/v1", "kind": "Prometheus", "metadata": about, "spec": spec}


@pytest.mark.usefixtures("operator")
@pytest.mark.parametrize(("when_deleted", "stays"), [("Delete", False), ("Retain", True)])
def test_a_larger_volume_makes_a_new_set_whose_claim_stays_only_if_it_is_to(
    cluster: Cluster, kubectl: Kubectl, clock: Clock, namespace: str, *, when_deleted: str, stays: bool
) -> None:
    def there(kind: str, name: str, group: str = "/api/v1") -> Item:
        return cluster.api.get(f"{group}/namespaces/{namespace}/{kind}/{name}") or {}

    def uid() -> str:
        return str(there("statefulsets", "prometheus-p", "/apis/apps/v1").get("metadata", {}).get("uid", ""))

    kubectl("apply", "-f", "-", given=[wanted(namespace, 20, when_deleted)])
    assert clock.wait(3600, lambda: there("persistentvolumeclaims", CLAIM).get("metadata", {}).get("uid"))
    claim, made = there("persistentvolumeclaims", CLAIM)["metadata"]["uid"], uid()
    kubectl("apply", "-f", "-", given=[wanted(namespace, 30, when_deleted)])
    assert clock.wait(3600, lambda: uid() not in ("", made))
    assert clock.wait(3600, lambda: there("persistentvolumeclaims", CLAIM).get("metadata", {}).get("uid"))
    found = there("persistentvolumeclaims", CLAIM)
    assert (found["metadata"]["uid"] == claim) == stays
    assert found["spec"]["resources"]["requests"]["storage"] == ("20Gi" if stays else "30Gi")
    assert there("services", "prometheus-operated")["spec"]["clusterIP"] == "None"
    kubectl("-n", namespace, "delete", "prometheus/p", "--timeout=110s")
    assert clock.wait(3600, lambda: not uid()), "the set goes with its owner"


@pytest.mark.usefixtures("operator")
def test_another_retention_changes_the_set_that_is_there(
    cluster: Cluster, kubectl: Kubectl, clock: Clock, namespace: str
) -> None:
    def made() -> Item:
        return cluster.api.get(f"/apis/apps/v1/namespaces/{namespace}/statefulsets/prometheus-p") or {}

    def args() -> list[str]:
        found = made().get("spec", {}).get("template", {}).get("spec", {}).get("containers", [{}])
        return list(found[0].get("args", []))

    longer = wanted(namespace, 20, "Delete")
    kubectl("apply", "-f", "-", given=[longer])
    assert clock.wait(3600, lambda: "--storage.tsdb.retention.time=15d" in args())
    first = made()["metadata"]
    longer["spec"]["retention"] = "30d"
    kubectl("apply", "-f", "-", given=[longer])
    assert clock.wait(3600, lambda: "--storage.tsdb.retention.time=30d" in args())
    assert made()["metadata"]["uid"] == first["uid"]
    assert made()["metadata"]["generation"] == first["generation"] + 1, "and it is changed no more than once"
    kubectl("-n", namespace, "delete", "prometheus/p", "--timeout=110s")
    assert clock.wait(3600, lambda: not made())


@pytest.mark.usefixtures("kinds")
def test_without_its_pod_nothing_is_made_or_changed(
    cluster: Cluster, kubectl: Kubectl, clock: Clock, namespace: str
) -> None:
    """Guards against a rehearsal in which Prometheus comes into being though its operator has no place to run."""
    path = f"/apis/apps/v1/namespaces/{namespace}/statefulsets/prometheus-p"
    kubectl("apply", "-f", "-", given=[wanted(namespace, 20, "Delete")])
    PrometheusOperator(cluster.api, threading.Event()).turn()
    assert cluster.api.get(path) is None
    assert not clock.wait(60, lambda: cluster.api.get(path) is not None)
    kubectl("-n", namespace, "delete", "prometheus/p", "--timeout=110s")


def test_without_a_claim_it_stores_in_the_pod() -> None:
    made = stateful_set({"metadata": {"name": "p", "namespace": "n"}, "spec": {}})
    assert "volumeClaimTemplates" not in made["spec"]
    assert made["spec"]["template"]["spec"]["volumes"] == [{"name": "prometheus-p-db", "emptyDir": {}}]


def test_the_reloader_requests_what_the_operator_is_told() -> None:
    told = [
        "--config-reloader-cpu-request=10m",
        "--config-reloader-memory-request=50Mi",
        "--config-reloader-cpu-limit=1",
    ]
    asked = {"requests": {"cpu": "10m", "memory": "50Mi"}, "limits": {"cpu": "1"}}
    assert reloader_resources([*told, "--kubelet-service=kube-system/kubelet"]) == asked
    made = stateful_set({"metadata": {"name": "p", "namespace": "n"}, "spec": {}}, asked)
    (beside,) = [each for each in made["spec"]["template"]["spec"]["containers"] if each["name"] == "config-reloader"]
    assert beside["resources"] == asked
