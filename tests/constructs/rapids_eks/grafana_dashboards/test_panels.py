"""Each panel asks a real Prometheus, as Grafana would, and shows what was reckoned by hand."""

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from rapids_eks.grafana_dashboards.dashboards import dashboards, metrics
from rehearsal.prometheus.server import Prometheus, PrometheusError
from tests.constructs.rapids_eks.grafana_dashboards import expected
from tests.constructs.rapids_eks.grafana_dashboards.grafana import HOUR, STEP, View, panels
from tests.constructs.rapids_eks.grafana_dashboards.history import FOUR, NONE, ODD, OLD, ONE, SHARED

ALL = dashboards(expected.PRICES)  # tests/stacks/test_observability_charts.py compares them with what is mounted
# test_tables.py is of the rest
CHARTS = [(file, title) for file, each in ALL.items() for title, it in panels(each).items() if it["type"] != "table"]
Json = Mapping[str, Any]


def shown(view: View, panel: Json) -> dict[str, float]:
    """Return the newest value of each series by its name; of events their number in the hour."""
    found = view.asked(panel)
    if panel["title"] in expected.EVENTS:
        return {name: sum(value for _, value in series.samples) for name, series in found.items()}
    return {name: series.value for name, series in found.items() if series.samples[-1][0] == view.end}


def is_right(prometheus: Prometheus, file: str, panel: Json) -> bool:
    hours = expected.hours(panel["title"])
    try:
        found = {end: shown(View(prometheus, ALL[file], end), panel) for end in hours}
    except (AssertionError, PrometheusError):
        return False
    return found == {end: pytest.approx(values) for end, values in hours.items()}


@pytest.mark.parametrize(("file", "title"), CHARTS)
def test_a_chart_shows_what_was_reckoned(prometheus: Prometheus, file: str, title: str) -> None:
    panel = panels(ALL[file])[title]
    for end, values in expected.hours(title).items():
        assert shown(View(prometheus, ALL[file], end), panel) == pytest.approx(values), f"hour {end}"
    assert panel["fieldConfig"]["defaults"]["unit"] == expected.unit(title)


@pytest.mark.parametrize(("file", "title"), CHARTS)
def test_without_any_of_its_metrics_a_chart_is_wrong(prometheus: Prometheus, file: str, title: str) -> None:
    panel = panels(ALL[file])[title]
    text = json.dumps(panel)
    asked = sorted(metrics({file: {"panels": [panel], "templating": {"list": []}}}))
    without = {name: json.loads(re.sub(rf"\b{name}\b", "absent", text)) for name in asked}
    unnoticed = [name for name, mistaken in without.items() if is_right(prometheus, file, mistaken)]
    assert asked
    assert unnoticed == []


def test_a_line_has_a_point_each_minute(prometheus: Prometheus) -> None:
    view = View(prometheus, ALL["gpus.json"], OLD)
    rising = view.asked(panels(ALL["gpus.json"])["GPU Utilization"])[f"{FOUR} GPU 0"]
    assert [value for _, value in rising.samples] == [20 + minute for minute in range(int(HOUR / STEP) + 1)]


def test_xid_errors_are_shown_in_the_minute_in_which_they_come(prometheus: Prometheus) -> None:
    view = View(prometheus, ALL["gpus.json"], OLD)
    (errors,) = view.asked(panels(ALL["gpus.json"])["New XID Errors"]).values()
    assert [60 - (OLD - at) / 60 for at, value in errors.samples if value] == [30, 50]


def test_without_a_price_list_the_estimates_of_karpenter_remain(prometheus: Prometheus) -> None:
    unlisted = dashboards()["cluster.json"]
    assert shown(View(prometheus, unlisted, OLD), panels(unlisted)["Cost per Hour"]) == {"Cost per Hour": 2.0}


def test_numbers_are_taken_as_the_alerts_take_them(prometheus: Prometheus) -> None:
    """DCGM's numbers for "unknown" are none, and a ratio of more than 1 is a percentage: of DCGM before 4.7."""
    gpu = View(prometheus, ALL["gpus.json"], ODD)
    assert shown(gpu, panels(gpu.dashboard)["GPU Temperature"]) == {}
    assert shown(gpu, panels(gpu.dashboard)["GPU Avg. Temp"]) == {}
    assert shown(gpu, panels(gpu.dashboard)["GPU Utilization"]) == {f"{ONE} GPU 0": 80}
    assert shown(gpu, panels(gpu.dashboard)["GPU Power Total"]) == {"total": 200}
    cluster = View(prometheus, ALL["cluster.json"], ODD)
    assert shown(cluster, panels(cluster.dashboard)["GPUs Allocated but Idle"]) == {"GPUs Allocated but Idle": 0}


def test_a_gpu_that_pods_share_is_one_gpu(prometheus: Prometheus) -> None:
    gpu, cluster = (View(prometheus, ALL[file], SHARED) for file in ("gpus.json", "cluster.json"))
    assert shown(gpu, panels(gpu.dashboard)["GPU Utilization"]) == {f"{ONE} GPU 0": 90}
    assert shown(gpu, panels(gpu.dashboard)["GPU Power Total"]) == {"total": 200}
    assert shown(cluster, panels(cluster.dashboard)["GPUs In Use"]) == {"GPUs In Use": 1}
    assert shown(cluster, panels(cluster.dashboard)["GPUs by Team"]) == {"analytics": 1, "research": 1}


@pytest.mark.parametrize(("file", "title"), [chart for chart in CHARTS if chart[0] != "spark.json"])
def test_with_no_gpu_a_panel_shows_none_and_says_so(prometheus: Prometheus, file: str, title: str) -> None:
    panel, view = panels(ALL[file])[title], View(prometheus, ALL[file], NONE)
    if "GPU" in title or title in ("Clocks Held Back", "Tensor Core Utilization", *expected.EVENTS):
        assert shown(view, panel) == {}
        says = panel["fieldConfig"]["defaults"]["noValue"]
        assert "running" in says or "Karpenter" in says
    else:  # the core nodes run, and cost
        assert shown(view, panel)


def test_with_no_gpu_the_core_node_costs_what_the_list_says(prometheus: Prometheus) -> None:
    view = View(prometheus, ALL["cluster.json"], NONE)
    assert shown(view, panels(view.dashboard)["Cost per Hour"]) == {"Cost per Hour": 0.192}


@pytest.mark.parametrize("title", expected.SPARK)
def test_with_no_job_a_panel_shows_none_and_says_so(prometheus: Prometheus, title: str) -> None:
    panel, view = panels(ALL["spark.json"])[title], View(prometheus, ALL["spark.json"], NONE)
    assert shown(view, panel) == {}
    assert panel["fieldConfig"]["defaults"]["noValue"].startswith("No Spark job is running")


def test_the_choice_of_nodes_and_gpus_narrows_each_other_and_the_panels(prometheus: Prometheus) -> None:
    gpus = ALL["gpus.json"]
    everything, some = View(prometheus, gpus, OLD), View(prometheus, gpus, OLD, {"instance": [ONE]})
    assert everything.options("instance") == [FOUR, ONE]
    assert everything.options("gpu") == ["0", "1", "2", "3"]
    assert some.options("gpu") == ["0"]
    assert set(shown(some, panels(gpus)["GPU Temperature"])) == {f"{ONE} GPU 0"}
    two = View(prometheus, gpus, OLD, {"instance": [FOUR], "gpu": ["1", "3"]})
    assert shown(two, panels(gpus)["GPU Power Total"]) == {"total": 70 + 30}


def test_the_choice_of_a_team_narrows_runs_and_panels(prometheus: Prometheus) -> None:
    spark = ALL["spark.json"]
    everything, one = View(prometheus, spark, OLD), View(prometheus, spark, OLD, {"namespace": ["emr-ml-team-b"]})
    assert everything.options("namespace") == ["emr-ml-team-a", "emr-ml-team-b"]
    assert (everything.options("run"), one.options("run")) == (["run-1", "run-2"], ["run-2"])
    assert shown(one, panels(spark)["Executors"]) == {"Executors": 2}
    assert set(shown(one, panels(spark)["Input"])) == {"run-2 executor 0", "run-2 executor 1"}
    assert shown(View(prometheus, spark, OLD, {"run": ["run-1"]}), panels(spark)["Task Slots"]) == {"Task Slots": 16}
