"""The pages /healthz and /metrics, and systemd's watchdog."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar, Protocol

from dcgm_cloudwatch.counters import Counters

PLAIN = "text/plain"
Page = tuple[HTTPStatus, str, str]
WATCHED_EVERY = 20.0  # seconds
DEAD_AFTER = 120.0  # seconds without a sign of the loop; a request of its takes 30 at most


class Waiting(Protocol):
    """Something that waits for the end."""

    def wait(self, seconds: float) -> bool:
        """Wait; return whether the end has come."""


def start(address: tuple[str, int], counters: Counters) -> ThreadingHTTPServer:
    """Answer in the background; raises OSError where the address is taken."""

    class Pages(_Pages):
        pages: ClassVar = {"/metrics": lambda: _metrics(counters), "/healthz": lambda: _health(counters)}

    server = ThreadingHTTPServer(address, Pages)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="pages", daemon=True).start()
    return server


class _Pages(BaseHTTPRequestHandler):
    pages: ClassVar[Mapping[str, Callable[[], Page]]] = {}

    def do_GET(self) -> None:  # noqa: N802 - http.server's name
        """Answer one request."""
        page = self.pages.get(self.path)
        status, kind, text = page() if page else (HTTPStatus.NOT_FOUND, PLAIN, "there are /healthz and /metrics\n")
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Probes come every few seconds: keep them out of the log."""


def _metrics(counters: Counters) -> Page:
    return HTTPStatus.OK, f"{PLAIN}; version=0.0.4", counters.text()


def _health(counters: Counters) -> Page:
    silent = time.monotonic() - counters.beat
    if silent > DEAD_AFTER:
        return HTTPStatus.SERVICE_UNAVAILABLE, PLAIN, f"the loop was last seen {silent:.0f} s ago\n"
    if counters.trouble:  # a restart would only send the last batch again
        return HTTPStatus.OK, PLAIN, f"alive, but what is delivered cannot be kept: {counters.trouble}\n"
    return HTTPStatus.OK, PLAIN, "ok\n"


def notify(state: str, environment: Mapping[str, str] = os.environ) -> None:
    """Tell systemd, where it has started this: https://www.freedesktop.org/software/systemd/man/sd_notify.html."""
    address = environment.get("NOTIFY_SOCKET", "")
    if not address:
        return
    place = f"\0{address[1:]}" if address.startswith("@") else address
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as to:
            to.sendto(state.encode(), place)
    except OSError:
        pass  # systemd notices by itself that nobody answers


def watch(counters: Counters, ending: Waiting) -> None:
    """Tell systemd's watchdog that the loop is alive, for as long as it is."""
    while time.monotonic() - counters.beat <= DEAD_AFTER:
        notify("WATCHDOG=1")
        if ending.wait(WATCHED_EVERY):
            return
