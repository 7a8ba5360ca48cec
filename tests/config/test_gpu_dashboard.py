"""GPU metrics in CloudWatch: what can be chosen, and what it needs."""

from typing import Any

import pytest

from tests.config.conftest import Blueprints


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"levels": ["gpu"]}, "gpu_dashboard.levels: lacks cluster, which the alarms and the first graphs are made of"),
        ({"levels": ["cluster", "cluster"]}, "gpu_dashboard.levels: cluster is given twice"),
        ({"levels": ["rack", "cluster"]}, "gpu_dashboard.levels[0]"),
        ({"metrics": ["GPUUtilisation"]}, "gpu_dashboard.metrics[0]"),
        ({"interval_seconds": 30}, "gpu_dashboard.interval_seconds"),
        ({"name": "my dashboard"}, "use 1 to 255 letters, digits, hyphens and underscores"),
        ({"merge_into": ["ops", "ops"]}, "gpu_dashboard.merge_into: ops is given twice"),
        ({"name": "gpus", "merge_into": ["ops", "gpus"]}, "merge_into[1]: gpus is a dashboard that this makes"),
        (
            {"parallel_clusters": ["hpc"], "merge_into": ["hpc-parallelcluster-gpu"]},
            "gpu_dashboard.merge_into[0]: hpc-parallelcluster-gpu is a dashboard that this makes",
        ),
        ({"alarms": {"idle_minutes": 12}}, "gpu_dashboard.alarms.idle_minutes: 12 is no multiple of 5 minutes"),
        ({"alarms": {"lag_seconds": 30}}, "gpu_dashboard.alarms.lag_seconds"),
        ({"prometheus_url": "prometheus:9090"}, "use an address like http://prometheus.example:9090"),
        ({"parallel_clusters": ["1st"]}, "gpu_dashboard.parallel_clusters[0]"),
        ({"image": "dcgm-cloudwatch"}, "gpu_dashboard.image"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(given: dict[str, Any], said: str, blueprints: Blueprints) -> None:
    assert said in blueprints.refusal(gpu_dashboard=given)


def test_widgets_are_not_merged_into_the_dashboard_that_they_are_of(blueprints: Blueprints) -> None:
    name = blueprints.read().name
    said = f"gpu_dashboard.merge_into[0]: {name}-gpu is a dashboard that this makes"
    assert said in blueprints.refusal(gpu_dashboard={"merge_into": [f"{name}-gpu"]})
    elsewhere = {"merge_into": [f"{name}-gpu"], "name": "gpus"}
    assert blueprints.read(gpu_dashboard=elsewhere).gpu_dashboard, "somebody else's, then"


def test_it_needs_prometheus(blueprints: Blueprints) -> None:
    assert "observability: null leaves out the Prometheus" in blueprints.refusal(observability=None)
    assert blueprints.read(observability=None, gpu_dashboard=None).gpu_dashboard is None
    elsewhere = {"prometheus_url": "http://prometheus.shared:9090"}
    assert blueprints.read(observability=None, gpu_dashboard=elsewhere).gpu_dashboard


def test_its_namespace_is_no_team_s(blueprints: Blueprints) -> None:
    assert "is a namespace of the system" in blueprints.refusal(teams=[{"name": "gpu-metrics"}])


def test_its_pod_is_counted_among_those_of_the_core_nodes(blueprints: Blueprints) -> None:
    """Guards against a pod that waits for ever on core nodes which are full."""
    teams = [{"name": f"team-{number}"} for number in range(18)]
    crowded = {"teams": teams, "cluster": {"core_nodes": {"instance_types": ["m5.large"], "count": 2}}}
    assert any("dcgm-cloudwatch (50m CPU, 128 MiB)" in each for each in blueprints.refusals(**crowded))
    assert not any("dcgm-cloudwatch" in each for each in blueprints.refusals(gpu_dashboard=None, **crowded))


def test_by_default_all_is_published_every_minute(blueprints: Blueprints) -> None:
    made = blueprints.read(gpu_dashboard={}).gpu_dashboard
    assert made
    assert (len(made.levels), len(made.metrics), made.interval_seconds) == (4, 13, 60)
    assert made.alarms.memory is False
