"""A real Kubernetes control plane on loopback: etcd, API server, controllers and scheduler as child processes."""

import base64
import contextlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import urllib3
import yaml
from kubernetes import client as kubernetes_client
from kubernetes import config as kubernetes_config

from rehearsal.kubernetes import certificates, flags
from rehearsal.kubernetes.api import Api
from rehearsal.kubernetes.build import kubebox

START_TIMEOUT = 60.0  # wall seconds; it takes 4 on an idle machine
ATTEMPTS = 3  # a picked port may be taken by another program before ours listens on it


class ControlPlaneError(Exception):
    """The control plane did not start; the message holds the end of the log of the part that failed."""


@dataclass
class ControlPlane:
    """One running control plane; `stop()` ends it, and it ends by itself when this process does."""

    directory: Path
    endpoint: str  # https://127.0.0.1:PORT
    ca_data: str  # base64 of the authority's PEM, as eks:DescribeCluster gives it
    kubeconfig: Path  # of the administrator, group system:masters
    api: Api  # the administrator's, for this package's own stand-ins
    data: Path = field(repr=False)  # etcd's, in memory where there is such a place
    parts: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict, repr=False)

    @classmethod
    def start(cls, directory: Path, *, version_name: str = "1.35", token_review_url: str = "") -> "ControlPlane":
        """Start a control plane with its files below `directory`, and return it when it answers.

        `version_name` is the cluster's version as EKS writes it; only the one that was built can be had.
        `token_review_url` is asked (POST of a TokenReview) for every bearer token that is not of the cluster itself.
        Raises ControlPlaneError when a part ends or 60 s pass.
        """
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return _start(directory, version_name, token_review_url)
            except ControlPlaneError as error:
                if attempt == ATTEMPTS or "address already in use" not in str(error):
                    raise
        raise AssertionError

    @property
    def pids(self) -> dict[str, int]:
        """Process of each part."""
        return {name: part.pid for name, part in self.parts.items()}

    def client(self) -> kubernetes_client.ApiClient:
        """Return the official client, as the administrator."""
        return kubernetes_config.new_client_from_config(str(self.kubeconfig))

    def stop(self) -> None:
        """End every part and remove etcd's data; as nothing of it is kept, nobody is given time to save."""
        for part in self.parts.values():
            part.kill()
        for part in self.parts.values():
            part.wait()
            if part.stdin:
                part.stdin.close()
        self.parts.clear()
        shutil.rmtree(self.data, ignore_errors=True)


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _data_directory() -> Path:
    """Return a new folder for etcd: in memory where the system has such a place, which saves a second of start."""
    memory = Path("/dev/shm")  # noqa: S108 - mkdtemp makes a folder of its own there
    return Path(tempfile.mkdtemp(prefix="rehearsal-etcd-", dir=memory if memory.is_dir() else None))


def _write_kubeconfig(path: Path, endpoint: str, ca_data: str, token: str) -> None:
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "kubebox", "cluster": {"server": endpoint, "certificate-authority-data": ca_data}}],
        "users": [{"name": "user", "user": {"token": token}}],
        "contexts": [{"name": "kubebox", "context": {"cluster": "kubebox", "user": "user"}}],
        "current-context": "kubebox",
    }
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(document))


def _write_credentials(directory: Path, endpoint: str, ca_data: str) -> str:
    """Write the three inner users' tokens and kubeconfigs; return the administrator's token."""
    users = {"admin": "system:masters", "system:kube-controller-manager": "", "system:kube-scheduler": ""}
    tokens = {user: secrets.token_hex(16) for user in users}
    rows = [f'{tokens[user]},{user},{user},"{group}"' for user, group in users.items()]
    (directory / "tokens.csv").touch(mode=0o600)
    (directory / "tokens.csv").write_text("\n".join(rows) + "\n")
    for user, token in tokens.items():
        _write_kubeconfig(directory / f"{user.removeprefix('system:')}.kubeconfig", endpoint, ca_data, token)
    return tokens["admin"]


def _write_review_config(directory: Path, url: str) -> None:
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "review", "cluster": {"server": url}}],
        "users": [{"name": "kube-apiserver"}],
        "contexts": [{"name": "review", "context": {"cluster": "review", "user": "kube-apiserver"}}],
        "current-context": "review",
    }
    (directory / "token-review.kubeconfig").write_text(yaml.safe_dump(document))


def _start(directory: Path, version_name: str, token_review_url: str) -> ControlPlane:
    binary = kubebox(version_name).binary
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    ports = flags.Ports(*_free_ports(3))
    endpoint = f"https://127.0.0.1:{ports.api}"
    certificates.write(directory)
    ca_data = base64.b64encode((directory / "ca.crt").read_bytes()).decode()
    token = _write_credentials(directory, endpoint, ca_data)
    if token_review_url:
        _write_review_config(directory, token_review_url)
    data = _data_directory()
    api = Api(endpoint, directory / "ca.crt", token)
    plane = ControlPlane(directory, endpoint, ca_data, directory / "admin.kubeconfig", api, data)
    try:
        _launch(plane, binary, flags.of_parts(ports, directory, data, review=bool(token_review_url)))
    except BaseException:
        plane.stop()
        raise
    (directory / "pids.json").write_text(json.dumps(plane.pids))
    return plane


DEFAULT_ACCOUNT = "/api/v1/namespaces/default/serviceaccounts/default"


def _launch(plane: ControlPlane, binary: Path, parts: dict[str, list[str]]) -> None:
    for name, arguments in parts.items():
        if name not in ("etcd", "kube-apiserver"):  # the others give up on an API server that keeps them waiting
            _wait_for(plane, "the API server", lambda: plane.api.text("/readyz") == "ok")
        with (plane.directory / f"{name}.log").open("wb") as log:
            plane.parts[name] = subprocess.Popen(  # noqa: S603 - our own binary
                [binary, name, *arguments],
                stdin=subprocess.PIPE,  # the lifeline: the part ends when this process, or this pipe, does
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=plane.directory,
                env=os.environ | ({"KUBEBOX_SCRATCH": str(plane.data)} if name == "etcd" else {}),
            )
    _wait_for(plane, "the default service account", lambda: bool(plane.api.get(DEFAULT_ACCOUNT)))


def _wait_for(plane: ControlPlane, what: str, ready: Callable[[], bool]) -> None:
    end = time.monotonic() + START_TIMEOUT
    while time.monotonic() < end:
        for name, part in plane.parts.items():
            if part.poll() is not None:
                raise ControlPlaneError(f"{name} ended with status {part.returncode}: {_log_end(plane, name)}")
        with contextlib.suppress(urllib3.exceptions.HTTPError):
            if ready():
                return
        time.sleep(0.05)
    raise ControlPlaneError(f"{what} was not ready within {START_TIMEOUT:.0f} s; its log is in {plane.directory}")


def _log_end(plane: ControlPlane, name: str) -> str:
    return (plane.directory / f"{name}.log").read_text(errors="replace")[-2000:]
