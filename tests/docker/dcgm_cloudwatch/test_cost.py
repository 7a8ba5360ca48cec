import pytest

from dcgm_cloudwatch.cost import Fleet, monthly, text, tiered
from dcgm_cloudwatch.settings import load

SIX = "GPUUtilization,GPUMemoryUtilization,GPUTemperature,GPUPowerUsage,GPUMemoryUsed,GPUMemoryFree"


@pytest.mark.parametrize(
    ("level", "gpus", "dollars"),
    [("gpu", 16, 28.80), ("gpu", 1000, 1800), ("gpu", 10_000, 8000), ("node", 16, 3.60), ("cluster", 1000, 1.80)],
)
def test_the_documents_six_metrics_cost_what_aws_lists(level: str, gpus: int, dollars: float) -> None:
    settings = load({"CLUSTER_NAME": "c", "METRICS": SIX, "AGGREGATION": level})
    cost = monthly(settings, Fleet(gpus, gpus // 8, 1))
    assert tiered(sum(cost.metrics.values()) - 7) == pytest.approx(dollars)


@pytest.mark.parametrize(("gpus", "dollars"), [(16, 0.44), (1000, 2.63), (10_000, 26.28)])
def test_requests_of_a_thousand_data_cost_little(gpus: int, dollars: float) -> None:
    settings = load({"CLUSTER_NAME": "c", "METRICS": SIX, "AGGREGATION": "gpu"})
    assert monthly(settings, Fleet(gpus, gpus // 8, 1)).for_requests - 0.438 == pytest.approx(dollars, abs=0.01)


def test_prices_fall_by_tier() -> None:
    assert tiered(10_000) == 3000
    assert tiered(250_000) == 3000 + 24_000
    assert tiered(1_000_001) == pytest.approx(3000 + 24_000 + 37_500 + 0.02)


def test_longer_intervals_cost_fewer_requests_and_as_many_metrics() -> None:
    fleet = Fleet(16, 2, 1)
    costs = [monthly(load({"CLUSTER_NAME": "c", "SCRAPE_INTERVAL": each}), fleet) for each in ("60", "300")]
    assert costs[0].for_metrics == costs[1].for_metrics
    assert costs[0].requests > costs[1].requests


def test_the_text_tells_levels_and_total() -> None:
    fleet = Fleet(16, 2, 1)
    said = text(monthly(load({"CLUSTER_NAME": "c"}), fleet), fleet)
    assert "192 metrics of gpu" in said
    assert "26 metrics of node" in said
    assert "$75.30 for metrics" in said


def test_the_price_up_to_which_otlp_would_be_dearer_is_told() -> None:
    fleet = Fleet(1000, 125, 1)
    cost = monthly(load({"CLUSTER_NAME": "c", "METRICS": SIX, "AGGREGATION": "gpu"}), fleet)
    assert cost.otlp_gb == pytest.approx(43_800 * 6000 * 250 / 1e9)
    assert f"cheaper below ${cost.total / cost.otlp_gb:.2f} a GB" in text(cost, fleet)
    none = Fleet(0, 0, 0)
    assert "OTLP" not in text(monthly(load({"CLUSTER_NAME": "c"}), none), none)
