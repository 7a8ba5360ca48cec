"""The Kubernetes objects of the exporter."""

from collections.abc import Mapping, Sequence
from typing import Any

from cdk8s_plus_35 import k8s

from rapids_eks.job_pools import CORE_LABELS
from rapids_eks.prometheus import NAMESPACE as PROMETHEUS_NAMESPACE
from rapids_eks.prometheus import PORT as PROMETHEUS_PORT
from rapids_eks.system_pods import METRICS_EXPORTER
from rapids_eks.team_namespace import EVERYWHERE, POD_IDENTITY

NAMESPACE, NAME = "gpu-metrics", "dcgm-cloudwatch"  # the latter also of the ConfigMap with what is done
PORT = 9410
MEMORY_LIMIT_MIB = 512
NOBODY = 65532
LABELS = {"app.kubernetes.io/name": NAME}
RBAC = "rbac.authorization.k8s.io"
Object = dict[str, Any]


def namespace() -> Object:
    """Return the namespace, which takes pods without any privilege only."""
    levels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
    made: Object = k8s.KubeNamespace.manifest(metadata=k8s.ObjectMeta(name=NAMESPACE, labels=levels))
    return made


def access() -> list[Object]:
    """Return the service account, the ConfigMap, and what the account may do: write that one, and read nodes.

    The ConfigMap is made here, for nobody can be allowed to make one of a certain name only. It is applied without
    data, so that an update of the stack leaves what the exporter has written.
    """
    own = k8s.PolicyRule(api_groups=[""], resources=["configmaps"], resource_names=[NAME], verbs=["get", "update"])
    nodes = k8s.PolicyRule(api_groups=[""], resources=["nodes"], verbs=["get"])
    subjects = [k8s.Subject(kind="ServiceAccount", name=NAME, namespace=NAMESPACE)]
    # In no namespace, with a name that says what it is of
    wide = k8s.ObjectMeta(name=f"{NAMESPACE}-{NAME}", labels=LABELS)
    role, cluster_role = _role("Role", NAME), _role("ClusterRole", f"{NAMESPACE}-{NAME}")
    return [
        k8s.KubeServiceAccount.manifest(metadata=_metadata()),
        k8s.KubeConfigMap.manifest(metadata=_metadata()),
        k8s.KubeRole.manifest(metadata=_metadata(), rules=[own]),
        k8s.KubeRoleBinding.manifest(metadata=_metadata(), role_ref=role, subjects=subjects),
        k8s.KubeClusterRole.manifest(metadata=wide, rules=[nodes]),
        k8s.KubeClusterRoleBinding.manifest(metadata=wide, role_ref=cluster_role, subjects=subjects),
    ]


def network(prometheus_port: int = PROMETHEUS_PORT, *, elsewhere: bool = False) -> Object:
    """Return what the pod may reach: names, Prometheus, Pod Identity, and by TLS Kubernetes' API and CloudWatch.

    Prometheus is the cluster's own, or with `elsewhere` in any namespace or outside.
    """
    anywhere = [k8s.NetworkPolicyPeer(namespace_selector=k8s.LabelSelector()), _addresses(EVERYWHERE)]
    prometheus = anywhere if elsewhere else [_namespaces(PROMETHEUS_NAMESPACE)]
    egress = [
        _egress([_namespaces("kube-system")], _port(53, "UDP"), _port(53)),
        _egress(prometheus, _port(prometheus_port)),
        _egress([_addresses(POD_IDENTITY)], _port(80)),
        _egress([_addresses(EVERYWHERE)], _port(443)),
    ]
    ingress = [k8s.NetworkPolicyIngressRule(from_=[_namespaces(PROMETHEUS_NAMESPACE)], ports=[_port(PORT)])]
    everything = k8s.LabelSelector()
    spec = k8s.NetworkPolicySpec(
        pod_selector=everything, policy_types=["Ingress", "Egress"], ingress=ingress, egress=egress
    )
    made: Object = k8s.KubeNetworkPolicy.manifest(metadata=_metadata(), spec=spec)
    return made


def deployment(image: str, settings: Mapping[str, str]) -> Object:
    """Return one pod, which is gone before another one comes; a second would be found out by the ConfigMap."""
    unprivileged = k8s.PodSecurityContext(
        run_as_non_root=True,
        run_as_user=NOBODY,
        run_as_group=NOBODY,
        seccomp_profile=k8s.SeccompProfile(type="RuntimeDefault"),
    )
    pod = k8s.PodSpec(
        service_account_name=NAME,
        node_selector=CORE_LABELS,
        termination_grace_period_seconds=30,  # it needs 10 to send what it has
        security_context=unprivileged,
        containers=[_container(image, settings)],
    )
    spec = k8s.DeploymentSpec(
        replicas=1,
        strategy=k8s.DeploymentStrategy(type="Recreate"),
        selector=k8s.LabelSelector(match_labels=LABELS),
        template=k8s.PodTemplateSpec(metadata=k8s.ObjectMeta(labels=LABELS), spec=pod),
    )
    made: Object = k8s.KubeDeployment.manifest(metadata=_metadata(), spec=spec)
    return made


def _container(image: str, settings: Mapping[str, str]) -> k8s.Container:
    size, quantity = METRICS_EXPORTER.size, k8s.Quantity.from_string
    return k8s.Container(
        name=NAME,
        image=image,
        args=["run"],
        env=[k8s.EnvVar(name=name, value=value) for name, value in settings.items()],
        ports=[k8s.ContainerPort(name="http", container_port=PORT)],
        resources=k8s.ResourceRequirements(
            requests={"cpu": quantity(f"{size.cpu}m"), "memory": quantity(f"{size.memory}Mi")},
            limits={"memory": quantity(f"{MEMORY_LIMIT_MIB}Mi")},
        ),
        security_context=k8s.SecurityContext(
            allow_privilege_escalation=False,
            read_only_root_filesystem=True,
            capabilities=k8s.Capabilities(drop=["ALL"]),
        ),
        readiness_probe=_probe(period_seconds=10),
        liveness_probe=_probe(period_seconds=30, initial_delay_seconds=30, failure_threshold=4),
    )


def _probe(
    period_seconds: int, initial_delay_seconds: int | None = None, failure_threshold: int | None = None
) -> k8s.Probe:
    return k8s.Probe(
        http_get=k8s.HttpGetAction(path="/healthz", port=k8s.IntOrString.from_string("http")),
        period_seconds=period_seconds,
        initial_delay_seconds=initial_delay_seconds,
        failure_threshold=failure_threshold,
        timeout_seconds=5,
    )


def _metadata() -> k8s.ObjectMeta:
    return k8s.ObjectMeta(name=NAME, namespace=NAMESPACE, labels=LABELS)


def _role(kind: str, name: str) -> k8s.RoleRef:
    return k8s.RoleRef(api_group=RBAC, kind=kind, name=name)


def _egress(to: Sequence[k8s.NetworkPolicyPeer], *ports: k8s.NetworkPolicyPort) -> k8s.NetworkPolicyEgressRule:
    return k8s.NetworkPolicyEgressRule(to=to, ports=list(ports))


def _namespaces(name: str) -> k8s.NetworkPolicyPeer:
    labels = {"kubernetes.io/metadata.name": name}
    return k8s.NetworkPolicyPeer(namespace_selector=k8s.LabelSelector(match_labels=labels))


def _addresses(cidr: str) -> k8s.NetworkPolicyPeer:
    return k8s.NetworkPolicyPeer(ip_block=k8s.IpBlock(cidr=cidr))


def _port(number: int, protocol: str = "TCP") -> k8s.NetworkPolicyPort:
    return k8s.NetworkPolicyPort(protocol=protocol, port=k8s.IntOrString.from_number(number))
