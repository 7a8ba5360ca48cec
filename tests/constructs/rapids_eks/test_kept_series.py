"""What goes on to Amazon Managed Service for Prometheus, and what it costs."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from rapids_eks import kept_series, prometheus
from rapids_eks.gpu_metrics import counters, rules
from rapids_eks.grafana_dashboards.dashboards import dashboards, metrics
from rapids_eks.kept_series import Fleet

TYPES = ("g5.2xlarge", "m5.xlarge")
RECORDED = Path(__file__).with_name("grafana_dashboards")  # what a driver with two executors answered
METRIC = re.compile(r"\b(?:DCGM|kube|karpenter|node|metrics|spark)_\w+")


def kept(labels: Mapping[str, str]) -> bool:
    """Return whether a remote write would send a series on, as Prometheus carries out relabelings."""
    for each in kept_series.relabelings(TYPES):
        names = each["sourceLabels"]
        assert isinstance(names, list)
        matches = re.fullmatch(str(each["regex"]), ";".join(labels.get(name, "") for name in names)) is not None
        if matches != (each["action"] == "keep"):
            return False
    return True


def read_by_rules() -> set[str]:
    """Return the metrics that rules read, without those that they record."""
    found = [rule for group in rules.rules()["groups"] for rule in group["rules"]]
    own = {rule["record"] for rule in found if "record" in rule}
    return {name for rule in found for name in METRIC.findall(rule["expr"])} - own


@pytest.mark.parametrize("name", sorted({*metrics(dashboards()), *read_by_rules(), *rules.KUBERNETES_SERIES}))
def test_what_is_shown_or_alerted_on_is_kept(name: str) -> None:
    assert kept({"__name__": name, "instance_type": "g5.2xlarge"})


def test_nothing_is_kept_and_paid_for_that_is_not_shown_or_alerted_on() -> None:
    """Of all that DCGM and Spark publish, and of whatever begins like a name that is kept."""
    asked = metrics(dashboards()) | read_by_rules()
    published = {each.field for each in counters.COUNTERS} | {each.field for each in counters.RENAMED.values()}
    published |= {name for file in RECORDED.glob("spark-*.txt") for name in METRIC.findall(file.read_text())}
    others = (published | {f"{name}_more" for name in asked} | {"up"}) - asked
    assert len(others) > 100
    assert {name for name in others if kept({"__name__": name, "instance_type": "g5.2xlarge"})} == set()


def test_a_job_has_as_many_series_as_a_driver_of_spark_answers_with() -> None:
    """Its driver is one of three executors in the recording, two of which have a GPU."""
    lines = [line for file in RECORDED.glob("spark-*.txt") for line in file.read_text().splitlines()]
    sent = [line for line in lines if kept({"__name__": re.split("[{ ]", line)[0]})]
    at_work = Fleet(gpus=2, nodes=0, applications=1, types=0)
    spark = [name for name in kept_series.kept() if name.startswith("metrics_")]
    assert len(sent) == sum(kept_series.series_of(name, at_work) for name in spark)
    assert len(sent) > 30


def test_a_panel_over_the_node_exporter_would_be_noticed() -> None:
    panel = {"targets": [{"expr": "rate(node_cpu_seconds_total[5m]) / node_load1"}]}
    asked = metrics({"x.json": {"panels": [panel], "templating": {"list": []}}})
    assert asked == {"node_cpu_seconds_total", "node_load1"}


@pytest.mark.parametrize(
    "labels",
    [
        {"__name__": "go_goroutines"},
        {"__name__": "apiserver_request_duration_seconds_bucket"},
        {"__name__": "karpenter_pods_startup_duration_seconds_bucket"},
        {"__name__": "node_cpu_seconds_total", "mode": "user"},
        {"__name__": "kube_pod_info"},
        {"__name__": "kube_node_labels_more"},
        {"__name__": kept_series.ESTIMATE, "instance_type": "g5.24xlarge"},
        {"__name__": kept_series.ESTIMATE, "instance_type": "g5x2xlarge"},
    ],
)
def test_the_rest_is_not(labels: dict[str, str]) -> None:
    assert not kept(labels)


def test_labels_of_nodes_that_dashboards_read_are_told() -> None:
    """As kube-state-metrics writes their names: https://github.com/kubernetes/kube-state-metrics/tree/main/docs/metrics."""
    read = set(re.findall(r"label_(?!replace|values|join)\w+", json.dumps(dashboards())))
    told = {f"label_{re.sub(r'[^a-z0-9]+', '_', _snake(each))}" for each in prometheus.NODE_LABELS}
    assert len(read) > 3
    assert read <= told


def _snake(name: str) -> str:
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def test_series_are_counted_by_what_they_are_of() -> None:
    """Without anything there are Karpenter's six messages; a slice has no utilization as whole GPUs have it."""
    assert kept_series.series(Fleet(gpus=0, nodes=0, applications=0, types=2)) == 6 + 2 * kept_series.OFFERS
    fields = len({name for name in kept_series.kept() if name.startswith("DCGM")} - kept_series.NEW_NAMES)
    assert kept_series.series(Fleet(gpus=4, nodes=0, applications=0, types=0)) == 6 + 4 * fields
    assert kept_series.series(Fleet(gpus=4, nodes=0, applications=0, types=0, slices=7)) == 6 + 4 * 7 * (fields - 1)
