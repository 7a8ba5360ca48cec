"""Metrics Insights, by what AWS's documentation says of it.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-metrics-insights-querylanguage.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-metrics-insights-limits.html
"""

import pytest

from rehearsal.services.cloudwatch.queries.insights import MOST_METRICS, TooManyError, evaluate
from rehearsal.services.cloudwatch.queries.samples import TWO_WEEKS, Archive, Line, NotKnownError, Series, Span

NOW = 1_800_000_000
SPAN = Span(NOW - 120, NOW)


def series(value: float, at: int = NOW - 60, name: str = "Heat", **dimensions: str) -> Series:
    return Series("My/Space", name, dimensions, {at: {value: 1.0}})


def ask(text: str, *stored: Series) -> list[Line]:
    return evaluate(text, Archive(stored), SPAN)


def test_a_schema_matches_metrics_with_exactly_its_dimensions() -> None:
    """Narrows down to metrics that match a list of dimensions exactly; the order does not matter."""
    both, one, more = series(1, A="a", B="b"), series(2, A="a"), series(3, A="a", B="b", C="c")
    (found,) = ask('SELECT AVG(Heat) FROM SCHEMA("My/Space", B, A)', both, one, more)
    assert list(found.values.values()) == [1.0]
    (found,) = ask('SELECT AVG(Heat) FROM SCHEMA("My/Space", A)', both, one, more)
    assert list(found.values.values()) == [2.0]


def test_a_group_is_a_line_over_the_observations_of_its_metrics() -> None:
    first = Series("My/Space", "Heat", {"A": "x", "B": "1"}, {NOW - 60: {1.0: 3.0}})
    second = Series("My/Space", "Heat", {"A": "x", "B": "2"}, {NOW - 60: {5.0: 1.0}})
    other = series(7, A="y", B="1")
    found = ask('SELECT AVG(Heat) FROM SCHEMA("My/Space", A, B) GROUP BY A', first, second, other)
    assert [(each.group, each.values[NOW - 60]) for each in found] == [(("x",), 2.0), (("y",), 7.0)]


def test_the_highest_or_the_lowest_come_first_and_no_more_than_the_limit() -> None:
    stored = [series(value, A=f"a{value}") for value in (3, 1, 2)]
    text = 'SELECT MAX(Heat) FROM SCHEMA("My/Space", A) GROUP BY A ORDER BY MAX() {} LIMIT 2'
    assert [each.group for each in ask(text.format("DESC"), *stored)] == [("a3",), ("a2",)]
    assert [each.group for each in ask(text.format("ASC"), *stored)] == [("a1",), ("a2",)]


def test_conditions_are_joined_by_and() -> None:
    stored = [series(1, A="a", B="b"), series(2, A="a", B="c"), series(4, A="d", B="b")]
    text = """SELECT SUM(Heat) FROM SCHEMA("My/Space", A, B) WHERE A = 'a' AND B != 'c'"""
    (found,) = ask(text, *stored)
    assert list(found.values.values()) == [1.0]


def test_of_more_than_500_series_those_that_the_order_puts_first_come() -> None:
    """All the metrics being processed are sorted, and the 500 with the highest or lowest values are returned."""
    stored = [series(number, A=f"a{number}") for number in range(501)]
    text = 'SELECT MAX(Heat) FROM SCHEMA("My/Space", A) GROUP BY A'
    found = ask(f"{text} ORDER BY MAX() DESC", *stored)
    assert len(found) == 500
    assert ("a0",) not in [each.group for each in found]
    with pytest.raises(TooManyError, match="no ORDER BY"):
        ask(text, *stored)


def test_more_than_10_000_metrics_are_processed_in_part() -> None:
    """If SELECT, FROM and WHERE match more, the query only processes the first 10,000 that it finds."""
    stored = [series(1, A=str(number)) for number in range(MOST_METRICS + 1)]
    text = 'SELECT MAX(Heat) FROM SCHEMA("My/Space", A)'
    assert len(ask(text, *stored[1:])) == 1
    with pytest.raises(TooManyError, match="10001 metrics match"):
        ask(text, *stored)


def test_data_older_than_two_weeks_is_not_queried_and_metrics_without_data_are_no_lines() -> None:
    assert ask('SELECT MAX(Heat) FROM SCHEMA("My/Space", A)', series(1, NOW - TWO_WEEKS - 60, A="a")) == []
    assert ask('SELECT MAX(Heat) FROM SCHEMA("My/Space", A)', series(1, NOW - 3600, A="a")) == []


@pytest.mark.parametrize(
    "text",
    [
        "SELECT MEDIAN(Heat) FROM SCHEMA(Space, A)",
        "SELECT AVG(Heat) FROM SCHEMA(My/Space, A)",
        "SELECT AVG(Heat)",
        "SELECT AVG(Heat) FROM Space",
        "SELECT AVG(Heat) FROM SCHEMA(Space, A) WHERE A > 'a'",
        'SELECT AVG(Heat) FROM SCHEMA(Space, A) WHERE A = "a"',
        "SELECT AVG(Heat) FROM SCHEMA(Space, A) WHERE A = 'a' OR A = 'b'",
        "SELECT AVG(Heat) FROM SCHEMA(Space, A) GROUP BY A ORDER BY P99() DESC",
        "SELECT AVG(Heat) FROM SCHEMA(Space, A) LIMIT many",
        "SELECT AVG(Heat) FROM SCHEMA(Space, A) HAVING A",
        "SELECT * FROM SCHEMA(Space, A)",
    ],
)
def test_what_is_not_in_the_language_is_refused(text: str) -> None:
    with pytest.raises(NotKnownError):
        ask(text, series(1, A="a"))
