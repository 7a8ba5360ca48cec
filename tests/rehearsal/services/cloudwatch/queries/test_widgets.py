"""Widgets: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html."""

from typing import Any

import pytest

from rehearsal.services.cloudwatch.queries.samples import Archive, NotKnownError, Series, Span
from rehearsal.services.cloudwatch.queries.widgets import EmptyError, check, entries, lines

ARCHIVE = Archive(
    (
        Series("S", "M", {"A": "a", "B": "b"}, {0: {1.0: 1.0, 3.0: 1.0}}),
        Series("S", "N", {"A": "a", "B": "b"}, {0: {10.0: 1.0}}),
    )
)
SPAN = Span(0, 60)
M, N = ["S", "M", "A", "a", "B", "b"], ["S", "N", "A", "a", "B", "b"]
QUERY = "SELECT AVG(M) FROM SCHEMA(S, A, B)"


def widget(*metrics: list[Any], **properties: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return {"type": "metric", "properties": {"metrics": list(metrics), "region": "us-west-2", **properties}}


def test_dots_repeat_what_stands_above() -> None:
    found = list(entries(widget(M, [".", "N", ".", ".", ".", "."], ["...", "c"])))
    assert [each.name for each in found] == ["M", "N", "N"]
    assert found[2].dimensions == {"A": "a", "B": "c"}


def test_a_line_has_its_own_statistic_or_the_widget_s() -> None:
    found = lines(widget(M, [*N, {"stat": "Sum"}], stat="Maximum"), ARCHIVE, SPAN)
    assert [each.values[0] for each in found] == [3.0, 10.0]


def test_hidden_lines_are_reckoned_with_and_not_shown() -> None:
    hidden = {"visible": False}
    given = widget([*M, {"id": "m", **hidden}], [*N, {"id": "n", **hidden}], [{"expression": "m * n", "label": "both"}])
    assert [(each.label, each.values) for each in lines(given, ARCHIVE, SPAN)] == [("both", {0: 20.0})]


def test_a_metric_with_other_dimensions_than_published_is_empty() -> None:
    """Guards against the commonest mistake: a widget without the dimensions shows nothing, and nobody is told."""
    with pytest.raises(EmptyError, match="nothing is stored of S M"):
        lines(widget(["S", "M"]), ARCHIVE, SPAN)
    with pytest.raises(EmptyError):
        lines(widget(["S", "M", "A", "a"]), ARCHIVE, SPAN)
    with pytest.raises(EmptyError):
        lines(widget([{"expression": "SELECT AVG(M) FROM SCHEMA(S, A)"}]), ARCHIVE, SPAN)


def test_a_graph_can_have_one_query_only() -> None:
    """Each GetMetricData operation can have only one query."""
    assert len(lines(widget([{"expression": QUERY}]), ARCHIVE, SPAN)) == 1
    with pytest.raises(NotKnownError, match="one query"):
        lines(widget([{"expression": QUERY}], [{"expression": QUERY}]), ARCHIVE, SPAN)


def test_labels_of_a_search_can_name_a_dimension() -> None:
    options = {"expression": """SEARCH('{S,A,B} MetricName="M"', 'Average')""", "label": "is ${PROP('Dim.B')}"}
    assert [each.label for each in lines(widget([options]), ARCHIVE, SPAN)] == ["is b"]


@pytest.mark.parametrize(
    "broken",
    [
        {**widget(M), "x": 20, "width": 8},
        {**widget(M), "colour": "red"},
        {"type": "log", "properties": {}},
        {"type": "text", "properties": {}},
        widget(M, colour="red"),
        widget(M, view="clock"),
        widget(["S", "M", "A"]),
        widget([*M, {"id": "Upper"}]),
        widget([*M, {"statistic": "Sum"}]),
        {"type": "metric", "properties": {"metrics": [M]}},
    ],
    ids=["beyond", "field", "type", "no text", "property", "view", "half a dimension", "id", "option", "no region"],
)
def test_what_cloudwatch_would_refuse_is_refused(broken: dict[str, Any]) -> None:
    check({"widgets": [widget(M)]})
    with pytest.raises(NotKnownError):
        check({"widgets": [broken]})


def test_a_dashboard_has_500_widgets_at_most() -> None:
    check({"widgets": [widget(M)] * 500})
    with pytest.raises(NotKnownError, match="501 widgets"):
        check({"widgets": [widget(M)] * 501})
