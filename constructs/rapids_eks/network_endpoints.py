"""Ways from a VPC to AWS's services that do not lead through the internet."""

from collections.abc import Sequence
from ipaddress import IPv4Network

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from constructs import Construct

# What nodes and pods call, and who does. Not here: what has no endpoint or is called from outside the VPC only.
SERVICES = {
    "aps-workspaces": "Prometheus, which writes to its workspace",
    "autoscaling": "the cluster autoscaler",
    "ec2": "the VPC CNI, the EBS CSI driver, Karpenter",
    "ecr.api": "the kubelet, which pulls images",
    "ecr.dkr": "the kubelet, which pulls images",
    "eks": "nodes that join, Karpenter",
    "eks-auth": "the Pod Identity agent",
    "logs": "jobs, which write their logs",
    "monitoring": "the GPU metrics exporter",
    "secretsmanager": "the secrets store driver",
    "sqs": "Karpenter, which is told of interruptions",
    "ssm": "the nodes' SSM agent, Karpenter, which looks up images",
    "ssmmessages": "the nodes' SSM agent: sessions, and the tunnel to a private cluster",
    "sts": "whoever assumes a role",
}


class NetworkEndpoints(Construct):
    """A gateway endpoint for S3, which costs nothing, and interface endpoints in the private subnets if asked for."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own name for it
        *,
        name: str,
        vpc_id: str,
        route_table_ids: Sequence[str],
        interface_subnets: Sequence[ec2.ISubnet],
        callers: Sequence[IPv4Network],
    ) -> None:
        """Make them; without `interface_subnets` only S3's. `callers` are the ranges that may use the interfaces."""
        super().__init__(scope, id)
        ec2.CfnVPCEndpoint(
            self,
            "S3",
            vpc_id=vpc_id,
            service_name=_service("s3"),
            vpc_endpoint_type="Gateway",
            route_table_ids=list(route_table_ids),
            tags=_named(f"{name} s3"),
        )
        if interface_subnets:
            self._interfaces(name, vpc_id, [subnet.subnet_id for subnet in interface_subnets], callers)

    def _interfaces(self, name: str, vpc_id: str, subnet_ids: list[str], callers: Sequence[IPv4Network]) -> None:
        group = _https_from(self, vpc_id, callers)
        for service in SERVICES:
            ec2.CfnVPCEndpoint(
                self,
                "".join(part.capitalize() for part in service.replace(".", "-").split("-")),
                vpc_id=vpc_id,
                service_name=_service(service),
                vpc_endpoint_type="Interface",
                private_dns_enabled=True,
                subnet_ids=subnet_ids,
                security_group_ids=[group.attr_group_id],
                tags=_named(f"{name} {service}"),
            )


def _https_from(scope: Construct, vpc_id: str, callers: Sequence[IPv4Network]) -> ec2.CfnSecurityGroup:
    """Return a group that lets HTTPS in from the ranges, and nothing out: an endpoint only ever answers."""
    return ec2.CfnSecurityGroup(
        scope,
        "Callers",
        group_description="HTTPS from the VPC to the interface endpoints",
        vpc_id=vpc_id,
        security_group_ingress=[
            ec2.CfnSecurityGroup.IngressProperty(
                ip_protocol="tcp",
                from_port=443,
                to_port=443,
                cidr_ip=str(cidr),
                description="HTTPS from nodes and pods",
            )
            for cidr in callers
        ],
        # Without any rule EC2 would let everything out, so there is one that matches no packet.
        security_group_egress=[
            ec2.CfnSecurityGroup.EgressProperty(
                ip_protocol="icmp", cidr_ip="255.255.255.255/32", from_port=252, to_port=86, description="Nothing"
            )
        ],
    )


def _service(name: str) -> str:
    return f"com.amazonaws.{cdk.Aws.REGION}.{name}"


def _named(name: str) -> list[cdk.CfnTag]:
    return [cdk.CfnTag(key="Name", value=name)]
