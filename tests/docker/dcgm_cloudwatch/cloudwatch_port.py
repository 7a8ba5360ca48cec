"""CloudWatch on a loopback port: it refuses what the model and the limits refuse, and what a test asks."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http.server import HTTPServer
from typing import Any

from moto.core.request import Request
from werkzeug.serving import WSGIRequestHandler, make_server

from rehearsal.services.cloudwatch.service import Metrics
from rehearsal.wire import answer, encoding, operation, scope
from rehearsal.wire.call import Refused
from tests.docker.dcgm_cloudwatch.port import Port

UNAVAILABLE = Refused("ServiceUnavailable", "The request has failed due to a temporary failure of the server.", 503)
THROTTLED = Refused("Throttling", "Rate exceeded", 400)
EXPIRED = Refused("ExpiredToken", "The security token included in the request is expired", 403)


@dataclass(frozen=True)
class Request_:  # noqa: N801 - werkzeug's name is taken
    """One PutMetricData as it came: bytes on the wire, whether they were compressed, who signed, what was in it."""

    size: int
    compressed: bool
    key: str
    parameters: dict[str, Any]

    @property
    def window(self) -> int | None:
        """The window whose data these are, None where the exporter tells of itself."""
        first = self.parameters["MetricData"][0]
        return int(first["Timestamp"].timestamp()) if first["MetricName"].startswith("GPU") else None


@dataclass
class CloudWatchPort(Port):
    """`refuse` may refuse a request before it is stored; `stored` is told of each one that is, before the answer."""

    metrics: Metrics = field(default_factory=Metrics)
    refuse: Callable[[Request_], Refused | None] = lambda _: None
    stored: Callable[[Request_], object] = lambda _: None
    requests: list[Request_] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def _opened(self) -> HTTPServer:
        return make_server("127.0.0.1", 0, self._answer, threaded=True, request_handler=_Quiet)

    def data(self) -> dict[tuple[str, str], Any]:
        """Return what is stored by metric name and dimensions as text: minute -> (sum, count)."""
        found: dict[tuple[str, str], Any] = {}
        for (metric, minute), stored in self.metrics.store.table().items():
            _, name, dimensions = metric
            where = ",".join(f"{key}={value}" for key, value in dimensions)
            found.setdefault((name, where), {})[minute] = (stored.sum, stored.count)
        return found

    def minutes(self, name: str, where: str) -> set[int]:
        """Return the minutes of which a metric has data."""
        return set(self.data().get((name, where), {}))

    def _answer(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:  # noqa: ANN401 - WSGI
        size, compressed = int(environ["CONTENT_LENGTH"]), environ.get("HTTP_CONTENT_ENCODING") == "gzip"
        request = Request(encoding.decoded(environ))
        request.get_data()
        signed = scope.read(request)
        protocol = operation.protocol_of(signed.service, request)
        try:
            matched = operation.match(signed.service, protocol, request)
            came = Request_(size, compressed, signed.access_key, matched.parameters)
            with self._lock:
                self.requests.append(came)
                self._store(came, matched)
            response = answer.result(matched, {}, "request")
        except Refused as refused:
            self.refused.append(refused)
            response = answer.refusal(refused, protocol, "cloudwatch", "request")
        return response(environ, start_response)

    def _store(self, came: Request_, matched: operation.Matched) -> None:
        assert matched.name == "PutMetricData"
        if refused := self.refuse(came):
            raise refused
        operation.check(matched)
        self.metrics.put(came.parameters)
        self.stored(came)


class _Quiet(WSGIRequestHandler):
    disable_nagle_algorithm = True
    protocol_version = "HTTP/1.1"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Keep the terminal for the test."""
