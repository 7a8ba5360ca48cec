"""A rehearsal with its port open, and functions made from a few lines of code."""

import base64
import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from service_roles import service_role

from rehearsal import server
from rehearsal.world import World


@dataclass
class Answer:
    """What Invoke answers, unpacked."""

    payload: Any
    error: str | None
    log: str


@dataclass
class Lab:
    """Roles and functions of one rehearsal."""

    world: World
    made: list[str] = field(default_factory=list)

    @staticmethod
    def archive(files: dict[str, str | bytes]) -> bytes:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as opened:
            for name, content in files.items():
                opened.writestr(name, content)
        return packed.getvalue()

    def role(self, name: str, *allowed: str, trusted: str = "lambda.amazonaws.com") -> str:
        """Make a role that may do `allowed` everywhere."""
        return service_role(self.world, name, trusted, allowed)

    def function(
        self,
        name: str,
        code: str | bytes,
        *allowed: str,
        runtime: str = "python3.13",
        **settings: Any,  # noqa: ANN401
    ) -> str:
        """Make a function, with a role of its own that may do `allowed`, and wait until it is active."""
        file = "index.py" if runtime.startswith("python") else "index.js"
        archive = self.archive({file: code}) if isinstance(code, str) else code
        client = self.world.client("lambda")
        settings = {"Handler": "index.handler", "Role": "", "Timeout": 20, "MemorySize": 256, **settings}
        settings["Role"] = settings["Role"] or self.role(f"{name}-role", *allowed)
        client.create_function(FunctionName=name, Runtime=runtime, Code={"ZipFile": archive}, **settings)
        active = self.world.clock.wait(
            3600, lambda: client.get_function(FunctionName=name)["Configuration"]["State"] == "Active", 1
        )
        assert active
        return name

    def invoke(self, name: str, event: object = None, **settings: Any) -> Answer:  # noqa: ANN401
        """Invoke a function and wait for its answer."""
        answer = self.world.client("lambda").invoke(
            FunctionName=name, Payload=json.dumps(event), LogType="Tail", **settings
        )
        log = base64.b64decode(answer.get("LogResult", "")).decode()
        return Answer(json.loads(answer["Payload"].read() or "null"), answer.get("FunctionError"), log)

    def logged(self, group: str) -> list[str]:
        """Return all messages of a log group."""
        logs = self.world.client("logs")
        return [event["message"] for event in logs.filter_log_events(logGroupName=group)["events"]]


@pytest.fixture(scope="module")  # another rehearsal in this process empties the emulator that they share
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    world = World(Path(tmp_path_factory.mktemp("world")), 0)
    server.serve(world)
    yield Lab(world)
    world.close()
