"""Metric math: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html."""

import pytest

from rehearsal.services.cloudwatch.queries.arithmetic import Known, Value, evaluate
from rehearsal.services.cloudwatch.queries.samples import Archive, Line, NotKnownError, Series, Span

SPAN = Span(0, 240)
LOW, HIGH = Line("low", {0: 1.0, 60: 2.0, 120: 0.0}), Line("high", {60: 10.0, 120: 20.0, 180: 30.0})
ARCHIVE = Archive(
    (Series("S", "M", {"A": "a"}, {0: {4.0: 1.0, 8.0: 1.0}}), Series("S", "M", {"A": "b"}, {0: {2.0: 1.0}}))
)


def ask(text: str) -> Value:
    return evaluate(text, Known({"low": LOW, "high": HIGH, "both": [LOW, HIGH]}, ARCHIVE, SPAN))


def values(text: str) -> dict[int, float]:
    found = ask(text)
    assert isinstance(found, Line)
    return dict(found.values)


def test_multiplication_binds_before_addition_and_brackets_before_both() -> None:
    assert ask("1 + 2 * 3") == 7.0
    assert ask("(1 + 2) * 3") == 9.0
    assert ask("7 - 2 - 1") == 4.0


def test_two_series_meet_where_both_have_data() -> None:
    assert values("low + high") == {60: 12.0, 120: 20.0}
    assert values("high * 2") == {60: 20.0, 120: 40.0, 180: 60.0}


def test_a_division_by_zero_has_no_value() -> None:
    assert values("high / low") == {60: 5.0}


def test_a_comparison_is_one_or_zero() -> None:
    assert values("low >= 1") == {0: 1.0, 60: 1.0, 120: 0.0}


def test_a_function_makes_one_number_of_a_series_and_one_series_of_several() -> None:
    assert ask("MAX(low)") == 2.0
    assert values("SUM(both)") == {0: 1.0, 60: 12.0, 120: 20.0, 180: 30.0}
    assert values("AVG(both)")[60] == 6.0


def test_gaps_are_filled_but_not_those_of_nothing() -> None:
    assert values("FILL(low, 0)") == {0: 1.0, 60: 2.0, 120: 0.0, 180: 0.0}


def test_series_are_sorted_and_cut() -> None:
    found = ask("SORT(both, MAX, DESC, 1)")
    assert isinstance(found, list)
    assert [each.label for each in found] == ["high"]


def test_a_search_has_a_line_for_each_metric_it_finds() -> None:
    found = ask("""SEARCH('{S,A} MetricName="M"', 'Maximum', 60)""")
    assert isinstance(found, list)
    assert [each.values for each in found] == [{0: 8.0}, {0: 2.0}]
    assert values("""SUM(SEARCH('{S,A} MetricName="M"', 'Average'))""") == {0: 8.0}


@pytest.mark.parametrize(
    "text",
    ["low +", "low high", "(low", "nobody + 1", "RATE(low)", "both + both", "'text' + 1", "low & high", "SEARCH(low)"],
)
def test_what_is_not_known_is_refused(text: str) -> None:
    with pytest.raises(NotKnownError):
        ask(text)
