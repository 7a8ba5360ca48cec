"""What is swept up after a cluster."""

from collections.abc import Sequence
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from rapids_eks.add_ons import CLUSTER_TAG
from rapids_eks.awaited_resource.construct import AwaitedResource
from rapids_eks.sweep.permissions import permissions

LIMIT = cdk.Duration.minutes(30)
EVERY = cdk.Duration.minutes(1)
# EKS still writes when the cluster is gone, and makes the log group anew:
# https://github.com/terraform-aws-modules/terraform-aws-eks/issues/2446
QUIET_SECONDS = 300
SHORTEST = 3  # characters of a name before `*`: what is shorter is a mistake


class Sweep(Construct):
    """Deletes, once a cluster is gone, what controllers made for it in the account and left there.

    That is, by the cluster's own tags: instances, network interfaces, volumes, load balancers, security groups, launch
    templates; and by name: Karpenter's instance profiles and `log_groups`. All that may make such things must depend
    on it, and it depends on the network: so it is the last to be deleted before that. It does nothing on creation.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own name for it
        *,
        vpc: ec2.IVpc,
        cluster_name: str,
        log_groups: Sequence[str] = (),
        log_retention_days: int = 30,
    ) -> None:
        """Make it. `log_groups` are names; one that ends with `*` stands for all that begin so.

        The cluster's own, `/aws/eks/<name>/cluster`, always goes. Names must be literal text: a reference to what makes
        the log group would have it deleted after the sweep. Raises ValueError where one is not, or would match all.
        """
        super().__init__(scope, id)
        names = [f"/aws/eks/{cluster_name}/cluster", *log_groups]
        _check(cluster_name, names)
        tags = tags_of(cluster_name)
        path = f"/karpenter/{cdk.Stack.of(self).region}/{cluster_name}/"
        AwaitedResource(
            self,
            "Deletion",
            resource_type="Custom::Sweep",
            physical_id=f"what {cluster_name} leaves",
            description=f"Deletes what controllers left of the cluster {cluster_name}",
            code=Path(__file__).parent,
            properties={
                "ClusterName": cluster_name,
                "VpcId": vpc.vpc_id,
                "Tags": tags,
                "ProfilePath": path,
                "LogGroups": names,
                "QuietSeconds": QUIET_SECONDS,
            },
            permissions=permissions(cdk.Stack.of(self), cluster_name, tags, path, names),
            limit=LIMIT,
            every=EVERY,
            log_retention_days=log_retention_days,
        )


def tags_of(cluster: str) -> dict[str, dict[str, str]]:
    """Return by which tags each kind of resource is known to be a cluster's; any one of them will do.

    Karpenter: https://karpenter.sh/docs/concepts/nodeclasses/#spectags
    VPC CNI: https://github.com/aws/amazon-vpc-cni-k8s#cni-custom-network-config
    Load balancer controller: https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/deploy/configurations/
    """
    owned = {f"kubernetes.io/cluster/{cluster}": "owned"}  # Karpenter, EKS and Kubernetes' own cloud controller
    by_controller = {**owned, "elbv2.k8s.aws/cluster": cluster}
    return {
        "Instances": owned,
        "LoadBalancers": by_controller,
        "NetworkInterfaces": {**owned, "cluster.k8s.amazonaws.com/name": cluster},  # the latter by the VPC CNI
        "Volumes": {**owned, CLUSTER_TAG: cluster},  # the latter by the EBS CSI driver
        "SecurityGroups": by_controller,
        "LaunchTemplates": {**owned, "karpenter.k8s.aws/cluster": cluster},
    }


def _check(cluster: str, names: Sequence[str]) -> None:
    unknown = [name for name in (cluster, *names) if cdk.Token.is_unresolved(name)]
    if unknown:
        raise ValueError(f"The name {unknown[0]!r} is known only when the stack is deployed: give literal text")
    broad = [name for name in names if _matches_others(name)]
    if broad:
        raise ValueError(
            f"The log group {broad[0]!r} would match others' too: give a name, or `*` after at least {SHORTEST} "
            "characters of its last part"
        )


def _matches_others(name: str) -> bool:
    beginning = name.removesuffix("*")
    short = beginning != name and len(beginning.rpartition("/")[2]) < SHORTEST
    return short or "*" in beginning
