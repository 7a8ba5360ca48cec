"""What helm and the operator make of the template's own values fits what the template makes in AWS."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from rendered_charts import rendered

from rapids_eks import grafana, prometheus
from rapids_eks.grafana_dashboards.dashboards import dashboards
from rehearsal.kubernetes.prometheus_operator import stateful_set
from tests.constructs.rapids_eks.grafana_dashboards.expected import PRICES
from tests.rehearsal.live.account import Resources
from tests.stacks.assembly import Assembly
from tests.stacks.observability_stacks import synthesized
from tests.stacks.test_observability_template import STACK, of_kind, resolved

Item = dict[str, Any]
# What keeps others off nodes for what is critical, if somebody has put it on the core nodes
CRITICAL = {"key": "CriticalAddonsOnly", "value": "true", "effect": "NoSchedule"}
WITH_PODS = ("DaemonSet", "Deployment", "Job", "StatefulSet")


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    return synthesized(tmp_path_factory.mktemp("observed"))


@pytest.fixture(scope="module")
def resources(assembly: Assembly) -> Resources:
    return assembly.resources(STACK)


@pytest.fixture(scope="module")
def objects(resources: Resources, tmp_path_factory: pytest.TempPathFactory) -> list[Item]:
    """All that both releases bring, and what the operator makes of it."""
    folder, found = tmp_path_factory.mktemp("charts"), []
    for each in of_kind(resources, "Custom::AWSCDK-EKS-HelmChart").values():
        given = each["Properties"]
        values = json.loads(resolved(resources, given["Values"]))
        assert given["Release"] == given["Chart"]
        found += list(rendered(folder, given["Chart"], given["Version"], given["Namespace"], values))
    return [*found, *(stateful_set(each) for each in found if each["kind"] == "Prometheus")]


def pods(objects: list[Item]) -> Iterator[tuple[str, str, Item]]:
    """Yield namespace, name and specification of all pods."""
    for each in objects:
        if each["kind"] in WITH_PODS:
            yield each["metadata"]["namespace"], each["metadata"]["name"], each["spec"]["template"]["spec"]


def manifests(resources: Resources) -> list[Item]:
    given = of_kind(resources, "Custom::AWSCDK-EKS-KubernetesResource").values()
    return [made for each in given for made in json.loads(resolved(resources, each["Properties"]["Manifest"]))]


def test_pods_are_the_service_accounts_that_have_roles(resources: Resources, objects: list[Item]) -> None:
    """Guards against a namespace or name of which Pod Identity knows nothing: pods would run without credentials."""
    given = of_kind(resources, "AWS::EKS::PodIdentityAssociation").values()
    known = {(each["Properties"]["Namespace"], each["Properties"]["ServiceAccount"]) for each in given}
    wanted = {f"prometheus-{prometheus.SERVICE}": prometheus.NAMESPACE, grafana.SERVICE: grafana.NAMESPACE}
    run = {(space, spec["serviceAccountName"]) for space, name, spec in pods(objects) if wanted.get(name) == space}
    assert len(run) == len(wanted)
    assert run == known
    accounts = {(each["metadata"]["namespace"], each["metadata"]["name"]) for each in objects if _is_account(each)}
    assert run <= accounts


def _is_account(each: Item) -> bool:
    return bool(each["kind"] == "ServiceAccount")


def tolerates(spec: Item, taint: Item) -> bool:
    return any(
        each.get("key") in (None, taint["key"])
        and (each.get("operator") == "Exists" or each.get("value", "") == taint["value"])
        and each.get("effect") in (None, "", taint["effect"])
        for each in spec.get("tolerations", [])
    )


def test_all_pods_may_run_among_what_is_critical(objects: list[Item]) -> None:
    assert len(list(pods(objects))) >= 7
    assert [name for _, name, spec in pods(objects) if not tolerates(spec, CRITICAL)] == []


def test_the_node_exporter_tolerates_every_taint(objects: list[Item]) -> None:
    (spec,) = [spec for _, name, spec in pods(objects) if name.endswith("node-exporter")]
    for key in ("nvidia.com/gpu", "CriticalAddonsOnly", "anything"):
        assert tolerates(spec, {"key": key, "value": "x", "effect": "NoSchedule"})


def test_what_grafana_mounts_is_what_the_panels_were_tried_on(resources: Resources, objects: list[Item]) -> None:
    """The text of each ConfigMap, and that it lies where a provider looks for it."""
    made = {each["metadata"]["name"]: each for each in manifests(resources) if each["kind"] == "ConfigMap"}
    (spec,) = [spec for space, _, spec in pods(objects) if space == grafana.NAMESPACE]
    volumes = {each["name"]: each["configMap"]["name"] for each in spec["volumes"] if "configMap" in each}
    places = {each["mountPath"]: volumes.get(each["name"]) for each in spec["containers"][0]["volumeMounts"]}
    (own,) = [each for each in objects if each["kind"] == "ConfigMap" and "dashboardproviders.yaml" in each["data"]]
    providers = yaml.safe_load(own["data"]["dashboardproviders.yaml"])["providers"]
    mounted: dict[str, str] = {}
    for each in providers:
        mounted |= made[places[each["options"]["path"]]]["data"]
    assert {file: json.loads(text) for file, text in mounted.items()} == dashboards(PRICES)


def test_the_operator_makes_no_service_for_kubelets(objects: list[Item]) -> None:
    """Guards against `kube-system/kps-kubelet`, which helm does not know of and so never deletes."""
    given = [arg for _, _, spec in pods(objects) for each in spec["containers"] for arg in each.get("args", [])]
    assert given
    assert [arg for arg in given if arg.startswith("--kubelet-service")] == []
