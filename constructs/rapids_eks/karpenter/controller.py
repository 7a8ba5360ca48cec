"""The controller that starts and stops nodes."""

from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_eks_v2 as eks
from aws_cdk import aws_iam as iam
from constructs import Construct

from rapids_eks.helm_release import HelmRelease
from rapids_eks.job_pools import CORE_LABELS
from rapids_eks.karpenter.interruption_queue import InterruptionQueue
from rapids_eks.karpenter.permissions import permissions
from rapids_eks.pod_role import PodRole

REGISTRY = "oci://public.ecr.aws/karpenter"
VERSION = "1.14.1"
NAMESPACE, SERVICE_ACCOUNT = "kube-system", "karpenter"
REPLICAS = 2  # which the chart never puts on one node
# Of each replica. Karpenter's documentation asks for a whole CPU, which large clusters need; here it may use what is
# free on its node: https://karpenter.sh/docs/getting-started/getting-started-with-karpenter/
REQUESTS = {"cpu": "400m", "memory": "1Gi"}
LIMITS = {"memory": "1Gi"}


class KarpenterController(Construct):
    """Karpenter's definitions and its two pods on the core nodes, with a role by Pod Identity and a queue of warnings.

    Its NodePools and EC2NodeClasses must depend on it: nothing else can end them.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own name for it
        *,
        cluster: eks.ICluster,
        cluster_name: str,
        node_role: iam.Role,
    ) -> None:
        """Make it; `cluster_name` is the cluster's in literal text. Raises ValueError where it is not."""
        super().__init__(scope, id)
        if cdk.Token.is_unresolved(cluster_name):
            raise ValueError(
                f"The cluster's name {cluster_name!r} is known only when the stack is deployed, but becomes part of "
                "conditions in policies: give literal text"
            )
        warnings = InterruptionQueue(self, "Interruptions")
        allowed = permissions(
            cdk.Stack.of(self),
            cluster_name=cluster_name,
            cluster_arn=cluster.cluster_arn,
            queue_arn=warnings.queue.queue_arn,
            node_role_arn=node_role.role_arn,
        )
        role = PodRole(self, "Role", permissions=allowed)
        role.give_to(cluster, namespace=NAMESPACE, service_account=SERVICE_ACCOUNT)
        values = chart_values(cluster_name, warnings.queue.queue_name, cdk.Stack.of(self).region)
        definitions = self._release("Definitions", cluster, "karpenter-crd", {})
        program = self._release("Program", cluster, "karpenter", values)
        # Pods get their credentials when they start, and must have them until they end.
        program.node.add_dependency(definitions, role, warnings)

    def _release(self, name: str, cluster: eks.ICluster, chart: str, values: Mapping[str, object]) -> HelmRelease:
        return HelmRelease(
            self,
            name,
            cluster=cluster,
            repository=f"{REGISTRY}/{chart}",
            chart=chart,
            version=VERSION,
            namespace=NAMESPACE,
            values=values,
        )


def chart_values(cluster_name: str, queue_name: str, region: str) -> dict[str, object]:
    """Return the chart's values, of which helm would pass over a misspelt one.

    https://github.com/aws/karpenter-provider-aws/blob/v1.14.1/charts/karpenter/values.yaml
    """
    return {
        "settings": {"clusterName": cluster_name, "interruptionQueue": queue_name},
        "serviceAccount": {"name": SERVICE_ACCOUNT},
        "replicas": REPLICAS,
        "nodeSelector": CORE_LABELS,
        "controller": {
            "resources": {"requests": REQUESTS, "limits": LIMITS},
            # Else it would ask the metadata, which pods do not reach.
            "env": [{"name": "AWS_REGION", "value": region}],
        },
    }
