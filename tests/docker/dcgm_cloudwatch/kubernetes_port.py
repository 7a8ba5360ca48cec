"""A Kubernetes API on loopback with ConfigMaps and nodes: what is replaced must be of the version that was seen."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import HTTPServer
from typing import Any

from tests.docker.dcgm_cloudwatch.port import Port, answering


@dataclass
class KubernetesPort(Port):
    """`objects` by path; `refuse` is asked before each write, `down` answers 503.

    Without `may_create` the caller's role lets it get and update only.
    """

    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    refuse: Callable[[], bool] = lambda: False
    down: bool = False
    may_create: bool = True
    calls: list[tuple[str, str]] = field(default_factory=list)
    _version: int = 0

    def node(self, name: str, instance: str, created: str) -> None:
        """Add a node."""
        self.objects[f"/api/v1/nodes/{name}"] = {
            "metadata": {"name": name, "creationTimestamp": created},
            "spec": {"providerID": f"aws:///us-west-2a/{instance}"},
        }

    def _opened(self) -> HTTPServer:
        def answer(verb: str, path: str, body: bytes) -> tuple[int, bytes]:
            status, found = self.answer(verb, path, json.loads(body) if body else {})
            return status, json.dumps(found).encode()

        return answering(answer)

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
