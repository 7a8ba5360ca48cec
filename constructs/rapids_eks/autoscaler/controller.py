"""The program that resizes groups of nodes."""

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_eks_v2 as eks
from constructs import Construct

from rapids_eks.autoscaler.node_groups import ACCELERATOR
from rapids_eks.autoscaler.permissions import permissions
from rapids_eks.helm_release import HelmRelease
from rapids_eks.job_pools import CORE_LABELS
from rapids_eks.pod_role import PodRole
from rapids_eks.system_pods import CLUSTER_AUTOSCALER

REPOSITORY, CHART, VERSION = "https://kubernetes.github.io/autoscaler", "cluster-autoscaler", "9.59.0"
IMAGES = {"1.35": "v1.35.0"}  # of the cluster's minor version: https://github.com/kubernetes/autoscaler/releases
NAMESPACE, SERVICE_ACCOUNT = "kube-system", "cluster-autoscaler"


class AutoscalerController(Construct):
    """The Cluster Autoscaler's pod on a core node, with a role by Pod Identity that reaches its cluster's groups only.

    The groups of nodes must be made before it and deleted after it: it would fill another one when pods are evicted.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own name for it
        *,
        cluster: eks.ICluster,
        cluster_name: str,
        version: str,
        spot_names: Sequence[str],
        max_gpus: int,
        idle_minutes: int,
    ) -> None:
        """Install it; it prefers the groups `spot_names`, and takes nodes away that are empty for `idle_minutes`.

        Raises ValueError where `cluster_name` is not literal text, or no image is known for the Kubernetes `version`.
        """
        super().__init__(scope, id)
        _check(cluster_name, version)
        role = PodRole(self, "Role", permissions=permissions(cdk.Stack.of(self), cluster_name=cluster_name))
        role.give_to(cluster, namespace=NAMESPACE, service_account=SERVICE_ACCOUNT)
        program = HelmRelease(
            self,
            "Program",
            cluster=cluster,
            repository=REPOSITORY,
            chart=CHART,
            version=VERSION,
            namespace=NAMESPACE,
            values={
                "autoDiscovery": {"clusterName": cluster_name},  # without it helm installs no program, and succeeds
                "awsRegion": cdk.Stack.of(self).region,
                "image": {"tag": IMAGES[version]},
                "expanderPriorities": priorities(spot_names),
                "extraArgs": arguments(max_gpus=max_gpus, idle_minutes=idle_minutes),
                **PLACE,
            },
        )
        program.node.add_dependency(role)  # pods get their credentials when they start


PLACE: Mapping[str, object] = {
    "fullnameOverride": CHART,
    "rbac": {"serviceAccount": {"name": SERVICE_ACCOUNT}},
    "nodeSelector": CORE_LABELS,
    "resources": {
        "requests": {"cpu": f"{CLUSTER_AUTOSCALER.size.cpu}m", "memory": f"{CLUSTER_AUTOSCALER.size.memory}Mi"},
        "limits": {"memory": f"{CLUSTER_AUTOSCALER.size.memory}Mi"},
    },
}


def priorities(spot_names: Sequence[str]) -> str:
    """Return the order of groups: Spot first, then all others, by the names of their Auto Scaling groups.

    It is text, and not a map: helm would put the numbers into quotes, which the program does not read.
    """
    first = "".join(f"  - ^eks-{name}-\n" for name in spot_names)
    return (f"20:\n{first}" if first else "") + "10:\n  - .*\n"


def arguments(*, max_gpus: int, idle_minutes: int) -> dict[str, object]:
    """Return the program's arguments: only nodes that are empty go, for a job would not survive the loss of one.

    https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/FAQ.md#what-are-the-parameters-to-ca
    """
    (accelerator,) = ACCELERATOR.values()
    empty = "0.01"  # the share of a node, or of its GPUs, that may be in use; a zero would keep empty nodes too
    return {
        "expander": "priority",
        "balance-similar-node-groups": True,
        "gpu-total": f"{accelerator}:0:{max_gpus}",  # of all groups together
        "ignore-daemonsets-utilization": True,
        "scale-down-utilization-threshold": empty,
        "scale-down-gpu-utilization-threshold": empty,
        "scale-down-unneeded-time": f"{idle_minutes}m",
        "scale-down-delay-after-add": f"{idle_minutes}m",
        "skip-nodes-with-system-pods": False,
    }


def _check(cluster_name: str, version: str) -> None:
    if cdk.Token.is_unresolved(cluster_name):
        raise ValueError(
            f"The cluster's name {cluster_name!r} is known only when the stack is deployed, but becomes part of a "
            "condition in a policy: give literal text"
        )
    if version not in IMAGES:
        raise ValueError(f"There is no Cluster Autoscaler for Kubernetes {version}: use one of {', '.join(IMAGES)}")
