"""What the Services of all charts and manifests of the app lead to: Kubernetes takes those that lead nowhere."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
import rendered_charts

import config
from app import build
from rapids_eks import grafana, prometheus
from rehearsal.kubernetes.prometheus_operator import service, stateful_set

Item = dict[str, Any]
ROOT = Path(__file__).parents[2]
MODES = ("karpenter", "cluster-autoscaler")
WITH_PODS = ("DaemonSet", "Deployment", "StatefulSet")


def plain(value: Any) -> Any:  # noqa: ANN401 - a template's
    """Return a value of a template with a word in place of what only CloudFormation knows."""
    if isinstance(value, dict):
        joined = value.get("Fn::Join")
        return joined[0].join(plain(each) for each in joined[1]) if joined else "known-later"
    return value


def rendered(template: Item, folder: Path) -> Iterator[Item]:
    """Yield the objects of a template's manifests and charts, and those that Prometheus' operator makes of them."""
    for each in template["Resources"].values():
        given = each.get("Properties", {})
        if each["Type"] == "Custom::AWSCDK-EKS-KubernetesResource":
            yield from json.loads(plain(given["Manifest"]))
        if each["Type"] == "Custom::AWSCDK-EKS-HelmChart":
            chart = given.get("Chart") or given["Repository"].rpartition("/")[2]
            values = json.loads(plain(given.get("Values", "{}")))
            for made in rendered_charts.rendered(folder, chart, given["Version"], given["Namespace"], values):
                yield made
                if made["kind"] == "Prometheus":
                    yield from (stateful_set(made), service(made))


@pytest.fixture(scope="module", params=MODES)
def objects(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Item]:
    folder = tmp_path_factory.mktemp("app")
    app = cdk.App(outdir=str(folder), context=json.loads((ROOT / "cdk.json").read_text())["context"])
    settings = folder / "blueprint.yaml"
    settings.write_text((ROOT / "blueprint.yaml").read_text().replace("mode: karpenter", f"mode: {request.param}"))
    stacks = build(config.load(settings), app).synth().stacks
    return [made for stack in stacks for made in rendered(stack.template, folder)]


def led_to(found: Item, objects: list[Item]) -> list[Item]:
    """Return the specifications of the pods that a Service selects."""
    space, wanted = found["metadata"]["namespace"], found["spec"]["selector"].items()
    near = [each for each in objects if each["kind"] in WITH_PODS and each["metadata"]["namespace"] == space]
    return [
        each["spec"]["template"]["spec"]
        for each in near
        if wanted <= each["spec"]["template"]["metadata"]["labels"].items()
    ]


def listens(pod: Item, port: Item) -> bool:
    """Return whether a container of a pod says that it has what a Service's port leads to, by number or by name."""
    target = port.get("targetPort", port["port"])
    own = [each for container in pod["containers"] for each in container.get("ports", [])]
    return target in [each.get("name") if isinstance(target, str) else each["containerPort"] for each in own]


def test_every_service_leads_to_a_pod_that_listens_there(objects: list[Item]) -> None:
    services = {each["metadata"]["name"]: each for each in objects if each["kind"] == "Service"}
    assert services.keys() >= {prometheus.SERVICE, grafana.SERVICE, "nvidia-dcgm-exporter"}
    nowhere = [name for name, each in services.items() if not led_to(each, objects)]
    assert nowhere == []
    deaf = [
        (name, port)
        for name, each in services.items()
        for port in each["spec"]["ports"]
        for pod in led_to(each, objects)
        if not listens(pod, port)
    ]
    assert deaf == []
