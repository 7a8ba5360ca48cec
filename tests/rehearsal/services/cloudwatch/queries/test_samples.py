import pytest

from rehearsal.services.cloudwatch.queries.samples import Archive, NotKnownError, Series, Span, line, statistic_of
from rehearsal.services.cloudwatch.store import Store

COUNTS = {1.0: 98.0, 5.0: 1.0, 9.0: 1.0}


@pytest.mark.parametrize(
    ("name", "expected"),
    [("Average", 1.12), ("Sum", 112.0), ("Minimum", 1.0), ("Maximum", 9.0), ("SampleCount", 100.0), ("p99", 5.0)],
)
def test_statistics_weigh_values_by_their_counts(name: str, expected: float) -> None:
    assert statistic_of(COUNTS, name) == pytest.approx(expected)


@pytest.mark.parametrize("name", ["Median", "p101", "average", "tm90"])
def test_an_unknown_statistic_is_refused(name: str) -> None:
    with pytest.raises(NotKnownError):
        statistic_of(COUNTS, name)


def test_a_longer_period_puts_the_observations_of_its_minutes_together() -> None:
    series = Series("S", "M", {}, {0: {2.0: 3.0}, 60: {10.0: 1.0}, 300: {7.0: 1.0}})
    assert line(series, "Average", Span(0, 600, 300)).values == {0: 4.0, 300: 7.0}


def test_what_was_put_into_the_store_is_found_there() -> None:
    store = Store()
    store.add(("S", "M", (("A", "a"),)), 61.5, {2.0: 3.0}, "None")
    archive = Archive(tuple(Series(*each) for each in store.series()))
    found = archive.one("S", "M", {"A": "a"})
    assert found
    assert found.points == {60: {2.0: 3.0}}
    assert archive.one("S", "M", {}) is None, "the dimensions are a part of the name"
