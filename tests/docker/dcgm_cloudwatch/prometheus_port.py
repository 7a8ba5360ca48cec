"""A Prometheus on loopback that answers the exporter's queries from given series, as version 2 or 3 would."""

import json
import re
import urllib.parse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import HTTPServer
from typing import Any

from tests.docker.dcgm_cloudwatch.port import Port, answering

LOOK_BACK = 300.0
MATCHER = re.compile(r'(\w+)(=~|!~|=)"((?:[^"\\]|\\.)*)"')
DURATION = re.compile(r"(\d+)(ms|s|m|h)")
UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
CALL = re.compile(r"(count|sum|max|max_over_time|last_over_time|count_over_time)\((.*)\)")
SUBQUERY = re.compile(r"(.*)\[(\w+):(\w+)\]")
RANGE = re.compile(r"(\w*)(?:\{(.*)\})?\[(\w+)\]")
OVER_TIME: Mapping[str, Callable[[list[float]], float]] = {
    "max_over_time": max,
    "last_over_time": lambda values: values[-1],
    "count_over_time": len,
}
AGGREGATED: Mapping[str, Callable[[list[float]], float]] = {"count": len, "sum": sum, "max": max}
Labels = Mapping[str, str]
Matrix = list[tuple[Labels, list[tuple[float, str]]]]


@dataclass
class PrometheusPort(Port):
    """`series` are labels with samples (second, value as text); `clock` is the server's own time.

    `down` makes it answer 503, `range_of` tells which ends of a range count.
    """

    clock: Callable[[], float]
    series: list[tuple[Labels, Sequence[tuple[float, str]]]] = field(default_factory=list)
    down: bool = False
    version: int = 3
    queries: list[str] = field(default_factory=list)

    def _opened(self) -> HTTPServer:
        return answering(lambda _, __, body: self.answer(dict(urllib.parse.parse_qsl(body.decode()))))

    def answer(self, asked: Mapping[str, str]) -> tuple[int, bytes]:
        """Return status and body of an instant query."""
        if self.down:
            return 503, b"the server is starting"
        self.queries.append(asked["query"])
        at = float(asked.get("time", self.clock()))
        kind, result = self._evaluate(asked["query"], at)
        data = {"resultType": kind, "result": result}
        return 200, json.dumps({"status": "success", "data": data}).encode()

    def _evaluate(self, query: str, at: float) -> tuple[str, Any]:
        if query == "time()":
            return "scalar", [0, str(at)]
        if query.endswith("]"):
            return "matrix", [{"metric": labels, "values": values} for labels, values in self._matrix(query, at)]
        found = [(labels, values[-1][1]) for labels, values in self._instant(query, at)]
        return "vector", [{"metric": labels, "value": [at, value]} for labels, value in found]

    def _instant(self, query: str, at: float) -> Matrix:
        """Return a value of each series; an aggregation has one, without labels, and none of nothing."""
        if not (call := CALL.fullmatch(query)):
            return self._matrix(f"{query}[{LOOK_BACK:g}s]", at)
        name, inner = call.groups()
        if name in AGGREGATED:
            values = [float(each[-1][1]) for _, each in self._instant(inner, at)]
            return [({}, [(at, str(AGGREGATED[name](values)))])] if values else []
        found = self._matrix(inner, at)
        if name != "last_over_time":  # all others take the names away, and may not leave two alike
            found = [({key: each for key, each in labels.items() if key != "__name__"}, at_) for labels, at_ in found]
            assert len({tuple(sorted(labels.items())) for labels, _ in found}) == len(found), f"{query}: same labelset"
        return [(labels, [(at, str(OVER_TIME[name]([float(each) for _, each in of])))]) for labels, of in found]

    def _matrix(self, query: str, at: float) -> Matrix:
        if not (sub := SUBQUERY.fullmatch(query)):
            return list(self._range(query, at))
        length, step = _seconds(sub[2]), _seconds(sub[3])
        found: dict[tuple[tuple[str, str], ...], list[tuple[float, str]]] = {}
        for number in range(int((at - length) // step) + 1, int(at // step) + 1):
            for labels, values in self._instant(sub[1], number * step):
                found.setdefault(tuple(sorted(labels.items())), []).append((number * step, values[-1][1]))
        return [(dict(labels), values) for labels, values in found.items()]

    def _range(self, query: str, at: float) -> Iterator[tuple[Labels, list[tuple[float, str]]]]:
        """https://prometheus.io/docs/prometheus/3.0/migration/: range selectors are left-open since version 3."""
        found = RANGE.fullmatch(query)
        assert found, f"the stand-in does not know {query}"
        start = at - _seconds(found[3])
        matchers = MATCHER.findall(found[2] or "") + ([("__name__", "=", found[1])] if found[1] else [])
        for labels, samples in self.series:
            if all(_matches(labels.get(name, ""), sign, wanted) for name, sign, wanted in matchers):
                inside = [
                    (moment, value)
                    for moment, value in samples
                    if (start < moment or (self.version == 2 and start == moment)) and moment <= at
                ]
                if inside:
                    yield labels, inside


def _seconds(text: str) -> float:
    found = DURATION.fullmatch(text)
    assert found, f"the stand-in does not know the duration {text}"
    return int(found[1]) * UNITS[found[2]]


def _matches(value: str, sign: str, wanted: str) -> bool:
    if sign == "=":
        return value == wanted
    return (re.fullmatch(wanted, value) is not None) == (sign == "=~")
