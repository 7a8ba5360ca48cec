"""The pods that a cluster of this system runs, and what each requests."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from rapids_eks.placement import Nodes, Pod, Size, together

# EKS's add-ons: https://docs.aws.amazon.com/eks/latest/userguide/workloads-add-ons-available-eks.html
ON_EVERY_NODE = (
    Pod("aws-node", Size(50, 64)),
    Pod("kube-proxy", Size(100, 0)),
    Pod("eks-pod-identity-agent", Size(0, 0)),
    Pod("ebs-csi-node", Size(30, 120)),
)
_ADD_ONS = (
    Pod("coredns", Size(100, 70), replicas=2, critical=True),
    Pod("metrics-server", Size(100, 200), replicas=2, critical=True),
    Pod("ebs-csi-controller", Size(60, 240), replicas=2, critical=True),
)

# The GPU Operator's, by their section of the chart's values. Its operands would request nothing and be counted nowhere;
# these are estimates, not measured: DCGM's exporter has the host engine within it and is the largest.
OPERANDS: Mapping[str, Pod] = {
    "devicePlugin": Pod("nvidia-device-plugin", Size(10, 48)),
    "dcgmExporter": Pod("nvidia-dcgm-exporter", Size(50, 256)),
    "gfd": Pod("gpu-feature-discovery", Size(10, 48)),
    "validator": Pod("nvidia-operator-validator", Size(10, 32)),
}
OPERATOR = Pod("gpu-operator", Size(200, 100), critical=True)
# https://github.com/kubernetes-sigs/node-feature-discovery/blob/v0.19.0/deployment/helm/node-feature-discovery/values.yaml
FEATURE_DISCOVERY: Mapping[str, Pod] = {
    "master": Pod("node-feature-discovery-master", Size(100, 128), critical=True),
    "gc": Pod("node-feature-discovery-gc", Size(10, 128), critical=True),
    "worker": Pod("node-feature-discovery-worker", Size(5, 64)),
}
ON_GPU_NODES = (*ON_EVERY_NODE, FEATURE_DISCOVERY["worker"], *OPERANDS.values())

KARPENTER = Pod("karpenter", Size(400, 1024), replicas=2, apart=True, critical=True)
CLUSTER_AUTOSCALER = Pod("cluster-autoscaler", Size(100, 600), critical=True)
ON_CORE_NODES = (*_ADD_ONS, OPERATOR, FEATURE_DISCOVERY["master"], FEATURE_DISCOVERY["gc"])

# Of what observes them. The charts' defaults would request nothing; these are estimates, not measured.
NODE_EXPORTER = Pod("prometheus-node-exporter", Size(20, 32))
# https://github.com/kubernetes-sigs/secrets-store-csi-driver/blob/main/charts/secrets-store-csi-driver/values.yaml
SECRETS_DRIVER = Pod("secrets-store-csi-driver", Size(70, 140))
# https://github.com/aws/secrets-store-csi-driver-provider-aws/blob/main/charts/secrets-store-csi-driver-provider-aws/values.yaml
SECRETS_PROVIDER = Pod("aws-secrets-store-csi-driver-provider", Size(50, 100))
OBSERVERS = (NODE_EXPORTER, SECRETS_DRIVER)  # on every node
OBSERVED_NODES = (*ON_EVERY_NODE, *OBSERVERS)  # a job must find room whether or not it is observed
OBSERVED_GPU_NODES = (*ON_GPU_NODES, *OBSERVERS)
PROMETHEUS_OPERATOR = Pod("prometheus-operator", Size(50, 100))
KUBE_STATE_METRICS = Pod("kube-state-metrics", Size(20, 128))
GRAFANA = Pod("grafana", Size(100, 384), zonal=True)
METRICS_EXPORTER = Pod("dcgm-cloudwatch", Size(50, 128))
RELOADER = Pod("config-reloader", Size(10, 50, pods=0))  # beside Prometheus

# EMR's: https://docs.aws.amazon.com/emr/latest/EMR-on-EKS-DevelopmentGuide/emr-eks-job-submitter.html; beside the
# submitter's container, and beside Spark's in drivers and executors, another one ships the logs.
SUBMITTER = Pod("emr-job-submitter", Size(800 + 100, 512 + 200))
_LOG_SHIPPER = Size(0, 512, pods=0)


def spark(name: str, *, cores: int, memory_mib: int, gpus: int = 0) -> Pod:
    """Return a driver or executor of EMR on EKS; `memory_mib` is Spark's heap with its overhead."""
    return Pod(name, Size(1000 * cores, memory_mib, gpus) + _LOG_SHIPPER)


# What a job asks for unless it says otherwise. An executor's overhead holds RAPIDS' pinned pool and Python's workers.
DRIVER = spark("driver", cores=2, memory_mib=(8 + 2) * 1024)
EXECUTOR = spark("executor", cores=4, memory_mib=(15 + 12) * 1024, gpus=1)


def prometheus(memory_mib: int) -> Pod:
    """Return Prometheus; most of its memory is series, about 4 KiB for each that it has seen in two hours."""
    return Pod("prometheus", Size(200, memory_mib), zonal=True)


def unplaceable(
    *,
    core_types: Sequence[str],
    core_count: int,
    karpenter: bool,
    submitters: int,
    zones: int = 1,
    prometheus_mib: int | None = None,
    metrics_exporter: bool = False,
) -> Iterator[str]:
    """Yield which pods might find no place on the core nodes, and what to change.

    They are `core_count` of any of their types in so many zones, and run Karpenter or else the Cluster Autoscaler, so
    many `submitters` at a time, and Prometheus of that memory with Grafana and the rest, or none of that where it is
    None. Raises ValueError where nothing is known of a type.
    """
    central = [*ON_CORE_NODES, KARPENTER if karpenter else CLUSTER_AUTOSCALER]
    central += [METRICS_EXPORTER] if metrics_exporter else []
    daemons: tuple[Pod, ...] = ON_EVERY_NODE
    if prometheus_mib is not None:
        whole = prometheus(prometheus_mib)
        central += [replace(whole, size=whole.size + RELOADER.size), PROMETHEUS_OPERATOR, KUBE_STATE_METRICS, GRAFANA]
        daemons = (*OBSERVED_NODES, SECRETS_PROVIDER)
    nodes = Nodes("core", core_types, daemons)

    def crowded(number: int) -> list[str]:
        return list(together(nodes, core_count, [replace(SUBMITTER, replicas=number), *central], zones))

    told = crowded(submitters)
    fitting = next((number for number in range(submitters - 1, 0, -1) if told and not crowded(number)), 0)
    hint = f". They hold {fitting} at a time of {SUBMITTER.name}, of which each team has one" if fitting else ""
    yield from (f"{text}{hint}" for text in told)
