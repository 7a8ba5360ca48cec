"""The Kubernetes API in plain dictionaries: calls, and lists that are followed."""

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import urllib3

FORBIDDEN, NOT_FOUND, CONFLICT = 403, 404, 409
MERGE, STRATEGIC = "application/merge-patch+json", "application/strategic-merge-patch+json"
Item = dict[str, Any]
# A server that says when to ask again, as while it reads the definitions of custom resources, is asked again.
PATIENT = urllib3.Retry(
    10, connect=False, read=False, redirect=False, other=False, allowed_methods=None, raise_on_status=False
)


class ApiError(Exception):
    """The API server refused: its HTTP status and its own message."""

    def __init__(self, status: int, message: str) -> None:
        """Take both as the server gave them."""
        super().__init__(f"{status}: {message}")
        self.status, self.message = status, message


class Api:
    """One user's view of one API server; safe to share between threads.

    The official client makes an object of every field it reads; these loops read thousands, and only look.
    """

    def __init__(self, endpoint: str, authority: Path, token: str) -> None:
        """Take the server's address, the file of the authority that signed its certificate, and a bearer token."""
        self._endpoint = endpoint
        self._pool = urllib3.PoolManager(
            num_pools=1,
            maxsize=16,
            ca_certs=str(authority),
            headers={"Authorization": f"Bearer {token}"},
            retries=PATIENT,
            timeout=urllib3.Timeout(connect=5, read=60),
        )

    def text(self, path: str) -> str:
        """Return the body that GET of `path` answers, whatever its status."""
        return self._pool.request("GET", self._endpoint + path).data.decode(errors="replace")

    def call(self, method: str, path: str, body: object = None, content_type: str = "application/json") -> Item:
        """Return the answer as a dictionary; raise ApiError for a status of 400 or above."""
        headers = {**self._pool.headers, "Content-Type": content_type}
        data = json.dumps(body).encode() if body is not None else None
        answer = self._pool.request(method, self._endpoint + path, body=data, headers=headers)
        try:
            document: Item = json.loads(answer.data)
        except ValueError:
            document = {"message": answer.data.decode(errors="replace")}
        if answer.status >= 400:  # noqa: PLR2004 - HTTP's own limit
            raise ApiError(answer.status, document.get("message", ""))
        return document

    def get(self, path: str) -> Item | None:
        """Return the object at `path`, None where there is none."""
        try:
            return self.call("GET", path)
        except ApiError as error:
            if error.status == NOT_FOUND:
                return None
            raise

    def items(self, path: str) -> list[Item]:
        """Return the objects of the collection at `path`, none where its kind is not known."""
        return list((self.get(path) or {}).get("items", []))

    def create(self, path: str, body: Item) -> Item:
        """Add `body` to the collection at `path`."""
        return self.call("POST", path, body)

    def apply(self, path: str, body: Item) -> Item:
        """Make the object at `path` what `body` says, by server-side apply."""
        query = "?fieldManager=rehearsal&force=true"
        return self.call("PATCH", path + query, body, "application/apply-patch+yaml")

    def patch(self, path: str, body: Item, content_type: str = MERGE) -> Item | None:
        """Merge `body` into the object at `path`; return None where it has gone."""
        try:
            return self.call("PATCH", path, body, content_type)
        except ApiError as error:
            if error.status == NOT_FOUND:
                return None
            raise

    def delete(self, path: str, **options: object) -> None:
        """Ask for the deletion of the object at `path`; one that has gone is no error."""
        try:
            self.call("DELETE", path, {"kind": "DeleteOptions", "apiVersion": "v1", **options})
        except ApiError as error:
            if error.status != NOT_FOUND:
                raise

    def follow(self, path: str, stopped: threading.Event, see: Callable[[str, Item], None]) -> None:
        """Call `see` with ADDED, MODIFIED or DELETED and the object, from the present list on, until `stopped`.

        After a lost connection the list is read again, so that `see` may be told of the same object twice.
        """
        while not stopped.is_set():
            try:
                listed = self.call("GET", path)
                for item in listed.get("items", []):
                    see("ADDED", item)
                for event, item in self._watch(path, listed["metadata"]["resourceVersion"], stopped):
                    see(event, item)
            except (urllib3.exceptions.HTTPError, ApiError):
                stopped.wait(0.2)

    def _watch(self, path: str, version: str, stopped: threading.Event) -> Iterator[tuple[str, Item]]:
        query = f"?watch=1&resourceVersion={version}&timeoutSeconds=30"
        answer = self._pool.request("GET", self._endpoint + path + query, preload_content=False)
        try:
            for line in answer:
                event = json.loads(line)
                if stopped.is_set() or event["type"] == "ERROR":
                    return
                yield event["type"], event["object"]
        finally:
            answer.close()
            answer.release_conn()
