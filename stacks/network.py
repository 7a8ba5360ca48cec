"""The stack of the network."""

from collections.abc import Iterable

import aws_cdk as cdk
from constructs import Construct

import config
from rapids_eks.existing_network import ExistingNetwork
from rapids_eks.network import Network


class NetworkStack(cdk.Stack):
    """What the cluster lies in. Exposes `vpc`, `public_subnets`, `private_subnets` and `node_subnets`."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own name for it
        *,
        name: str,
        network: config.Network,
        env: cdk.Environment | None = None,
    ) -> None:
        super().__init__(scope, id, stack_name=f"{name}-network", env=env, description=f"The network of {name}")
        made = _existing(self, network.existing) if network.existing else _new(self, name, network)
        self.vpc = made.vpc
        self.public_subnets, self.private_subnets = made.public_subnets, made.private_subnets
        self.node_subnets = made.node_subnets


def _new(scope: Construct, name: str, network: config.Network) -> Network:
    return Network(
        scope,
        "Network",
        name=name,
        cidr=network.cidr,
        pod_cidr=network.pod_cidr,
        zones=network.zones,
        nat=network.nat,
        interface_endpoints=network.interface_endpoints,
        log_retention_days=network.flow_log_retention_days,
    )


def _existing(scope: Construct, existing: config.ExistingNetwork) -> ExistingNetwork:
    cdk.CfnWaitConditionHandle(scope, "Nothing")  # free, and a stack cannot be without a resource
    return ExistingNetwork(
        scope,
        "Network",
        vpc_id=existing.vpc_id,
        cidr=existing.cidr,
        private_subnets=_zones(existing.private_subnets),
        node_subnets=_zones(existing.nodes_in),
        public_subnets=_zones(existing.public_subnets),
    )


def _zones(subnets: Iterable[config.ExistingSubnet]) -> dict[str, str]:
    return {subnet.id: subnet.zone for subnet in subnets}
