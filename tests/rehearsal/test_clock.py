"""The clock: AWS's minutes in seconds, but never at the cost of real work."""

import os
import threading
import time
from datetime import timedelta

import pytest

from rehearsal.clock import Clock


def passed(clock: Clock, seconds: float, *, patient: bool) -> float:
    """Return the wall seconds that waiting took."""
    start = time.monotonic()
    if patient:
        assert not clock.wait(seconds, lambda: False)
    else:
        clock.sleep(seconds)
    return time.monotonic() - start


def test_aws_s_seconds_pass_as_fast_as_the_speed() -> None:
    clock = Clock(speed=1000)
    before = clock.time()
    assert passed(clock, 500, patient=False) >= 0.5
    assert clock.time() - before >= 500


def test_a_deadline_does_not_run_out_faster_than_the_wall_s_time_while_a_function_runs() -> None:
    clock = Clock(speed=1000)
    with clock.at_work():
        assert passed(clock, 0.5, patient=True) >= 0.5
        assert passed(clock, 500, patient=False) < 400  # what AWS makes one wait for still passes fast
    assert passed(clock, 500, patient=True) < 400


def test_while_a_job_runs_everything_takes_the_wall_s_time() -> None:
    clock = Clock(speed=1000)
    with clock.at_work(job=True):
        assert passed(clock, 0.5, patient=False) >= 0.5


def test_where_programs_wait_for_processors_deadlines_wait_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, processors = Clock(speed=1000), os.cpu_count() or 1
    monkeypatch.setattr(os, "getloadavg", lambda: (4.0 * processors, 0, 0))
    assert passed(clock, 100, patient=True) >= 0.4
    assert passed(clock, 100, patient=False) < 0.4
    before = clock.patience()
    monkeypatch.setattr(os, "getloadavg", lambda: (40.0 * processors, 0, 0))
    assert clock.patience() >= before, "what has passed has passed"


def test_a_deadline_s_own_time_stands_still_with_it() -> None:
    clock = Clock(speed=1000)
    before = clock.patience()
    with clock.at_work():
        clock.sleep(100)
        assert clock.patience() - before < 50
    clock.advance(timedelta(hours=1))
    assert 3600 <= clock.patience() - before < 3700


def test_waiting_ends_as_soon_as_what_is_waited_for_is_there() -> None:
    clock, there = Clock(speed=1), threading.Event()
    threading.Timer(0.2, there.set).start()
    assert clock.wait(600, there.is_set, every=0.05)


def test_a_push_ends_the_waiting_of_everyone_whose_time_has_come() -> None:
    clock = Clock(speed=1)
    threading.Timer(0.2, lambda: clock.advance(timedelta(hours=1))).start()
    assert not clock.wait(3000, lambda: False, every=3000)
