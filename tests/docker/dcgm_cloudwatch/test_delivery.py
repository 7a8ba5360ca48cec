"""Nothing is lost: the real process between a Prometheus and a CloudWatch that fail as the real ones do."""

import re
import signal
import urllib.request
from collections.abc import Callable

import pytest

from dcgm_cloudwatch import batch
from dcgm_cloudwatch.exporter import Exporter as Delivering
from dcgm_cloudwatch.run import step
from rehearsal.wire.call import Refused
from tests.docker.dcgm_cloudwatch.clock import HOUR, Clock
from tests.docker.dcgm_cloudwatch.cloudwatch_port import EXPIRED, THROTTLED, UNAVAILABLE, CloudWatchPort, Request_
from tests.docker.dcgm_cloudwatch.fleet import delivered, held, utilization
from tests.docker.dcgm_cloudwatch.process import Exporter, wait_until
from tests.docker.dcgm_cloudwatch.prometheus_port import PrometheusPort

Make = Callable[..., Exporter]
CHOSEN = {"METRICS": "GPUUtilization,GPUTemperature", "AGGREGATION": "node"}
SETTLED = 50.0  # seconds after the end of a window


def page(made: Exporter, name: str) -> str:
    """Return one of the exporter's own pages."""
    address = re.findall(r"pages on (\S+),", made.log.read_text())[-1]
    with urllib.request.urlopen(f"http://{address}/{name}", timeout=60) as answer:
        return str(answer.read().decode())


def lag(made: Exporter) -> float:
    """Return how late it says it is, in seconds."""
    return float(re.findall(r"(?m)^dcgm_cloudwatch_lag_seconds (\S+)", page(made, "metrics"))[0])


def test_six_hours_without_cloudwatch_leave_no_minute_out(
    prometheus: PrometheusPort, cloudwatch: CloudWatchPort, exporter: Make, clock: Clock
) -> None:
    minutes = held(prometheus, clock, 360)
    cloudwatch.refuse = lambda _: UNAVAILABLE
    clock.now = clock.start + 60 + SETTLED
    made = exporter(**CHOSEN, FIRST_BACKFILL="60")
    made.start()
    wait_until(lambda: len(cloudwatch.refused) > 1, "the outage")
    clock.now = clock.start + 6 * HOUR + SETTLED
    wait_until(lambda: len(cloudwatch.refused) > 3, "an outage of six hours")
    assert page(made, "healthz") == "ok\n", "an outage of CloudWatch is no reason to start anew"
    wait_until(lambda: lag(made) > 5 * HOUR, "the lag")
    cloudwatch.refuse = lambda _: None
    wait_until(lambda: len(delivered(cloudwatch)) == len(minutes), "all minutes")
    assert delivered(cloudwatch) == utilization(minutes)
    sent = [came.window for came in cloudwatch.requests]
    after = [window for window in sent[len(cloudwatch.refused) :] if window is not None]
    assert minutes[-1] in after[:2], "the newest minute comes before six hours of old ones"


def test_throttling_of_nine_requests_in_ten_keeps_live_minutes_on_time_and_drops_nothing(
    prometheus: PrometheusPort, cloudwatch: CloudWatchPort, exporter: Make, clock: Clock
) -> None:
    """The clock goes on by two seconds a request, which is more than a request and the longest pause after it take."""
    minutes = held(prometheus, clock, 11)
    backlog, live = minutes[:8], minutes[8:]
    clock.now = backlog.stop + SETTLED
    late: dict[int, float] = {}

    def throttle(_: Request_) -> Refused | None:
        clock.now = min(clock.now + 2, minutes.stop + SETTLED)
        return THROTTLED if len(cloudwatch.requests) % 10 else None

    def stored_at(came: Request_) -> None:
        window = came.window
        if window is not None:
            late[window] = clock.now - window - 60

    def all_there() -> bool:
        if len(late) == sum(minute + 60 + 45 <= clock.now for minute in minutes):
            clock.now = min(clock.now + 10, minutes.stop + SETTLED)  # there is nothing to send until a minute closes
        return len(late) == len(minutes)

    cloudwatch.refuse, cloudwatch.stored = throttle, stored_at
    exporter(**CHOSEN, FIRST_BACKFILL=str(9 * 60)).start()
    wait_until(all_there, "all minutes")
    assert max(late[window] for window in live) < 120
    order = list(late)
    assert order.index(live[0]) < order.index(backlog[-2]), "it closed while there was a backlog"
    assert delivered(cloudwatch) == utilization(minutes)


def test_pauses_after_throttling_are_short_enough_for_live_minutes(
    prometheus: PrometheusPort, cloudwatch: CloudWatchPort, within: Callable[..., Delivering], clock: Clock
) -> None:
    """The same with the exporter's own pauses, by which the clock goes on, and half a second a request."""
    minutes = held(prometheus, clock, 40)
    clock.now = minutes.start + 30 * 60 + SETTLED
    late: dict[int, float] = {}

    def throttle(_: Request_) -> Refused | None:
        clock.now += 0.5
        return THROTTLED if len(cloudwatch.requests) % 10 else None

    def wait(seconds: float) -> bool:
        clock.now += seconds
        return False

    cloudwatch.refuse = throttle
    cloudwatch.stored = lambda came: late.setdefault(came.window or 0, clock.now - (came.window or 0) - 60)
    made = within(**CHOSEN, FIRST_BACKFILL=str(30 * 60))
    made.wait = made.publisher.wait = wait
    while clock.now < minutes.stop + SETTLED:
        if not step(made):
            wait(2)
    assert len(late) >= len(minutes) - 1
    assert max(late[window] for window in minutes[30:-1]) < 120


def test_the_largest_fleet_that_is_promised_keeps_its_live_minutes_on_time_under_throttling(
    prometheus: PrometheusPort,
    cloudwatch: CloudWatchPort,
    within: Callable[..., Delivering],
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Fifteen requests a minute, each answered in a tenth of a second; here of ten data, of a thousand elsewhere."""
    monkeypatch.setattr(batch, "MOST_DATA", 10)
    minutes = held(prometheus, clock, 5, gpus=150)
    backlog, live = minutes[:2], minutes[2:]
    clock.now = backlog.stop + SETTLED
    late: dict[int, float] = {}

    def throttle(_: Request_) -> Refused | None:
        clock.now += 0.1
        return THROTTLED if len(cloudwatch.requests) % 10 else None

    def wait(seconds: float) -> bool:
        clock.now += seconds
        return False

    cloudwatch.refuse = throttle
    cloudwatch.stored = lambda came: late.update({came.window or 0: clock.now - (came.window or 0) - 60})
    made = within(METRICS="GPUUtilization", AGGREGATION="node", FIRST_BACKFILL="170")
    made.wait = made.publisher.wait = wait
    while len(late) < len(minutes) or clock.now < minutes.stop + SETTLED or made.next(clock.now):
        assert clock.now < minutes.stop + 300, "it drains"
        if not step(made):
            wait(2)
    assert sum(came.window == live[0] for came in cloudwatch.requests) == 150, "15 requests, each ten times"
    assert max(late[window] for window in live) < 120
    assert {number: delivered(cloudwatch, number) for number in (0, 77, 149)} == {
        number: utilization(minutes, number) for number in (0, 77, 149)
    }


def test_an_old_minute_of_many_batches_makes_way_for_a_new_one(
    prometheus: PrometheusPort, cloudwatch: CloudWatchPort, exporter: Make, clock: Clock
) -> None:
    minutes = held(prometheus, clock, 3, gpus=1100)
    clock.now = minutes.stop - 60 + SETTLED
    order: list[int] = []

    def stored(came: Request_) -> None:
        window = came.window
        order.extend([window] if window is not None else [])
        if order[-1:] == [minutes[0]]:
            clock.now = minutes.stop + SETTLED

    cloudwatch.stored = stored
    exporter(**CHOSEN, FIRST_BACKFILL="170").start()
    wait_until(lambda: len(order) == 9, "all batches")
    first, second, third = minutes
    assert order == [*[second] * 3, first, *[third] * 3, *[first] * 2]


def test_credentials_that_expire_are_read_anew(
    prometheus: PrometheusPort, cloudwatch: CloudWatchPort, exporter: Make, clock: Clock
) -> None:
    minutes = held(prometheus, clock, 4)
    clock.now = minutes.start + 60 + SETTLED
    made = exporter(**CHOSEN, FIRST_BACKFILL="60", AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="")
    del made.environment["AWS_ACCESS_KEY_ID"], made.environment["AWS_SECRET_ACCESS_KEY"]
    file = made.folder / ".aws" / "credentials"
    file.parent.mkdir()

    def write(key: str) -> None:
        file.write_text(f"[default]\naws_access_key_id = {key}\naws_secret_access_key = fake\n")

    write("AKIAOLD0000000000000")
    made.start()
    wait_until(lambda: len(delivered(cloudwatch)) == 1, "the first minute")
    cloudwatch.refuse = lambda came: EXPIRED if "OLD" in came.key else None
    clock.now = minutes.stop + SETTLED
    wait_until(lambda: len(cloudwatch.refused) > 1, "the expiry")
    write("AKIANEW0000000000000")
    wait_until(lambda: len(delivered(cloudwatch)) == 4, "all minutes")
    assert delivered(cloudwatch) == utilization(minutes)


def test_a_signal_ends_it_at_once_and_the_next_one_goes_on_where_it_was(
    prometheus: PrometheusPort, cloudwatch: CloudWatchPort, exporter: Make, clock: Clock
) -> None:
    minutes = held(prometheus, clock, 6)
    clock.now = minutes.start + 3 * 60 + SETTLED
    made = exporter(**CHOSEN, FIRST_BACKFILL=str(3 * 60))
    process = made.start()
    wait_until(lambda: len(delivered(cloudwatch)) == 3, "three minutes")
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    clock.now = minutes.stop + SETTLED
    assert made.done("once") == 0
    assert delivered(cloudwatch) == utilization(minutes), "no minute twice"


def test_an_unreachable_prometheus_is_waited_for_and_its_minutes_are_not_taken_for_empty(
    prometheus: PrometheusPort, cloudwatch: CloudWatchPort, exporter: Make, clock: Clock
) -> None:
    minutes = held(prometheus, clock, 2)
    clock.now, prometheus.down = minutes.stop + SETTLED, True
    made = exporter(**CHOSEN, FIRST_BACKFILL="170")
    made.start()
    wait_until(lambda: made.log.exists() and "503" in made.log.read_text(), "the outage")
    prometheus.down = False
    wait_until(lambda: len(delivered(cloudwatch)) == 2, "both minutes")
    assert delivered(cloudwatch) == utilization(minutes)
