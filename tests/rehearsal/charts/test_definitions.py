"""The short form of custom resource definitions, and what a real API server makes of it."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError, validate

from rehearsal.charts.definitions import of_group, schema_of
from rehearsal.kubernetes.api import ApiError
from rehearsal.kubernetes.cluster import Cluster

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
GROUPS = ["monitoring.coreos.com", "secrets-store.csi.x-k8s.io", "nvidia.com", "nfd.k8s-sigs.io"]


@pytest.mark.parametrize("group", GROUPS)
def test_every_schema_is_one(group: str) -> None:
    for definition in of_group(group).values():
        for version in definition["spec"]["versions"]:
            Draft202012Validator.check_schema(version["schema"]["openAPIV3Schema"])


def test_a_field_with_an_exclamation_mark_is_required() -> None:
    schema = schema_of({"port!": "string", "hosts": ["string"], "labels": {"*": "integer"}})
    validate({"port": "a", "hosts": ["b"], "labels": {"c": 1}}, schema)
    for wrong in ({}, {"port": 1}, {"port": "a", "hosts": [1]}, {"port": "a", "labels": {"c": "d"}}):
        with pytest.raises(ValidationError):
            validate(wrong, schema)


def test_a_type_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="'text' is no type; use any, intOrString, boolean"):
        schema_of({"port": "text"})


@pytest.fixture(scope="module")
def served(cluster: Cluster) -> Cluster:
    """A cluster that knows the kinds of this test."""
    for group in GROUPS:
        for plural, definition in of_group(group).items():
            cluster.api.apply(f"{DEFINITIONS}/{plural}.{group}", definition)
    return cluster


MONITOR = {"selector": {"matchLabels": {"a": "b"}}, "endpoints": [{"port": "metrics", "interval": "30s"}]}
PROMETHEUS = "monitoring.coreos.com/v1/prometheuses"
KEPT = {"retention": "15d", "retentionSize": "42GiB", "replicas": 1}
CASES: list[tuple[str, str, dict[str, Any], str | None]] = [
    ("monitoring.coreos.com/v1/servicemonitors", "ServiceMonitor", MONITOR, None),
    ("monitoring.coreos.com/v1/servicemonitors", "ServiceMonitor", {"endpoints": []}, "spec.selector"),
    ("monitoring.coreos.com/v1/servicemonitors", "ServiceMonitor", {**MONITOR, "selectors": {}}, "spec.selectors"),
    (
        "monitoring.coreos.com/v1/servicemonitors",
        "ServiceMonitor",
        {**MONITOR, "endpoints": [{"port": "x", "intervall": "1s"}]},
        "intervall",
    ),
    (PROMETHEUS, "Prometheus", KEPT, None),
    (PROMETHEUS, "Prometheus", {**KEPT, "retention": 15}, "spec.retention: Invalid value"),
    (PROMETHEUS, "Prometheus", {**KEPT, "retention": "15 days"}, "spec.retention"),
    (PROMETHEUS, "Prometheus", {**KEPT, "retentionSize": "42Gi"}, "spec.retentionSize"),
    (PROMETHEUS, "Prometheus", {**KEPT, "replicas": "1"}, "spec.replicas"),
    (PROMETHEUS, "Prometheus", {"remoteWrite": {"url": "https://x"}}, "spec.remoteWrite"),
    (PROMETHEUS, "Prometheus", {"remoteWrite": [{"sigv4": {"region": "x"}}]}, "url"),
    (PROMETHEUS, "Prometheus", {"externalLabels": {"cluster": 1}}, "spec.externalLabels.cluster"),
    ("monitoring.coreos.com/v1/prometheusrules", "PrometheusRule", {"groups": [{"name": "g", "rules": []}]}, None),
    ("monitoring.coreos.com/v1/prometheusrules", "PrometheusRule", {"groups": [{"rules": []}]}, "name"),
    (
        "secrets-store.csi.x-k8s.io/v1/secretproviderclasses",
        "SecretProviderClass",
        {"provider": "aws", "parameters": {"usePodIdentity": "true", "objects": "- objectName: x"}},
        None,
    ),
    (
        "secrets-store.csi.x-k8s.io/v1/secretproviderclasses",
        "SecretProviderClass",
        {"provider": "aws", "parameters": {"usePodIdentity": True}},
        "usePodIdentity",
    ),
]


@pytest.mark.parametrize(("path", "kind", "spec", "refused"), CASES)
def test_the_api_server_accepts_or_names_the_field(
    served: Cluster, path: str, kind: str, spec: dict[str, Any], refused: str | None
) -> None:
    group, _, plural = path.rpartition("/")
    body = {"apiVersion": group, "kind": kind, "metadata": {"name": "x"}, "spec": spec}
    address = f"/apis/{group}/namespaces/default/{plural}?dryRun=All&fieldValidation=Strict"
    if refused is None:
        served.api.create(address, body)
        return
    with pytest.raises(ApiError, match=refused):
        served.api.create(address, body)
