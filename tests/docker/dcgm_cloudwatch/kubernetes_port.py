"""A Kubernetes API on loopback with ConfigMaps and nodes: what is replaced must be of the version that was seen."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class KubernetesPort:
    """`objects` by path; `refuse` is asked before each write, `down` answers 503.

    Without `may_create` the caller's role lets it get and update only.
    """

    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    refuse: Callable[[], bool] = lambda: False
    down: bool = False
    may_create: bool = True
    calls: list[tuple[str, str]] = field(default_factory=list)
    _version: int = 0
    _server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        """Its address."""
        assert self._server
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def node(self, name: str, instance: str, created: str) -> None:
        """Add a node."""
        self.objects[f"/api/v1/nodes/{name}"] = {
            "metadata": {"name": name, "creationTimestamp": created},
            "spec": {"providerID": f"aws:///us-west-2a/{instance}"},
        }

    def __enter__(self) -> "KubernetesPort":
        """Begin to answer."""
        port = self

        class Answers(BaseHTTPRequestHandler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status, found = port.answer(self.command, self.path, json.loads(body) if body else {})
                content = json.dumps(found).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_PUT = do_POST = answer  # noqa: N815 - http.server's names

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._server
        self._server.shutdown()
        self._server.server_close()

    def answer(self, verb: str, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Return status and object."""
        self.calls.append((verb, path))
        if self.down or (verb != "GET" and self.refuse()):
            return 503, {"kind": "Status", "message": "the server is currently unable to handle the request"}
        if verb == "GET":
            found = self.objects.get(path)
            return (200, found) if found else (404, {"kind": "Status", "message": "not found"})
        name = f"{path}/{body['metadata']['name']}" if verb == "POST" else path
        seen, stored = body["metadata"].get("resourceVersion"), self.objects.get(name)
        if verb == "POST" and not self.may_create:
            return 403, {"kind": "Status", "message": "cannot create resource"}
        if verb == "PUT" and stored is None:
            return 404, {"kind": "Status", "message": "not found"}
        if (verb == "POST") == (stored is not None) or (stored and stored["metadata"]["resourceVersion"] != seen):
            return 409, {"kind": "Status", "message": "the object has been modified"}
        return 200, self.put(name, body)

    def put(self, path: str, made: dict[str, Any]) -> dict[str, Any]:
        """Store an object under a version of its own."""
        self._version += 1
        self.objects[path] = {**made, "metadata": {**made["metadata"], "resourceVersion": str(self._version)}}
        return self.objects[path]
