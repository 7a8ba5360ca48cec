"""Every target that is to be scraped is selected by a monitor, and each monitor by Prometheus, as helm renders them."""

from typing import Any

import pytest
import rendered_charts

from rapids_eks import gpu_operator as operator
from rapids_eks import kept_series, prometheus, scrape_targets
from rapids_eks.job_pools import CORE_LABELS, EXECUTOR_LABELS
from rapids_eks.karpenter import controller
from rapids_eks.metrics_exporter import objects
from rapids_eks.team_namespace import team_objects
from rehearsal.emr import pods as emr
from rehearsal.emr.job import Job, Monitoring
from rehearsal.kubernetes.prometheus_operator import stateful_set
from rehearsal.prometheus import gpu_operator

TEAM = "emr-ml-team-a"
Item = dict[str, Any]
JOB = Job(
    *("0000000abcdefghi", "vc", "c", TEAM, "Train", "111122223333", "arn:aws:iam::111122223333:role/r"),
    release="emr-7.13.0-spark-rapids-latest",
    entry_point="s3://b/job.py",
    arguments=(),
    monitoring=Monitoring(log_uri="s3://b/logs"),
    conf={"spark.driver.memory": "1g", "spark.executor.memory": "1g"},
)
WRITE = {"url": "https://example.com/api/v1/remote_write", "writeRelabelConfigs": kept_series.relabelings(["m5.large"])}
CHARTS: dict[tuple[str, str], tuple[str, Item]] = {
    (prometheus.CHART, prometheus.VERSION): (
        prometheus.NAMESPACE,
        prometheus.values(cluster_name="demo", remote_write=WRITE, retention_days=15, volume_gib=50, memory_mib=2048),
    ),
    ("karpenter", controller.VERSION): ("kube-system", controller.chart_values("demo", "queue", "us-west-2")),
    (operator.CHART, operator.VERSION): (
        operator.NAMESPACE,
        operator.values(EXECUTOR_LABELS, CORE_LABELS, "none", driver_on_nodes=True),
    ),
}


@pytest.fixture(scope="module", name="rendered")
def everything(tmp_path_factory: pytest.TempPathFactory) -> list[Item]:
    """What helm makes of each chart with our values, each object with its namespace, and what operators make of it."""
    folder, found = tmp_path_factory.mktemp("charts"), []
    for (name, version), (namespace, values) in CHARTS.items():
        found += list(rendered_charts.rendered(folder, name, version, namespace, values))
    made = [stateful_set(each) for each in found if each["kind"] == "Prometheus"]
    return [*found, *made, *_of_the_gpu_operator(found)]


def _of_the_gpu_operator(found: list[Item]) -> list[Item]:
    """Return the exporter's objects: the stand-in's chart brings them, the real one leaves them to the operator."""
    if any(each["metadata"]["name"] == gpu_operator.NAME for each in found):
        return []
    namespace, values = CHARTS[operator.CHART, operator.VERSION]
    pod = gpu_operator.pod(namespace, "node")
    exporter = {
        "kind": "DaemonSet",
        "metadata": {"name": gpu_operator.NAME, "namespace": namespace},
        "spec": {"template": {key: pod[key] for key in ("metadata", "spec")}},
    }
    monitor = gpu_operator.service_monitor(values["dcgmExporter"]["serviceMonitor"], namespace)
    return [gpu_operator.service(namespace), monitor, exporter]


def monitors(rendered: list[Item]) -> list[Item]:
    own = [scrape_targets.karpenter(), scrape_targets.spark_drivers([TEAM]), scrape_targets.metrics_exporter()]
    return [*[each for each in rendered if each["kind"] in ("ServiceMonitor", "PodMonitor")], *own]


def selects(monitor: Item, target: Item) -> bool:
    """Return whether a monitor selects a Service or a pod, and has a port of it."""
    spec = monitor["spec"]
    names = spec.get("namespaceSelector", {}).get("matchNames", [monitor["metadata"]["namespace"]])
    wanted, labels = spec["selector"]["matchLabels"].items(), target["metadata"].get("labels", {}).items()
    asked = {each["port"] for each in spec.get("endpoints", []) + spec.get("podMetricsEndpoints", [])}
    return target["metadata"]["namespace"] in names and wanted <= labels and bool(asked & set(ports(target)))


def ports(target: Item) -> list[str]:
    if target["kind"] == "Service":
        return [each["name"] for each in target["spec"]["ports"]]
    return [each["name"] for container in target["spec"]["containers"] for each in container.get("ports", [])]


def service(rendered: list[Item], name: str) -> Item:
    (found,) = [each for each in rendered if each["kind"] == "Service" and name in each["metadata"]["name"]]
    return found


@pytest.mark.parametrize("name", ["nvidia-dcgm-exporter", "node-exporter", "kube-state-metrics", "karpenter"])
def test_each_target_is_selected_by_one_monitor_and_has_pods_behind_it(rendered: list[Item], name: str) -> None:
    found = service(rendered, name)
    assert len([each for each in monitors(rendered) if selects(each, found)]) == 1
    templates = [each["spec"]["template"] for each in rendered if each["kind"] in ("Deployment", "DaemonSet")]
    chosen = found["spec"]["selector"].items()
    assert [each for each in templates if chosen <= each["metadata"]["labels"].items()]


def driver(namespace: str = TEAM) -> Item:
    made = emr.driver(JOB, "", {})
    return {**made, "kind": "Pod", "metadata": {**made["metadata"], "namespace": namespace}}


def test_a_driver_of_a_team_is_selected_and_nothing_else_of_a_job_is(rendered: list[Item]) -> None:
    (own,) = [each for each in monitors(rendered) if each["metadata"]["name"] == "spark-drivers"]
    executor = emr.executor(JOB, 1, "", {}, {"metadata": {"name": "driver", "uid": "u"}})
    executor = {**executor, "kind": "Pod", "metadata": {**executor["metadata"], "namespace": TEAM}}
    assert selects(own, driver())
    assert not selects(own, driver("default"))
    assert not selects(own, executor)


def test_the_exporter_to_cloudwatch_is_selected_and_lets_prometheus_in(rendered: list[Item]) -> None:
    template = objects.deployment("image:1", {})["spec"]["template"]
    pod = {**template, "kind": "Pod", "metadata": {**template["metadata"], "namespace": objects.NAMESPACE}}
    (own,) = [each for each in monitors(rendered) if selects(each, pod)]
    (endpoint,) = own["spec"]["podMetricsEndpoints"]
    (port,) = [each for each in template["spec"]["containers"][0]["ports"] if each["name"] == endpoint["port"]]
    (rule,) = objects.network()["spec"]["ingress"]
    assert [each["port"] for each in rule["ports"]] == [port["containerPort"]]
    assert rule["from"] == [
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": prometheus.NAMESPACE}}}
    ]


def test_prometheus_takes_every_monitor_in_every_namespace(rendered: list[Item]) -> None:
    """Guards against the chart's default, by which only monitors with the release's own label are taken.

    What is empty selects everything; to the operator a selector that is absent selects nothing, and one of namespaces
    Prometheus' own alone.
    """
    (made,) = [each["spec"] for each in rendered if each["kind"] == "Prometheus"]
    for kind in prometheus.SELECTED:
        assert made[f"{kind}Selector"] == {}
        assert made[f"{kind}NamespaceSelector"] == {}


def test_prometheus_gets_through_to_drivers_and_nobody_else_does() -> None:
    policies = [each for each in team_objects(TEAM, 1, None, None) if each["kind"] == "NetworkPolicy"]
    (metrics,) = [each["spec"] for each in policies if each["metadata"]["name"] == "metrics"]
    ((rule,), labels) = metrics["ingress"], driver()["metadata"]["labels"].items()
    assert metrics["podSelector"]["matchLabels"].items() <= labels
    assert [each["port"] for each in rule["ports"]] == [emr.DRIVER_PORTS[scrape_targets.UI_PORT_NAME]]
    (source,) = rule["from"]
    assert source["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": prometheus.NAMESPACE}


def test_the_pods_that_teams_let_in_are_prometheus(rendered: list[Item]) -> None:
    made = [each["spec"]["template"]["metadata"]["labels"] for each in rendered if each["kind"] == "StatefulSet"]
    assert made
    assert all(labels.items() >= scrape_targets.PROMETHEUS.items() for labels in made)


def test_pods_run_on_the_core_nodes_but_for_the_node_exporter_s(rendered: list[Item]) -> None:
    """Guards against hook Jobs of the chart that find no node, for which an installation waits in vain."""
    kinds = ("Deployment", "StatefulSet", "Job", "DaemonSet")
    placed = {
        each["metadata"]["name"]: each["spec"]["template"]["spec"].get("nodeSelector")
        for each in rendered
        if each["kind"] in kinds and each["metadata"]["namespace"] == prometheus.NAMESPACE
    }
    (exporter,) = [name for name in placed if name.endswith("node-exporter")]
    assert not set(placed.pop(exporter) or {}) & set(CORE_LABELS)
    assert len(placed) >= 4
    assert set(map(str, placed.values())) == {str(CORE_LABELS)}
