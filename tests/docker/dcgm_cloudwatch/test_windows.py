"""Which windows are delivered: every second once, whatever the interval was before, and no more at once than fits."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcgm_cloudwatch import scrape
from dcgm_cloudwatch.exporter import Exporter as Delivering
from dcgm_cloudwatch.run import step
from dcgm_cloudwatch.watermark import Progress
from tests.docker.dcgm_cloudwatch.clock import HOUR, Clock
from tests.docker.dcgm_cloudwatch.cloudwatch_port import CloudWatchPort
from tests.docker.dcgm_cloudwatch.fleet import delivered, fleet_at, held, history, up, utilization
from tests.docker.dcgm_cloudwatch.prometheus_port import PrometheusPort

CHOSEN = {"METRICS": "GPUUtilization", "AGGREGATION": "node"}
Within = Callable[..., Delivering]


def all_of(made: Delivering) -> Delivering:
    while step(made):
        pass
    return made


@pytest.mark.parametrize("intervals", [("60", "300"), ("300", "60"), ("10", "60"), ("60", "10"), ("20", "300")])
def test_another_interval_sends_nothing_again_and_leaves_nothing_out(
    intervals: tuple[str, str],
    prometheus: PrometheusPort,
    cloudwatch: CloudWatchPort,
    within: Within,
    clock: Clock,
) -> None:
    minutes = held(prometheus, clock, 20)
    for interval, until in zip(intervals, (8 * 60 - 13, 20 * 60), strict=True):
        clock.now = clock.start + until + 50
        all_of(within(**CHOSEN, SCRAPE_INTERVAL=interval, FIRST_BACKFILL=str(until + 50)))
    found = delivered(cloudwatch)
    wanted = utilization(minutes)
    assert sum(total for total, _ in found.values()) == sum(total for total, _ in wanted.values())
    assert sum(count for _, count in found.values()) == sum(count for _, count in wanted.values())


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 9)), max_size=6), st.integers(0, 40), st.integers(1, 9))
def test_what_is_missing_of_a_window_is_what_no_other_has_delivered(
    windows: list[tuple[int, int]], start: int, length: int
) -> None:
    progress, done = Progress(3), {0, 1, 2}
    for first, seconds in windows:
        progress = progress.with_window(first, first + seconds)
        done |= set(range(first, first + seconds))
    wanted = [second for second in range(start, start + length) if second not in done]
    missing = progress.missing(start, start + length)
    assert (missing is None) == (not wanted)
    if missing:
        assert missing[0] == wanted[0]
        assert wanted[: missing[1] - missing[0]] == list(range(*missing))
        assert missing[1] not in wanted


def test_a_window_that_does_not_fit_is_delivered_in_parts(
    prometheus: PrometheusPort,
    cloudwatch: CloudWatchPort,
    within: Within,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    minutes = held(prometheus, clock, 60, gpus=2)
    monkeypatch.setattr(scrape, "MOST_SAMPLES", 2 * 2 * 2 * 7)  # of 2 fields of 2 GPUs in 7 minutes
    clock.now = minutes.stop + 50
    made = all_of(within(**CHOSEN, SCRAPE_INTERVAL="3600", FIRST_BACKFILL="3650"))
    found = delivered(cloudwatch)
    assert sorted(found) == [clock.start + 7 * 60 * part for part in range(9)]
    assert max(count for _, count in found.values()) == 14
    assert sum(total for total, _ in found.values()) == sum(total for total, _ in utilization(minutes).values())
    assert made.counters.counts["WindowsDelivered"] == 9


def gaps(made: Delivering) -> float:
    return made.counters.counts["ScrapeGapMinutes"]


def test_before_prometheus_itself_began_there_are_no_gaps(
    prometheus: PrometheusPort, within: Within, clock: Clock
) -> None:
    """Its two minutes are delivered, newest first, before the hour in which it was not there."""
    end = clock.start + HOUR
    prometheus.series = [*history(end - 120, end, fleet_at(1)), *up(end - 120, end)]
    clock.now = end + 50
    assert gaps(all_of(within(**CHOSEN, FIRST_BACKFILL="3600"))) == 0


def test_gaps_within_the_first_hour_are_counted(prometheus: PrometheusPort, within: Within, clock: Clock) -> None:
    end = clock.start + HOUR
    for begin, until in ((end - 1800, end - 1200), (end - 600, end)):
        prometheus.series += [*history(begin, until, fleet_at(1)), *up(begin, until)]
    clock.now = end + 50
    assert gaps(all_of(within(**CHOSEN, FIRST_BACKFILL="3600"))) == 10


@pytest.mark.parametrize(("every", "interval"), [(30, "10"), (60, "10"), (120, "60"), (300, "60")])
def test_windows_between_two_scrapes_are_no_gaps(
    every: int, interval: str, prometheus: PrometheusPort, within: Within, clock: Clock
) -> None:
    end = clock.start + 1200
    labels = {"__name__": "up", "job": "kubernetes"}
    prometheus.series = [(labels, [(second + 3.5, "1") for second in range(clock.start - HOUR, end + 300, every)])]
    clock.now = end + 50
    assert gaps(all_of(within(**CHOSEN, SCRAPE_INTERVAL=interval, FIRST_BACKFILL="600"))) == 0


def test_a_gap_is_told_from_the_time_between_two_scrapes(
    prometheus: PrometheusPort, within: Within, clock: Clock
) -> None:
    labels = {"__name__": "up", "job": "kubernetes"}
    before, after = (range(clock.start - HOUR, clock.start, 30), range(clock.start + 600, clock.start + 1200, 30))
    prometheus.series = [(labels, [(second + 3.5, "1") for second in (*before, *after)])]
    clock.now = clock.start + 1200 + 50
    counted = gaps(all_of(within(**CHOSEN, SCRAPE_INTERVAL="10", FIRST_BACKFILL="1800")))
    assert 9 < counted <= 10
