"""How an API server is asked that cannot answer yet."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import urllib3

from rehearsal.kubernetes.api import Api, ApiError

LATER = {"Retry-After": "1"}


class Busy(ThreadingHTTPServer):
    """A server that answers 429 once, with a header that says when to ask again or without any, and then 200."""

    headers: dict[str, str]
    asked = 0


class _Handler(BaseHTTPRequestHandler):
    server: Busy

    def do_POST(self) -> None:  # noqa: N802 - the library's name
        self.server.asked += 1
        first = self.server.asked == 1
        body = b'{"message": "not yet"}' if first else b'{"done": true}'
        self.send_response(429 if first else 200)
        for name, value in (self.server.headers if first else {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@pytest.fixture
def busy() -> Iterator[Busy]:
    with Busy(("127.0.0.1", 0), _Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def api(port: int, folder: Path) -> Api:
    (folder / "authority").touch()
    return Api(f"http://127.0.0.1:{port}", folder / "authority", "token")


def test_a_server_that_says_when_to_ask_again_is_asked_again(busy: Busy, tmp_path: Path) -> None:
    """Guards against "storage is (re)initializing", while the definitions of custom resources are read."""
    busy.headers = LATER
    assert api(busy.server_port, tmp_path).call("POST", "/x") == {"done": True}


def test_a_refusal_without_that_stays_one(busy: Busy, tmp_path: Path) -> None:
    """An eviction that a disruption budget forbids is such a one."""
    busy.headers = {}
    with pytest.raises(ApiError, match="429: not yet"):
        api(busy.server_port, tmp_path).call("POST", "/x")
    assert busy.asked == 1


def test_a_server_that_is_gone_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(urllib3.exceptions.NewConnectionError):
        api(1, tmp_path).items("/x")
