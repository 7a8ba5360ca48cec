"""A dashboard of panels: what Grafana loads."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rapids_eks.grafana_dashboards.panels import FULL, PLUGIN, SOURCE, Json, Panel

SCHEMA = 42  # of Grafana 13: https://github.com/grafana/grafana/blob/main/kinds/dashboard/dashboard_kind.cue
TAG = "emr-spark-rapids"  # by which each dashboard links to all


@dataclass(frozen=True)
class Variable:
    """A choice above the panels, from the values that a label has now: all of them, or some.

    Panels write `label=~"$name"`. `series` is the selector of those whose label it is.
    """

    name: str
    title: str
    series: str
    label: str


@dataclass(frozen=True)
class Section:
    """Panels under a heading of their own; the first section of a dashboard may do without one."""

    title: str
    panels: Sequence[Panel]


def dashboard(
    uid: str, title: str, description: str, variables: Sequence[Variable], sections: Sequence[Section]
) -> Json:
    """Return a dashboard. Its `uid` is in links and bookmarks, so it must stay what it is."""
    return {
        "uid": uid,
        "title": title,
        "description": description,
        "tags": [TAG],
        "schemaVersion": SCHEMA,
        "editable": False,  # it is code: a change made in Grafana would be lost
        "graphTooltip": 1,  # what the pointer is at is marked in all panels
        "time": {"from": "now-3h", "to": "now"},
        "refresh": "1m",
        "timezone": "browser",
        "links": [_links()],
        "templating": {"list": [_source(), *map(_variable, variables)]},
        "panels": _placed(sections),
    }


def _links() -> Json:
    return {
        "type": "dashboards",
        "title": "",
        "tags": [TAG],
        "asDropdown": False,
        "icon": "external link",
        "includeVars": False,
        "keepTime": True,
        "targetBlank": False,
        "tooltip": "",
    }


def _source() -> Json:
    return {"name": "datasource", "type": "datasource", "label": "Data source", "query": PLUGIN, "refresh": 1}


def _variable(variable: Variable) -> Json:
    query = f"label_values({variable.series}, {variable.label})"
    return {
        "name": variable.name,
        "type": "query",
        "label": variable.title,
        "datasource": SOURCE,
        "query": {"qryType": 1, "query": query, "refId": "PrometheusVariableQueryEditor-VariableQuery"},
        "refresh": 2,  # with the time range too: GPUs and jobs come and go
        "sort": 7,  # natural: GPU 10 after GPU 9
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": ["All"], "value": ["$__all"]},
    }


def _placed(sections: Sequence[Section]) -> list[Json]:
    """Return the panels from left to right and from top to bottom, numbered, with a row for each heading."""
    found: list[Json] = []
    top = 0
    for section in sections:
        if section.title:
            found.append(_row(section.title, top))
            top += 1
        rows = _rows(section.panels)
        for row in rows:
            left = 0
            for panel in row:
                place = {"x": left, "y": top, "w": panel.width, "h": panel.height}
                found.append({**panel.body, "gridPos": place})
                left += panel.width
            top += max(panel.height for panel in row)
    return [{"id": number, **each} for number, each in enumerate(found, 1)]


def _rows(panels: Sequence[Panel]) -> list[list[Panel]]:
    """Return the panels in rows that are no wider than the grid."""
    rows: list[list[Panel]] = [[]]
    for panel in panels:
        if sum(each.width for each in rows[-1]) + panel.width > FULL:
            rows.append([])
        rows[-1].append(panel)
    return rows


def _row(title: str, top: int) -> dict[str, Any]:
    return {
        "type": "row",
        "title": title,
        "collapsed": False,
        "panels": [],
        "gridPos": {"x": 0, "y": top, "w": FULL, "h": 1},
    }
