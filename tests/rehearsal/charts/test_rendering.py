"""What the stand-ins make of values, as `helm template` shows it: the traps of the real charts are kept."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from rehearsal.kubernetes.prometheus_operator import stateful_set

Objects = dict[tuple[str, str], dict[str, Any]]
SERVED = ("--api-versions", "monitoring.coreos.com/v1")
TOLERANT = [{"key": "CriticalAddonsOnly", "operator": "Exists"}]


@pytest.fixture
def render(helm: Callable[..., str], tmp_path: Path) -> Callable[..., Objects]:
    def run(release: str, chart: str, values: dict[str, Any], *more: str) -> Objects:
        (tmp_path / "values.json").write_text(json.dumps(values))
        text = helm("template", release, *chart.split(), "--values", str(tmp_path / "values.json"), *more)
        found = [each for each in yaml.safe_load_all(text) if each]
        return {(each["kind"], each["metadata"]["name"]): each for each in found}

    return run


AUTOSCALER = "cluster-autoscaler --repo https://kubernetes.github.io/autoscaler"
STACK = "kube-prometheus-stack --repo https://prometheus-community.github.io/helm-charts"
GRAFANA = "grafana --repo https://grafana-community.github.io/helm-charts"
METRICS = "metrics-server --repo https://kubernetes-sigs.github.io/metrics-server/"
OPERATOR = "gpu-operator --repo https://helm.ngc.nvidia.com/nvidia"
SECRETS = "secrets-store-csi-driver --repo https://kubernetes-sigs.github.io/secrets-store-csi-driver/charts"
KARPENTER = "oci://public.ecr.aws/karpenter/karpenter"


@pytest.mark.parametrize("chart", [AUTOSCALER, METRICS, SECRETS])
def test_a_misspelt_key_is_recorded_and_changes_nothing(render: Callable[..., Objects], chart: str) -> None:
    plain, odd = (render("r", chart, values) for values in ({}, {"nodeSelectors": {"a": "b"}}))
    record = ("ConfigMap", "r-values")
    assert "nodeSelectors" in odd.pop(record)["data"]["values"]
    assert plain.pop(record)
    assert odd == plain


@pytest.mark.parametrize(
    ("chart", "values"),
    [
        (STACK, {"nodeSelectors": {}}),
        (STACK, {"prometheus": {"prometheusSpec": {"remoteWrites": []}}}),
        (STACK, {"prometheus": {"retention": "99d"}}),
        (STACK, {"kube-state-metrics": {"metricsLabelsAllowlist": []}}),
        (STACK, {"prometheus": {"prometheusSpec": {"resources": {"request": {}}}}}),
        (STACK, {"prometheus": {"prometheusSpec": {"persistentVolumeClaimRetentionPolicy": {"deleted": "Retain"}}}}),
        (STACK, {"prometheus": {"prometheusSpec": {"storageSpec": {"volumeClaimTemplates": {}}}}}),
        (GRAFANA, {"grafana.ini": {"aws": {"forward_setting_to_plugins": "x"}}}),
        (GRAFANA, {"grafana.ini": {"analytic": {}}}),
        (GRAFANA, {"nodeSelectors": {}}),
        (OPERATOR, {"nodeSelectors": {}}),
        (OPERATOR, {"driver": {"resources": {"request": {}}}}),
        (OPERATOR, {"dcgmExporter": {"serviceMonitor": {"honorLabel": False}}}),
        (OPERATOR, {"node-feature-discovery": {"worker": {"nodeSelectors": {}}}}),
        (GRAFANA, {"persistence": {"storageClass": "gp3"}}),
    ],
)
def test_a_key_that_the_pinned_chart_does_not_have_is_refused_where_its_keys_are_known(
    helm: Callable[..., str], tmp_path: Path, chart: str, values: dict[str, Any]
) -> None:
    (tmp_path / "values.json").write_text(json.dumps(values))
    said = helm("template", "r", *chart.split(), "--values", str(tmp_path / "values.json"), fails=True)
    assert "not allowed" in said


def test_karpenter_demands_the_cluster_s_name(helm: Callable[..., str]) -> None:
    assert "settings.clusterName is required" in helm("template", "k", KARPENTER, fails=True)


def test_karpenter_stays_off_its_own_nodes_and_off_its_other_replica_s_host(render: Callable[..., Objects]) -> None:
    made = render("karpenter", KARPENTER, {"settings": {"clusterName": "c"}, "tolerations": []})
    spec = made["Deployment", "karpenter"]["spec"]["template"]["spec"]
    assert "tolerations" not in spec  # a list replaces the default
    required = spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert required["nodeSelectorTerms"][0]["matchExpressions"][0]["key"] == "karpenter.sh/nodepool"
    apart = spec["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][0]
    assert apart["labelSelector"]["matchLabels"]["app.kubernetes.io/instance"] == "karpenter"
    assert spec["topologySpreadConstraints"][0]["whenUnsatisfiable"] == "DoNotSchedule"


@pytest.mark.parametrize("served", [True, False])
def test_a_service_monitor_is_silently_left_out_where_its_kind_is_unknown(
    render: Callable[..., Objects], *, served: bool
) -> None:
    values = {
        "settings": {"clusterName": "c"},
        "serviceMonitor": {"enabled": True, "additionalLabels": {"release": "p"}},
    }
    made = render("karpenter", KARPENTER, values, *(SERVED if served else ()))
    found = made.get(("ServiceMonitor", "karpenter"))
    assert (found is not None) == served
    assert found is None or found["metadata"]["labels"]["release"] == "p"


@pytest.mark.parametrize(
    ("values", "there"),
    [
        ({"metrics": {"enabled": True}}, False),
        ({"serviceMonitor": {"enabled": True}}, False),
        ({"metrics": {"enabled": True}, "serviceMonitor": {"enabled": True}}, True),
    ],
)
def test_metrics_server_needs_both_switches_for_a_service_monitor(
    render: Callable[..., Objects], values: dict[str, Any], *, there: bool
) -> None:
    assert (("ServiceMonitor", "metrics-server") in render("metrics-server", METRICS, values, *SERVED)) == there


def test_the_autoscaler_without_the_cluster_s_name_installs_nothing_that_runs(render: Callable[..., Objects]) -> None:
    name = ("Deployment", "ca-aws-cluster-autoscaler")
    assert name not in render("ca", AUTOSCALER, {})
    made = render("ca", AUTOSCALER, {"autoDiscovery": {"clusterName": "c"}})[name]
    container = made["spec"]["template"]["spec"]["containers"][0]
    assert container["image"].endswith(":v1.35.0")
    assert any(each.endswith("cluster-autoscaler/c") for each in container["args"])


@pytest.mark.parametrize(("expander", "there"), [("priority", True), ("least-waste", False)])
def test_priorities_are_written_only_for_the_expander_that_reads_them(
    render: Callable[..., Objects], expander: str, *, there: bool
) -> None:
    values = {"autoDiscovery": {"clusterName": "c"}, "extraArgs": {"expander": expander}}
    made = render("ca", AUTOSCALER, {**values, "expanderPriorities": {"50": ["spot"]}})
    assert (("ConfigMap", "cluster-autoscaler-priority-expander") in made) == there


@pytest.mark.parametrize(
    ("release", "service"),
    [
        ("kube-prometheus-stack", "kube-prometheus-stack-prometheus"),
        ("prometheus", "prometheus-kube-prometheus-prometheus"),
    ],
)
def test_prometheus_is_named_after_its_release(render: Callable[..., Objects], release: str, service: str) -> None:
    assert ("Service", service) in render(release, STACK, {})


def test_prometheus_keeps_what_its_specification_says_and_no_more(render: Callable[..., Objects]) -> None:
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "50Gi"}}}
    kept = {"whenDeleted": "Retain", "whenScaled": "Retain"}
    spec = {
        "storageSpec": {"volumeClaimTemplate": {"spec": claim}},
        "persistentVolumeClaimRetentionPolicy": kept,
        "serviceMonitorSelectorNilUsesHelmValues": False,
        "remoteWrite": [{"url": "https://aps/api/v1/remote_write", "sigv4": {"region": "us-west-2"}}],
    }
    made = render("p", STACK, {"fullnameOverride": "kps", "prometheus": {"prometheusSpec": spec}})
    resource = made["Prometheus", "kps-prometheus"]["spec"]
    assert (resource["retention"], resource["serviceMonitorSelector"]) == ("10d", {})
    assert resource["podMonitorSelector"] == {"matchLabels": {"release": "p"}}
    assert resource["remoteWrite"] == spec["remoteWrite"]
    pods = stateful_set(made["Prometheus", "kps-prometheus"])["spec"]
    assert pods["volumeClaimTemplates"][0]["spec"] == claim
    assert pods["persistentVolumeClaimRetentionPolicy"] == kept


@pytest.mark.parametrize("kept", [True, False])
def test_kubelets_get_a_service_that_is_not_helm_s(render: Callable[..., Objects], *, kept: bool) -> None:
    made = render("p", STACK, {"fullnameOverride": "kps", "prometheusOperator": {"kubeletService": {"enabled": kept}}})
    container = made["Deployment", "kps-operator"]["spec"]["template"]["spec"]["containers"][0]
    assert ("--kubelet-service=kube-system/kps-kubelet" in container.get("args", [])) == kept
    assert not [name for _, name in made if "kubelet" in name]


def test_each_part_of_the_stack_is_placed_by_values_of_its_own(render: Callable[..., Objects]) -> None:
    made = render("p", STACK, {"fullnameOverride": "kps", "prometheusOperator": {"tolerations": TOLERANT}})
    tolerations = {
        name: each["spec"]["template"]["spec"].get("tolerations")
        for (kind, name), each in made.items()
        if kind in ("Deployment", "DaemonSet", "StatefulSet", "Job")
    }
    assert tolerations["kps-operator"] == TOLERANT
    assert tolerations["kps-admission-create"] is None
    assert "tolerations" not in stateful_set(made["Prometheus", "kps-prometheus"])["spec"]["template"]["spec"]
    assert tolerations["p-kube-state-metrics"] is None
    assert tolerations["p-prometheus-node-exporter"] == [{"effect": "NoSchedule", "operator": "Exists"}]


def test_grafana_with_a_secret_of_the_user_s_makes_none(render: Callable[..., Objects]) -> None:
    made = render("grafana", GRAFANA, {"admin": {"existingSecret": "mine", "passwordKey": "p"}})
    assert ("Secret", "grafana") not in made
    env = made["Deployment", "grafana"]["spec"]["template"]["spec"]["containers"][0]["env"]
    assert {"name": "mine", "key": "p"} in [each["valueFrom"]["secretKeyRef"] for each in env]


def test_grafana_mounts_dashboards_secrets_and_evaluates_its_data_sources(render: Callable[..., Objects]) -> None:
    volume = {"driver": "secrets-store.csi.k8s.io", "readOnly": True, "volumeAttributes": {"secretProviderClass": "x"}}
    sources = {"apiVersion": 1, "datasources": [{"name": "{{ .Release.Name }}"}]}
    values = {
        "dashboardsConfigMaps": {"gpu": "boards"},
        "extraSecretMounts": [{"name": "password", "mountPath": "/mnt/secrets-store", "readOnly": True, "csi": volume}],
        "datasources": {"datasources.yaml": sources},
    }
    made = render("grafana", GRAFANA, values)
    spec = made["Deployment", "grafana"]["spec"]["template"]["spec"]
    volumes = {each["name"]: each for each in spec["volumes"]}
    assert volumes["password"]["csi"] == volume
    assert volumes["dashboards-gpu"]["configMap"]["name"] == "boards"
    assert {each["mountPath"] for each in spec["containers"][0]["volumeMounts"]} >= {"/var/lib/grafana/dashboards/gpu"}
    written = yaml.safe_load(made["ConfigMap", "grafana"]["data"]["datasources.yaml"])
    assert written["datasources"][0]["name"] == "grafana"
    port = made["Service", "grafana"]["spec"]["ports"][0]
    assert (port["port"], port["targetPort"]) == (80, 3000)


def test_the_gpu_operator_passes_on_its_counters_and_its_service_monitor(render: Callable[..., Objects]) -> None:
    counters = {"name": "counters", "create": True, "data": "DCGM_FI_DEV_GPU_TEMP, gauge, C"}
    monitor = {"additionalLabels": {"release": "kps"}, "honorLabels": True}
    values = {"dcgmExporter": {"config": counters, "serviceMonitor": monitor}, "driver": {"enabled": False}}
    made = render("g", OPERATOR, values, *SERVED)
    assert made["ConfigMap", "counters"]["data"] == {"dcgm-metrics.csv": counters["data"]}
    assert made["ServiceMonitor", "nvidia-dcgm-exporter"]["metadata"]["labels"]["release"] == "kps"
    exporter = made["DaemonSet", "nvidia-dcgm-exporter"]["spec"]["template"]["spec"]
    assert exporter["volumes"][0]["configMap"]["name"] == "counters"
    assert "honorLabels" in made["ClusterPolicy", "cluster-policy"]["spec"]["dcgmExporter"]["serviceMonitor"]


@pytest.mark.parametrize(("clean", "hooks"), [(False, 1), (True, 2)])
def test_the_gpu_operator_cleans_up_in_jobs_that_need_a_node(
    render: Callable[..., Objects], *, clean: bool, hooks: int
) -> None:
    made = render("g", OPERATOR, {"operator": {"cleanupCRD": clean, "tolerations": TOLERANT}})
    jobs = [each for (kind, _), each in made.items() if kind == "Job"]
    before = [each for each in jobs if each["metadata"]["annotations"]["helm.sh/hook"] == "pre-delete"]
    assert len(before) == hooks
    assert all(each["spec"]["template"]["spec"]["tolerations"] == TOLERANT for each in before)
