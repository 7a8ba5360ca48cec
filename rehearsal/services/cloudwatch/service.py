"""CloudWatch's PutMetricData and ListMetrics."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from rehearsal.services.cloudwatch import limits
from rehearsal.services.cloudwatch.store import Store
from rehearsal.wire.call import Call, Handler, Refused


@dataclass
class Metrics:
    """The metrics of an account in a region. `now` tells the time that timestamps are held against, in UTC."""

    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    store: Store = field(default_factory=Store)

    def operations(self) -> dict[str, Handler]:
        """Return the handlers of CloudWatch's metrics."""
        return {
            "PutMetricData": lambda call: self.put(call.parameters),
            "ListMetrics": self.list,
        }

    def put(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Store all data of a request, or refuse it whole."""
        now = self.now()
        limits.check(parameters, now)
        for datum in parameters["MetricData"]:
            dimensions = sorted((each["Name"], each["Value"]) for each in datum.get("Dimensions") or [])
            moment = datum.get("Timestamp") or now
            second = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
            metric = (parameters["Namespace"], datum["MetricName"], tuple(dimensions))
            self.store.add(metric, second, _observed(datum), datum.get("Unit") or "None")
        return {}

    def list(self, call: Call) -> dict[str, Any]:
        """Return the metrics of a namespace, a name, and with dimensions."""
        asked = call.parameters
        if asked.get("NextToken") or asked.get("RecentlyActive"):
            raise Refused("InvalidParameterValue", "The rehearsal does not know NextToken and RecentlyActive")
        return {
            "Metrics": [
                {
                    "Namespace": namespace,
                    "MetricName": name,
                    "Dimensions": [{"Name": each, "Value": value} for each, value in dimensions.items()],
                }
                for namespace, name, dimensions, _ in self.store.series()
                if asked.get("Namespace", namespace) == namespace
                and asked.get("MetricName", name) == name
                and all(_fits(wanted, dimensions) for wanted in asked.get("Dimensions") or [])
            ]
        }


def _fits(wanted: Mapping[str, str], dimensions: Mapping[str, str]) -> bool:
    return wanted["Name"] in dimensions and wanted.get("Value") in (None, dimensions[wanted["Name"]])


def _observed(datum: Mapping[str, Any]) -> dict[float, float]:
    values = datum.get("Values") or [datum.get("Value")]
    counts = datum.get("Counts") or [1.0] * len(values)
    found: dict[float, float] = {}
    for value, count in zip(values, counts, strict=True):
        found[value] = found.get(value, 0.0) + count
    return found
