"""Alarms: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html."""

from collections.abc import Callable, Iterator, Mapping
from operator import ge, gt, le, lt
from typing import Any

from rehearsal.services.cloudwatch.queries import arithmetic
from rehearsal.services.cloudwatch.queries.samples import Archive, Line, NotKnownError, Series, Span, line
from rehearsal.services.cloudwatch.queries.widgets import EmptyError

DAY = 86_400
COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": ge,
    "GreaterThanThreshold": gt,
    "LessThanThreshold": lt,
    "LessThanOrEqualToThreshold": le,
}
MISSING = {"breaching": True, "notBreaching": False}
Alarm = Mapping[str, Any]  # its properties in a template, without functions


def state(alarm: Alarm, archive: Archive, now: int) -> str:
    """Return OK, ALARM or INSUFFICIENT_DATA as the last periods before `now` have it.

    CloudWatch looks a little further back for values in place of missing ones; here a missing one is missing. Raises
    EmptyError for an alarm on a metric of which nothing was ever stored.
    """
    period, number = _period(alarm), int(alarm["EvaluationPeriods"])
    if period * number > DAY:
        raise NotKnownError(f"{number} periods of {period} s are more than a day")
    span = Span(now - now % period - period * number, now - now % period, period)
    values = _watched(alarm, archive, span).values
    breaching = [_breaching(alarm, values.get(at)) for at in span.buckets]
    if all(each is None for each in breaching):
        return "INSUFFICIENT_DATA"
    return "ALARM" if breaching.count(True) >= int(alarm.get("DatapointsToAlarm", number)) else "OK"


def _breaching(alarm: Alarm, value: float | None) -> bool | None:
    if value is None:
        return MISSING.get(alarm.get("TreatMissingData", "missing"))
    return COMPARISONS[alarm["ComparisonOperator"]](value, float(alarm["Threshold"]))


def _period(alarm: Alarm) -> int:
    periods = {int(each["MetricStat"]["Period"]) for each in alarm.get("Metrics", []) if "MetricStat" in each}
    if len(periods) > 1:
        raise NotKnownError(f"metrics of an alarm with the periods {sorted(periods)} are not rehearsed")
    return periods.pop() if periods else int(alarm["Period"])


def _watched(alarm: Alarm, archive: Archive, span: Span) -> Line:
    if "Metrics" not in alarm:
        statistic = alarm.get("Statistic") or alarm["ExtendedStatistic"]
        return line(_stored(alarm, archive), statistic, span)
    ids: dict[str, arithmetic.Value] = dict(_metrics(alarm, archive, span))
    (watched,) = [each for each in alarm["Metrics"] if each.get("ReturnData", True)]
    if "Expression" not in watched:
        return _single(ids[watched["Id"]], alarm)
    if "SEARCH" in watched["Expression"]:
        raise NotKnownError("an alarm cannot watch a SEARCH: it returns several series")
    return _single(arithmetic.evaluate(watched["Expression"], arithmetic.Known(ids, archive, span)), alarm)


def _metrics(alarm: Alarm, archive: Archive, span: Span) -> Iterator[tuple[str, Line]]:
    for each in alarm["Metrics"]:
        if "MetricStat" in each:
            wanted = each["MetricStat"]
            yield each["Id"], line(_stored(wanted["Metric"], archive), wanted["Stat"], span)


def _stored(metric: Mapping[str, Any], archive: Archive) -> Series:
    dimensions = {each["Name"]: each["Value"] for each in metric.get("Dimensions", [])}
    found = archive.one(metric["Namespace"], metric["MetricName"], dimensions)
    if found is None:
        raise EmptyError(f"nothing is stored of {metric['Namespace']} {metric['MetricName']} {dimensions}")
    return found


def _single(value: arithmetic.Value, alarm: Alarm) -> Line:
    if not isinstance(value, Line):
        raise NotKnownError(f"{alarm.get('AlarmName', 'an alarm')} watches something else than one series")
    return value
