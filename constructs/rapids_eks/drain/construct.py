"""Nodes that Karpenter made, and their end."""

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_eks_v2 as eks
from aws_cdk import aws_iam as iam
from aws_cdk.aws_eks import CfnAccessEntry
from constructs import Construct

from rapids_eks.awaited_resource.construct import AwaitedResource, Inside
from rapids_eks.awaited_resource.permission import Permission
from rapids_eks.kubectl import INTERFACES, INTERFACES_REASON

LIMIT = cdk.Duration.minutes(40)
EVERY = cdk.Duration.seconds(15)
GROUP = "karpenter-drain"  # of Kubernetes; the role is its only member
WHY_ALL = f"Descriptions of instances can be limited to none. {INTERFACES_REASON}"


class Drain(Construct):
    """Deletes, on deletion, Karpenter's node pools, and waits until their nodes and instances are gone.

    It must depend on the pools and on all that ends them: Karpenter itself, its permissions, the nodes it runs on. What
    runs on the pools' nodes must depend on it. Its role may, by an access entry and a ClusterRole of its own, delete
    pools and claims and see nodes, pods and their budgets; no access policy of EKS gives so little. It does nothing on
    creation, and nothing where the cluster or Karpenter's definitions are gone.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own name for it
        *,
        cluster: eks.ICluster,
        private_subnets: Sequence[ec2.ISubnet],
        log_retention_days: int = 30,
    ) -> None:
        """Make it; in `private_subnets` of the cluster's VPC, with a way out, its function reaches any endpoint.

        The deletion fails after 40 minutes, so the pools' terminationGracePeriod must be shorter.
        """
        super().__init__(scope, id)
        group = ec2.SecurityGroup(
            self,
            "SecurityGroup",
            vpc=cluster.vpc,
            description="Whoever drains the nodes of Karpenter",
            allow_all_outbound=False,
        )
        group.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(443), "The cluster's API, AWS")
        made = AwaitedResource(
            self,
            "Deletion",
            resource_type="Custom::Drain",
            physical_id=f"nodes of {cluster.cluster_name}",
            description="Deletes Karpenter's node pools and waits for their nodes",
            code=Path(__file__).parent,
            properties={"ClusterName": cluster.cluster_name},
            permissions=[
                Permission(["eks:DescribeCluster"], [cluster.cluster_arn]),
                Permission(["ec2:DescribeInstances", *INTERFACES], ["*"], why=WHY_ALL),
            ],
            limit=LIMIT,
            every=EVERY,
            log_retention_days=log_retention_days,
            inside=Inside(cluster.vpc, private_subnets, cast("ec2.ISecurityGroup", group)),
        )
        made.resource.node.add_dependency(*self._ways_in(cluster, group, made.role))

    def _ways_in(self, cluster: eks.ICluster, group: ec2.SecurityGroup, role: iam.Role) -> list[Construct]:
        """Return what lets the function in: to the network, to Kubernetes, and to do there what it must."""
        https = ec2.CfnSecurityGroupIngress(
            self,
            "Https",
            group_id=cluster.cluster_security_group_id,
            source_security_group_id=group.security_group_id,
            ip_protocol="tcp",
            from_port=443,
            to_port=443,
            description="Whoever drains the nodes of Karpenter",
        )
        entry = CfnAccessEntry(
            self,
            "Access",
            cluster_name=cluster.cluster_name,
            principal_arn=role.role_arn,
            kubernetes_groups=[GROUP],
        )
        rules = eks.KubernetesManifest(
            self, "Permissions", cluster=cluster, manifest=_kubernetes_permissions(), overwrite=True
        )
        return [https, entry, rules]


def _kubernetes_permissions() -> list[dict[str, object]]:
    """Return a ClusterRole that is just enough, and its binding to the group."""
    rules = [
        {
            "apiGroups": ["karpenter.sh"],
            "resources": ["nodepools", "nodeclaims"],
            "verbs": ["list", "delete"],
        },
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]},
        {"apiGroups": ["policy"], "resources": ["poddisruptionbudgets"], "verbs": ["list"]},
    ]
    api, meta = "rbac.authorization.k8s.io", {"name": GROUP}
    role = {"apiGroup": api, "kind": "ClusterRole", "name": GROUP}
    subject = {"apiGroup": api, "kind": "Group", "name": GROUP}
    return [
        {"apiVersion": f"{api}/v1", "kind": "ClusterRole", "metadata": meta, "rules": rules},
        {
            "apiVersion": f"{api}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": meta,
            "roleRef": role,
            "subjects": [subject],
        },
    ]
