"""Background work goes on whatever goes wrong, and defects are not passed over in silence."""

import logging
import threading

import pytest

from rehearsal.kubernetes.api import ApiError
from rehearsal.kubernetes.loop import attempt, repeat


def test_it_goes_on_after_a_defect_and_logs_it(caplog: pytest.LogCaptureFixture) -> None:
    stopped, done = threading.Event(), threading.Event()
    turns: list[int] = []

    def work() -> None:
        turns.append(1)
        if len(turns) == 1:
            raise ValueError("once")
        done.set()

    repeat("worker", 0.001, stopped, work)
    assert done.wait(10)
    stopped.set()
    assert "worker failed" in caplog.text


def test_a_refusal_is_no_defect(caplog: pytest.LogCaptureFixture) -> None:
    def work() -> None:
        raise ApiError(409, "changed")

    with caplog.at_level(logging.INFO):
        attempt("worker", work)
    assert caplog.text == ""
