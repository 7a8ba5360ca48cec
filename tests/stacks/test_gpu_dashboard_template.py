"""The stack of GPU metrics as a template: that every graph and alarm finds its data, and what is allowed to whom."""

import json
import re
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from cfnlint.api import lint
from cfnlint.config import ManualArgs
from gpu_archive import GIB, NOW, OF_EXPORTER, Fleet, team_of, values
from template_graph import Graph

import config
from rehearsal.services.cloudwatch.queries import alarms, widgets
from rehearsal.services.cloudwatch.queries.samples import Archive, Line, Series, Span
from rehearsal.services.cloudwatch.queries.widgets import EmptyError
from tests.stacks.assembly import Assembly
from tests.stacks.gpu_dashboard_stack import STACK, dashboards, of_kind, synthesized

HOUR = Span(NOW - 3600, NOW)
SIZES = {"one": Fleet(1), "eight": Fleet(8), "thousand": Fleet(1000, minutes=5, gone_nodes=600)}
LAST = NOW - 60


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """Return the stack with all that the blueprint can ask of it."""
    return synthesized(tmp_path_factory.mktemp("gpus"), merge_into=["ops"], parallel_clusters=["hpc-1"])


@cache
def archive(size: str) -> Archive:
    return SIZES[size].archive()


def graphs(assembly: Assembly, dashboard: str = "demo-gpu") -> list[dict[str, Any]]:
    return [each for each in dashboards(assembly)[dashboard]["widgets"] if each["type"] == "metric"]


def shown(assembly: Assembly, title: str, size: str) -> list[Line]:
    (graph,) = [each for each in graphs(assembly) if each["properties"]["title"] == title]
    return widgets.lines(graph, archive(size), HOUR)


@pytest.mark.parametrize("size", SIZES)
def test_every_graph_has_data_for_every_line(assembly: Assembly, size: str) -> None:
    """What is gone is among a thousand GPUs: 4,800 that were there days ago."""
    widgets.check(dashboards(assembly)["demo-gpu"])
    for each in graphs(assembly):
        found = widgets.lines(each, archive(size), HOUR)
        assert 0 < len(found) <= 20, each["properties"]["title"]
        assert not [line for line in found if "gone" in line.label]


def test_a_dashboard_that_names_no_dimensions_shows_nothing() -> None:
    """Guards against the evaluator's kindness: the widgets of many an example are like this."""
    stored = parallel_cluster()
    averages = ("GPUUtilization", "GPUPowerUsage", "GPUMemoryUsed", "GPUMemoryFree")
    for name, statistic in (("GPUTemperature", "Maximum"), *((name, "Average") for name in averages)):
        metrics = [["ParallelCluster/hpc-1/GPU", name]]
        graph = {"type": "metric", "properties": {"metrics": metrics, "stat": statistic, "region": "us-west-2"}}
        widgets.check({"widgets": [graph]})
        with pytest.raises(EmptyError, match=f"nothing is stored of ParallelCluster/hpc-1/GPU {name}"):
            widgets.lines(graph, stored, HOUR)


def parallel_cluster() -> Archive:
    """Return what a head node publishes of 16 GPUs."""
    names = (
        "GPUUtilization",
        "GPUMemoryUtilization",
        "GPUTemperature",
        "GPUPowerUsage",
        "GPUMemoryUsed",
        "GPUMemoryFree",
    )
    namespace = "ParallelCluster/hpc-1/GPU"
    measured = [
        Series(
            namespace,
            name,
            {"InstanceId": f"i-{gpu // 8}", "GPU": str(gpu % 8)},
            {LAST: {values(gpu, LAST)[name]: 1.0}},
        )
        for gpu in range(16)
        for name in names
    ]
    return Archive((*measured, *(Series(namespace, name, {}, {LAST: {1.0: 1.0}}) for name in OF_EXPORTER)))


def test_the_dashboard_of_a_parallel_cluster_shows_its_gpus_and_its_exporter(assembly: Assembly) -> None:
    found = graphs(assembly, "hpc-1-parallelcluster-gpu")
    widgets.check(dashboards(assembly)["hpc-1-parallelcluster-gpu"])
    of_exporter = [each for each in found if each["properties"]["title"].startswith("Exporter: ")]
    found = [each for each in found if each not in of_exporter]
    assert [len(widgets.lines(each, parallel_cluster(), HOUR)) for each in of_exporter] == [1, 3, 3]
    assert [each["properties"]["title"] for each in found][:4] == [
        "GPU utilization",
        "GPU temperature (maximum)",
        "GPU power",
        "GPU memory used",
    ]
    for each in found:
        assert len(widgets.lines(each, parallel_cluster(), HOUR)) == 16


def test_the_four_graphs_say_what_can_be_reckoned_by_hand(assembly: Assembly) -> None:
    gpus = [values(gpu, LAST) for gpu in range(8)]

    def last(title: str) -> dict[str, float]:
        return {each.label: each.values[LAST] for each in shown(assembly, title, "eight")}

    assert last("GPU utilization")["average"] == sum(each["GPUUtilization"] for each in gpus) / 8
    assert last("GPU temperature (maximum)")["highest"] == 57.0
    assert last("GPU power")["all GPUs (right)"] == sum(each["GPUPowerUsage"] for each in gpus)
    memory = last("GPU memory used and free")
    assert memory["used, average of a GPU"] == sum(each["GPUMemoryUsed"] for each in gpus) / 8 / GIB
    assert sum(memory.values()) == 24.0
    assert last("GPUs allocated, and allocated but idle") == {
        "there are": 8.0,
        "a pod has": 8.0,
        "a pod has and lets idle": 2.0,
    }


def test_sums_over_the_fleet_do_not_grow_with_the_period_that_a_console_picks(assembly: Assembly) -> None:
    """Guards against the sum of a metric, which over 5 minutes is five times as much."""
    (graph,) = [each for each in graphs(assembly) if each["properties"]["title"] == "GPU power"]
    longer = {**graph, "properties": {**graph["properties"], "period": 300}}
    found = {each.label: list(each.values.values()) for each in widgets.lines(longer, archive("eight"), HOUR)}
    assert set(found["all GPUs (right)"]) == {sum(values(gpu, LAST)["GPUPowerUsage"] for gpu in range(8))}


def test_the_extremes_of_a_thousand_gpus_are_shown_by_rank(assembly: Assembly) -> None:
    hottest = shown(assembly, "GPUs: temperature, highest, last 15 minutes", "thousand")
    assert {each.values[LAST] for each in hottest} == {69.0}
    lazy = shown(assembly, "GPUs: utilization, lowest, last 15 minutes", "thousand")
    assert max(each.values[LAST] for each in lazy) < 40 + 1 + 7


def test_teams_are_told_by_their_names(assembly: Assembly) -> None:
    found = {each.label: each.values[LAST] for each in shown(assembly, "Teams: GPUs", "eight")}
    assert found == {"team-a": 4.0, "team-b": 4.0}
    busy = {each.label: each.values[LAST] for each in shown(assembly, "Teams: utilization, average", "eight")}
    own = [values(gpu, LAST)["GPUUtilization"] for gpu in range(8) if team_of(gpu, LAST) == "team-a"]
    assert busy["team-a"] == sum(own) / 4


def test_widgets_neither_overlap_nor_share_a_key(assembly: Assembly) -> None:
    placed = dashboards(assembly)["demo-gpu"]["widgets"]
    for one, other in combinations(placed, 2):
        apart = [
            one[at] + one[size] <= other[at] or other[at] + other[size] <= one[at]
            for at, size in (("x", "width"), ("y", "height"))
        ]
        assert any(apart), (one, other)
    ids = [line[-1]["id"] for each in graphs(assembly) for line in each["properties"]["metrics"]]
    assert len(ids) == len(set(ids))


def test_gpus_that_are_cut_up_are_found_by_their_parts(tmp_path: Path) -> None:
    gpus = config.GpuNodes(instance_types=("p4d.24xlarge",), mig_strategy="single", mig_profile="all-1g.5gb")
    made = synthesized(tmp_path, gpus=gpus)
    stored = Fleet(8, mig=True).archive()
    shown_ = {each["properties"]["title"]: widgets.lines(each, stored, HOUR) for each in graphs(made)}
    assert all(shown_.values())
    busy = {each.label: each.values[LAST] for each in shown_["GPU utilization"]}
    assert busy["average"] == sum(values(gpu, LAST)["GPUUtilization"] for gpu in range(8)) / 8
    assert "GPUs: memory bandwidth, highest" not in shown_, "DCGM has none of parts"
    (pod,) = [each for each in made.resources(STACK).values() if "Deployment" in json.dumps(each)]
    assert "GPUMemoryUtilization" not in json.dumps(pod)


@pytest.mark.parametrize("levels", [["cluster"], ["node", "cluster"], ["team", "cluster"]])
def test_levels_that_are_not_published_are_not_shown(levels: list[str], tmp_path: Path) -> None:
    made = synthesized(tmp_path, levels=levels)
    places = {
        "gpu": {"ClusterName", "InstanceId", "GPU"},
        "node": {"ClusterName", "InstanceId"},
        "team": {"ClusterName", "Team"},
    }
    left = [places[level] for level in places if level not in levels]
    stored = Archive(tuple(each for each in archive("eight").series if {*each.dimensions} not in left))
    for each in graphs(made):
        assert widgets.lines(each, stored, HOUR)
    for alarm in of_kind(made, "AWS::CloudWatch::Alarm"):
        alarms.state(alarm, stored, NOW)


def test_metrics_that_are_not_published_are_neither_shown_nor_watched(tmp_path: Path) -> None:
    chosen = ["GPUUtilization", "GPUTemperature", "GPUPowerUsage"]
    made = synthesized(tmp_path, metrics=chosen)
    stored = Archive(
        tuple(each for each in archive("eight").series if each.name in chosen or not each.name.startswith("GPU"))
    )
    for each in graphs(made):
        assert widgets.lines(each, stored, HOUR)
    told = [each["AlarmDescription"] for each in of_kind(made, "AWS::CloudWatch::Alarm")]
    assert len(told) == 2


@pytest.mark.parametrize("region", ["us-west-2", "us-gov-west-1"])
def test_the_template_is_valid_in_both_partitions_and_of_none(region: str, tmp_path: Path) -> None:
    made = synthesized(tmp_path, region=region, image=None, merge_into=["ops"], parallel_clusters=["hpc-1"])
    found = lint(made.text(STACK), config=ManualArgs(regions=[region], ignore_checks=["W3005"]))
    assert [str(each) for each in found] == []
    assert "arn:aws" not in made.text(STACK)
    domain = "console.amazonaws-us-gov.com" if region.startswith("us-gov-") else "console.aws.amazon.com"
    assert domain in str(made.template(STACK)["Outputs"]["DashboardUrl"])


def test_publishing_is_limited_to_one_namespace_each(assembly: Assembly) -> None:
    policies = of_kind(assembly, "AWS::IAM::Policy") + of_kind(assembly, "AWS::IAM::ManagedPolicy")
    statements = [one for each in policies for one in each["PolicyDocument"]["Statement"]]
    found = {
        one["Condition"]["StringEquals"]["cloudwatch:namespace"]
        for one in statements
        if one["Action"] == "cloudwatch:PutMetricData"
    }
    assert found == {"EKS/demo/GPU", "ParallelCluster/hpc-1/GPU"}


def test_the_pod_comes_after_its_credentials_and_access(assembly: Assembly) -> None:
    resources = assembly.resources(STACK)
    kubernetes = {name: json.dumps(each) for name, each in resources.items() if "KubernetesResource" in each["Type"]}
    (program,) = [name for name, text in kubernetes.items() if "Deployment" in text]
    needed = [resources[each]["Type"] for each in Graph(resources).needs(program) if each in resources]
    for kind in ("AWS::EKS::PodIdentityAssociation", "AWS::IAM::Role", "AWS::IAM::Policy"):
        assert kind in needed
    assert len([each for each in needed if "KubernetesResource" in each]) == 2


def test_two_synths_are_the_same_bytes(assembly: Assembly, tmp_path: Path) -> None:
    again = synthesized(tmp_path, merge_into=["ops"], parallel_clusters=["hpc-1"])
    assert again.text(STACK) == assembly.text(STACK)


def test_the_price_is_told_at_synth(assembly: Assembly) -> None:
    said = json.loads((assembly.folder / f"{STACK}.metadata.json").read_text())
    text = [entry["data"] for entries in said.values() for entry in entries if entry["type"] == "aws:cdk:info"]
    assert [
        each for each in text if re.search(r"[\d,]+ metrics while 8 GPUs on 8 nodes run: \$\d+\.\d\d a month", each)
    ]
