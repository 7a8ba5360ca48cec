"""Each alert fires when it should, only then, and not where data is missing: `promtool test rules`."""

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import real_prometheus
import yaml

from rapids_eks.gpu_metrics.alerts import HARDWARE_XIDS, Alert, Thresholds, alerts
from rapids_eks.gpu_metrics.rules import RUNBOOKS, data, groups, rules
from rehearsal.prometheus.server import PrometheusError, promtool
from tests.constructs.rapids_eks.gpu_metrics.alert_cases import (
    CAPACITY,
    CASES,
    SILENCE,
    XIDS,
    Case,
    Series,
    of,
    series,
)

ROOT = Path(__file__).parents[4]
ALERTS = {alert.name: alert for alert in alerts()}
OF_DATA = sorted(CASES.keys() - {SILENCE})


@pytest.fixture(autouse=True)
def _built() -> None:
    real_prometheus.required()


def firing(name: str, labels: Sequence[dict[str, str]], minutes: int) -> dict[str, Any]:
    """Return promtool's question whether an alert fires with exactly these sets of labels, then."""
    about = {"__name__": "ALERTS", "alertname": name, "alertstate": "firing", "severity": ALERTS[name].severity}
    shown = [",".join(f'{key}="{value}"' for key, value in sorted((each | about).items())) for each in labels]
    return {
        "expr": f'ALERTS{{alertname="{name}",alertstate="firing"}}',
        "eval_time": f"{minutes}m",
        "exp_samples": [{"labels": f"{{{each}}}", "value": 1} for each in shown],
    }


def tried(folder: Path, chosen: Sequence[Alert], given: Sequence[Series], asked: dict[str, Any]) -> str:
    (folder / "rules.yaml").write_text(yaml.safe_dump(groups(chosen, RUNBOOKS)))
    test = {"interval": "1m", "input_series": list(given), "promql_expr_test": [asked]}
    (folder / "tests.yaml").write_text(yaml.safe_dump({"rule_files": ["rules.yaml"], "tests": [test]}))
    return promtool("test", "rules", folder / "tests.yaml")


def check(folder: Path, chosen: Sequence[Alert], name: str, case: Case) -> None:
    """Try an alert on all of its case; raises PrometheusError where it does not as it should."""
    tried(folder, chosen, case.fires, firing(name, [dict(case.labels)], case.minutes))
    tried(folder, chosen, case.quiet, firing(name, [], case.minutes))


def test_promtool_has_nothing_to_say_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(data())
    said = promtool("check", "rules", "--lint=all", "--lint-fatal", tmp_path / "rules.yaml")
    assert f"{len(rules()['groups'][0]['rules'])} rules found" in said


def test_an_exporter_that_starts_again_hides_no_error(tmp_path: Path) -> None:
    """Its counts begin anew, and less than before has come since."""
    again = [series(XIDS, "5x10 _x30 1x20", {"xid": "79"})]
    tried(tmp_path, alerts(), again, firing("GpuXidHardware", [dict(CASES["GpuXidHardware"].labels)], 45))


def test_every_alert_has_its_cases() -> None:
    assert CASES.keys() == ALERTS.keys()


@pytest.mark.parametrize("name", CASES)
def test_an_alert_fires_when_it_should_and_only_then(tmp_path: Path, name: str) -> None:
    check(tmp_path, alerts(), name, CASES[name])


@pytest.mark.parametrize("name", OF_DATA)
def test_no_alert_fires_where_data_is_missing(tmp_path: Path, name: str) -> None:
    gone = [each | {"values": "_x400"} for each in CASES[name].fires]
    tried(tmp_path, alerts(), gone, firing(name, [], CASES[name].minutes))


@pytest.mark.parametrize("name", sorted({"GpuAllocatedIdle", "GpuUnallocated", "GpuSaturated"}))
def test_no_alert_fires_where_one_of_a_gpu_s_series_alone_is_missing(tmp_path: Path, name: str) -> None:
    """Guards against a GPU that seems free as its memory is not measured."""
    case = CASES[name]
    for gone in case.quiet:
        rest = [each for each in case.quiet if each is not gone]
        tried(tmp_path, alerts(), rest, firing(name, [], case.minutes))


def test_that_nothing_arrives_is_told_though_nothing_has_ever_arrived(tmp_path: Path) -> None:
    """A new workspace, too, is silent for a while only: until Prometheus should run."""
    nothing = [of("up", "_x60", {"job": "a"})]
    tried(tmp_path, alerts(), nothing, firing(SILENCE, [], 14))
    tried(tmp_path, alerts(), nothing, firing(SILENCE, [{}], 16))


@pytest.mark.parametrize("name", OF_DATA)
def test_no_alert_outlives_its_data(tmp_path: Path, name: str) -> None:
    ends = [{"series": each["series"], "values": f"{each['values']} stale"} for each in CASES[name].fires]
    tried(tmp_path, alerts(), ends, firing(name, [], 460))


@pytest.mark.parametrize("name", CASES)
def test_an_alert_without_its_threshold_fails_its_cases(tmp_path: Path, name: str) -> None:
    broken = [dataclasses.replace(each, threshold="") if each.name == name else each for each in alerts()]
    with pytest.raises(PrometheusError, match="FAILED"):
        check(tmp_path, broken, name, CASES[name])


def test_a_cluster_without_gpus_is_silent(tmp_path: Path) -> None:
    nothing = [of("kube_node_status_capacity", "8x60", CAPACITY | {"resource": "cpu"}), of("up", "1x60", {"job": "a"})]
    asked = {"expr": 'ALERTS or {__name__=~"(gpu|team|cluster):.+"}', "eval_time": "50m", "exp_samples": []}
    tried(tmp_path, alerts(), nothing, asked)


@pytest.mark.parametrize("name", CASES)
def test_every_message_is_rendered(tmp_path: Path, name: str) -> None:
    (tmp_path / "rules.yaml").write_text(data())
    case = CASES[name]
    asked = {"eval_time": f"{case.minutes}m", "alertname": name, "exp_alerts": []}
    test = {"interval": "1m", "input_series": case.fires, "alert_rule_test": [asked]}
    (tmp_path / "tests.yaml").write_text(yaml.safe_dump({"rule_files": ["rules.yaml"], "tests": [test]}))
    with pytest.raises(PrometheusError) as shown:  # promtool tells what it got in place of nothing
        promtool("test", "rules", tmp_path / "tests.yaml")
    said = str(shown.value)
    assert "summary=" in said
    assert f"docs/gpu-alerts.md#{name.lower()}" in said
    assert not [mark for mark in ("{{", "<no value>", "<error") if mark in said]


def test_every_alert_has_its_page() -> None:
    headings = [line[3:].strip() for line in (ROOT / RUNBOOKS).read_text().splitlines() if line.startswith("## ")]
    assert headings == [alert.name for alert in alerts()]


def test_its_page_has_the_numbers_that_an_alert_has() -> None:
    pages = {part.split("\n", 1)[0].strip(): part for part in (ROOT / RUNBOOKS).read_text().split("\n## ")}
    for alert in alerts():
        limit = alert.threshold.rpartition(" ")[2]
        if float(limit) > 1:  # a number that people read, neither a count nor a share
            assert re.search(rf"\b{limit} (%|C)", pages[alert.name]), alert.name
    hardware = re.search(r"\(([\d, ]+)\)", pages["GpuXidHardware"])
    assert hardware
    assert hardware[1].split(", ") == HARDWARE_XIDS.split("|")


def test_thresholds_can_be_set() -> None:
    by_name = {alert.name: alert for alert in alerts(Thresholds(hot_celsius=70, idle_percent=20))}
    assert by_name["GpuHot"].threshold == "> 70"
    assert "less than 20 %" in by_name["GpuAllocatedIdle"].description
    assert rules(Thresholds(hot_celsius=70)) != rules()
