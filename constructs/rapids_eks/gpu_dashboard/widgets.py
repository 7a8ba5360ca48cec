"""Widgets of a dashboard, each known again by its key: whoever puts them into another dashboard finds them there.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

COLUMNS = 24
Properties = dict[str, Any]
View = Literal["timeSeries", "singleValue", "bar"]


@dataclass(frozen=True)
class Metric:
    """A line of a graph: a metric by its namespace, name and dimensions, or an expression.

    What is `hidden` is there for other expressions, which call it by `name`.
    """

    of: Sequence[str] | str
    label: str = ""
    statistic: str = "Average"
    name: str = ""
    hidden: bool = False
    right: bool = False  # on the axis of that side

    @property
    def words(self) -> set[str]:
        """The names of metrics, and of other lines, that it is made of."""
        return set(re.findall(r"\w+", self.of)) if isinstance(self.of, str) else {self.of[1]}


@dataclass(frozen=True)
class Widget:
    """A widget in as many columns and rows, with its `key` of small letters, digits and underscores."""

    key: str
    width: int
    height: int
    title: str = ""
    text: str = ""
    metrics: Sequence[Metric] = ()
    alarms: Sequence[str] = ()
    view: View = "timeSeries"
    stacked: bool = False
    unit: str = ""  # what the left axis counts
    right_unit: str = ""
    limits: Mapping[str, float] = field(default_factory=dict)  # lines across the graph, by their labels
    highest: float | None = None  # of the left axis
    last_minutes: int = 0  # that it shows whatever range is in view; 0 is that range

    @property
    def is_full(self) -> bool:
        """Whether there is anything to show."""
        return bool(self.text or self.alarms) or any(not each.hidden for each in self.metrics)

    def without(self, missing: Collection[str]) -> "Widget":
        """Return it without the lines that are made of metrics which are missing, or of lines which then are."""
        gone = {*missing, *(each.name for each in self.metrics if each.name and each.words & {*missing})}
        return replace(self, metrics=[each for each in self.metrics if not each.words & gone])


@dataclass(frozen=True)
class Context:
    """What is the same for all widgets of a dashboard: who marks them, the region, seconds between two values."""

    owner: str
    region: str
    period: int = 60


def body(rows: Sequence[Sequence[Widget]], context: Context) -> list[Properties]:
    """Return widgets as CloudWatch takes them, row below row, each marked with the owner and its key."""
    made, top = [], 0
    for row in rows:
        left = 0
        for widget in row:
            place = {"x": left, "y": top, "width": widget.width, "height": widget.height}
            made.append({"type": _kind(widget), **place, "properties": _properties(widget, context)})
            left += widget.width
        top += max((widget.height for widget in row), default=0)
    return made


def _kind(widget: Widget) -> str:
    return "text" if widget.text else "alarm" if widget.alarms else "metric"


def _properties(widget: Widget, context: Context) -> Properties:
    mark = f"{context.owner}_{widget.key}"
    if widget.text:
        return {"markdown": f"{widget.text}\n\n[//]: # ({mark}_0)"}  # a comment: nothing is shown of it
    if widget.alarms:
        return {"title": widget.title, "alarms": list(widget.alarms)}
    names = {each.name: f"{mark}_{at}" for at, each in enumerate(widget.metrics) if each.name}
    lines = [_line(metric, f"{mark}_{at}", names) for at, metric in enumerate(widget.metrics)]
    common = {"view": widget.view, "region": context.region, "title": widget.title, "period": context.period}
    common |= {"start": f"-PT{widget.last_minutes}M"} if widget.last_minutes else {}
    return {**common, "metrics": lines, **({} if widget.view == "singleValue" else _axes(widget))}


def _line(metric: Metric, id_: str, names: Mapping[str, str]) -> list[Any]:
    """Return an entry; names within expressions become ids, which must be the dashboard's own."""
    options: Properties = {"id": id_, "label": metric.label} if metric.label else {"id": id_}
    options |= {"visible": False} if metric.hidden else {}
    options |= {"yAxis": "right"} if metric.right else {}
    if not isinstance(metric.of, str):
        return [*metric.of, {**options, "stat": metric.statistic}]
    return [{**options, "expression": metric.of.format(**names) if names else metric.of}]


def _axes(widget: Widget) -> Properties:
    left: Properties = {"min": 0, "showUnits": False, **({"label": widget.unit} if widget.unit else {})}
    left |= {} if widget.highest is None else {"max": widget.highest}
    right = {"right": {"min": 0, "showUnits": False, "label": widget.right_unit}} if widget.right_unit else {}
    across = [{"label": label, "value": value} for label, value in widget.limits.items()]
    return {
        "stacked": widget.stacked,
        "yAxis": {"left": left, **right},
        **({"annotations": {"horizontal": across}} if across else {}),
    }
