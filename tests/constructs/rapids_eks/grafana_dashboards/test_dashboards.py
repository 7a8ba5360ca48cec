"""What holds for all dashboards: places, links, texts, and that all they ask for is measured and labelled."""

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest

from rapids_eks import grafana, prometheus, scrape_targets
from rapids_eks.gpu_metrics.alerts import Thresholds
from rapids_eks.gpu_metrics.counters import COUNTERS, RENAMED
from rapids_eks.gpu_metrics.scraping import INTERVAL
from rapids_eks.grafana_dashboards.cluster import Prices
from rapids_eks.grafana_dashboards.dashboard import TAG
from rapids_eks.grafana_dashboards.dashboards import dashboards, metrics
from rapids_eks.grafana_dashboards.panels import FULL, PLUGIN
from tests.constructs.rapids_eks.grafana_dashboards.grafana import SCRAPED

HERE = Path(__file__).parent
PRICES = Prices({"g5.2xlarge": 1.212, "m5.xlarge": 0.192}, "a list of 2026-07-20")
ALL = dashboards(PRICES)
PANELS = [
    pytest.param(panel, id=f"{file}-{panel['title']}")
    for file, each in ALL.items()
    for panel in each["panels"]
    if panel["type"] != "row"
]
# https://grafana.com/grafana/dashboards/12239
TITLES_OF_12239 = (
    *("GPU Temperature", "GPU Avg. Temp", "GPU Power Usage", "GPU Power Total", "GPU SM Clocks", "GPU Utilization"),
    *("GPU Framebuffer Mem Used", "Tensor Core Utilization"),
)


def asked(pattern: str) -> set[str]:
    """Return the metrics whose names begin so."""
    return {name for name in metrics(ALL) if re.match(pattern, name)}


def recorded() -> set[str]:
    """Return the metrics that a driver of Spark has been heard to publish."""
    texts = (path.read_text() for path in HERE.glob("spark-3.5.6-*.txt"))
    return {line.split("{")[0] for text in texts for line in text.splitlines() if not line.startswith("#")}


def as_kube_state_metrics_names(label: str) -> str:
    """Return https://github.com/kubernetes/kube-state-metrics/blob/main/internal/store/utils.go's name of a label."""
    return "label_" + re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", re.sub(r"\W", "_", label)).lower()


def test_the_panels_and_variables_of_12239_come_first() -> None:
    gpus = ALL["gpus.json"]
    assert tuple(each["title"] for each in gpus["panels"])[: len(TITLES_OF_12239)] == TITLES_OF_12239
    assert [each["name"] for each in gpus["templating"]["list"]] == ["datasource", "instance", "gpu"]


def test_every_field_is_one_that_the_exporter_is_told_to_publish() -> None:
    told = {counter.field for counter in COUNTERS}
    assert asked("DCGM_")
    assert asked("DCGM_") <= told | {RENAMED[name].field for name in told & set(RENAMED)}


def test_every_field_is_asked_for_by_its_new_name_too() -> None:
    found = asked("DCGM_")
    assert {RENAMED[name].field for name in found & set(RENAMED)} <= found


def test_of_spark_only_is_asked_what_its_driver_publishes() -> None:
    assert asked("metrics_")
    assert asked("metrics_") <= recorded()
    assert scrape_targets.SPARK_NAMESPACE == "spark", "so the recorded names begin"


def test_kube_state_metrics_gives_the_labels_of_nodes_that_are_asked_for() -> None:
    found = set(re.findall(r"\blabel_(?!replace|values)\w+", json.dumps(ALL)))
    assert len(found) == 4
    assert found <= {as_kube_state_metrics_names(label) for label in prometheus.NODE_LABELS}


def test_the_data_source_is_of_the_kind_that_is_installed() -> None:
    assert PLUGIN == grafana.PLUGIN
    source = ALL["gpus.json"]["templating"]["list"][0]
    assert (source["type"], source["query"]) == ("datasource", PLUGIN)


def test_dashboards_are_found_and_linked_by_what_never_changes() -> None:
    assert {file: each["uid"] for file, each in ALL.items()} == {
        "gpus.json": "emr-spark-rapids-gpus",
        "cluster.json": "emr-spark-rapids-cluster",
        "spark.json": "emr-spark-rapids-spark",
    }
    for each in ALL.values():
        assert each["tags"] == [TAG]
        assert [link["tags"] for link in each["links"]] == [[TAG]]
    link = re.search(r"/d/([\w-]+)\?var-(\w+)=", json.dumps(ALL["cluster.json"]))
    assert link
    assert link[1] == ALL["gpus.json"]["uid"]
    assert link[2] in {each["name"] for each in ALL["gpus.json"]["templating"]["list"]}


@pytest.mark.parametrize("file", ALL)
def test_panels_have_places_of_their_own(file: str) -> None:
    panels = ALL[file]["panels"]
    assert len({each["id"] for each in panels}) == len(panels)
    places = [each["gridPos"] for each in panels]
    assert all(place["x"] + place["w"] <= FULL for place in places)
    for one, other in itertools.combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or below, (one, other)


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_explains_itself_and_what_it_means_when_it_is_empty(panel: dict[str, Any]) -> None:
    assert panel["description"].endswith((".", "/"))
    assert panel["fieldConfig"]["defaults"]["noValue"].endswith(".")
    assert panel["datasource"] == {"type": PLUGIN, "uid": "${datasource}"}
    assert all(target["datasource"] == panel["datasource"] for target in panel["targets"])
    assert all(target["interval"] == INTERVAL == f"{SCRAPED}s" for target in panel["targets"])


@pytest.mark.parametrize("panel", PANELS)
def test_what_is_bad_is_marked_in_the_range_that_is_shown(panel: dict[str, Any]) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    limits = [step["value"] for step in defaults.get("thresholds", {}).get("steps", [])][1:]
    assert all(defaults["min"] < limit <= defaults.get("max", limit) for limit in limits)


def test_a_temperature_is_marked_from_where_an_alert_begins() -> None:
    marked = {
        each["title"]: [step["value"] for step in each["fieldConfig"]["defaults"]["thresholds"]["steps"]][1:]
        for each in ALL["gpus.json"]["panels"]
        if each["type"] != "row" and "Temp" in each["title"]
    }
    hot = [Thresholds.hot_celsius]
    assert marked == {"GPU Temperature": hot, "GPU Avg. Temp": hot}


def test_costs_say_whose_prices_they_are() -> None:
    costs = [each for each in ALL["cluster.json"]["panels"] if "Cost" in each["title"]]
    assert costs
    assert all(PRICES.source in each["description"] for each in costs)
    assert "on-demand prices" not in json.dumps(dashboards())


def test_the_same_prices_make_the_same_text() -> None:
    turned = Prices(dict(reversed(list(PRICES.per_hour.items()))), PRICES.source)
    assert json.dumps(dashboards(turned)) == json.dumps(ALL)
