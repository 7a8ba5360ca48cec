"""How late it is grows while Prometheus or the watermark is out of reach, so that the alarm comes."""

import json
import time
from collections.abc import Callable

import pytest

from dcgm_cloudwatch.exporter import Exporter as Delivering
from dcgm_cloudwatch.run import step
from dcgm_cloudwatch.watermark import ClockError
from tests.docker.dcgm_cloudwatch.clock import Clock
from tests.docker.dcgm_cloudwatch.cloudwatch_port import CloudWatchPort
from tests.docker.dcgm_cloudwatch.fleet import delivered, held, utilization
from tests.docker.dcgm_cloudwatch.process import Exporter, wait_until
from tests.docker.dcgm_cloudwatch.prometheus_port import PrometheusPort

LATE = 600.0  # seconds from which the alarm takes notice


def lag(of: Delivering) -> float:
    return of.counters.counts["LagSeconds"]


def test_cloudwatch_is_told_of_minutes_that_an_unreachable_prometheus_keeps_back(
    prometheus: PrometheusPort, cloudwatch: CloudWatchPort, exporter: Callable[..., Exporter]
) -> None:
    made = exporter()
    prometheus.down = True
    through = int(time.time()) // 60 * 60 - 1200
    (made.folder / "watermark.json").write_text(
        json.dumps({"version": 1, "through": through, "ahead": [], "begun": {}})
    )
    made.start()
    wait_until(lambda: ("LagSeconds", "ClusterName=c") in cloudwatch.data(), "the lag")
    ((_, (told, _)),) = cloudwatch.data()["LagSeconds", "ClusterName=c"].items()
    assert LATE < told < 1200 + LATE


def test_a_fresh_exporter_with_a_wrong_address_is_late_after_ten_minutes(
    prometheus: PrometheusPort, within: Callable[..., Delivering]
) -> None:
    prometheus.down = True
    made = within()
    made.late()
    assert lag(made) == 0
    made.clock = lambda: time.time() + LATE + 200
    made.late()
    assert LATE < lag(made) < LATE + 200


def test_an_unreadable_watermark_is_late_after_ten_minutes(
    within: Callable[..., Delivering], exporter: Callable[..., Exporter]
) -> None:
    (exporter().folder / "watermark.json").write_text("{")
    made = within()
    made.clock = lambda: time.time() + LATE + 200
    made.late()
    assert lag(made) > LATE


def test_an_outage_is_counted_from_the_last_minute_that_was_delivered(
    prometheus: PrometheusPort, within: Callable[..., Delivering], clock: Clock
) -> None:
    """By the clock of Prometheus, which here is hours behind."""
    clock.now = held(prometheus, clock, 2).stop + 50
    made = within(METRICS="GPUUtilization", FIRST_BACKFILL="110")
    while step(made):
        pass
    assert lag(made) < 60
    began = time.time()
    made.clock = lambda: time.time() + 900
    made.late()
    assert 900 - 60 < lag(made) < 900 + 60 + time.time() - began


def test_a_clock_that_was_set_back_is_told_and_sends_nothing_twice(
    prometheus: PrometheusPort, cloudwatch: CloudWatchPort, within: Callable[..., Delivering], clock: Clock
) -> None:
    """Guards against an exporter that waits in silence until a clock has caught up with the watermark."""
    minutes = held(prometheus, clock, 30)
    clock.now = minutes.start + 1500 + 50
    first = within(METRICS="GPUUtilization", FIRST_BACKFILL="1500")
    while step(first):
        pass
    clock.now -= 1200
    for made in (first, within(METRICS="GPUUtilization")):
        for passed in range(0, 600, 300):
            clock.now += passed
            with pytest.raises(ClockError, match=r"in the future.*NTP.*remove file:"):
                step(made)
            assert lag(made) > LATE, "the alarm rings"
            made.late()
            assert lag(made) > LATE
        clock.now -= 300
    clock.now = minutes.stop + 50
    while step(made):
        pass
    assert lag(made) < 60
    assert delivered(cloudwatch) == utilization(minutes), "no minute is missing, none is there twice"


def test_a_clock_that_wavers_by_seconds_is_no_trouble(
    prometheus: PrometheusPort, within: Callable[..., Delivering], clock: Clock
) -> None:
    clock.now = held(prometheus, clock, 2).stop + 46
    made = within(METRICS="GPUUtilization", FIRST_BACKFILL="110")
    while step(made):
        pass
    clock.now -= 60
    assert not step(made)
    assert lag(made) == 0
