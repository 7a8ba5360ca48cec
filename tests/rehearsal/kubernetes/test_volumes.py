"""EBS volumes for claims: made where the pod is, deleted with the claim, left behind where nobody deletes it."""

from collections.abc import Callable
from typing import Any

import pytest

from rehearsal.clock import Clock
from rehearsal.kubernetes.cluster import Cluster
from rehearsal.kubernetes.fleet import PaperFleet

Kubectl = Callable[..., str]
CLASS = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "StorageClass",
    "metadata": {"name": "gp3"},
    "provisioner": "ebs.csi.aws.com",
    "volumeBindingMode": "WaitForFirstConsumer",
    "allowVolumeExpansion": True,
}


def claim_and_pod() -> list[dict[str, Any]]:
    request = {"resources": {"requests": {"storage": "8Gi"}}, "accessModes": ["ReadWriteOnce"]}
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data"},
        "spec": {"storageClassName": "gp3", **request},
    }
    volume = {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}
    spec = {"containers": [{"name": "main", "image": "x"}], "volumes": [volume], "terminationGracePeriodSeconds": 1}
    return [claim, {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "user"}, "spec": spec}]


@pytest.mark.usefixtures("nodes")
def test_a_claim_waits_for_the_driver_and_its_volume_goes_with_it(
    cluster: Cluster, kubectl: Kubectl, namespace: str, fleet: PaperFleet, clock: Clock
) -> None:
    kubectl("-n", namespace, "apply", "-f", "-", given=[CLASS, *claim_and_pod()])
    assert not clock.wait(120, lambda: bool(fleet.volumes)), "no volume without the driver"
    kubectl("-n", "kube-system", "create", "deployment", "ebs-csi-controller", "--image=x")
    kubectl("-n", namespace, "wait", "--for=condition=Ready", "pod/user", "--timeout=110s")
    assert len(fleet.volumes) == 1
    larger = '{"spec":{"resources":{"requests":{"storage":"12Gi"}}}}'
    kubectl("-n", namespace, "patch", "pvc/data", "--patch", larger)
    kubectl("-n", namespace, "wait", "--for=jsonpath={.status.capacity.storage}=12Gi", "pvc/data", "--timeout=110s")
    assert fleet.grown == dict.fromkeys(fleet.volumes, 12)
    kubectl("-n", namespace, "delete", "pod/user", "pvc/data", "--timeout=110s")
    assert clock.wait(3600, lambda: not fleet.volumes)
    assert clock.wait(3600, lambda: cluster.api.items("/api/v1/persistentvolumes") == [])
    kubectl("-n", "kube-system", "delete", "deployment", "ebs-csi-controller")
