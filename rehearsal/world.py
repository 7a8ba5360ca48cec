"""What every part of the rehearsal is handed: the place, the clock, the faults, and clients of its own port."""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from socketserver import BaseServer
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.loaders import Loader

from rehearsal.clock import Clock
from rehearsal.faults import Faults
from rehearsal.grants import Grants

ACCOUNT = "111122223333"  # AWS's own documentation uses this account
ADMIN_KEY, ADMIN_SECRET = "AKIAREHEARSALADMIN00", "rehearsal-is-not-a-secret"

_USUAL = Config(retries={"total_max_attempts": 3}, s3={"addressing_style": "path"}, max_pool_connections=50)
_MODELS = Loader()  # shared by all clients, for reading EC2's model takes 0.4 s


class PageError(Exception):
    """A page of the rehearsal refused what it was asked, in these words."""


@dataclass
class World:
    """One rehearsal: one account in one region behind one loopback port, its files below `directory`.

    `closing` holds what must be stopped, in reverse order, when the rehearsal ends; a part that starts a process or a
    thread adds its own stop there at once.
    """

    directory: Path
    port: int
    region: str = "us-west-2"
    account: str = ACCOUNT
    clock: Clock = field(default_factory=Clock)
    faults: Faults = field(default_factory=Faults)
    grants: Grants = field(default_factory=Grants)
    closing: list[Callable[[], None]] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)

    @property
    def endpoint(self) -> str:
        """Address that AWS_ENDPOINT_URL takes."""
        return f"http://127.0.0.1:{self.port}"

    def client(
        self,
        service: str,
        key: str = ADMIN_KEY,
        secret: str = ADMIN_SECRET,
        token: str | None = None,
        config: Config | None = None,
    ) -> Any:  # noqa: ANN401 - boto3 makes its classes at run time
        """Return a boto3 client of this rehearsal, signed by the admin unless other credentials are given."""
        session = botocore.session.Session()
        session.register_component("data_loader", _MODELS)
        return boto3.session.Session(key, secret, token, self.region, session).client(
            service,
            endpoint_url=self.endpoint,
            config=_USUAL.merge(config) if config else _USUAL,
        )

    def page(self, name: str, content: object = None, method: str | None = None) -> Any:  # noqa: ANN401 - JSON
        """Ask one of the rehearsal's own pages, from whichever process: `state`, `faults` (POST one, DELETE all).

        Raises PageError where it refuses.
        """
        body = None if content is None else json.dumps(content).encode()
        request = urllib.request.Request(  # noqa: S310 - loopback
            f"{self.endpoint}/_rehearsal/{name}", body, {"Content-Type": "application/json"}, method=method
        )
        try:
            with urllib.request.urlopen(request) as answer:  # noqa: S310 - loopback
                return json.load(answer)
        except urllib.error.HTTPError as refused:
            raise PageError(refused.read().decode().strip()) from refused

    def in_background(self, name: str, work: Callable[[], None]) -> None:
        """Run `work` in a thread that does not keep the rehearsal alive; what breaks while that ends is silent."""

        def run() -> None:
            try:
                work()
            except Exception:
                if not self.stopped.is_set():
                    raise

        threading.Thread(target=run, name=name, daemon=True).start()

    def serve(self, name: str, server: BaseServer) -> None:
        """Let a server answer in a thread of that name, until the rehearsal ends."""
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, name=name, daemon=True)
        thread.start()

        def stop() -> None:
            server.shutdown()
            server.server_close()
            thread.join()

        self.closing.append(stop)

    def close(self) -> None:
        """Stop everything that was started, newest first."""
        self.stopped.set()
        while self.closing:
            self.closing.pop()()
