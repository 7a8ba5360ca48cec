"""Classic load balancers for a cluster's Services, each with a security group and interfaces that hold the VPC."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError
from moto.ec2.models import EC2Backend, ec2_backends
from moto.elb.models import ELBBackend, elb_backends

from rehearsal.access.guard import role_may
from rehearsal.wire.call import Call, Handler
from rehearsal.world import World

MAKING = (  # https://docs.aws.amazon.com/eks/latest/userguide/cluster-iam-role.html
    *("ec2:DescribeSubnets", "ec2:CreateSecurityGroup", "ec2:AuthorizeSecurityGroupIngress"),
    *("elasticloadbalancing:CreateLoadBalancer", "elasticloadbalancing:ConfigureHealthCheck"),
)
REMOVING = ("elasticloadbalancing:DeleteLoadBalancer", "ec2:DeleteSecurityGroup")


@dataclass(frozen=True)
class ClassicBalancing:
    """Makes them in the VPC of one cluster; what a deleted cluster leaves stays, as in AWS."""

    world: World
    cluster: str
    vpc_id: str
    role: str  # ARN of the cluster's role, whose permissions bind

    @property
    def _elb(self) -> ELBBackend:
        return elb_backends[self.world.account][self.world.region]

    @property
    def _ec2(self) -> EC2Backend:
        return ec2_backends[self.world.account][self.world.region]

    def create(self, name: str, ports: Mapping[int, int], service: str) -> str:
        """Make one in the VPC's subnets that carry the role `elb`, in all of them where none does."""
        self._demand(*MAKING)
        owned = {f"kubernetes.io/cluster/{self.cluster}": "owned", "kubernetes.io/service-name": service}
        group = self._ec2.create_security_group(
            f"k8s-elb-{name}", f"Security group for Kubernetes ELB {name} ({service})", self.vpc_id, dict(owned)
        )
        there = [each for each in self._ec2.describe_subnets() if each.vpc_id == self.vpc_id]
        subnets = [each for each in there if "kubernetes.io/role/elb" in _tags(each)] or there
        for subnet in subnets:
            self._ec2.create_network_interface(subnet, [], group_ids=[group.id], description=f"ELB {name}")
        listeners = [
            {"protocol": "tcp", "load_balancer_port": port, "instance_port": behind} for port, behind in ports.items()
        ]
        made = self._elb.create_load_balancer(
            name=name, zones=[], ports=listeners, subnets=[each.id for each in subnets], security_groups=[group.id]
        )
        for key, value in owned.items():
            made.add_tag(key, value)
        return str(made.dns_name)

    def delete(self, name: str) -> None:
        """Remove it, its interfaces and its security group."""
        self._demand(*REMOVING)
        self._elb.delete_load_balancer(name)
        _release(self._ec2, name)
        for group in list(self._ec2.describe_security_groups()):
            if group.name == f"k8s-elb-{name}":
                self._ec2.delete_security_group(group_id=group.id)

    def _demand(self, *actions: str) -> None:
        for action in actions:
            if not role_may(self.world, self.role, action):
                message = f"{self.role} is not authorized to perform: {action}"
                raise ClientError({"Error": {"Code": "AccessDenied", "Message": message}}, action.partition(":")[2])


def operations() -> dict[str, Handler]:
    """Return the one operation in which the emulator forgets what hangs on a load balancer."""
    return {"DeleteLoadBalancer": _delete}


def _delete(call: Call) -> dict[str, Any]:
    name = call.parameters["LoadBalancerName"]
    elb_backends[call.account][call.region].delete_load_balancer(name)
    _release(ec2_backends[call.account][call.region], name)
    return {}


def _release(ec2: EC2Backend, name: str) -> None:
    """Take away the interfaces of a load balancer that has been deleted; its security group is Kubernetes'."""
    for interface in list(ec2.get_all_network_interfaces()):
        if interface.description == f"ELB {name}":
            ec2.delete_network_interface(interface.id)


def _tags(subnet: Any) -> dict[str, str]:  # noqa: ANN401 - moto's
    return {tag["key"]: tag["value"] for tag in subnet.get_tags()}
