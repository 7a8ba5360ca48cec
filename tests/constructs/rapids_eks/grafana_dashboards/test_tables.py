"""Each table asks a real Prometheus, as Grafana would, and has the columns and the cells that were reckoned by hand."""

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from rapids_eks.grafana_dashboards.dashboards import dashboards, metrics
from rehearsal.prometheus.server import Prometheus, PrometheusError
from tests.constructs.rapids_eks.grafana_dashboards import expected
from tests.constructs.rapids_eks.grafana_dashboards.grafana import View, columns, panels
from tests.constructs.rapids_eks.grafana_dashboards.history import (
    CORE,
    FOUR,
    FREE_OLD,
    NEW,
    NONE,
    OLD,
    ONE,
    SLICED_NEW,
    SLICED_OLD,
)

ALL = dashboards(expected.PRICES)
TABLES = [(file, title) for file, each in ALL.items() for title, it in panels(each).items() if it["type"] == "table"]
A10G, A100, MIB = "NVIDIA A10G", "NVIDIA A100-SXM4-40GB", expected.MIB
Json = Mapping[str, Any]
Row = tuple[str | float | None, ...]
SHOW = [{"title": "Show", "url": "/d/emr-spark-rapids-gpus?var-instance=${__value.raw}"}]
COLUMNS: Mapping[str, Mapping[str, Mapping[str, object]]] = {
    "Who Uses Which GPU": {
        "Team": {},
        "Pod": {},
        "Node": {"links": SHOW},
        "GPU": {},
        "MIG instance": {},
        "Model": {},
        "Utilization": {"unit": "percent"},
        "Memory used": {"unit": "bytes"},
    },
    "Nodes and Their Prices": {
        "Node": {},
        "Type": {},
        "Capacity type": {},
        "Zone": {},
        "Per hour": {"unit": "currencyUSD"},
    },
}
# In the order of the columns; None is an empty cell
USED: list[Row] = [
    ("analytics", "executor-1", FOUR, "0", None, A10G, 80, 10240 * MIB),
    ("analytics", "executor-2", FOUR, "1", None, A10G, 2, 1024 * MIB),
    ("research", "executor-1", FOUR, "2", None, A10G, 0, 2048 * MIB),
    (None, None, FOUR, "3", None, A10G, 0, 0),
    ("research", "executor-2", ONE, "0", None, A10G, 1, 512 * MIB),
]
CUT_UP: list[Row] = [
    ("analytics", "executor-1", FOUR, "0", "1", A100, 50, 3072 * MIB),
    ("research", "executor-1", FOUR, "0", "2", A100, 1, 1024 * MIB),
    ("research", "executor-2", FOUR, "0", "3", A100, 1, 1024 * MIB),
]
CORE_NODE: Row = (CORE, "m5.xlarge", "on-demand", "us-west-2a", 0.192)
NODES: list[Row] = [
    CORE_NODE,
    (FOUR, "g5.12xlarge", "spot", "us-west-2a", 2.0),
    (ONE, "g5.2xlarge", "on-demand", "us-west-2b", 1.212),
]
ROWS: Mapping[str, Mapping[float, list[Row]]] = {
    "Who Uses Which GPU": {
        **dict.fromkeys((OLD, NEW), USED),
        **dict.fromkeys((SLICED_OLD, SLICED_NEW), CUT_UP),
        FREE_OLD: [(None, None, ONE, "0", None, A10G, 0, 0)],
        NONE: [],
    },
    "Nodes and Their Prices": {
        **dict.fromkeys((OLD, NEW), NODES),
        SLICED_OLD: [CORE_NODE, (FOUR, "g5.12xlarge", "spot", "us-west-2a", 5.672)],
        NONE: [CORE_NODE],
    },
}


def cells(view: View, panel: Json) -> list[Row]:
    """Return the rows, each with a cell for every column; no row may have any other."""
    titles, rows = list(columns(panel)), view.rows(panel)
    assert all(list(row) == [title for title in titles if title in row] for row in rows), "columns of no title"
    return sorted((tuple(row.get(title) for title in titles) for row in rows), key=str)


def is_right(prometheus: Prometheus, file: str, panel: Json) -> bool:
    """Return whether every hour shows what was reckoned, of a panel that may have been broken."""
    try:
        for end, rows in ROWS[panel["title"]].items():
            assert cells(View(prometheus, ALL[file], end), panel) == close(rows)
    except (AssertionError, PrometheusError):
        return False
    return True


def close(rows: list[Row]) -> list[Any]:
    """Return the rows in the order of `cells`, with numbers that are compared as such."""
    ordered = sorted((_as_floats(row) for row in rows), key=str)
    return [tuple(pytest.approx(cell) if isinstance(cell, float) else cell for cell in row) for row in ordered]


def _as_floats(row: Row) -> Row:
    return tuple(float(cell) if isinstance(cell, int | float) else cell for cell in row)


def test_every_table_is_reckoned() -> None:
    assert {title for _, title in TABLES} == COLUMNS.keys() == ROWS.keys()


@pytest.mark.parametrize(("file", "title"), TABLES)
def test_a_table_has_its_columns_in_their_order_with_units_and_links(file: str, title: str) -> None:
    found = columns(panels(ALL[file])[title])
    assert list(found.items()) == list(COLUMNS[title].items())


@pytest.mark.parametrize(("file", "title"), TABLES)
def test_a_table_shows_what_was_reckoned_and_no_other_column(prometheus: Prometheus, file: str, title: str) -> None:
    panel = panels(ALL[file])[title]
    for end, rows in ROWS[title].items():
        assert cells(View(prometheus, ALL[file], end), panel) == close(rows), f"hour {end}"


@pytest.mark.parametrize(("file", "title"), TABLES)
def test_without_any_of_its_metrics_a_table_is_wrong(prometheus: Prometheus, file: str, title: str) -> None:
    panel = panels(ALL[file])[title]
    asked = sorted(metrics({file: {"panels": [panel], "templating": {"list": []}}}))
    without = {name: json.loads(re.sub(rf"\b{name}\b", "absent", json.dumps(panel))) for name in asked}
    assert asked
    assert [name for name, mistaken in without.items() if is_right(prometheus, file, mistaken)] == []


@pytest.mark.parametrize(("file", "title"), TABLES)
def test_what_is_hidden_would_be_a_column_more(prometheus: Prometheus, file: str, title: str) -> None:
    panel = json.loads(json.dumps(panels(ALL[file])[title]))
    hidden = panel["transformations"][1]["options"]["excludeByName"]
    assert "Time" in hidden
    for name in list(hidden):
        panel["transformations"][1]["options"]["excludeByName"] = {key: True for key in hidden if key != name}
        assert not is_right(prometheus, file, panel), name
