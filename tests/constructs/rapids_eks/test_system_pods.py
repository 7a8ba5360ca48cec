"""Whether all pods of the system have their places, under the settings that users start from."""

from pathlib import Path
from typing import Any

import pytest
from kubernetes.utils.quantity import parse_quantity

import config
from config.instance_types import GPUS
from rapids_eks.placement import Nodes, Pod, Size, alone, together
from rapids_eks.system_pods import (
    DRIVER,
    EXECUTOR,
    ON_CORE_NODES,
    ON_EVERY_NODE,
    ON_GPU_NODES,
    SUBMITTER,
    unplaceable,
)
from rehearsal.emr import pods as emr
from rehearsal.emr.job import Job, Monitoring
from rehearsal.services.eks.addons import ADDONS

ROOT = Path(__file__).parents[3]
FILES = [ROOT / "blueprint.yaml", *sorted((ROOT / "examples").glob("*.yaml"))]
INSTALLED = ("vpc-cni", "kube-proxy", "eks-pod-identity-agent", "coredns", "metrics-server", "aws-ebs-csi-driver")


@pytest.fixture(params=FILES, ids=lambda path: path.name)
def blueprint(request: pytest.FixtureRequest) -> config.Blueprint:
    return config.load(request.param)


@pytest.mark.parametrize("karpenter", [True, False])
def test_every_pod_has_a_place_under_the_settings_that_users_start_from(
    blueprint: config.Blueprint, *, karpenter: bool
) -> None:
    core = blueprint.cluster.core_nodes
    told = unplaceable(
        core_types=core.instance_types,
        core_count=core.count,
        karpenter=karpenter,
        submitters=len(blueprint.teams),
        zones=blueprint.network.node_zone_count,
        prometheus_mib=blueprint.observability.memory_gib * 1024 if blueprint.observability else None,
        metrics_exporter=blueprint.gpu_dashboard is not None,
    )
    assert list(told) == []
    for team in blueprint.teams:
        assert blueprint.job(team, "image").executor_count, "a SparkJob that could not run would have been refused"


@pytest.mark.parametrize(
    ("nodes", "words"),
    [
        (
            {"core_types": ["m5.large"], "submitters": 3},
            "emr-job-submitter (900m CPU, 712 MiB) may find no room on the 2",
        ),
        ({"core_count": 1}, "karpenter (400m CPU, 1024 MiB) may find no room on the 1"),
    ],
)
def test_a_pod_without_a_place_is_named_with_its_size(nodes: dict[str, Any], words: str) -> None:
    usual: dict[str, Any] = {
        "core_types": ["m5.xlarge"],
        "core_count": 2,
        "karpenter": True,
        "submitters": 2,
    }
    assert list(unplaceable(**usual)) == []
    assert any(text.startswith(words) for text in unplaceable(**usual | nodes))


def test_only_the_smallest_gpu_types_are_too_small_for_an_executor() -> None:
    short = {name for name in GPUS if any(alone(Nodes("gpu", [name], ON_GPU_NODES), EXECUTOR))}
    assert short == {"g4dn.xlarge", "g5.xlarge", "g6.xlarge", "g6e.xlarge"}


def test_small_core_nodes_do_not_hold_what_karpenter_s_documentation_asks_for() -> None:
    """Guards against requests of Karpenter by which a submitter waits for ever under the minimal settings."""
    core = Nodes("core", ("m6a.large",), ON_EVERY_NODE)
    greedy = Pod("karpenter", Size(1000, 1024), replicas=2, apart=True, critical=True)
    told = list(together(core, 2, [*ON_CORE_NODES, greedy, SUBMITTER]))
    assert any("emr-job-submitter (" in each for each in told)


def test_add_ons_are_counted_as_the_rehearsal_runs_them() -> None:
    counted = {pod.name: pod for pod in (*ON_EVERY_NODE, *ON_CORE_NODES)}
    for workload in (each for name in INSTALLED for each in ADDONS[name]):
        pod = counted[workload.name]
        assert pod.size == _size({"cpu": workload.cpu, "memory": workload.memory})
        assert pod.replicas == max(1, workload.replicas)


JOB = Job(
    *("0000000abcdefghi", "vc", "c", "team", "Train", "111122223333", "arn:aws:iam::111122223333:role/r"),
    release="emr-7.13.0-spark-rapids-latest",
    entry_point="s3://b/job.py",
    arguments=(),
    monitoring=Monitoring(log_uri="s3://b/logs"),
    conf={
        "spark.driver.cores": "2",
        "spark.driver.memory": "8g",
        "spark.driver.memoryOverhead": "2g",
        "spark.executor.cores": "4",
        "spark.executor.memory": "15g",
        "spark.executor.memoryOverhead": "12g",
        "spark.executor.resource.gpu.amount": "1",
        "spark.executor.resource.gpu.vendor": "nvidia.com",
    },
)


def test_a_job_s_pods_are_counted_with_the_containers_that_emr_adds() -> None:
    driver = emr.driver(JOB, "", {})
    executor = emr.executor(JOB, 1, "", {}, {"metadata": {"name": "driver", "uid": "u"}})
    assert _requests(emr.submitter(JOB)["spec"]["template"]) == SUBMITTER.size
    assert (_requests(driver), _requests(executor)) == (DRIVER.size, EXECUTOR.size)


def _size(amounts: dict[str, Any]) -> Size:
    cpu, memory, gpus = (parse_quantity(amounts.get(name, 0)) for name in ("cpu", "memory", "nvidia.com/gpu"))
    return Size(int(1000 * cpu), int(memory / 2**20), int(gpus))


def _requests(pod: dict[str, Any]) -> Size:
    each = [container["resources"] for container in pod["spec"]["containers"]]
    sizes = [_size({**given.get("limits", {}), **given["requests"]}) for given in each]
    return sum(sizes[1:], sizes[0]) - Size(0, 0, pods=len(sizes) - 1)
