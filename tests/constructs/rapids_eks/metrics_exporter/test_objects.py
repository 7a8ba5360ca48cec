"""The exporter's objects in Kubernetes, and that the exporter itself can use its settings."""

from typing import Any

import pytest

from dcgm_cloudwatch.kubernetes import KEY
from dcgm_cloudwatch.settings import load
from rapids_eks.metrics_exporter import objects

SETTINGS = {"PRESET": "eks", "CLUSTER_NAME": "demo", "LISTEN": f"0.0.0.0:{objects.PORT}"}
POD: dict[str, Any] = objects.deployment("image:1", SETTINGS)["spec"]["template"]["spec"]


def found(kind: str) -> dict[str, Any]:
    (one,) = [each for each in objects.access() if each["kind"] == kind]
    return dict(one)


def test_the_config_map_is_the_one_that_the_exporter_writes_and_nobody_else_s() -> None:
    settings = load({**SETTINGS, "WATERMARK": f"configmap:{objects.NAMESPACE}/{objects.NAME}"})
    assert settings.watermark == "configmap:gpu-metrics/dcgm-cloudwatch"
    made = found("ConfigMap")["metadata"]
    assert f"configmap:{made['namespace']}/{made['name']}" == settings.watermark
    (rule,) = found("Role")["rules"]
    assert (rule["resourceNames"], rule["verbs"]) == ([made["name"]], ["get", "update"])


def test_an_update_of_the_stack_leaves_what_was_written() -> None:
    """Guards against data in the manifest: kubectl would put it back in place of the exporter's."""
    assert "data" not in found("ConfigMap")
    assert KEY


def test_the_account_may_read_nodes_and_no_secrets() -> None:
    (rule,) = found("ClusterRole")["rules"]
    assert rule == {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get"]}


def test_one_pod_is_gone_before_another_comes() -> None:
    spec = objects.deployment("image:1", {})["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})


def test_the_pod_has_no_privilege_and_writes_nowhere() -> None:
    (container,) = POD["containers"]
    assert POD["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert "volumes" not in POD


def test_probes_ask_where_the_exporter_listens() -> None:
    (container,) = POD["containers"]
    _, port = load(SETTINGS).listen
    assert container["ports"] == [{"name": "http", "containerPort": port}]
    for probe in ("readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"] == {"path": "/healthz", "port": "http"}


@pytest.mark.parametrize("port", [9090, 443])
def test_the_network_lets_out_to_what_is_needed_only(port: int) -> None:
    spec = objects.network(port)["spec"]
    ports = [(each["protocol"], each["port"]) for rule in spec["egress"] for each in rule["ports"]]
    assert ports == [("UDP", 53), ("TCP", 53), ("TCP", port), ("TCP", 80), ("TCP", 443)]
    assert all(rule["to"] for rule in spec["egress"]), "a rule without a peer would be to everywhere"
    assert [rule["to"][0].get("ipBlock", {}).get("cidr") for rule in spec["egress"]][-2:] == [
        "169.254.170.23/32",
        "0.0.0.0/0",
    ]


def test_prometheus_may_be_in_another_namespace_or_outside() -> None:
    own, other = (objects.network(elsewhere=elsewhere)["spec"]["egress"][1]["to"] for elsewhere in (False, True))
    assert own == [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]
    assert other == [{"namespaceSelector": {}}, {"ipBlock": {"cidr": "0.0.0.0/0"}}]
