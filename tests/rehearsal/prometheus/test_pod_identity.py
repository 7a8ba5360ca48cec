"""A real Prometheus signs what it writes with the credentials that Pod Identity's agent gives its pod."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import dcgm_text
import pytest
from dcgm_text import Gpu

from rapids_eks.gpu_metrics import scraping
from rapids_eks.gpu_operator import NAMESPACE
from rehearsal.prometheus import gpu_operator
from rehearsal.prometheus.remote_write import Receiver, Workspace
from rehearsal.prometheus.server import PrometheusError
from tests.rehearsal.prometheus.conftest import Exporter
from tests.rehearsal.prometheus.test_gpu_path import Start, config, signed

TOKEN, SESSION = "projected-token", "session-of-the-pod's-role"


@dataclass
class Agent:
    """Answers as the agent does: https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html."""

    workspace: Workspace
    asked: list[str | None] = field(default_factory=list)
    url: str = ""

    def environment(self, folder: Path, token: str = TOKEN) -> dict[str, str]:
        """Return what EKS puts into the pod's environment, with the token's file in a folder."""
        file = folder / "eks-pod-identity-token"
        file.write_text(token)
        return {"AWS_CONTAINER_CREDENTIALS_FULL_URI": self.url, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(file)}

    def answer(self, token: str | None) -> tuple[int, dict[str, str]]:
        self.asked.append(token)
        if token != TOKEN:
            return 401, {"message": "unauthorized"}
        keys = {"AccessKeyId": self.workspace.access_key, "SecretAccessKey": self.workspace.secret_key}
        return 200, {**keys, "Token": SESSION, "Expiration": "2099-01-01T00:00:00Z"}


@pytest.fixture
def agent(receiver: Receiver) -> Iterator[Agent]:
    """Give the credentials of whoever may write to the receiver's workspace."""
    made = Agent(receiver.workspace)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # noqa: N802 - the library's name
            status, said = made.answer(self.headers.get("Authorization"))
            body = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as serving:
        made.url = f"http://127.0.0.1:{serving.server_port}/v1/credentials"
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield made
        serving.shutdown()


def test_the_pod_s_own_credentials_sign_what_is_written(
    start: Start, exporter: Exporter, receiver: Receiver, agent: Agent, tmp_path: Path
) -> None:
    exporter.text = dcgm_text.text([Gpu()])
    monitor = gpu_operator.service_monitor(scraping.service_monitor() | {"interval": "1s"}, NAMESPACE)
    prometheus = start(config(monitor, exporter, signed(receiver)), environment=agent.environment(tmp_path))
    prometheus.wait(lambda: receiver.workspace.samples)
    assert receiver.workspace.refusals == []
    assert set(agent.asked) == {TOKEN}
    first = receiver.workspace.requests[0].headers
    assert first["x-amz-security-token"] == SESSION
    assert "x-amz-security-token" in first["authorization"], "it is signed, too"


def test_without_credentials_prometheus_does_not_start(
    start: Start, exporter: Exporter, receiver: Receiver, agent: Agent, tmp_path: Path
) -> None:
    """Its pod is started again by Kubernetes until there are some: nothing is ever sent unsigned."""
    monitor = gpu_operator.service_monitor(scraping.service_monitor() | {"interval": "1s"}, NAMESPACE)
    with pytest.raises(PrometheusError, match="could not get SigV4 credentials"):
        start(config(monitor, exporter, signed(receiver)), environment=agent.environment(tmp_path, "another"))
    assert not receiver.workspace.requests
    assert not receiver.workspace.samples
