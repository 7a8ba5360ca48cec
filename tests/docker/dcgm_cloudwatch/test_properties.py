"""Whatever Prometheus answers, nothing crashes, and no number is published that was not measured."""

import json
import math
from collections.abc import Sequence
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from dcgm_cloudwatch.batch import MOST_DATA, batches, digest, member
from dcgm_cloudwatch.catalogue import PRESETS
from dcgm_cloudwatch.measures import UTILIZATION
from dcgm_cloudwatch.prometheus import Prometheus, PrometheusError, data_of
from dcgm_cloudwatch.readings import Readings, Window, increase
from dcgm_cloudwatch.scrape import measures
from dcgm_cloudwatch.series import Host, Series, read
from dcgm_cloudwatch.translate import Datum, Shape, translate
from dcgm_cloudwatch.watermark import Progress, StoreError, parse

WINDOW = Window(1_800_000_000, 60)
EKS = PRESETS["eks"]
SHAPE = Shape(EKS.metrics, EKS.levels, "c")
FIELDS = [spelling.field for measure in measures(EKS.metrics) for spelling in measure.spellings]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)
LABELS = st.fixed_dictionaries(
    {"__name__": st.sampled_from(FIELDS)},
    optional={
        "gpu": st.sampled_from(["0", "1"]),
        "Hostname": st.sampled_from(["a", "b"]),
        "hostname": st.just("a"),
        "GPU_I_ID": st.sampled_from(["1", "2"]),
        "exported_namespace": st.sampled_from(["red", "blue"]),
        "xid": st.sampled_from(["31", "48"]),
    },
)
NUMBERS = st.floats(allow_nan=True) | st.integers(0, 100).map(float) | st.sampled_from([2147483632.0, 2.0**47])
SAMPLES = st.lists(st.tuples(st.floats(WINDOW.start - 90, WINDOW.end + 90), NUMBERS), max_size=4)
SERIES = st.lists(st.builds(Series, LABELS, SAMPLES), max_size=8)


def readings_of(found: Sequence[Series]) -> Readings:
    readings = Readings(WINDOW)
    for measure in measures(EKS.metrics):
        readings.add(measure, found)
    return readings


@given(JSON)
@example([{"metric": {"gpu": 1}, "values": [[1, "1e999"], [None], "x", [1, "NaN"]]}])
def test_any_answer_is_read_or_passed_over(answer: Any) -> None:  # noqa: ANN401
    for series in read(answer):
        assert all(math.isfinite(moment) and math.isfinite(number) for moment, number in series.samples)


@given(st.binary(max_size=80) | JSON.map(lambda each: json.dumps(each).encode()))
@example(b"[" * 5000)
def test_any_body_is_data_or_an_error_that_says_so(body: bytes) -> None:
    try:
        found = data_of(body, "http://x")
    except PrometheusError as error:
        found = {"said": str(error)}
    assert isinstance(found, dict)
    assert "http://x" in found.get("said", "http://x")


@given(st.floats().map(lambda told: [0, str(told)]) | st.sampled_from([[0, "1" * 400], [0, 10**400]]) | JSON)
@example([0, "NaN"])
@example([0, "+Inf"])
def test_whatever_time_is_told_is_a_moment_or_an_error(told: Any) -> None:  # noqa: ANN401
    class Telling(Prometheus):
        def _ask(self, parameters: dict[str, str]) -> dict[str, Any]:
            assert parameters == {"query": "time()"}
            return {"result": told}

    try:
        assert 0 <= Telling("http://p").now() < float("inf")
    except PrometheusError as error:
        assert "does not tell the time" in str(error)  # noqa: PT017 - most times are told


@given(SERIES)
def test_only_what_can_be_measured_is_published(found: list[Series]) -> None:
    for datum in translate(readings_of(found), {}, SHAPE):
        for value in datum.values:
            assert math.isfinite(value)
            assert datum.unit != "Percent" or 0 <= value <= 100
        assert len(datum.values) == len(set(datum.values)) == len(datum.counts) <= 150
        assert all(count >= 1 for count in datum.counts)
        assert datum.moment == WINDOW.start
        assert dict(datum.dimensions)["ClusterName"] == "c"
        assert ("GPU" in dict(datum.dimensions)) <= ("InstanceId" in dict(datum.dimensions))


@given(st.lists(st.integers(-90_000, 150_000), max_size=6, unique=True))
@example([-1, 0, 59_999, 60_000])
def test_only_samples_of_the_window_itself_count(milliseconds: list[int]) -> None:
    """A range of Prometheus 2 has its start in it."""
    labels = {"__name__": "DCGM_FI_DEV_GPU_UTIL", "gpu": "0", "Hostname": "a"}
    found = [Series(labels, [(WINDOW.start + each / 1000, 7.0) for each in milliseconds])]
    counts = [sum(each.counts) for each in translate(readings_of(found), {}, SHAPE) if each.name == "GPUUtilization"]
    inside = sum(0 <= each < 60_000 for each in milliseconds)
    assert set(counts) == ({inside} if inside else set())


@given(SERIES, st.randoms())
def test_the_order_of_answers_changes_nothing(found: list[Series], random: Any) -> None:  # noqa: ANN401
    other = list(found)
    random.shuffle(other)
    assert translate(readings_of(found), {}, SHAPE) == translate(readings_of(other), {}, SHAPE)


@given(st.dictionaries(st.sampled_from(["a", "b", "c"]), st.lists(st.integers(2, 100), min_size=1, max_size=5)))
def test_roll_ups_hold_every_sample_of_their_gpus_and_no_average(hosts: dict[str, list[int]]) -> None:
    found = [
        Series(
            {"__name__": "DCGM_FI_DEV_GPU_UTIL", "gpu": "0", "Hostname": host},
            [(WINDOW.start + at, float(value)) for at, value in enumerate(values)],
        )
        for host, values in hosts.items()
    ]
    ids = {Host("node", host): f"i-{host}" for host in hosts}
    data = translate(readings_of(found), ids, SHAPE)
    of = {each.dimensions: each for each in data if each.name == "GPUUtilization"}
    for host, values in hosts.items():
        assert observed(of[(("ClusterName", "c"), ("InstanceId", f"i-{host}"))]) == sorted(values)
    if hosts:
        assert observed(of[(("ClusterName", "c"),)]) == sorted(value for values in hosts.values() for value in values)


def observed(datum: Datum) -> list[float]:
    """Return a datum's observations one by one."""
    return [value for value, count in zip(datum.values, datum.counts, strict=True) for _ in range(count)]


def test_more_than_150_values_are_cut_into_several_data() -> None:
    found = [
        Series({"__name__": "DCGM_FI_DEV_POWER_USAGE", "gpu": str(gpu), "Hostname": "a"}, [(WINDOW.start, gpu + 0.5)])
        for gpu in range(400)
    ]
    data = [each for each in translate(readings_of(found), {}, SHAPE) if each.name == "GPUPowerUsage"]
    cluster = [each for each in data if each.dimensions == (("ClusterName", "c"),)]
    assert [len(each.values) for each in cluster] == [150, 150, 100]
    assert sorted(value for each in cluster for value in each.values) == [gpu + 0.5 for gpu in range(400)]


@given(st.dictionaries(st.integers(-100, 59), st.integers(0, 50), max_size=8), st.booleans())
def test_what_a_counter_gains_is_never_negative_nor_more_than_it_shows(rows: dict[int, int], zero: bool) -> None:
    samples = {float(WINDOW.start + at): float(value) for at, value in rows.items()}
    gained = increase(samples, WINDOW, from_zero=zero)
    inside = [value for at, value in rows.items() if at >= 0]
    assert (gained is None) == (not inside)
    assert gained is None or 0 <= gained <= sum(inside)


def test_a_counter_that_begins_anew_is_all_new() -> None:
    start = WINDOW.start
    assert increase({start - 30: 9.0, start: 2.0, start + 30: 3.0}, WINDOW, from_zero=False) == 3
    assert increase({start: 9.0, start + 30: 11.0}, WINDOW, from_zero=False) == 2
    assert increase({start: 9.0}, WINDOW, from_zero=True) == 9


DATA = st.builds(
    Datum,
    st.text(min_size=1, max_size=20),
    st.lists(st.tuples(st.text(max_size=9), st.text(max_size=1024)), max_size=3).map(tuple),
    st.just(WINDOW.start),
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=150).map(tuple),
    st.just((1,) * 150),
    st.just("None"),
)


@given(st.lists(DATA, max_size=12), st.sampled_from([1, 200, 500]), st.sampled_from(["json", "query"]))
def test_batches_keep_every_datum_in_order_and_fit_a_request(some: list[Datum], times: int, protocol: str) -> None:
    data = [each._replace(counts=each.counts[: len(each.values)]) for each in some] * times
    cut = list(batches(data, protocol))
    assert [each for batch in cut for each in batch] == data
    assert all(0 < len(batch) <= MOST_DATA for batch in cut)
    largest = max(cut, key=len, default=())
    written = json.dumps([member(each, 60) for each in largest], default=str)
    assert len(written) <= 1024 * 1024, "CloudWatch's own limit"
    assert [digest(batch) for batch in cut] == [digest(batch) for batch in batches(data, protocol)]


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 3)), max_size=20))
def test_progress_knows_exactly_the_windows_that_are_done(windows: list[tuple[int, int]]) -> None:
    progress, done = Progress(600), set(range(10))
    for first, length in windows:
        progress = progress.with_batch(first * 60, "x").with_window(first * 60, (first + length) * 60)
        done |= set(range(first, first + length))
    again = parse(progress.text())
    assert again.through == progress.through
    assert [again.done(60 * each, 60 * each + 60) for each in range(40)] == [each in done for each in range(40)]
    assert all(60 * each in range(again.through, 10**9) for each in (first // 60 for first in again.begun))


@given(JSON.map(json.dumps) | st.text(max_size=20))
def test_any_text_is_progress_or_an_error_that_says_what_to_do(text: str) -> None:
    try:
        found = str(parse(text).through)
    except StoreError as error:
        found = str(error)
    assert found.isdecimal() or "delete the file" in found


def test_every_measure_knows_its_blanks() -> None:
    assert UTILIZATION.value(2147483632.0, 1.0) is None
    assert UTILIZATION.value(100.0, 1.0) == 100
    assert UTILIZATION.value(100.1, 1.0) is None
