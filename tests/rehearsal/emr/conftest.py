"""A rehearsal with a real cluster, two nodes and a bucket; each test has a team of its own."""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import control_plane
import pytest
from kubernetes import config as kubernetes_config
from kubernetes.client import ApiClient, CoreV1Api, V1Namespace, V1ObjectMeta
from quotas import STANDARD, raise_quotas

from rehearsal import server
from rehearsal.access.propagation import PROPAGATION
from rehearsal.clock import Clock
from rehearsal.emr.runs import ENDED
from rehearsal.emr.service_accounts import COMPONENTS, service_account
from rehearsal.world import World

POD_IDENTITY = {
    "Effect": "Allow",
    "Principal": {"Service": "pods.eks.amazonaws.com"},
    "Action": ["sts:AssumeRole", "sts:TagSession"],
    "Condition": {"StringEquals": {"aws:SourceAccount": "111122223333"}},
}
ADDONS = ("vpc-cni", "kube-proxy", "eks-pod-identity-agent")
POLICIES = {
    "eks": (),
    "ec2": ("AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy", "AmazonEC2ContainerRegistryPullOnly"),
}


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(actions: list[str], *resources: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": list(resources)}


def eventually(condition: Callable[[], object], seconds: float = 400) -> None:
    """Wait by the wall's time until a condition holds, for the rehearsal's passes differently while a job runs."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "what was awaited did not come"
        time.sleep(0.3)


@dataclass
class Team:
    """A namespace with its virtual cluster, its role, and its prefix of the bucket."""

    world: World
    name: str
    cluster: str
    bucket: str
    role: str
    core: CoreV1Api
    virtual_cluster: str = ""
    group: str = ""
    emr: Any = field(default=None)

    def put(self, key: str, text: str | bytes, owner: str = "") -> str:
        """Store an object under the team's prefix, or another's; return its URI."""
        place = f"{owner or self.name}/{key}"
        self.world.client("s3").put_object(Bucket=self.bucket, Key=place, Body=text)
        return f"s3://{self.bucket}/{place}"

    def get(self, key: str) -> bytes:
        return bytes(self.world.client("s3").get_object(Bucket=self.bucket, Key=f"{self.name}/{key}")["Body"].read())

    def stored(self, prefix: str = "") -> list[str]:
        answer = self.world.client("s3").list_objects_v2(Bucket=self.bucket, Prefix=f"{self.name}/{prefix}")
        return [each["Key"].removeprefix(f"{self.name}/") for each in answer.get("Contents", [])]

    def start(self, code: str, *arguments: str, **more: Any) -> str:  # noqa: ANN401 - StartJobRun's members
        """Start a run of a program; return the run's id."""
        parameters = more.pop("parameters", "--conf spark.executor.instances=1")
        driver = {"entryPoint": self.put("job.py", code), "entryPointArguments": list(arguments)}
        request = {
            "name": self.name,
            "virtualClusterId": self.virtual_cluster,
            "executionRoleArn": self.role,
            "releaseLabel": "emr-7.13.0-spark-rapids-latest",
            "jobDriver": {"sparkSubmitJobDriver": {**driver, "sparkSubmitParameters": parameters}},
            "configurationOverrides": self.logged,
            **more,
        }
        return str(self.emr.start_job_run(**request)["id"])

    def run(self, run_id: str) -> Any:  # noqa: ANN401 - DescribeJobRun's answer
        return self.emr.describe_job_run(id=run_id, virtualClusterId=self.virtual_cluster)["jobRun"]

    def until(self, run_id: str, *states: str) -> Any:  # noqa: ANN401
        """Wait until a run is in one of the states, or over; return it."""
        eventually(lambda: self.run(run_id)["state"] in (*states, *ENDED))
        return self.run(run_id)

    def eventually(self, condition: Callable[[], object]) -> None:
        """Wait until a condition holds."""
        eventually(condition)

    def completes(self, run_id: str) -> Any:  # noqa: ANN401
        """Wait for a run to complete; show its details and its log if it does not."""
        found = self.until(run_id, "COMPLETED", "FAILED", "CANCELLED")
        assert found["state"] == "COMPLETED", "\n".join([str(found.get("stateDetails")), *self.log(run_id)[-40:]])
        return found

    def log(self, run_id: str, container: str = "driver") -> list[str]:
        """Return what a kind of container of a run has in CloudWatch."""
        logs = self.world.client("logs")
        streams = logs.describe_log_streams(logGroupName=self.group)["logStreams"]
        names = [
            s["logStreamName"] for s in streams if run_id in s["logStreamName"] and container in s["logStreamName"]
        ]
        return [
            event["message"]
            for name in names
            for event in logs.get_log_events(logGroupName=self.group, logStreamName=name)["events"]
        ]

    @property
    def logged(self) -> dict[str, Any]:
        """Monitoring in the team's log group."""
        return {"monitoringConfiguration": {"cloudWatchMonitoringConfiguration": {"logGroupName": self.group}}}

    def cancel_all(self) -> None:
        """Let no run outlive its test: while a program runs, the whole account's time passes as the wall's."""
        for run in self.emr.list_job_runs(virtualClusterId=self.virtual_cluster)["jobRuns"]:
            if run["state"] not in ENDED:
                with suppress(self.emr.exceptions.ValidationException):  # it has just ended by itself
                    self.emr.cancel_job_run(id=run["id"], virtualClusterId=self.virtual_cluster)

    def pods(self) -> dict[str, Any]:
        return {pod.metadata.name: pod for pod in self.core.list_namespaced_pod(self.name).items}


@dataclass
class Site:
    """An account with a cluster."""

    world: World
    cluster: str
    bucket: str
    core: CoreV1Api

    def team(self, *, associated: bool = True, statements: tuple[dict[str, Any], ...] = ()) -> Team:
        """Make a team; its role may use the team's prefix and its log group, and do what `statements` say."""
        name = f"team-{uuid.uuid4().hex[:6]}"
        self.core.create_namespace(V1Namespace(metadata=V1ObjectMeta(name=name)))
        iam, eks = self.world.client("iam"), self.world.client("eks")
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(POD_IDENTITY))["Role"]["Arn"]
        own = f"arn:aws:s3:::{self.bucket}"
        look = allow(["s3:ListBucket"], own) | {"Condition": {"StringLike": {"s3:prefix": f"{name}/*"}}}
        group = f"/emr/{name}"
        may = (
            look,
            allow(["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], f"{own}/{name}/*"),
            allow(["logs:DescribeLogGroups"], "*"),
            allow(["logs:CreateLogStream", "logs:PutLogEvents"], f"arn:aws:logs:*:*:log-group:{group}:*"),
        )
        iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=document(*(statements or may)))
        self.world.clock.advance(timedelta(seconds=PROPAGATION))
        for component in COMPONENTS if associated else ():
            account = service_account(component, self.world.account, name)
            eks.create_pod_identity_association(
                clusterName=self.cluster, namespace=name, serviceAccount=account, roleArn=role
            )
        self.world.client("logs").create_log_group(logGroupName=group)
        emr = self.world.client("emr-containers")
        info = {"eksInfo": {"namespace": name}}
        provider = {"type": "EKS", "id": self.cluster, "info": info}
        made = emr.create_virtual_cluster(name=name, containerProvider=provider)["id"]
        return Team(self.world, name, self.cluster, self.bucket, role, self.core, made, group, emr)


def _network(world: World) -> list[str]:
    ec2 = world.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(VpcId=vpc, InternetGatewayId=gateway)
    main = [{"Name": "vpc-id", "Values": [vpc]}]
    table = ec2.describe_route_tables(Filters=main)["RouteTables"][0]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    places = [(f"10.0.{n}.0/24", f"{world.region}{zone}") for n, zone in enumerate("ab")]
    made = [ec2.create_subnet(VpcId=vpc, CidrBlock=cidr, AvailabilityZone=zone)["Subnet"] for cidr, zone in places]
    for each in made:
        ec2.modify_subnet_attribute(SubnetId=each["SubnetId"], MapPublicIpOnLaunch={"Value": True})
    return [each["SubnetId"] for each in made]


def _role(world: World, service: str) -> str:
    trust = {"Effect": "Allow", "Principal": {"Service": f"{service}.amazonaws.com"}, "Action": "sts:AssumeRole"}
    iam = world.client("iam")
    made = iam.create_role(RoleName=service, AssumeRolePolicyDocument=document(trust))
    for name in POLICIES[service]:
        iam.attach_role_policy(RoleName=service, PolicyArn=f"arn:aws:iam::aws:policy/{name}")
    world.clock.advance(timedelta(seconds=PROPAGATION))
    return str(made["Role"]["Arn"])


@pytest.fixture(scope="module")  # other files' rehearsals in this process empty the emulator that they share
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    control_plane.required()
    world = World(Path(tmp_path_factory.mktemp("world")), 0, clock=Clock(100))
    server.serve(world)
    yield _build(world)
    world.close()


def _build(world: World) -> Site:
    raise_quotas(world, *STANDARD)
    subnets, eks = _network(world), world.client("eks")
    eks.create_cluster(
        name="c",
        roleArn=_role(world, "eks"),
        resourcesVpcConfig={"subnetIds": subnets},
        accessConfig={"authenticationMode": "API_AND_CONFIG_MAP"},
    )
    assert world.clock.wait(50_000, lambda: eks.describe_cluster(name="c")["cluster"]["status"] == "ACTIVE", 30)
    for name in ADDONS:
        eks.create_addon(clusterName="c", addonName=name)
    eks.create_nodegroup(
        clusterName="c",
        nodegroupName="nodes",
        nodeRole=_role(world, "ec2"),
        subnets=subnets,
        instanceTypes=["m5.2xlarge"],
        scalingConfig={"minSize": 2, "maxSize": 2, "desiredSize": 2},
    )
    there = {"clusterName": "c", "nodegroupName": "nodes"}
    active = world.clock.wait(50_000, lambda: eks.describe_nodegroup(**there)["nodegroup"]["status"] == "ACTIVE", 30)
    assert active, eks.describe_nodegroup(**there)
    world.client("s3").create_bucket(Bucket="data", CreateBucketConfiguration={"LocationConstraint": world.region})
    return Site(world, "c", "data", CoreV1Api(_administrator(world)))


def _administrator(world: World) -> ApiClient:
    return kubernetes_config.new_client_from_config(str(next(world.directory.rglob("admin.kubeconfig"))))


@pytest.fixture
def team(site: Site) -> Iterator[Team]:
    made = site.team()
    yield made
    made.cancel_all()
