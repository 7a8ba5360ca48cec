"""The stand-ins, installed by the real helm into a real control plane."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rehearsal.kubernetes.cluster import Cluster
from rehearsal.kubernetes.karpenter import CONTROLLER
from rehearsal.world import World

Helm = Callable[..., str]
TOLERANT = [{"key": "CriticalAddonsOnly", "operator": "Exists"}]
KARPENTER, PROMETHEUS = "oci://public.ecr.aws/karpenter", "https://prometheus-community.github.io/helm-charts"
GRAFANA, NVIDIA = "https://grafana-community.github.io/helm-charts", "https://helm.ngc.nvidia.com/nvidia"

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"

pytestmark = pytest.mark.usefixtures("nodes")


@pytest.fixture
def install(helm: Helm, cluster: Cluster, namespace: str, tmp_path: Path) -> Callable[..., str]:
    """Install as CDK's handler does: `helm upgrade --install --wait`."""

    def run(
        release: str,
        chart: str,
        *more: str,
        values: dict[str, Any] | None = None,
        timeout: int = 40,
        fails: bool = False,
    ) -> str:
        (tmp_path / "values.json").write_text(json.dumps(values or {}))
        given = [
            "--values",
            str(tmp_path / "values.json"),
            "--namespace",
            namespace,
            "--wait",
            "--timeout",
            f"{timeout}s",
        ]
        command = ["upgrade", release, chart, "--install", *given, *more]
        return helm(*command, config=cluster.plane.kubeconfig, fails=fails)

    return run


@pytest.fixture
def uninstall(helm: Helm, cluster: Cluster, namespace: str) -> Callable[..., str]:
    def run(release: str, timeout: int = 40, *, fails: bool = False) -> str:
        limits = ["--namespace", namespace, "--wait", "--timeout", f"{timeout}s"]
        return helm("uninstall", release, *limits, config=cluster.plane.kubeconfig, fails=fails)

    return run


def of(cluster: Cluster, namespace: str, kind: str) -> dict[str, dict[str, Any]]:
    """Return the objects of a kind (`GROUP/VERSION/PLURAL`) in a namespace by name."""
    group, _, plural = kind.rpartition("/")
    base = f"/apis/{group}" if "/" in group else f"/api/{group}"
    found = cluster.api.items(f"{base}/namespaces/{namespace}/{plural}")
    return {each["metadata"]["name"]: each for each in found}


def test_karpenter_runs_beside_its_definitions_and_leaves_with_them(
    install: Callable[..., str], uninstall: Callable[..., str], cluster: Cluster, namespace: str
) -> None:
    install("karpenter-crd", f"{KARPENTER}/karpenter-crd", "--version", "1.14.1")
    install("karpenter", f"{KARPENTER}/karpenter", "--version", "1.14.1", values={"settings": {"clusterName": "x"}})
    assert of(cluster, namespace, "apps/v1/deployments")["karpenter"]["status"]["readyReplicas"] == 2
    assert cluster.api.get(f"{DEFINITIONS}/nodepools.karpenter.sh") is not None
    assert len(cluster.api.items(f"/api/v1/pods?labelSelector={CONTROLLER}")) == 2
    uninstall("karpenter")
    uninstall("karpenter-crd")
    assert cluster.api.get(f"{DEFINITIONS}/nodepools.karpenter.sh") is None


def test_karpenter_with_more_replicas_than_hosts_never_becomes_ready(install: Callable[..., str]) -> None:
    values = {"settings": {"clusterName": "x"}, "replicas": 3}
    complaint = install("karpenter", f"{KARPENTER}/karpenter", values=values, timeout=3, fails=True)
    assert "context deadline exceeded" in complaint


@pytest.fixture
def definitions_leave(cluster: Cluster) -> Iterator[None]:
    """Take away, after a test, the definitions that no uninstall takes away."""
    yield
    for name in ("nodepools.karpenter.sh", "nodeclaims.karpenter.sh", "ec2nodeclasses.karpenter.k8s.aws"):
        cluster.api.delete(f"{DEFINITIONS}/{name}")


@pytest.mark.usefixtures("definitions_leave")
def test_definitions_that_came_with_karpenter_are_not_taken_over_by_their_own_chart(
    install: Callable[..., str],
) -> None:
    install("karpenter", f"{KARPENTER}/karpenter", values={"settings": {"clusterName": "x"}})
    complaint = install("karpenter-crd", f"{KARPENTER}/karpenter-crd", fails=True)
    assert "invalid ownership metadata" in complaint


# https://github.com/prometheus-operator/prometheus-operator/blob/v0.93.1/pkg/prometheus/common.go: VolumeClaimName
CLAIM = "prometheus-kps-prometheus-db-prometheus-kps-prometheus-0"


def stack_values(**more: Any) -> dict[str, Any]:  # noqa: ANN401 - values of a chart
    """Return values by which every part of kube-prometheus-stack fits on the system nodes."""
    tolerant = {"tolerations": TOLERANT}
    return {
        "fullnameOverride": "kps",
        "grafana": {"enabled": False},
        "alertmanager": {"enabled": False},
        "prometheusOperator": {**tolerant, "admissionWebhooks": {"patch": tolerant}},
        "prometheus": {"prometheusSpec": {**tolerant, "retention": "15d"}},
        "kube-state-metrics": tolerant,
        **more,
    }


def test_prometheus_is_reached_by_the_documented_name_and_port(
    install: Callable[..., str], cluster: Cluster, namespace: str, world: World
) -> None:
    install("kps", "kube-prometheus-stack", "--repo", PROMETHEUS, "--version", "88.5.3", values=stack_values())
    services = of(cluster, namespace, "v1/services")
    port = next(each for each in services["kps-prometheus"]["spec"]["ports"] if each["name"] == "http-web")
    assert port["port"] == 9090

    def served() -> bool:
        return bool(of(cluster, namespace, "v1/endpoints")["kps-prometheus"].get("subsets"))

    assert world.clock.wait(3600, served), "the operator's pods are those that the Service selects"
    made = of(cluster, namespace, "monitoring.coreos.com/v1/prometheuses")["kps-prometheus"]["spec"]
    assert (made["retention"], made["serviceMonitorSelector"]) == ("15d", {"matchLabels": {"release": "kps"}})
    assert of(cluster, namespace, "monitoring.coreos.com/v1/servicemonitors")


@pytest.mark.parametrize("kept", [True, False])
def test_the_volume_of_prometheus_outlives_it_unless_the_values_say_otherwise(
    install: Callable[..., str],
    uninstall: Callable[..., str],
    cluster: Cluster,
    namespace: str,
    world: World,
    *,
    kept: bool,
) -> None:
    spec: dict[str, Any] = {"resources": {"requests": {"storage": "1Gi"}}, "accessModes": ["ReadWriteOnce"]}
    settings: dict[str, Any] = {"storageSpec": {"volumeClaimTemplate": {"spec": spec}}}
    if not kept:
        settings["persistentVolumeClaimRetentionPolicy"] = {"whenDeleted": "Delete", "whenScaled": "Retain"}
    values = stack_values(prometheus={"prometheusSpec": settings}, nodeExporter={"enabled": False})
    install("kps", "kube-prometheus-stack", "--repo", PROMETHEUS, "--wait=hookOnly", values=values)

    def claims() -> set[str]:
        return set(of(cluster, namespace, "v1/persistentvolumeclaims"))

    assert world.clock.wait(3600, lambda: claims() == {CLAIM})
    uninstall("kps")
    # It goes after the StatefulSet, which goes after the Prometheus: the collector of garbage takes its time.
    assert world.clock.wait(120 if kept else 3600, lambda: not claims()) != kept


def test_an_install_hangs_at_a_hook_that_fits_on_no_node(
    install: Callable[..., str], cluster: Cluster, namespace: str
) -> None:
    values = stack_values(prometheusOperator={"tolerations": TOLERANT})
    complaint = install("kps", "kube-prometheus-stack", "--repo", PROMETHEUS, values=values, timeout=3, fails=True)
    assert "pre-install" in complaint
    assert "kps-admission-create" in of(cluster, namespace, "batch/v1/jobs")
    assert not of(cluster, namespace, "apps/v1/deployments")


def test_an_upgrade_changes_what_its_values_change(
    install: Callable[..., str], cluster: Cluster, namespace: str
) -> None:
    chart = ["metrics-server", "--repo", "https://kubernetes-sigs.github.io/metrics-server/"]
    for replicas in (1, 2):
        install("metrics-server", *chart, values={"replicas": replicas, "tolerations": TOLERANT, "replica": 5})
    made = of(cluster, namespace, "apps/v1/deployments")["metrics-server"]
    assert made["status"]["readyReplicas"] == 2
    recorded = of(cluster, namespace, "v1/configmaps")["metrics-server-values"]["data"]
    assert recorded["chart"] == "metrics-server-3.13.1"
    assert json.loads(recorded["values"])["replicas"] == 2


def test_grafana_with_a_password_file_and_no_user_never_starts(install: Callable[..., str]) -> None:
    env = {"GF_SECURITY_ADMIN_PASSWORD__FILE": "/mnt/secrets-store/password"}
    chart = ["grafana", "grafana", "--repo", GRAFANA, "--version", "12.11.1"]
    assert "deadline" in install(*chart, values={"tolerations": TOLERANT, "env": env}, timeout=4, fails=True)
    install(*chart, values={"tolerations": TOLERANT, "env": {**env, "GF_SECURITY_ADMIN_USER": "admin"}})


def test_the_gpu_operator_announces_gpus_and_stays_off_other_nodes(
    install: Callable[..., str], uninstall: Callable[..., str], cluster: Cluster, namespace: str, world: World
) -> None:
    part = {"tolerations": TOLERANT}
    values = {
        "driver": {"enabled": False},
        "toolkit": {"enabled": False},
        "node-feature-discovery": {"master": part, "gc": part},
    }
    chart = ["gpu-operator", "gpu-operator", "--repo", NVIDIA, "--version", "v26.7.0"]

    def gpus() -> list[str | None]:
        return [each["status"]["allocatable"].get("nvidia.com/gpu") for each in cluster.api.items("/api/v1/nodes")]

    def products() -> list[str | None]:
        return [each["metadata"]["labels"].get("nvidia.com/gpu.product") for each in cluster.api.items("/api/v1/nodes")]

    assert set(gpus()) == {None}
    install(*chart, values={**values, "operator": part})
    assert world.clock.wait(3600, lambda: sorted(filter(None, [*gpus(), *products()])) == ["1", "Tesla-T4"])
    sets = of(cluster, namespace, "apps/v1/daemonsets")
    assert sets["nvidia-device-plugin-daemonset"]["status"]["desiredNumberScheduled"] == 1
    assert "nvidia-driver-daemonset" not in sets
    install(*chart, "--no-hooks", values=values, timeout=3, fails=True)  # an operator that tolerates nothing
    assert "gpu-operator-cleanup-gpucluster not ready" in uninstall("gpu-operator", timeout=3, fails=True)
    assert "gpu-operator" in of(cluster, namespace, "apps/v1/deployments")
