from typing import Any

import pytest

from rehearsal.services.cloudwatch.queries.alarms import state
from rehearsal.services.cloudwatch.queries.samples import Archive, NotKnownError, Series
from rehearsal.services.cloudwatch.queries.widgets import EmptyError

NOW = 6000
ALARM: dict[str, Any] = {
    "Namespace": "S",
    "MetricName": "M",
    "Dimensions": [{"Name": "A", "Value": "a"}],
    "Statistic": "Maximum",
    "Period": 60,
    "EvaluationPeriods": 3,
    "Threshold": 10,
    "ComparisonOperator": "GreaterThanOrEqualToThreshold",
}


def stored(*values: float | None) -> Archive:
    """Return a metric whose last minutes have these values."""
    points = {NOW - 60 * (len(values) - at): {value: 1.0} for at, value in enumerate(values) if value is not None}
    return Archive((Series("S", "M", {"A": "a"}, {0: {0.0: 1.0}, **points}),))


def test_it_rings_when_all_periods_or_as_many_as_are_needed_breach() -> None:
    assert state(ALARM, stored(10, 11, 12), NOW) == "ALARM"
    assert state(ALARM, stored(10, 9, 12), NOW) == "OK"
    assert state({**ALARM, "DatapointsToAlarm": 2}, stored(10, 9, 12), NOW) == "ALARM"


@pytest.mark.parametrize(
    ("missing", "expected"),
    [("missing", "INSUFFICIENT_DATA"), ("breaching", "ALARM"), ("notBreaching", "OK")],
)
def test_without_data_it_does_as_it_is_told(missing: str, expected: str) -> None:
    assert state({**ALARM, "TreatMissingData": missing}, stored(None, None, None), NOW) == expected


def test_an_expression_over_metrics_can_be_watched_but_no_search() -> None:
    metric = {"Namespace": "S", "MetricName": "M", "Dimensions": ALARM["Dimensions"]}
    stat = {"Id": "m", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Maximum"}, "ReturnData": False}
    rest = {name: ALARM[name] for name in ("EvaluationPeriods", "Threshold", "ComparisonOperator")}
    watched = {**rest, "Metrics": [stat, {"Id": "e", "Expression": "m * 10"}]}
    assert state(watched, stored(1, 1, 1), NOW) == "ALARM"
    search = {"Id": "e", "Expression": "SUM(SEARCH('{S,A}', 'Sum'))"}
    with pytest.raises(NotKnownError, match="cannot watch a SEARCH"):
        state({**rest, "Metrics": [stat, search]}, stored(1, 1, 1), NOW)


def test_a_metric_that_was_never_stored_is_no_ok() -> None:
    with pytest.raises(EmptyError):
        state({**ALARM, "Dimensions": []}, stored(1), NOW)


def test_more_than_a_day_is_not_looked_at() -> None:
    with pytest.raises(NotKnownError, match="more than a day"):
        state({**ALARM, "Period": 3600, "EvaluationPeriods": 25}, stored(1), NOW)
