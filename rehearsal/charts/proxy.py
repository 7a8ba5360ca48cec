"""The loopback proxy that stands between helm and the internet, and is all of the internet that helm finds."""

import base64
import json
import ssl
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from rehearsal.charts import authority, repositories
from rehearsal.charts.repositories import Answer, Repositories
from rehearsal.world import World

FOLDER, ADDRESS = "charts", "address.json"  # below the world's directory
PATIENCE = 30.0  # wall seconds that a silent client keeps its connection


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, known: Repositories, certificate: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.known = known
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(certificate)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a client that hung up, as helm does once it has what it wants."""


class _Conversation(BaseHTTPRequestHandler):
    """One connection: CONNECT in the clear, then requests to that host under TLS."""

    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = PATIENCE
    host = ""

    def do_CONNECT(self) -> None:  # noqa: N802 - http.server's name
        """Become the host that is asked for, or say why not in the status line: Go's client shows nothing else."""
        host, _, port = self.path.rpartition(":")
        if place := _cut_off(self.headers.get("Proxy-Authorization", "")):
            self._refuse(f"{self.path} cannot be reached from {place}: it has no NAT gateway")
            return
        if host not in self.server.known.hosts or port != "443":
            self._refuse(refusal(self.path, self.server.known))
            return
        self.send_response(200, "Connection established")
        self.end_headers()
        self.connection = self.server.tls.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)
        self.host = host
        self.close_connection = False  # Python's client asks in HTTP/1.0, and means the tunnel to stay

    def _refuse(self, reason: str) -> None:
        self.close_connection = True
        self.send_response(403, reason)
        self.end_headers()

    def do_GET(self) -> None:  # noqa: N802 - http.server's name
        """Answer from the repositories."""
        answer = self._answer()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.kind)
        self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("Docker-Content-Digest", answer.digest)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    do_HEAD = do_GET  # noqa: N815 - http.server's name

    def _answer(self) -> Answer:
        if not self.host:
            return Answer(403, "text/plain", refusal(self.path, self.server.known).encode())
        try:
            return self.server.known.answer(self.host, self.path.partition("?")[0])
        except Exception as error:  # noqa: BLE001 - whatever a chart's packing fails of is said to who asked for it
            return Answer(500, "text/plain", f"the rehearsal broke: {type(error).__name__}: {error}".encode())

    def finish(self) -> None:
        """Close the connection: TLS has taken it over from the server, which would have."""
        super().finish()
        self.connection.close()

    def log_message(self, *_: object) -> None:
        """Keep the terminal for what the user asked to see."""


def _cut_off(authorization: str) -> str:
    """Return the place without internet from which a client comes, which is in the proxy's address that it got."""
    return base64.b64decode(authorization.partition(" ")[2]).decode().partition(":")[0]


def refusal(target: str, known: Repositories) -> str:
    """Return why a host cannot be reached."""
    hosts = ", ".join(known.hosts)
    return f"the rehearsal has no internet: {target} is no host of a chart it knows; these are: {hosts}"


def serve(world: World, known: Repositories | None = None) -> None:
    """Start the proxy in the background; its stop is added to `world.closing`.

    Where it listens and whom to trust is written below the world's directory, for `environment`.
    """
    known = known or repositories.load()
    folder = world.directory / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    authority.write(folder, known.hosts)
    server = _Server(known, folder / authority.SERVER)
    world.serve("charts", server)
    (folder / ADDRESS).write_text(json.dumps(f"http://127.0.0.1:{server.server_port}"))


def environment(world: World, cut_off: str | None = None) -> Mapping[str, str]:
    """Return the variables by which helm, and any other program, is led to the proxy; none where it does not run.

    Whoever is in a place that is `cut_off` from the internet, a subnet, is told so there.
    What AWS's own endpoints are asked for never comes here: AWS_ENDPOINT_URL has led it away before.
    """
    folder = world.directory / FOLDER
    if not (folder / ADDRESS).exists():
        return {}
    address = json.loads((folder / ADDRESS).read_text())
    if cut_off:
        address = address.replace("://", f"://{cut_off}:cut-off@")
    return {
        "HTTPS_PROXY": address,
        "NO_PROXY": f"127.0.0.1,localhost,.s3.{world.region}.amazonaws.com",
        "SSL_CERT_FILE": str(folder / authority.AUTHORITY),
    }
