"""A workspace of Amazon Managed Service for Prometheus as a remote write sees it: signatures first, then samples."""

import hashlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from rehearsal.prometheus.samples import Sample, decoded

SERVICE, ALGORITHM = "aps", "AWS4-HMAC-SHA256"
MUST_BE_SIGNED = {"host", "x-amz-date"}


class Refusal(Exception):  # noqa: N818 - what AWS answers, not what went wrong here
    """What a request is refused with; all are 403, which Prometheus does not try again."""


@dataclass(frozen=True)
class Request:
    """A request as it came."""

    path: str
    headers: Mapping[str, str]  # names in small letters
    body: bytes


@dataclass
class Workspace:
    """The receiving end: who may write, to what; what has come, and what was refused.

    `refusals` holds the words of each refusal, `samples` all that was taken.
    """

    workspace_id: str = "ws-11111111-2222-3333-4444-555555555555"
    region: str = "us-west-2"
    access_key: str = "AKIAREHEARSALWRITER0"
    secret_key: str = "rehearsal-writes-no-secret"  # noqa: S105 - it opens nothing
    samples: list[Sample] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)

    @property
    def path(self) -> str:
        """The path that is written to."""
        return f"/workspaces/{self.workspace_id}/api/v1/remote_write"

    @property
    def environment(self) -> dict[str, str]:
        """What a writer finds its credentials by."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def take(self, request: Request) -> None:
        """Check a request and keep its samples; raises Refusal."""
        check(request, self)
        if urlsplit(request.path).path != self.path:
            raise Refusal(f"AccessDeniedException: no permission for aps:RemoteWrite on {request.path}")
        self.requests.append(request)
        self.samples.extend(decoded(request.body))


def check(request: Request, workspace: Workspace) -> None:
    """Raise Refusal unless the workspace's writer has signed this very body for its region."""
    said = _said(request)
    key, day, region, service, _ = said["Credential"].split("/")
    if (region, service) != (workspace.region, SERVICE):
        raise Refusal(f"InvalidSignatureException: Credential should be scoped to {workspace.region}/{SERVICE}")
    if key != workspace.access_key or not request.headers["x-amz-date"].startswith(day):
        raise Refusal("UnrecognizedClientException: the security token included in the request is invalid")
    if missing := MUST_BE_SIGNED - set(said["SignedHeaders"].split(";")):
        raise Refusal(f"InvalidSignatureException: {', '.join(sorted(missing))} must be signed")
    # What the header says of the body would be believed below
    digest = hashlib.sha256(request.body).hexdigest()
    told = request.headers.get("x-amz-content-sha256", digest)
    if told != digest or said["Signature"] != _signature(request, workspace, said["SignedHeaders"].split(";")):
        raise Refusal("InvalidSignatureException: the signature does not match")


def _said(request: Request) -> dict[str, str]:
    scheme, _, parts = request.headers.get("authorization", "").partition(" ")
    if scheme != ALGORITHM:
        raise Refusal("MissingAuthenticationTokenException: the request is not signed")
    return dict(part.strip().partition("=")[::2] for part in parts.split(","))


def _signature(request: Request, workspace: Workspace, signed: list[str]) -> str:
    """Compute the signature again, from what came and the secret."""
    signer = SigV4Auth(Credentials(workspace.access_key, workspace.secret_key), SERVICE, workspace.region)
    headers = {name: request.headers[name] for name in signed}
    again = AWSRequest("POST", f"http://{request.headers['host']}{request.path}", headers, request.body)
    again.context["timestamp"] = request.headers["x-amz-date"]
    return str(signer.signature(signer.string_to_sign(again, signer.canonical_request(again)), again))


@dataclass
class Receiver:
    """A workspace behind a loopback port; `url` is what a remote write is given."""

    workspace: Workspace
    server: ThreadingHTTPServer

    @classmethod
    def start(cls, workspace: Workspace) -> "Receiver":
        """Answer for the workspace until `stop()`."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(workspace))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return cls(workspace, server)

    @property
    def origin(self) -> str:
        """Scheme and address."""
        return f"http://127.0.0.1:{self.server.server_port}"

    @property
    def url(self) -> str:
        """Address that is written to."""
        return self.origin + self.workspace.path

    def stop(self) -> None:
        """End it."""
        self.server.shutdown()
        self.server.server_close()


def _handler(workspace: Workspace) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # noqa: N802 - the library's name
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            try:
                workspace.take(Request(self.path, headers, body))
            except Refusal as refusal:
                workspace.refusals.append(str(refusal))
                self._answer(403, str(refusal))
            else:
                self._answer(200, "")

        def _answer(self, status: int, text: str) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    return Handler
