"""What PutMetricData refuses beyond its model's shapes; one bad datum refuses the whole request.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Dimension.html
"""

import json
import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from rehearsal.wire.call import Refused

MOST_METRICS, MOST_BYTES, MOST_VALUES = 1000, 1024 * 1024, 150
LARGEST = 2.0**360
OLDEST, NEWEST = timedelta(weeks=2), timedelta(hours=2)
RESOLUTIONS = (1, 60)  # seconds
Check = Callable[[Mapping[str, Any], str, datetime], None]


def check(parameters: Mapping[str, Any], now: datetime) -> None:
    """Refuse a request as a whole for the first thing in it that is not allowed."""
    data = parameters.get("MetricData") or []
    _whole(parameters, data)
    for number, datum in enumerate(data, 1):
        for each in CHECKS:
            each(datum, f"MetricData.member.{number}", now)


def _whole(parameters: Mapping[str, Any], data: list[Any]) -> None:
    if parameters.get("EntityMetricData"):
        raise Refused("InvalidParameterValue", "The rehearsal does not know EntityMetricData")
    if not data:
        raise Refused("MissingParameter", "The parameter MetricData is required.")
    if parameters["Namespace"].startswith("AWS/"):
        raise _invalid("Namespace", "must not begin with AWS/, which is for AWS services.")
    if len(data) > MOST_METRICS:
        raise _invalid("MetricData", f"must have at most {MOST_METRICS} elements, it has {len(data)}.")
    if len(json.dumps(data, default=str)) > MOST_BYTES:
        raise Refused("RequestEntityTooLarge", f"Request size exceeded {MOST_BYTES} bytes.", 413)


def _invalid(where: str, what: str) -> Refused:
    return Refused("InvalidParameterValue", f"The parameter {where} {what}")


def _text(value: str, where: str) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Dimension.html."""
    if not value.isascii() or any(not sign.isprintable() for sign in value):
        raise _invalid(where, "must contain only ASCII characters, and no control characters.")
    if not value.strip():
        raise _invalid(where, "must include at least one non-whitespace character.")
    if value.startswith(":"):
        raise _invalid(where, "must not start with a colon.")


def _names(datum: Mapping[str, Any], where: str, _: datetime) -> None:
    _text(datum["MetricName"], f"{where}.MetricName")
    dimensions = datum.get("Dimensions") or []
    for number, dimension in enumerate(dimensions, 1):
        for part in ("Name", "Value"):
            _text(dimension[part], f"{where}.Dimensions.member.{number}.{part}")
    if len({dimension["Name"] for dimension in dimensions}) < len(dimensions):
        raise _invalid(f"{where}.Dimensions", "must not have the same name twice.")


def _numbers(datum: Mapping[str, Any], where: str, _: datetime) -> None:
    given = [name for name in ("Value", "Values", "StatisticValues") if datum.get(name) is not None]
    if given == ["StatisticValues"]:
        raise _invalid(where, "has StatisticValues, which the rehearsal does not know: their distribution is lost.")
    if len(given) != 1:
        said = "At least one of the parameters must be specified." if not given else f"{' and '.join(given)} exclude."
        raise Refused("InvalidParameterCombination", f"{where}: {said}")
    values = datum.get("Values") if given == ["Values"] else [datum["Value"]]
    _observed(values or [], datum.get("Counts"), where)


def _observed(values: list[float], counts: list[float] | None, where: str) -> None:
    if not 0 < len(values) <= MOST_VALUES:
        raise _invalid(f"{where}.Values", f"must have 1 to {MOST_VALUES} elements, it has {len(values)}.")
    if counts is not None and len(counts) != len(values):
        raise _invalid(f"{where}.Counts", "must have the same length as Values.")
    for number in [*values, *(counts or [])]:
        if not math.isfinite(number) or abs(number) > LARGEST:
            raise _invalid(f"{where}.Value", f"must be a number from -2^360 to 2^360, it is {number}.")
    if any(count <= 0 for count in counts or []):
        raise _invalid(f"{where}.Counts", "must be above 0.")


def _moment(datum: Mapping[str, Any], where: str, now: datetime) -> None:
    moment = datum.get("Timestamp")
    if moment is None:
        return
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if not now - OLDEST <= moment <= now + NEWEST:
        raise _invalid(f"{where}.Timestamp", "must be from two weeks before to two hours after the current day.")


def _resolution(datum: Mapping[str, Any], where: str, _: datetime) -> None:
    if datum.get("StorageResolution", 60) not in RESOLUTIONS:
        raise _invalid(f"{where}.StorageResolution", "must be 1 or 60.")


CHECKS: tuple[Check, ...] = (_names, _numbers, _moment, _resolution)
