"""Whatever a counter goes through, its errors are never counted twice, and all of them where Prometheus saw all."""

import json
import urllib.parse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dcgm_cloudwatch.catalogue import XID_ERRORS
from dcgm_cloudwatch.derived import observed
from dcgm_cloudwatch.lookback import count
from dcgm_cloudwatch.measures import MEMORY_USED, XID
from dcgm_cloudwatch.prometheus import Prometheus, data_of
from dcgm_cloudwatch.readings import Readings, Window
from dcgm_cloudwatch.scrape import BEFORE
from tests.docker.dcgm_cloudwatch.prometheus_port import PrometheusPort

START = 1_800_000_000
EVERY, MINUTES = 20, 5  # seconds between two scrapes; what is delivered, one after another


class Step(NamedTuple):
    """What happens before a scrape: new errors, a restart of DCGM's exporter, and whether Prometheus gets there."""

    errors: int
    restarts: bool
    seen: bool


STEPS = st.lists(
    st.builds(Step, st.sampled_from([0, 0, 0, 1, 3]), st.sampled_from([False] * 7 + [True]), st.booleans()),
    min_size=MINUTES * 60 // EVERY,
    max_size=MINUTES * 60 // EVERY,
)


@dataclass(frozen=True)
class Direct(Prometheus):
    """Asks the stand-in without a network between."""

    port: PrometheusPort | None = None

    def _ask(self, parameters: dict[str, str]) -> dict[str, Any]:
        assert self.port
        status, body = self.port.answer(dict(urllib.parse.parse_qsl(urllib.parse.urlencode(parameters))))
        assert status == 200
        return data_of(body, json.dumps(parameters))


def asked(steps: Sequence[Step]) -> Direct:
    """Return a Prometheus that has what it saw of one GPU: an XID's series is there from its first error on."""
    labels = {"gpu": "0", "UUID": "GPU-0", "Hostname": "a"}
    total, shown = 0, []
    for number, step in enumerate(steps):
        total = step.errors + (0 if step.restarts else total)
        shown += [(START + number * EVERY + 1.5, total)] if step.seen else []
    xid: dict[str, str] = {**labels, "__name__": "DCGM_EXP_XID_ERRORS_TOTAL", "xid": "31"}
    memory = {**labels, "__name__": "DCGM_FI_DEV_FB_USED"}
    port = PrometheusPort(lambda: float(START))
    port.series = [
        (xid, [(at, str(value)) for at, value in shown if value]),
        (memory, [(at, "100") for at, _ in shown]),
    ]
    return Direct("http://stand-in", port=port)


def counted(prometheus: Prometheus) -> float:
    """Return the errors of all minutes together, each worked out by itself as the exporter does."""
    found = 0.0
    for minute in range(MINUTES):
        readings = Readings(Window(START + 60 * minute, 60))
        count(prometheus, readings, XID, BEFORE)
        readings.add(MEMORY_USED, prometheus.samples(MEMORY_USED.fields, readings.window.start, readings.window.end))
        for each in observed(XID_ERRORS, readings):
            assert all(value >= 0 for value in each.values)
            found += sum(each.values)
    return found


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(STEPS)
@example([Step(3, False, True)] * 15)  # noqa: FBT003 - a row of a table
@example([Step(0, False, True), Step(3, False, False), Step(1, True, True)] * 5)  # noqa: FBT003
def test_no_error_is_counted_twice_whatever_restarts_and_gaps_there_are(steps: list[Step]) -> None:
    assert 0 <= counted(asked(steps)) <= sum(step.errors for step in steps)


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(STEPS, st.data())
def test_where_prometheus_missed_nothing_all_but_the_first_are_counted(steps: list[Step], data: st.DataObject) -> None:
    """What there was at the first scrape may be years old; a gap without a restart hides nothing either.

    Guards against an error in the very first minute of a GPU, in which nothing was known of it before.
    """
    gap = data.draw(st.sets(st.integers(1, len(steps) - 2), max_size=9))
    seen = [step._replace(restarts=False, seen=number not in gap) for number, step in enumerate(steps)]
    assert counted(asked(seen)) == sum(step.errors for step in seen[1:])
