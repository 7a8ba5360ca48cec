"""What Kubernetes and systemd see of the exporter."""

import signal
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dcgm_cloudwatch.counters import SELF, Counters
from dcgm_cloudwatch.serve import notify, start, watch
from tests.docker.dcgm_cloudwatch.process import PATIENCE, Exporter, wait_until


@pytest.fixture
def counters() -> Counters:
    return Counters()


@pytest.fixture
def url(counters: Counters) -> Iterator[str]:
    """The pages' address."""
    server = start(("127.0.0.1", 0), counters)
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def asked(address: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(address, timeout=60) as answer:  # noqa: S310 - loopback
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_health_fails_only_where_the_loop_is_dead(url: str, counters: Counters) -> None:
    assert asked(f"{url}/healthz") == (200, "ok\n")
    counters.beat = time.monotonic() - 500
    status, text = asked(f"{url}/healthz")
    assert status == 503
    assert "the loop was last seen 500 s ago" in text
    counters.alive()
    assert asked(f"{url}/healthz")[0] == 200
    assert asked(f"{url}/other")[0] == 404


def test_every_counter_is_on_the_page_with_its_type(url: str, counters: Counters) -> None:
    counters.add("DatumsSent", 12)
    counters.lag(7.5)
    text = asked(f"{url}/metrics")[1]
    assert "# TYPE dcgm_cloudwatch_lag_seconds gauge\ndcgm_cloudwatch_lag_seconds 7.5\n" in text
    assert "# TYPE dcgm_cloudwatch_datums_sent_total counter\ndcgm_cloudwatch_datums_sent_total 12\n" in text
    assert text.count("# HELP") == len(counters.counts) > len(SELF)


def test_what_was_told_is_not_told_again(counters: Counters) -> None:
    counters.add("Retries", 3)
    counters.lag(9)
    told = counters.since()
    counters.add("Retries", 2)
    counters.report(told)
    assert counters.since()["Retries"] == 2
    assert counters.since()["LagSeconds"] == 9


def test_systemd_is_told_of_start_life_and_end(exporter: Callable[..., Exporter], tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(address)
        systemd.settimeout(PATIENCE)
        made = exporter(NOTIFY_SOCKET=address)
        process = made.start()
        assert [systemd.recv(100) for _ in range(2)] == [b"READY=1", b"WATCHDOG=1"]
        process.send_signal(signal.SIGTERM)
        wait_until(lambda: systemd.recv(100) == b"STOPPING=1", "the end")
        assert process.wait(PATIENCE) == 0


def test_the_watchdog_hears_nothing_of_a_dead_loop(counters: Counters) -> None:
    counters.beat = time.monotonic() - 500

    class Never:
        def wait(self, seconds: float) -> bool:
            raise AssertionError(f"it would tell again in {seconds} s")

    watch(counters, Never())


def test_without_systemd_nothing_is_told(tmp_path: Path) -> None:
    notify("READY=1", {})
    notify("READY=1", {"NOTIFY_SOCKET": str(tmp_path / "gone")})
