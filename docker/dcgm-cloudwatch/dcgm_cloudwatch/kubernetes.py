"""The little of the Kubernetes API that is needed: a ConfigMap for the watermark, and the providerID of nodes."""

from __future__ import annotations

import calendar
import http.client
import json
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple

from dcgm_cloudwatch.watermark import OtherWriterError, StoreError

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
KEY, WRITER = "watermark.json", "writer"
AGAIN = 5  # times that a write is tried at once
# It may be there by now, or gone. Who may not create one is told so whether it is there or not.
CREATE_AGAIN = (HTTPStatus.CONFLICT, HTTPStatus.FORBIDDEN)
REPLACE_AGAIN = (HTTPStatus.CONFLICT, HTTPStatus.NOT_FOUND)


class KubernetesError(Exception):
    """The API could not be asked, or refused; `status` is 0 where there was no answer."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class Node(NamedTuple):
    """An EC2 instance under a node's name, and since when it bears that name, in seconds since the epoch."""

    since: float
    instance: str


@dataclass(frozen=True)
class Api:
    """The Kubernetes API, with the token of the pod's service account where there is one."""

    url: str
    account: Path = ACCOUNT
    timeout: float = 10.0

    @classmethod
    def of_pod(cls, environment: Mapping[str, str], url: str = "") -> Api | None:
        """Return the API at `url`, else the one of the pod this runs in; None where it runs in none."""
        name, port = environment.get("KUBERNETES_SERVICE_HOST"), environment.get("KUBERNETES_SERVICE_PORT", "443")
        host = f"[{name}]" if name and ":" in name else name
        return cls(url or f"https://{host}:{port}") if url or name else None

    @property
    def namespace(self) -> str:
        """The pod's own namespace."""
        try:
            return (self.account / "namespace").read_text().strip()
        except OSError:
            return "default"

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the object that the API answers; raises KubernetesError."""
        content = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "Accept": "application/json", **self._token()}
        request = urllib.request.Request(f"{self.url}{path}", content, headers, method=method)  # noqa: S310 - settings
        try:
            with urllib.request.urlopen(request, timeout=self.timeout, context=self._trust()) as answer:  # noqa: S310
                found = json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                said = error.read(500).decode(errors="replace")
            raise KubernetesError(f"{method} {path}: {error.code}: {said}", error.code) from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise KubernetesError(f"{method} {self.url}{path}: {error}") from error
        return found if isinstance(found, dict) else {}

    def _token(self) -> dict[str, str]:
        """Read each time: the kubelet replaces it."""
        try:
            return {"Authorization": f"Bearer {(self.account / 'token').read_text().strip()}"}
        except OSError:
            return {}

    def _trust(self) -> ssl.SSLContext | None:
        if not self.url.startswith("https:"):
            return None
        authority = self.account / "ca.crt"
        return ssl.create_default_context(cafile=str(authority) if authority.exists() else None)

    def node(self, name: str) -> Node | None:
        """Return who bears a node's name now, None where nobody does. Raises KubernetesError."""
        try:
            found = self.call("GET", f"/api/v1/nodes/{urllib.parse.quote(name, safe='')}")
        except KubernetesError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise
        try:
            made = calendar.timegm(time.strptime(found["metadata"]["creationTimestamp"], "%Y-%m-%dT%H:%M:%SZ"))
            instance = found["spec"]["providerID"].rpartition("/")[2]
        except (KeyError, TypeError, ValueError, AttributeError):
            return None
        return Node(made, instance) if instance else None


class Entry(NamedTuple):
    """A text, and the id of the process that wrote it: two exporters in step write the same texts."""

    text: str
    writer: str


@dataclass
class ConfigMapStore:
    """A ConfigMap, replaced only in the version that was seen last; whatever else is in it stays as it is."""

    api: Api
    namespace: str
    name: str
    _seen: dict[str, Any] | None = field(default=None)  # the whole object
    _last: Entry | None = field(default=None)  # what was read or written last
    _own: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def _path(self) -> str:
        return f"/api/v1/namespaces/{self.namespace}/configmaps"

    def read(self) -> str | None:
        """Return the text in the ConfigMap."""
        try:
            self._seen = self.api.call("GET", f"{self._path}/{self.name}")
        except KubernetesError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise StoreError(str(error)) from error
            self._seen = None
        data = (self._seen or {}).get("data") or {}
        text = data.get(KEY)
        self._last = Entry(text, str(data.get(WRITER, ""))) if isinstance(text, str) and text else None
        return self._last.text if self._last else None

    def write(self, text: str) -> None:
        """Make the ConfigMap, or replace its text unless somebody else has."""
        entry = Entry(text, self._own)
        for _ in range(AGAIN):
            try:
                self._seen = self._put(entry)
            except KubernetesError as error:
                self._look_again(entry, error)
            else:
                self._last = entry
            if self._last == entry:
                return
        raise StoreError(f"ConfigMap {self.namespace}/{self.name} changes faster than it can be written")

    def _put(self, entry: Entry) -> dict[str, Any]:
        own = {KEY: entry.text, WRITER: entry.writer}
        if self._seen is None:
            metadata = {"name": self.name, "namespace": self.namespace}
            made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": own}
            return self.api.call("POST", self._path, made)
        data = {**(self._seen.get("data") or {}), **own}
        return self.api.call("PUT", f"{self._path}/{self.name}", {**self._seen, "data": data})

    def _look_again(self, entry: Entry, error: KubernetesError) -> None:
        """Read what is there now, to replace that: its labels were changed, or somebody has made or emptied it anew.

        What is neither the last entry nor this one (whose answer was lost then) is another exporter's.
        """
        known, new = self._last, self._seen is None
        if error.status not in (CREATE_AGAIN if new else REPLACE_AGAIN):
            raise StoreError(str(error)) from error
        self.read()
        if self._last not in (None, known, entry):
            raise OtherWriterError(
                f"ConfigMap {self.namespace}/{self.name} was changed by another exporter: run one replica only"
            )
        if self._seen is None and new:
            self._last = known
            make = f"`kubectl create configmap {self.name} --namespace={self.namespace}`"
            raise StoreError(f"the ConfigMap is not there, and this may not make it: {make} does ({error})") from error
