"""The Kubernetes objects of the exporter."""

from collections.abc import Mapping
from typing import Any

from rapids_eks.job_pools import CORE_LABELS
from rapids_eks.system_pods import METRICS_EXPORTER

NAMESPACE, NAME = "gpu-metrics", "dcgm-cloudwatch"  # the latter also of the ConfigMap with what is done
PORT = 9410
MEMORY_LIMIT_MIB = 512
NOBODY = 65532
PROMETHEUS_NAMESPACE, PROMETHEUS_PORT = "monitoring", 9090
POD_IDENTITY = "169.254.170.23/32"  # where its agent listens on every node
ANYWHERE = "0.0.0.0/0"
LABELS = {"app.kubernetes.io/name": NAME}
Object = dict[str, Any]


def namespace() -> Object:
    """Return the namespace, which takes pods without any privilege only."""
    levels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": levels}}


def access() -> list[Object]:
    """Return the service account, the ConfigMap, and what the account may do: write that one, and read nodes.

    The ConfigMap is made here, for nobody can be allowed to make one of a certain name only. It is applied without
    data, so that an update of the stack leaves what the exporter has written.
    """
    subject = [{"kind": "ServiceAccount", "name": NAME, "namespace": NAMESPACE}]
    group = "rbac.authorization.k8s.io"
    own = {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": [NAME], "verbs": ["get", "update"]}
    nodes = {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get"]}
    return [
        _object("v1", "ServiceAccount"),
        _object("v1", "ConfigMap"),
        _object(f"{group}/v1", "Role", rules=[own]),
        _object(f"{group}/v1", "RoleBinding", roleRef=_role(group, "Role"), subjects=subject),
        _cluster(f"{group}/v1", "ClusterRole", rules=[nodes]),
        _cluster(f"{group}/v1", "ClusterRoleBinding", roleRef=_role(group, "ClusterRole"), subjects=subject),
    ]


def network(prometheus_port: int = PROMETHEUS_PORT, *, elsewhere: bool = False) -> Object:
    """Return what the pod may reach: names, Prometheus, Pod Identity, and by TLS Kubernetes' API and CloudWatch.

    Prometheus is the cluster's own, or with `elsewhere` in any namespace or outside.
    """
    prometheus = [{"namespaceSelector": {}}, _addresses(ANYWHERE)] if elsewhere else [_namespaces(PROMETHEUS_NAMESPACE)]
    dns = [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")]
    egress = [
        {"to": [_namespaces("kube-system")], "ports": dns},
        {"to": prometheus, "ports": [_tcp(prometheus_port)]},
        {"to": [_addresses(POD_IDENTITY)], "ports": [_tcp(80)]},
        {"to": [_addresses(ANYWHERE)], "ports": [_tcp(443)]},
    ]
    ingress = [{"from": [_namespaces(PROMETHEUS_NAMESPACE)], "ports": [_tcp(PORT)]}]
    spec = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"], "ingress": ingress, "egress": egress}
    return _object("networking.k8s.io/v1", "NetworkPolicy", spec=spec)


def deployment(image: str, settings: Mapping[str, str]) -> Object:
    """Return one pod, which is gone before another one comes; a second would be found out by the ConfigMap."""
    pod = {
        "serviceAccountName": NAME,
        "nodeSelector": CORE_LABELS,
        "terminationGracePeriodSeconds": 30,  # it needs 10 to send what it has
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": NOBODY,
            "runAsGroup": NOBODY,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(image, settings)],
    }
    template = {"metadata": {"labels": LABELS}, "spec": pod}
    spec = {"replicas": 1, "strategy": {"type": "Recreate"}, "selector": {"matchLabels": LABELS}, "template": template}
    return _object("apps/v1", "Deployment", spec=spec)


def _container(image: str, settings: Mapping[str, str]) -> Object:
    size = METRICS_EXPORTER.size
    health = {"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 30, "timeoutSeconds": 5}
    return {
        "name": NAME,
        "image": image,
        "args": ["run"],
        "env": [{"name": name, "value": value} for name, value in settings.items()],
        "ports": [{"name": "http", "containerPort": PORT}],
        "resources": {
            "requests": {"cpu": f"{size.cpu}m", "memory": f"{size.memory}Mi"},
            "limits": {"memory": f"{MEMORY_LIMIT_MIB}Mi"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "readinessProbe": health | {"periodSeconds": 10},
        "livenessProbe": health | {"initialDelaySeconds": 30, "failureThreshold": 4},
    }


def _object(version: str, kind: str, **more: object) -> Object:
    metadata = {"name": NAME, "namespace": NAMESPACE, "labels": LABELS}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **more}


def _cluster(version: str, kind: str, **more: object) -> Object:
    """Return an object of no namespace, with a name that says what it is of."""
    return {**_object(version, kind, **more), "metadata": {"name": f"{NAMESPACE}-{NAME}", "labels": LABELS}}


def _role(group: str, kind: str) -> Object:
    return {"apiGroup": group, "kind": kind, "name": NAME if kind == "Role" else f"{NAMESPACE}-{NAME}"}


def _namespaces(name: str) -> Object:
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}


def _addresses(cidr: str) -> Object:
    return {"ipBlock": {"cidr": cidr}}


def _tcp(port: int) -> Object:
    return {"protocol": "TCP", "port": port}
