from pathlib import Path

import pytest

from dcgm_cloudwatch.catalogue import DOCUMENTED
from dcgm_cloudwatch.setting_table import TABLE
from dcgm_cloudwatch.settings import SettingsError, load

CLUSTER = {"CLUSTER_NAME": "c"}


def test_a_clusters_name_is_all_that_is_needed() -> None:
    settings = load(CLUSTER)
    assert (settings.namespace, settings.interval, settings.resolution) == ("EKS/c/GPU", 60, 60)
    assert settings.prometheus == "http://kps-prometheus.monitoring:9090"
    assert settings.watermark == "configmap:dcgm-cloudwatch"
    assert settings.shape.levels == ("gpu", "node", "team", "cluster")


def test_parallelcluster_begins_with_the_documented_names() -> None:
    settings = load({**CLUSTER, "PRESET": "parallelcluster"})
    assert settings.namespace == "ParallelCluster/c/GPU"
    assert tuple(each.name for each in settings.metrics) == DOCUMENTED
    assert settings.shape.levels == ("gpu",)
    assert settings.shape.cluster is None


@pytest.mark.parametrize("seconds", ["10", "30", "60", "300", "3600"])
def test_intervals_keep_working(seconds: str) -> None:
    settings = load({**CLUSTER, "SCRAPE_INTERVAL": seconds})
    assert settings.interval == int(seconds)
    assert settings.resolution == (1 if int(seconds) < 60 else 60)


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "settings.env"
    file.write_text("# a comment\n\nCLUSTER_NAME='of-the-file'\nSCRAPE_INTERVAL = 300\nAWS_DEFAULT_REGION=eu-west-1\n")
    settings = load({"CLUSTER_NAME": "other", "SETTLE": ""}, file)
    assert (settings.cluster, settings.interval, settings.settle) == ("other", 300, 45)
    assert settings.region == "eu-west-1"


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("SCRAPE_INTERVAL", "5", "from 10 to 3600"),
        ("SCRAPE_INTERVAL", "45", "what divides a minute"),
        ("SCRAPE_INTERVAL", "1e3", "whole number"),
        ("SETTLE", "0", "from 5 to 600"),
        ("PRESET", "gke", "eks, parallelcluster"),
        ("CLUSTER_NAME", "a b", "letters, digits"),
        ("NAMESPACE", "AWS/EC2", "without AWS/"),
        ("NAMESPACE", ":x", "1 to 255"),
        ("PROMETHEUS_URL", "file:///etc/passwd", "such as http://"),
        ("AGGREGATION", "gpu,rack", "rack is not known: give some of gpu, node, team, cluster"),
        ("METRICS", "GPUUtilisation", "GPUUtilisation is not known"),
        ("WATERMARK", "watermark.json", "file:/an/absolute/path"),
        ("LISTEN", "here", "from 0 to 65535"),
        ("BACKLOG_REQUESTS", "0", "above 0"),
        ("TEAM_LABEL", "a-b", "label of Prometheus"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_reason(name: str, text: str, said: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load({**CLUSTER, name: text})
    assert f"{name}={text}: " in str(refused.value)
    assert said in str(refused.value)


def test_all_problems_are_listed_at_once(tmp_path: Path) -> None:
    file = tmp_path / "settings.env"
    file.write_text("SCRAPE_INTERVALL=60\nMETRICS=x\nAGGREGATION=y\n")
    with pytest.raises(SettingsError) as refused:
        load({"SETTLE": "x"}, file)
    lines = str(refused.value).split("\n")
    assert len(lines) == 5
    assert "settings.env:1: 'SCRAPE_INTERVALL=60' is no setting" in lines[0]
    assert [line.split("=")[0] for line in lines[1:]] == [
        "SETTLE",
        "CLUSTER_NAME is not set: give the cluster's name",
        "AGGREGATION",
        "METRICS",
    ]


def test_every_default_can_be_used() -> None:
    assert load({**CLUSTER, **{each.name: each.default for each in TABLE if each.default}}) == load(CLUSTER)


def test_levels_that_nothing_chosen_has_are_refused() -> None:
    """Guards against an exporter that is well, and publishes nothing."""
    with pytest.raises(SettingsError, match="AGGREGATION=gpu: GPUCount has none of it: add cluster"):
        load({"CLUSTER_NAME": "c", "METRICS": "GPUCount", "AGGREGATION": "gpu"})
    load({"CLUSTER_NAME": "c", "METRICS": "GPUCount,GPUPowerUsage", "AGGREGATION": "gpu"})


@pytest.mark.parametrize("region", ["Oregon", "us-west", "us-west-2a", "https://monitoring"])
def test_what_is_no_region_is_refused(region: str) -> None:
    with pytest.raises(SettingsError, match="AWS_REGION=.*give a region such as us-west-2"):
        load({"CLUSTER_NAME": "c", "AWS_REGION": region})
