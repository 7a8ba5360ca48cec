"""The benchmark of the exporter of GPU metrics."""

import pytest

import cloudwatch


def test_both_deliver_the_same_minute(capsys: pytest.CaptureFixture[str]) -> None:
    assert cloudwatch.main(["--gpus", "16", "--latency", "0"]) == 0
    said = capsys.readouterr().out
    assert "the exporter        2 requests" in said, "one with the data, one of itself"
    assert "a plain script      6 requests" in said
    assert "  by default        2 requests" in said, "16 x 12 metrics of GPUs, 2 x 13 of nodes, 13 of each team"
    assert "the script needs 3 x the requests and dollars" in said


def test_an_exporter_beyond_its_promise_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cloudwatch, "MOST_BYTES", 1024)
    assert cloudwatch.main(["--gpus", "1", "--latency", "0"]) == 1
    assert "stays below 20 s and 0 MiB: NO" in capsys.readouterr().out


def test_a_contender_that_fails_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCRAPE_INTERVAL", "7")
    with pytest.raises(SystemExit, match="SCRAPE_INTERVAL=7"):
        cloudwatch.row(1, 0.0, cloudwatch.OURS)
