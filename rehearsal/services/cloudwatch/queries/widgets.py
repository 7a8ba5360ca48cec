"""Dashboards: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from rehearsal.services.cloudwatch.queries import arithmetic, insights
from rehearsal.services.cloudwatch.queries.samples import MINUTE, Archive, Line, NotKnownError, Span, line

MOST_WIDGETS, COLUMNS = 500, 24
TOP = {"widgets", "start", "end", "periodOverride", "variables"}
PLACE = {"type", "x", "y", "width", "height", "properties"}
VIEWS = {"timeSeries", "singleValue", "bar", "pie", "gauge", "table"}
PROPERTIES = {
    "text": {"markdown", "background"},
    "alarm": {"alarms", "title", "sortBy", "states"},
    "metric": {
        *("metrics", "region", "title", "view", "stacked", "stat", "period", "yAxis", "annotations", "legend"),
        *("setPeriodToTimeRange", "sparkline", "trend", "liveData", "labels", "singleValueFullPrecision", "timezone"),
        "start",
    },
}
NEEDED = {"text": {"markdown"}, "alarm": {"alarms"}, "metric": {"metrics", "region"}}
OPTIONS = {"id", "label", "stat", "period", "visible", "color", "yAxis", "region", "expression"}
ID = re.compile(r"[a-z][A-Za-z0-9_]*")
PROPERTY = re.compile(r"\$\{PROP\('Dim\.(\w+)'\)\}")  # of a label; what CloudWatch knows beside it is not rehearsed
OWN_RANGE = re.compile(r"-PT\d+M")
MOST_DIMENSIONS = 30
Widget = Mapping[str, Any]


class EmptyError(ValueError):
    """A line of a dashboard, or an alarm, for which nothing is stored."""


@dataclass(frozen=True)
class Entry:
    """One line of a widget's list of metrics, read: an expression, or a metric with its dimensions."""

    options: Mapping[str, Any]
    namespace: str = ""
    name: str = ""
    dimensions: Mapping[str, str] | None = None

    @property
    def expression(self) -> str:
        """The expression; nothing where this is a metric."""
        return str(self.options.get("expression", ""))

    @property
    def is_query(self) -> bool:
        """Whether it is a query of Metrics Insights."""
        return self.expression.lstrip().upper().startswith("SELECT")


def check(body: Mapping[str, Any]) -> None:
    """Refuse what CloudWatch would refuse of a dashboard, or what is not rehearsed."""
    _only(body, TOP, "a dashboard")
    widgets = body.get("widgets", [])
    if len(widgets) > MOST_WIDGETS:
        raise NotKnownError(f"{len(widgets)} widgets are more than {MOST_WIDGETS}")
    for widget in widgets:
        _check_widget(widget)


def _check_widget(widget: Widget) -> None:
    kind, properties = widget.get("type"), widget.get("properties", {})
    if kind not in PROPERTIES:
        raise NotKnownError(f"widgets of the type {kind!r} are not rehearsed")
    _only(widget, PLACE, "a widget")
    _only(properties, PROPERTIES[kind], f"a widget of type {kind}")
    if missing := NEEDED[kind] - properties.keys():
        raise NotKnownError(f"a widget of type {kind} needs {', '.join(sorted(missing))}")
    if not 0 <= widget.get("x", 0) <= COLUMNS - widget.get("width", 6):
        raise NotKnownError(f"a widget reaches beyond the {COLUMNS} columns: {_title(widget)}")
    if properties.get("view", "timeSeries") not in VIEWS:
        raise NotKnownError(f"the view {properties['view']!r} is not rehearsed")
    list(entries(widget))


def entries(widget: Widget) -> Iterator[Entry]:
    """Yield the entries of a widget of metrics, `.` and `...` written out; of others none."""
    before: list[str] = []
    for given in widget["properties"].get("metrics", []):
        words = [each for each in given if isinstance(each, str)]
        options = next((each for each in given if isinstance(each, dict)), {})
        _only(options, OPTIONS, f"a metric of {_title(widget)}")
        if not ID.fullmatch(options.get("id", "m")):
            raise NotKnownError(f"{options['id']!r} is no id: it begins with a small letter")
        if words:
            before = _written_out(words, before)
            namespace, name, *pairs = before
            yield Entry(options, namespace, name, dict(zip(pairs[::2], pairs[1::2], strict=True)))
        else:
            yield Entry(options)


def _written_out(words: list[str], before: list[str]) -> list[str]:
    if words[0] == "...":
        words = [*before[: len(before) - len(words) + 1], *words[1:]]
    found = [before[at] if word == "." else word for at, word in enumerate(words)]
    if len(found) % 2 or len(found) > 2 + 2 * MOST_DIMENSIONS:
        raise NotKnownError(f"a metric is a namespace, a name, and names and values of dimensions: not {found}")
    return found


def lines(widget: Widget, archive: Archive, span: Span) -> list[Line]:
    """Return what a widget of metrics shows; raises EmptyError for a line without data."""
    properties, read = widget["properties"], list(entries(widget))
    if sum(each.is_query for each in read) > 1:
        raise NotKnownError(f"{_title(widget)}: a graph can have one query of Metrics Insights only")
    span = replace(span, start=_start(properties, span), period=properties.get("period", MINUTE))
    known: dict[str, arithmetic.Value] = {}
    shown: dict[int, list[Line]] = {}
    for at, each in sorted(enumerate(read), key=lambda one: bool(one[1].expression)):
        value = _value(each, arithmetic.Known(known, archive, span), properties.get("stat", "Average"))
        known |= {each.options["id"]: value} if "id" in each.options else {}
        if each.options.get("visible", True):
            shown[at] = _shown(widget, each, value)
    return [line for at in sorted(shown) for line in shown[at]]


def _start(properties: Mapping[str, Any], span: Span) -> int:
    """Return where a widget begins that has a range of its own, up to now."""
    own = str(properties.get("start", ""))
    if own and not OWN_RANGE.fullmatch(own):
        raise NotKnownError(f"the start {own!r} is not rehearsed: -PT15M is")
    return span.end - int(own[3:-1]) * MINUTE if own else span.start


def _value(entry: Entry, known: arithmetic.Known, statistic: str) -> arithmetic.Value:
    if entry.is_query:
        return insights.evaluate(entry.expression, known.archive, known.span)
    if entry.expression:
        return arithmetic.evaluate(entry.expression, known)
    found = known.archive.one(entry.namespace, entry.name, entry.dimensions or {})
    return line(found, entry.options.get("stat", statistic), known.span) if found else []


def _shown(widget: Widget, entry: Entry, value: arithmetic.Value) -> list[Line]:
    found = [value] if isinstance(value, Line) else value if isinstance(value, list) else []
    full = [each for each in found if each.values]
    if not full:
        what = entry.expression or f"{entry.namespace} {entry.name} {dict(entry.dimensions or {})}"
        raise EmptyError(f"{_title(widget)}: nothing is stored of {what}")
    return [replace(each, label=_label(entry, each, one_of_many=isinstance(value, list))) for each in full]


def _label(entry: Entry, found: Line, *, one_of_many: bool) -> str:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/graph-dynamic-labels.html."""
    own = str(entry.options.get("label", ""))
    if PROPERTY.search(own):
        return PROPERTY.sub(lambda match: found.dimensions.get(match[1], match[0]), own)
    return f"{own} {found.label}".strip() if one_of_many else own or found.label


def _title(widget: Widget) -> str:
    return repr(widget.get("properties", {}).get("title", "a widget"))


def _only(given: Mapping[str, Any], allowed: set[str], what: str) -> None:
    if unknown := given.keys() - allowed:
        raise NotKnownError(f"{', '.join(sorted(unknown))} of {what} is not known")
