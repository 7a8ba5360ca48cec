"""Pods and nodes: what starts, what ends, what waits, and why."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import yaml

from rehearsal.clock import Clock
from rehearsal.kubernetes import nodes as node_room
from rehearsal.kubernetes.cluster import Cluster

Kubectl = Callable[..., str]


@pytest.fixture
def pod(kubectl: Kubectl, namespace: str) -> Callable[[str], dict[str, Any]]:
    def get(name: str) -> dict[str, Any]:
        return dict(yaml.safe_load(kubectl("-n", namespace, "get", "pod", name, "-o", "yaml")))

    return get


def manifest(name: str, **spec: Any) -> dict[str, Any]:  # noqa: ANN401 - any member of a pod's spec
    containers = [{"name": "main", "image": spec.pop("image", "x"), **spec.pop("main", {})}]
    whole = {"containers": containers, "terminationGracePeriodSeconds": 1} | spec
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": whole}


def waiting_reason(pod: dict[str, Any]) -> str:
    state = pod["status"].get("containerStatuses", [{}])[0].get("state", {})
    return str(state.get("waiting", {}).get("reason", ""))


@pytest.mark.usefixtures("nodes")
def test_a_deployment_becomes_available_and_a_job_completes(kubectl: Kubectl, namespace: str) -> None:
    kubectl("-n", namespace, "create", "deployment", "web", "--image=x", "--replicas=2")
    kubectl("-n", namespace, "create", "job", "work", "--image=x")
    kubectl("-n", namespace, "wait", "--for=condition=Available", "deployment/web", "--timeout=110s")
    kubectl("-n", namespace, "wait", "--for=condition=Complete", "job/work", "--timeout=110s")


@pytest.mark.usefixtures("nodes")
def test_a_node_without_its_network_plugin_stays_not_ready(cluster: Cluster, clock: Clock) -> None:
    change = {"spec": {"template": {"spec": {"nodeSelector": {"network": "yes"}}}}}
    path = "/apis/apps/v1/namespaces/kube-system/daemonsets/aws-node"
    cluster.api.patch(path, change)
    bare = node_room.Machine("i-bare", "m5.large", "us-west-2a")
    try:
        node_room.register(cluster.api, bare)
        assert not clock.wait(120, lambda: ready(cluster, bare.node_name))
        cluster.api.patch(f"{node_room.NODES}/{bare.node_name}", {"metadata": {"labels": {"network": "yes"}}})
        assert clock.wait(3600, lambda: ready(cluster, bare.node_name))
    finally:
        cluster.api.patch(path, {"spec": {"template": {"spec": {"nodeSelector": None}}}})
        node_room.remove(cluster.api, bare.node_name)


def ready(cluster: Cluster, name: str) -> bool:
    return node_room.is_ready(cluster.api.get(f"{node_room.NODES}/{name}") or {"status": {}})


@pytest.mark.usefixtures("nodes")
def test_gpus_are_offered_for_as_long_as_a_device_plugin_runs(
    cluster: Cluster, clock: Clock, daemon_set: Callable[..., dict[str, Any]]
) -> None:
    sets, machine = (
        "/apis/apps/v1/namespaces/kube-system/daemonsets",
        node_room.Machine("i-g", "g5.xlarge", "us-west-2a"),
    )

    def offered() -> str | None:
        node = cluster.api.get(f"{node_room.NODES}/{machine.node_name}") or {"status": {"allocatable": {}}}
        return dict(node["status"]["allocatable"]).get("nvidia.com/gpu")

    try:
        node_room.register(cluster.api, machine)
        assert clock.wait(3600, lambda: ready(cluster, machine.node_name))
        assert offered() is None
        cluster.api.create(sets, daemon_set("nvidia-device-plugin-own"))
        assert clock.wait(3600, lambda: offered() == "1")
        cluster.api.delete(f"{sets}/nvidia-device-plugin-own")
        assert clock.wait(3600, lambda: offered() == "0")
    finally:
        cluster.api.delete(f"{sets}/nvidia-device-plugin-own")
        node_room.remove(cluster.api, machine.node_name)


@pytest.mark.usefixtures("nodes")
def test_an_image_that_cannot_be_pulled_keeps_the_pod_pending(
    kubectl: Kubectl, namespace: str, clock: Clock, pod: Callable[[str], dict[str, Any]]
) -> None:
    kubectl("-n", namespace, "apply", "-f", "-", given=[manifest("bad", image="registry.example/none")])
    assert clock.wait(3600, lambda: waiting_reason(pod("bad")) == "ErrImagePull")
    assert pod("bad")["status"]["phase"] == "Pending"


@pytest.mark.usefixtures("nodes")
def test_a_pod_waits_for_the_secret_that_it_names(
    kubectl: Kubectl, namespace: str, clock: Clock, pod: Callable[[str], dict[str, Any]]
) -> None:
    main = {"envFrom": [{"secretRef": {"name": "later"}}]}
    kubectl("-n", namespace, "apply", "-f", "-", given=[manifest("needy", main=main)])
    assert clock.wait(3600, lambda: waiting_reason(pod("needy")) == "CreateContainerConfigError")
    kubectl("-n", namespace, "create", "secret", "generic", "later")
    kubectl("-n", namespace, "wait", "--for=condition=Ready", "pod/needy", "--timeout=110s")


@pytest.mark.usefixtures("nodes")
def test_a_held_pod_runs_until_it_is_told_its_exit_code(
    kubectl: Kubectl, namespace: str, pod: Callable[[str], dict[str, Any]], clock: Clock
) -> None:
    held = manifest("held", restartPolicy="Never")
    held["metadata"]["annotations"] = {"rehearsal/hold": "true"}
    kubectl("-n", namespace, "apply", "-f", "-", given=[held])
    kubectl("-n", namespace, "wait", "--for=condition=Ready", "pod/held", "--timeout=110s")
    clock.sleep(60)
    assert pod("held")["status"]["phase"] == "Running"
    kubectl("-n", namespace, "annotate", "pod", "held", "rehearsal/exit-code=3")
    assert clock.wait(3600, lambda: pod("held")["status"]["phase"] == "Failed")
    ended = pod("held")["status"]["containerStatuses"][0]["state"]["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (3, "Error")


@pytest.mark.usefixtures("nodes")
def test_what_fits_nowhere_is_pending_for_the_schedulers_reason(
    kubectl: Kubectl, namespace: str, pod: Callable[[str], dict[str, Any]], clock: Clock
) -> None:
    large = manifest("large", main={"resources": {"requests": {"cpu": "3"}}}, nodeSelector={"role": "system"})
    kubectl("-n", namespace, "apply", "-f", "-", given=[large])
    assert clock.wait(3600, lambda: "2 Insufficient cpu" in str(pod("large")["status"].get("conditions")))


@pytest.mark.usefixtures("nodes")
def test_a_quota_refuses_the_pod_beyond_it(kubectl: Kubectl, namespace: str) -> None:
    kubectl("-n", namespace, "create", "quota", "two", "--hard=pods=1")
    kubectl("-n", namespace, "apply", "-f", "-", given=[manifest("first")])
    assert "exceeded quota: two" in kubectl("-n", namespace, "apply", "-f", "-", given=[manifest("second")], fails=True)


def test_pod_security_refuses_a_privileged_pod(kubectl: Kubectl, namespace: str) -> None:
    kubectl("label", "namespace", namespace, "pod-security.kubernetes.io/enforce=baseline")
    privileged = manifest("root", main={"securityContext": {"privileged": True}})
    assert "violates PodSecurity" in kubectl("-n", namespace, "apply", "-f", "-", given=[privileged], fails=True)


@pytest.mark.usefixtures("nodes")
def test_a_namespace_ends_with_its_pods(kubectl: Kubectl, namespace: str) -> None:
    kubectl("-n", namespace, "create", "deployment", "web", "--image=x")
    kubectl("-n", namespace, "wait", "--for=condition=Available", "deployment/web", "--timeout=110s")
    kubectl("delete", "namespace", namespace, "--timeout=110s")


@pytest.mark.usefixtures("nodes")
def test_a_node_group_brings_labels_and_taints_and_goes_as_it_came(
    cluster: Cluster, clock: Clock, group_record: Callable[[str, int], dict[str, Any]]
) -> None:
    cluster.add_node_group(group_record("tainted", 1))
    assert clock.wait(1200, lambda: cluster.nodes_ready("tainted"))
    selector = "?labelSelector=eks.amazonaws.com/nodegroup%3Dtainted"
    [node] = cluster.api.items(node_room.NODES + selector)
    labels = node["metadata"]["labels"]
    assert (labels["role"], labels["eks.amazonaws.com/capacityType"]) == ("tainted", "ON_DEMAND")
    assert labels["node.kubernetes.io/instance-type"] == "m5.large"
    assert not [name for name in labels if name.startswith("karpenter")], "these are on Karpenter's own nodes alone"
    assert {"key": "role", "value": "tainted", "effect": "NoSchedule"} in node["spec"]["taints"]
    cluster.add_node_group(group_record("tainted", 0))
    assert cluster.api.items(node_room.NODES + selector) == []


@pytest.mark.usefixtures("nodes")
def test_a_drain_waits_for_a_disruption_budget(
    cluster: Cluster,
    kubectl: Kubectl,
    namespace: str,
    clock: Clock,
    group_record: Callable[[str, int], dict[str, Any]],
) -> None:
    cluster.add_node_group(group_record("budgeted", 1))
    assert clock.wait(1200, lambda: cluster.nodes_ready("budgeted"))
    guarded = manifest("guarded", nodeSelector={"role": "budgeted"}, tolerations=[{"operator": "Exists"}])
    guarded["metadata"]["labels"] = {"app": "guarded"}
    kubectl("-n", namespace, "apply", "-f", "-", given=[guarded])
    kubectl("-n", namespace, "wait", "--for=condition=Ready", "pod/guarded", "--timeout=110s")
    kubectl("-n", namespace, "create", "pdb", "guard", "--selector=app=guarded", "--min-available=1")
    removal = threading.Thread(target=cluster.remove_node_group, args=("budgeted",))
    removal.start()
    [node] = cluster.api.items(f"{node_room.NODES}?labelSelector=role%3Dbudgeted")
    path = f"{node_room.NODES}/{node['metadata']['name']}"
    assert not clock.wait(60, lambda: cluster.api.get(path) is None)
    clock.advance(timedelta(minutes=15))
    removal.join(30)
    assert cluster.api.get(path) is None
