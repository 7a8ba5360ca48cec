"""The services without a port: handlers are called directly, and a cluster's control plane is a dictionary."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from moto.core.base_backend import BackendDict
from moto.core.config import default_user_config
from moto.ec2.models import ec2_backends
from moto.iam.models import iam_backends

from rehearsal.clock import Clock
from rehearsal.services import eks
from rehearsal.services.eks.records import Cluster, Eks, Record
from rehearsal.wire.call import Call, Handler, Principal
from rehearsal.world import World

ACCOUNT, REGION = "111122223333", "us-west-2"
SERVICES = ["codebuild.amazonaws.com", "ec2.amazonaws.com", "eks.amazonaws.com"]
BOOT = {"Effect": "Allow", "Action": "ec2:DescribeInstances", "Resource": "*"}  # what a node needs


@dataclass
class FakeObjects:
    """Objects by path; a Deployment is available where `nodes` says that there are any."""

    nodes: dict[str, Any] = field(default_factory=dict)
    objects: dict[str, Record] = field(default_factory=dict)

    def get(self, path: str) -> Record | None:
        found = self.objects.get(path)
        if found and found.get("kind") == "Deployment":
            return {**found, "status": {"availableReplicas": found["spec"]["replicas"] if self.nodes else 0}}
        return found

    def items(self, path: str) -> list[Record]:
        return [each for name, each in self.objects.items() if name.startswith(path)]

    def apply(self, path: str, body: Record) -> Record:
        self.objects[path] = body
        return body

    def delete(self, path: str) -> None:
        self.objects.pop(path, None)


@dataclass
class FakePlane:
    """A control plane on paper."""

    cluster: Cluster
    endpoint: str = "https://127.0.0.1:1"
    ca_data: str = "Y2E="
    api: FakeObjects = field(default_factory=FakeObjects)
    granted: int = 0
    joins: bool = True

    def stop(self) -> None:
        self.api.objects.clear()

    def grant(self) -> None:
        self.granted += 1

    def add_node_group(self, record: Mapping[str, Any]) -> None:
        self.api.nodes[record["nodegroupName"]] = record["scalingConfig"]["desiredSize"]

    def remove_node_group(self, name: str) -> None:
        self.api.nodes.pop(name)

    def retire_instance(self, instance_id: str) -> None:
        raise NotImplementedError(instance_id)

    def nodes_ready(self, name: str) -> bool:
        return self.joins and name in self.api.nodes


@dataclass
class Account:
    """An account with two subnets and a role, and the handlers under test."""

    world: World
    eks: Eks
    handlers: dict[str, Handler]
    subnets: list[str]
    role: str
    vpc: str

    def call(self, operation: str, parameters: dict[str, Any], service: str = "eks") -> Any:  # noqa: ANN401 - by operation
        admin = Principal(f"arn:aws:iam::{ACCOUNT}:user/admin")
        asked = Call(service, operation, parameters, admin, "AKIA", REGION, ACCOUNT, f"{operation}-1")
        return self.handlers[operation](asked)

    def wait(self, seconds: float, until: Any) -> None:  # noqa: ANN401 - a condition
        assert self.world.clock.wait(seconds, until, every=1.0), "what was awaited did not come"

    def cluster(self, name: str = "c", **more: Any) -> Cluster:  # noqa: ANN401 - parameters
        network = {"subnetIds": self.subnets}
        self.call("CreateCluster", {"name": name, "roleArn": self.role, "resourcesVpcConfig": network, **more})
        made = self.eks.clusters[name]
        self.wait(3600, lambda: made.record["status"] == "ACTIVE")
        return made


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")  # of no use here, and a second each time
    monkeypatch.setenv("MOTO_IAM_LOAD_MANAGED_POLICIES", "false")
    monkeypatch.setitem(default_user_config, "iam", {"load_aws_managed_policies": False})
    BackendDict.reset()
    world = World(tmp_path, 1, clock=Clock(speed=6000))
    ec2 = ec2_backends[ACCOUNT][REGION]
    vpc = ec2.create_vpc("10.0.0.0/16")
    zones = {"10.0.0.0/24": f"{REGION}a", "10.0.1.0/24": f"{REGION}b"}
    subnets = [ec2.create_subnet(vpc.id, cidr, None, zone).id for cidr, zone in zones.items()]
    for subnet in subnets:
        ec2.modify_subnet_attribute(subnet, "map_public_ip_on_launch", "true")
    gateway = ec2.create_internet_gateway()
    ec2.attach_internet_gateway(gateway.id, vpc.id)
    table = next(each for each in ec2.route_tables.values() if each.vpc_id == vpc.id)
    ec2.create_route(table.id, "0.0.0.0/0", gateway_id=gateway.id)
    statement = {"Effect": "Allow", "Principal": {"Service": SERVICES}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    role = iam_backends[ACCOUNT]["aws"].create_role("r", trust, "/", None, "", [], "3600").arn
    iam_backends[ACCOUNT]["aws"].put_role_policy("r", "own", json.dumps({"Version": "2012-10-17", "Statement": [BOOT]}))
    clusters = Eks(world, lambda cluster, _: FakePlane(cluster))
    yield Account(world, clusters, eks.operations(clusters), subnets, role, vpc.id)
    world.close()
