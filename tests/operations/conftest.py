"""The command line on an account that a test tells."""

import pytest

from operations import cli, verbs
from tests.operations.fake_aws import ROOT, FakeAws
from tests.operations.fake_runs import Run


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command line on an account; return its exit status and what it has printed."""

    def execute(aws: FakeAws, *arguments: str, config: str = "default") -> tuple[int, str, str]:
        monkeypatch.setattr(verbs, "clients", lambda *_: aws)
        file = ROOT / f"examples/{config}.yaml"
        status = cli.main([arguments[0], "--config", str(file), *arguments[1:]])
        said = capsys.readouterr()
        return status, said.out, said.err

    return execute
