"""A server on loopback for as long as a context lasts."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from typing import Self

Answer = Callable[[str, str, bytes], tuple[int, bytes]]  # verb, path, body -> status, body


class Port(ABC):
    """Stands in for a service; a subclass says which server answers."""

    _server: HTTPServer | None = None

    @abstractmethod
    def _opened(self) -> HTTPServer:
        """Return the server, on a port of its own."""

    @property
    def url(self) -> str:
        """Its address."""
        assert self._server
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        """Begin to answer."""
        self._server = self._opened()
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._server
        self._server.shutdown()
        self._server.server_close()


def answering(answer: Answer) -> HTTPServer:
    """Return a server that answers every request by a function."""

    class Answers(BaseHTTPRequestHandler):
        def handled(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, content = answer(self.command, self.path, body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_PUT = do_POST = handled  # noqa: N815 - http.server's names

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.daemon_threads = True
    return server
