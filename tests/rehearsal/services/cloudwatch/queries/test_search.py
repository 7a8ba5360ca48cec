"""SEARCH, by what AWS's documentation says of it.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/search-expression-syntax.html
"""

import pytest

from rehearsal.services.cloudwatch.queries.insights import TooManyError
from rehearsal.services.cloudwatch.queries.samples import TWO_WEEKS, Archive, Line, NotKnownError, Series, Span
from rehearsal.services.cloudwatch.queries.search import evaluate

NOW = 1_800_000_000
HEAT = '{"My/Space",A} MetricName="Heat"'


def series(value: float, at: int = NOW - 60, name: str = "Heat", **dimensions: str) -> Series:
    return Series("My/Space", name, dimensions, {at: {value: 1.0}})


def ask(text: str, *stored: Series) -> list[Line]:
    return evaluate(text, "Average", Archive(stored), Span(NOW - 120, NOW))


def test_a_schema_finds_metrics_with_exactly_its_dimensions() -> None:
    found = ask(HEAT, series(1, A="a"), series(2, A="a", B="b"), series(3))
    assert [list(each.values.values()) for each in found] == [[1.0]]


def test_terms_are_all_met() -> None:
    stored = [series(1, A="a"), series(2, A="b"), series(3, name="Cold", A="a")]
    assert [each.dimensions for each in ask(f'{HEAT} A="a"', *stored)] == [{"A": "a"}]
    assert len(ask('{"My/Space",A} A="a"', *stored)) == 2


def test_only_metrics_with_data_in_two_weeks_are_found_but_those_are_live_or_not() -> None:
    gone, old = series(1, NOW - 86_400, A="gone"), series(2, NOW - TWO_WEEKS - 60, A="old")
    (found,) = ask(HEAT, gone, old)
    assert found.values == {}


def test_what_is_gone_crowds_out_what_is_there() -> None:
    """Up to 500 time series are shown."""
    live = series(1, A="live")
    gone = [series(1, NOW - 86_400, A=f"gone{number}") for number in range(500)]
    assert len(ask(HEAT, live, *gone[1:])) == 500
    with pytest.raises(TooManyError, match="501 metrics"):
        ask(HEAT, live, *gone)


@pytest.mark.parametrize(
    "text",
    [
        'MetricName="Heat"',
        '{My/Space,A} MetricName="Heat"',
        '{"My/Space",A} Heat',
        '{"My/Space",A} MetricName="Heat" OR MetricName="Cold"',
        '{"My/Space",A} NOT A="a"',
        HEAT + " " * 1024,
    ],
)
def test_what_is_not_known_or_too_long_is_refused(text: str) -> None:
    with pytest.raises(NotKnownError):
        ask(text, series(1, A="a"))
