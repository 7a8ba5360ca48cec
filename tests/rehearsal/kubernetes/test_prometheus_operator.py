"""The stand-in for the Prometheus operator: what it makes, and what becomes of it and of its claims."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from rehearsal.charts import definitions
from rehearsal.clock import Clock
from rehearsal.kubernetes.api import Item
from rehearsal.kubernetes.cluster import Cluster
from rehearsal.kubernetes.prometheus_operator import CONTROLLER, stateful_set

Kubectl = Callable[..., str]
CLAIM = "prometheus-p-db-prometheus-p-0"


@pytest.fixture
def operator(kubectl: Kubectl, nodes: str) -> Iterator[str]:  # noqa: ARG001 - they must be there
    kinds = list(definitions.of_group("monitoring.coreos.com").values())
    kubectl("apply", "--server-side", "-f", "-", given=kinds)
    kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
    key, _, value = CONTROLLER.partition("=")
    spec = {"containers": [{"name": "main", "image": "x"}], "tolerations": [{"operator": "Exists"}]}
    metadata = {"name": "operator", "namespace": "default", "labels": {key: value}}
    kubectl("apply", "-f", "-", given=[{"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}])
    yield "operator"
    kubectl("-n", "default", "delete", "pod/operator", "--timeout=30s")


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
    kubectl("-n", namespace, "delete", "prometheus/p", "--timeout=60s")
    assert clock.wait(3600, lambda: not uid()), "the set goes with its owner"


def test_without_a_claim_it_stores_in_the_pod() -> None:
    made = stateful_set({"metadata": {"name": "p", "namespace": "n"}, "spec": {}})
    assert "volumeClaimTemplates" not in made["spec"]
    assert made["spec"]["template"]["spec"]["volumes"] == [{"name": "prometheus-p-db", "emptyDir": {}}]
