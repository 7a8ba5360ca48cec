"""A team's namespace and what it is limited to."""

from typing import Any

from aws_cdk import aws_eks_v2 as eks
from constructs import Construct

from rapids_eks import scrape_targets

POD_IDENTITY = "169.254.170.23/32"  # where its agent listens on every node
EVERYWHERE = "0.0.0.0/0"


class TeamNamespace(Construct):
    """A namespace with a quota, requests for containers that state none, and a network policy.

    Depend on this construct, not on the namespace alone: a pod that came before the quota would not be counted.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own name for it
        *,
        cluster: eks.ICluster,
        name: str,
        gpus: int,
        vcpus: int | None = None,
        memory_gib: int | None = None,
    ) -> None:
        """Make it; None is no limit of the vCPUs, or of the memory, that all pods together may request."""
        super().__init__(scope, id)
        namespace = eks.KubernetesManifest(self, "Namespace", cluster=cluster, manifest=[_namespace(name)])
        objects = team_objects(name, gpus, vcpus, memory_gib)
        limits = eks.KubernetesManifest(self, "Limits", cluster=cluster, manifest=objects)
        limits.node.add_dependency(namespace)


def _namespace(name: str) -> dict[str, Any]:
    # EMR's pods set no seccomp profile, so that "restricted" would refuse them.
    levels = {f"pod-security.kubernetes.io/{mode}": "baseline" for mode in ("enforce", "warn")}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": levels}}


def team_objects(namespace: str, gpus: int, vcpus: int | None, memory_gib: int | None) -> list[dict[str, Any]]:
    """Return what limits a team in its namespace."""
    return [quota(namespace, gpus, vcpus, memory_gib), _requests(namespace), *_network(namespace)]


def quota(namespace: str, gpus: int, vcpus: int | None, memory_gib: int | None) -> dict[str, Any]:
    """Return the most that all pods of a namespace may request at once."""
    hard = {"requests.nvidia.com/gpu": str(gpus)}
    hard |= {} if vcpus is None else {"requests.cpu": str(vcpus)}
    hard |= {} if memory_gib is None else {"requests.memory": f"{memory_gib}Gi"}
    return _object("v1", "ResourceQuota", "team", namespace, {"hard": hard})


def _requests(namespace: str) -> dict[str, Any]:
    """Return what containers request that state nothing: a quota would refuse them."""
    limit = {"type": "Container", "defaultRequest": {"cpu": "100m", "memory": "256Mi"}}
    return _object("v1", "LimitRange", "requests", namespace, {"limits": [limit]})


def _network(namespace: str) -> list[dict[str, Any]]:
    """Let in the namespace's own pods, and Prometheus to drivers; let out to them, names, AWS and the API by TLS."""
    own: list[dict[str, Any]] = [{"podSelector": {}}]
    names = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}]
    egress = [
        {"to": own},
        {"to": names, "ports": [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")]},
        {"to": [{"ipBlock": {"cidr": EVERYWHERE}}], "ports": [{"protocol": "TCP", "port": 443}]},
        {"to": [{"ipBlock": {"cidr": POD_IDENTITY}}], "ports": [{"protocol": "TCP", "port": 80}]},
    ]
    spec = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"], "ingress": [{"from": own}], "egress": egress}
    kind = ("networking.k8s.io/v1", "NetworkPolicy")
    return [_object(*kind, "team", namespace, spec), _object(*kind, "metrics", namespace, _metrics())]


def _metrics() -> dict[str, Any]:
    """Let Prometheus, if there is one, look at the drivers of applications."""
    place = {"matchLabels": {"kubernetes.io/metadata.name": scrape_targets.NAMESPACE}}
    source = {"namespaceSelector": place, "podSelector": {"matchLabels": scrape_targets.PROMETHEUS}}
    ports = [{"protocol": "TCP", "port": scrape_targets.UI_PORT}]
    drivers = {"matchLabels": scrape_targets.DRIVER}
    return {"podSelector": drivers, "policyTypes": ["Ingress"], "ingress": [{"from": [source], "ports": ports}]}


def _object(version: str, kind: str, name: str, namespace: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }
