"""Prometheus servers, what they scrape and what they write to; all end with their test."""

import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import real_prometheus

from rehearsal.prometheus.remote_write import Receiver, Workspace
from rehearsal.prometheus.server import Prometheus


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Prometheus]]:
    """Return a starter, with `Prometheus.start`'s arguments but the folder."""
    real_prometheus.required()
    running: list[Prometheus] = []

    def started(
        config: Mapping[str, Any], *, history: str = "", environment: Mapping[str, str] | None = None
    ) -> Prometheus:
        folder = tmp_path / f"prometheus-{len(running)}"
        running.append(Prometheus.start(folder, config, history=history, environment=environment))
        return running[-1]

    yield started
    for each in running:
        each.stop()


class Exporter(ThreadingHTTPServer):
    """Answers /metrics with `text`, which may change."""

    text = "\n"

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_port}"


@pytest.fixture
def exporter() -> Iterator[Exporter]:
    """Serve a DCGM exporter's text on loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # noqa: N802 - the library's name
            body = serving.text.encode() if self.path == "/metrics" else b""
            self.send_response(200 if body else 404)
            self.send_header("Content-Type", "text/plain; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    with Exporter(("127.0.0.1", 0), Handler) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield serving
        serving.shutdown()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Take remote writes for a workspace."""
    started = Receiver.start(Workspace())
    yield started
    started.stop()
