"""What is told of the price of metrics, beside the price list worked out by hand.

tests/rehearsal/prometheus/test_metrics_price_path.py compares the numbers of series with those of a real Prometheus.
"""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rapids_eks import metrics_price
from rapids_eks.gpu_metrics.alerts import alerts
from rapids_eks.gpu_metrics.recordings import recordings
from rapids_eks.kept_series import NEW_NAMES, Fleet
from rapids_eks.metrics_price import SELECTED

EXPRESSIONS = [*(each.expression for each in recordings()), *(each.expression for each in alerts())]
FIELD = re.compile(r"\b(?:DCGM_\w+|kube_\w+|\w+:\w+:\w+)")
# Eight GPUs on eight nodes with three core nodes and two drivers; nodes are of three types
FLEET = Fleet(gpus=8, nodes=13, applications=2, types=3)


def test_the_price_is_aws_s_own_example() -> None:
    """2 billion samples at the first price, 41 at the second: the price page's tiers, worked out by hand."""
    assert metrics_price.price(2e9) == pytest.approx(180.0)
    assert metrics_price.price(43e9) == pytest.approx(180.0 + 41e9 * 0.35 / 1e7)
    assert metrics_price.price(300e9) == pytest.approx(180.0 + 250e9 * 0.35 / 1e7 + 48e9 * 0.16 / 1e7)
    assert metrics_price.price(0) == 0


@given(st.floats(0, 1e12), st.floats(0, 1e12))
def test_more_never_costs_less_and_never_more_than_at_the_first_price(one: float, other: float) -> None:
    assert (metrics_price.price(one) <= metrics_price.price(other)) == (one <= other) or one == pytest.approx(other)
    assert metrics_price.price(one) <= one * metrics_price.TIERS[0][1] * (1 + 1e-9)


def test_a_series_has_a_sample_each_time_it_is_looked_at() -> None:
    assert metrics_price.samples(100, interval=30) == pytest.approx(100 * 730 * 120)


def test_what_is_told_is_what_is_reckoned_by_hand() -> None:
    """DCGM 14 a GPU, 8 a node, Spark 12 an executor or driver and 3 a job, Karpenter 6 and 6 of a type.

    Rules make 15 a GPU, 2 a team and 4.
    """
    sent, made = 14 * 8 + (1 + 7) * 13 + 12 * (8 + 2) + 3 * 2 + 6 + 6 * 3, 15 * 8 + 2 * 2 + 4
    samples = sent * 730 * 120 + made * 730 * 60
    read = metrics_price.read(FLEET) * 730 * 60
    assert read < samples * 2, "then what reading costs would have to be looked at"
    told = metrics_price.told({"at work": FLEET})
    said = f"at work {sent} series and {made} that rules make, {samples / 1e6:.0f} million samples, "
    assert said + f"and {read / 1e6:.0f} million that rules read" in told
    assert f"about {samples * 0.9 / 1e7 + read * 0.1 / 1e9:.2f} USD" in told


def test_without_a_gpu_rules_make_nothing() -> None:
    assert metrics_price.recorded(Fleet(gpus=0, nodes=3, applications=0, types=3)) == 0


def test_all_that_rules_read_is_counted() -> None:
    for text in EXPRESSIONS:
        assert {name for name, _ in SELECTED.findall(text)} == set(FIELD.findall(text)), text
        assert text.count("[") == len([window for _, window in SELECTED.findall(text) if window]), text


def test_only_recorded_series_are_read_by_ranges() -> None:
    """Guards against a range over a scraped series, which has twice as many samples."""
    asked = [found for text in EXPRESSIONS for found in SELECTED.findall(text)]
    assert {name.partition(":")[0] for name, window in asked if window} == {"gpu"}
    assert NEW_NAMES & {name for name, _ in asked}
