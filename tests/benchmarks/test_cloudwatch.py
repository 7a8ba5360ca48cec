"""The benchmark of the exporter of GPU metrics."""

import pytest

import cloudwatch


def test_both_deliver_the_same_minute(capsys: pytest.CaptureFixture[str]) -> None:
    assert cloudwatch.main(["--gpus", "16", "--latency", "0"]) == 0
    said = capsys.readouterr().out
    assert "the exporter        2 requests" in said, "one with the data, one of itself"
    assert "a plain script      6 requests" in said


def test_a_contender_that_fails_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCRAPE_INTERVAL", "7")
    with pytest.raises(SystemExit, match="SCRAPE_INTERVAL=7"):
        cloudwatch.row(1, 0.0, "the exporter")
