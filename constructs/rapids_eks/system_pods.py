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


def unplaceable(*, core_types: Sequence[str], core_count: int, karpenter: bool, submitters: int) -> Iterator[str]:
    """Yield which pod might find no place on the core nodes, and what to change.

    They are `core_count` of any of their types, and run Karpenter or else the Cluster Autoscaler, and so many
    `submitters` at a time. Raises ValueError where nothing is known of a type.
    """
    scaler = KARPENTER if karpenter else CLUSTER_AUTOSCALER
    central = [*ON_CORE_NODES, scaler, replace(SUBMITTER, replicas=submitters)]
    yield from together(Nodes("core", core_types, ON_EVERY_NODE), core_count, central)
