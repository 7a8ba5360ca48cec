"""Panels of a dashboard, in Grafana's own words: https://github.com/grafana/grafana/tree/main/packages/grafana-schema."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rapids_eks.gpu_metrics.scraping import INTERVAL

Json = dict[str, Any]
PLUGIN = "grafana-amazonprometheus-datasource"  # Amazon's: Grafana 13's own data source no longer signs requests
SOURCE = {"type": PLUGIN, "uid": "${datasource}"}
HALF, THIRD, QUARTER, SIXTH, FULL = 12, 8, 6, 4, 24  # of the grid's width
_HEIGHT, _SINGLE_HEIGHT = 8, 4


@dataclass(frozen=True)
class Query:
    """PromQL, and the name that each of its series has: text in which Grafana fills in `{{label}}`."""

    expression: str
    legend: str = ""


@dataclass(frozen=True)
class Column:
    """A column of a table: the label or query (`Value #A`) that fills it, its title, unit, and a link of its cells."""

    field: str
    title: str
    unit: str | None = None
    link: str | None = None


@dataclass(frozen=True)
class Panel:
    """A panel in Grafana's words, without a place; its size is in units of a grid 24 wide."""

    body: Json
    width: int
    height: int


@dataclass(frozen=True)
class Scale:
    """What a panel's numbers mean: unit, range, what is shown where there are none, and from where on they are bad.

    `bad` is drawn as a red line; with `low` it is everything below it that is bad.
    """

    unit: str
    empty: str
    minimum: float | None = 0
    maximum: float | None = None
    bad: float | None = None


def over_time(
    title: str,
    description: str,
    queries: Sequence[Query],
    scale: Scale,
    *,
    width: int = HALF,
    style: Literal["lines", "stacked", "bars"] = "lines",
) -> Panel:
    """Return a chart over time, whose legend names each series with its last and greatest value."""
    custom = {
        "drawStyle": "bars" if style == "bars" else "line",
        "fillOpacity": {"lines": 0, "stacked": 30, "bars": 80}[style],
        "showPoints": "auto",  # a lone sample would otherwise not be seen
        "spanNulls": False,  # a GPU that went and came again is two lines
        "stacking": {"mode": "none" if style == "lines" else "normal", "group": "A"},
        "thresholdsStyle": {"mode": "off" if scale.bad is None else "dashed"},
    }
    options = {
        "legend": {"displayMode": "table", "placement": "bottom", "showLegend": True, "calcs": ["lastNotNull", "max"]},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    defaults = {**_defaults(scale), "color": {"mode": "palette-classic"}, "custom": custom}
    body = _body("timeseries", title, description, defaults, options)
    return Panel({**body, "targets": _targets(queries)}, width, _HEIGHT)


def single(
    title: str,
    description: str,
    query: Query,
    scale: Scale,
    *,
    width: int = SIXTH,
    height: int = _SINGLE_HEIGHT,
    kind: Literal["stat", "gauge"] = "stat",
) -> Panel:
    """Return a panel of one number, the newest: as a figure, or as a gauge from the scale's minimum to its maximum."""
    newest = {"calcs": ["lastNotNull"], "fields": "", "values": False}
    looks: dict[str, Json] = {
        "stat": {"colorMode": "value", "graphMode": "area", "justifyMode": "auto", "textMode": "value"},
        "gauge": {"showThresholdLabels": False, "showThresholdMarkers": True},
    }
    options = {"orientation": "auto", "reduceOptions": newest, **looks[kind]}
    defaults = {**_defaults(scale), "color": {"mode": "thresholds"}}
    body = _body(kind, title, description, defaults, options)
    return Panel({**body, "targets": _targets([query])}, width, height)


def table(
    title: str,
    description: str,
    expressions: Sequence[str],
    columns: Sequence[Column],
    empty: str,
    *,
    width: int = FULL,
) -> Panel:
    """Return a table of the present: a row for each set of labels that all `expressions` have in common.

    The expressions' values are the fields `Value #A`, `Value #B` and so on; with one alone it is `Value`.
    """
    targets = [
        {**target, "format": "table", "instant": True, "range": False}
        for target in _targets([Query(each) for each in expressions])
    ]
    defaults = {"noValue": empty, "custom": {"filterable": True}}
    body = _body("table", title, description, defaults, {"showHeader": True, "cellHeight": "sm"})
    body["fieldConfig"]["overrides"] = [_override(each) for each in columns if each.unit or each.link]
    values = [f"Value #{each['refId']}" for each in targets] if len(targets) > 1 else ["Value"]
    return Panel({**body, "targets": targets, "transformations": _arranged(columns, values)}, width, _HEIGHT)


def _body(kind: str, title: str, description: str, defaults: Json, options: Json) -> Json:
    return {
        "type": kind,
        "title": title,
        "description": description,
        "datasource": SOURCE,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": options,
    }


def _targets(queries: Sequence[Query]) -> list[Json]:
    return [
        {
            "refId": chr(ord("A") + number),
            "datasource": SOURCE,
            "editorMode": "code",
            "expr": query.expression,
            "interval": INTERVAL,  # the shortest step; what a rate looks back over follows from it
            "legendFormat": query.legend,
            "range": True,
            "instant": False,
        }
        for number, query in enumerate(queries)
    ]


def _defaults(scale: Scale) -> Json:
    steps: list[Json] = [{"color": "green", "value": None}]
    steps += [] if scale.bad is None else [{"color": "red", "value": scale.bad}]
    limits = {"min": scale.minimum, "max": scale.maximum}
    return {
        "unit": scale.unit,
        "noValue": scale.empty,
        **{name: value for name, value in limits.items() if value is not None},
        "thresholds": {"mode": "absolute", "steps": steps},
    }


def _override(column: Column) -> Json:
    properties: list[Mapping[str, Any]] = []
    if column.unit:
        properties.append({"id": "unit", "value": column.unit})
    if column.link:
        properties.append({"id": "links", "value": [{"title": "Show", "url": column.link}]})
    return {"matcher": {"id": "byName", "options": column.title}, "properties": properties}


def _arranged(columns: Sequence[Column], values: Sequence[str]) -> list[Json]:
    """Return how rows of several queries become one, and which of their fields are shown in which order."""
    names = [column.field for column in columns]
    return [
        {"id": "merge", "options": {}},
        {
            "id": "organize",
            "options": {
                "excludeByName": {name: True for name in ("Time", *values) if name not in names},
                "indexByName": {name: place for place, name in enumerate(names)},
                "renameByName": {column.field: column.title for column in columns},
            },
        },
    ]
