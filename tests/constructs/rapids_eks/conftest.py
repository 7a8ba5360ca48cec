"""CloudFormation's side of a custom resource."""

import json
import urllib.request
from typing import Any

import pytest


class Opened:
    """Stands for the answer of the address that CloudFormation gave."""

    def __enter__(self) -> "Opened":
        return self

    def __exit__(self, *_: object) -> None:
        pass


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What a function sends to the address that its event has: https://answers.test/1."""
    sent: list[dict[str, Any]] = []

    def urlopen(request: urllib.request.Request, timeout: float) -> Opened:
        assert (request.full_url, request.get_method()) == ("https://answers.test/1", "PUT")
        assert timeout < 60, "the function itself ends after 60 seconds"
        assert isinstance(request.data, bytes)
        assert len(request.data) <= 4096, "CloudFormation takes no more"
        sent.append(json.loads(request.data))
        return Opened()

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    return sent
