"""The GPU Operator's template and values."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from cfnlint.api import lint
from cfnlint.config import ManualArgs
from template_graph import Graph

from rapids_eks.gpu_operator import VERSION, values
from rapids_eks.system_pods import FEATURE_DISCOVERY, ON_GPU_NODES, OPERANDS, OPERATOR
from rehearsal.charts import definitions
from tests.constructs.rapids_eks.gpu_stacks import synthesized
from tests.stacks.assembly import Assembly

GPU_NODES, CORE_NODES = {"pool": "gpu"}, {"pool": "core"}
CHART, MANIFEST = "Custom::AWSCDK-EKS-HelmChart", "Custom::AWSCDK-EKS-KubernetesResource"

# The keys of the sections that are used, in the chart of this version and its subchart. What is under a key without
# an entry of its own is free, like labels. Helm refuses none that is not here, and nothing comes of it.
# https://github.com/NVIDIA/gpu-operator/blob/v26.7.0/deployments/gpu-operator/values.yaml
# https://github.com/NVIDIA/gpu-operator/blob/v26.7.0/deployments/gpu-operator/charts/node-feature-discovery/values.yaml
LISTED = "v26.7.0"
_OFF = "enabled repository image imagePullPolicy"  # of every component
_IMAGE = f"{_OFF} version env hostNetwork"
_POD = "nodeSelector tolerations affinity annotations resources"
KEYS = {
    "": "platform nfd psa cdi sandboxWorkloads hostPaths daemonsets validator operator mig driver toolkit devicePlugin "
    "dcgm dcgmExporter gfd migManager nodeStatusExporter gds gdrcopy vgpuManager vgpuDeviceManager vfioManager "
    "kataManager sandboxDevicePlugin kataSandboxDevicePlugin ccManager clusterPolicy gpuCluster draDriver "
    "extraObjects node-feature-discovery",
    "operator": f"{_POD} priorityClassName runtimeClass cleanupCRD upgradeCRD logging env repository image",
    "daemonsets": "labels annotations priorityClassName tolerations updateStrategy rollingUpdate",
    "driver": f"{_IMAGE} resources kernelModuleType usePrecompiled nvidiaDriverCRD upgradePolicy manager rdma",
    "toolkit": f"{_IMAGE} resources installDir",
    "devicePlugin": f"{_IMAGE} resources args config mps",
    "dcgmExporter": f"{_IMAGE} config resources annotations hostPID service serviceMonitor enablePodLabels "
    "enablePodUID",
    "dcgmExporter.config": "name create data",
    "dcgmExporter.serviceMonitor": "enabled interval scrapeTimeout honorLabels additionalLabels relabelings",
    "gfd": f"{_IMAGE} resources",
    "validator": "repository image imagePullPolicy imagePullSecrets env args resources hostNetwork plugin",
    "mig": "strategy",
    "migManager": f"{_IMAGE} resources config gpuClientsConfig",
    "sandboxWorkloads": "enabled defaultWorkload mode",
    **dict.fromkeys(("dcgm", "gds", "gdrcopy", "nodeStatusExporter", "ccManager"), _OFF),
    **dict.fromkeys(("vgpuManager", "vgpuDeviceManager", "vfioManager", "kataSandboxDevicePlugin"), _OFF),
    "node-feature-discovery": "priorityClassName gc worker master",
    "node-feature-discovery.master": f"{_POD} enable config replicaCount serviceAccount extraArgs podDisruptionBudget",
    "node-feature-discovery.gc": f"{_POD} enable replicaCount interval serviceAccount podDisruptionBudget",
    "node-feature-discovery.worker": f"{_POD} enable config serviceAccount priorityClassName updateStrategy",
}


def usual(**more: Any) -> dict[str, Any]:  # noqa: ANN401 - arguments of values
    return values(GPU_NODES, CORE_NODES, **{"mig_strategy": "none", "driver_on_nodes": True, **more})


def unknown(given: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """Yield the keys that are in no list; what has no list of its own is free."""
    for key, value in given.items():
        place = f"{path}.{key}" if path else key
        if key not in KEYS[path].split():
            yield place
        elif place in KEYS:
            yield from unknown(value, place)


def test_every_key_is_one_of_the_chart_s() -> None:
    assert VERSION == LISTED, "compare the keys with those of the new version"
    for mig in ("none", "single"):
        assert list(unknown(usual(mig_strategy=mig))) == []


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"operators": {}}, "operators"),
        ({"driver": {"enable": False}}, "driver.enable"),
        ({"dcgmExporter": {"serviceMonitor": {"label": {}}}}, "dcgmExporter.serviceMonitor.label"),
        ({"node-feature-discovery": {"master": {"toleration": []}}}, "node-feature-discovery.master.toleration"),
    ],
)
def test_a_misspelt_key_is_found(given: dict[str, Any], found: str) -> None:
    assert list(unknown(given)) == [found]


def test_driver_and_toolkit_come_from_the_operator_only_where_the_image_has_none() -> None:
    for on_nodes in (True, False):
        made = usual(driver_on_nodes=on_nodes)
        assert (made["driver"]["enabled"], made["toolkit"]["enabled"]) == (not on_nodes, not on_nodes)


@pytest.mark.parametrize(("strategy", "managed"), [("none", False), ("single", True)])
def test_gpus_are_cut_up_only_where_that_is_asked_for(strategy: str, *, managed: bool) -> None:
    made = usual(mig_strategy=strategy)
    assert (made["mig"]["strategy"], made["migManager"]["enabled"]) == (strategy, managed)


def test_the_chart_is_given_what_the_arithmetic_counts() -> None:
    made, discovery = usual(), usual()["node-feature-discovery"]
    sections = {**{name: made[name] for name in OPERANDS}, "operator": made["operator"], **discovery}
    for name, pod in {**OPERANDS, "operator": OPERATOR, **FEATURE_DISCOVERY}.items():
        asked = sections[name]["resources"]["requests"]
        assert asked == {"cpu": f"{pod.size.cpu}m", "memory": f"{pod.size.memory}Mi"}
    assert {*OPERANDS.values(), FEATURE_DISCOVERY["worker"]} <= set(ON_GPU_NODES)


def test_whatever_cleans_up_when_the_chart_goes_runs_on_core_nodes() -> None:
    made = usual()
    for part in (made["operator"], made["node-feature-discovery"]["master"], made["node-feature-discovery"]["gc"]):
        assert part["nodeSelector"] == CORE_NODES
        assert {"key": "CriticalAddonsOnly", "operator": "Exists"} in part["tolerations"]


def test_what_runs_on_each_gpu_node_tolerates_its_taint_and_stays_off_others() -> None:
    made = usual()
    worker = made["node-feature-discovery"]["worker"]
    assert worker["nodeSelector"] == GPU_NODES
    for tolerations in (worker["tolerations"], made["daemonsets"]["tolerations"]):
        assert tolerations == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]


def test_the_service_monitor_has_only_what_the_policy_s_definition_allows() -> None:
    """Unlike Helm, the API server does refuse a key of it that is unknown."""
    (policy,) = [each for each in definitions.of_group("nvidia.com").values() if _kind(each) == "ClusterPolicy"]
    schema = policy["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    allowed = schema["dcgmExporter"]["properties"]["serviceMonitor"]["properties"]
    assert usual()["dcgmExporter"]["serviceMonitor"].keys() <= allowed.keys()
    assert usual()["dcgmExporter"]["serviceMonitor"]["enabled"]


def _kind(definition: Mapping[str, Any]) -> str:
    return str(definition["spec"]["names"]["kind"])


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    return synthesized(tmp_path_factory.mktemp("operator"))


def of(assembly: Assembly, kind: str) -> tuple[str, dict[str, Any]]:
    (found,) = [(name, each) for name, each in assembly.resources("GpuOperator").items() if each["Type"] == kind]
    return found[0], dict(found[1]["Properties"])


@pytest.mark.parametrize("region", ["us-west-2", "us-gov-west-1"])
def test_the_template_is_valid_in_both_partitions(region: str, tmp_path: Path) -> None:
    text = synthesized(tmp_path, region).text("GpuOperator")
    # W3005: CDK's own functions name their roles twice.
    found = lint(text, config=ManualArgs(regions=[region], ignore_checks=["W3005"]))
    assert [str(each) for each in found] == []


def test_the_namespace_is_there_before_the_chart_and_goes_after_it(assembly: Assembly) -> None:
    """Guards against a namespace of Helm's making, in which the operands' privileged pods might be refused."""
    (chart, _), (namespace, properties) = of(assembly, CHART), of(assembly, MANIFEST)
    assert namespace in Graph(assembly.resources("GpuOperator")).needs(chart)
    (manifest,) = json.loads(properties["Manifest"])
    assert manifest["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "privileged"
    assert manifest["metadata"]["name"] == of(assembly, CHART)[1]["Namespace"]


def test_a_release_is_awaited_for_less_than_its_function_may_run(assembly: Assembly) -> None:
    _, chart = of(assembly, CHART)
    assert chart["Version"] == VERSION
    assert chart["Wait"] is True
    assert 600 <= int(chart["Timeout"].removesuffix("s")) < 900
