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
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

from dcgm_cloudwatch.watermark import OtherWriterError, StoreError

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
KEY = "watermark.json"


class KubernetesError(Exception):
    """The API could not be asked, or refused; `status` is 0 where there was no answer."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


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

    def instance_id(self, node: str, before: float) -> str | None:
        """Return a node's EC2 instance; None where no node of that name is older than `before`."""
        try:
            found = self.call("GET", f"/api/v1/nodes/{urllib.parse.quote(node, safe='')}")
        except KubernetesError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise
        try:
            made = calendar.timegm(time.strptime(found["metadata"]["creationTimestamp"], "%Y-%m-%dT%H:%M:%SZ"))
            return found["spec"]["providerID"].rpartition("/")[2] or None if made <= before else None
        except (KeyError, TypeError, ValueError, AttributeError):
            return None


@dataclass
class ConfigMapStore:
    """A ConfigMap, replaced only in the version that was seen last."""

    api: Api
    namespace: str
    name: str
    _version: str | None = field(default=None)

    @property
    def _path(self) -> str:
        return f"/api/v1/namespaces/{self.namespace}/configmaps"

    def read(self) -> str | None:
        """Return the text in the ConfigMap."""
        try:
            found = self.api.call("GET", f"{self._path}/{self.name}")
        except KubernetesError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                self._version = None
                return None
            raise StoreError(str(error)) from error
        self._version = found.get("metadata", {}).get("resourceVersion")
        text = (found.get("data") or {}).get(KEY)
        return text if isinstance(text, str) and text else None

    def write(self, text: str) -> None:
        """Make the ConfigMap, or replace it unless somebody else has."""
        metadata = {"name": self.name, "namespace": self.namespace}
        body: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {KEY: text}}
        try:
            if self._version is None:
                made = self.api.call("POST", self._path, body)
            else:
                metadata["resourceVersion"] = self._version
                made = self.api.call("PUT", f"{self._path}/{self.name}", body)
        except KubernetesError as error:
            if error.status == HTTPStatus.CONFLICT:
                self._written_after_all(text)
                return
            raise StoreError(str(error)) from error
        self._version = made.get("metadata", {}).get("resourceVersion")

    def _written_after_all(self, text: str) -> None:
        """Return where what is there is ours: an earlier attempt whose answer was lost is no other writer."""
        if self.read() != text:
            raise OtherWriterError(
                f"ConfigMap {self.namespace}/{self.name} was changed by another exporter: run one replica only"
            )
