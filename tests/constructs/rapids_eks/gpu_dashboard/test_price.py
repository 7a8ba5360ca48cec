from pathlib import Path

import pytest

from dcgm_cloudwatch import cost
from dcgm_cloudwatch.settings import load
from rapids_eks.gpu_dashboard import price
from rapids_eks.gpu_dashboard.metrics import LEVELS, OF_EXPORTER, Level


@pytest.mark.parametrize(
    ("number", "dollars"),
    [
        (0, 0),
        (96, 28.80),
        (10_000, 3000),
        (10_001, 3000.10),
        (250_000, 27_000),
        (1_000_000, 64_500),
        (1_000_001, 64_500.02),
    ],
)
def test_the_first_metrics_cost_most(number: int, dollars: float) -> None:
    assert price.monthly(number) == pytest.approx(dollars)


@pytest.mark.parametrize("levels", [("gpu",), ("cluster",), ("node", "cluster"), LEVELS])
def test_what_synth_counts_is_what_the_exporter_counts(levels: tuple[Level, ...]) -> None:
    settings = load({"CLUSTER_NAME": "demo", "AGGREGATION": ",".join(levels)})
    theirs = cost.monthly(settings, cost.Fleet(gpus=16, nodes=2, teams=3))
    assert price.metrics(levels, gpus=16, nodes=2, teams=3) == sum(theirs.metrics.values())
    assert price.monthly(sum(theirs.metrics.values())) == pytest.approx(theirs.for_metrics)


def test_the_parts_of_gpus_that_are_cut_up_have_metrics_of_their_own() -> None:
    """Counted by hand: of 12 metrics of a GPU six are of its parts; at other levels nothing is of a part."""
    whole, cut = (price.metrics(LEVELS, gpus=8, nodes=1, teams=2, slices=slices) for slices in (1, 7))
    assert cut - whole == 8 * 6 * 6
    assert price.metrics(["cluster"], gpus=8, nodes=1, teams=2, slices=7) == price.metrics(
        ["cluster"], gpus=8, nodes=1, teams=2
    )


def test_metrics_that_are_left_out_cost_nothing() -> None:
    one = price.metrics(["gpu"], gpus=8, nodes=1, teams=1, chosen=["GPUUtilization"])
    assert one == 8 + len(OF_EXPORTER)


def test_the_documentation_tells_these_prices() -> None:
    text = (Path(__file__).parents[4] / "docs/gpu-dashboard.md").read_text()
    chosen: dict[str, tuple[Level, ...]] = {
        "all four": LEVELS,
        "node, team, cluster": ("node", "team", "cluster"),
        "team, cluster": ("team", "cluster"),
        "cluster": ("cluster",),
    }
    for name, levels in chosen.items():
        few = price.monthly(price.metrics(levels, gpus=8, nodes=8, teams=2))
        many = price.monthly(price.metrics(levels, gpus=1000, nodes=125, teams=10))
        assert f"| {name} | ${few:,.2f} | ${many:,.2f} |" in text
