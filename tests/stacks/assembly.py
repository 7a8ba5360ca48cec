"""Stacks as the cdk CLI would find them: synthesized, with their files published, and deployed one after the other."""

import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from botocore.exceptions import ClientError
from cdk_nag import AwsSolutionsChecks

import config
from rapids_eks.eks_platform import EksPlatform
from stacks.cluster import ClusterStack
from stacks.network import NetworkStack
from tests.rehearsal.live.account import Account, Outcome, Resources

ACCOUNT, REGION = "111122223333", "us-west-2"
NAME = "stacked"  # the cluster's
USUAL, NODES = config.Network(), config.Capacity()
TAGS = {"project": "spark"}


@dataclass(frozen=True)
class Assembly:
    """The folder that a synth wrote."""

    folder: Path

    def template(self, stack: str) -> dict[str, Any]:
        return dict(json.loads(self.text(stack)))

    def text(self, stack: str) -> str:
        return (self.folder / f"{stack}.template.json").read_text()

    def resources(self, stack: str) -> Resources:
        return dict(self.template(stack)["Resources"])

    def deploy(self, account: Account, stack: str) -> Outcome:
        """Create a stack under its own name, exports and all, once its files are published."""
        template = self.template(stack)
        return account.create(template["Resources"], stack, outputs=template.get("Outputs", {}))

    def update(self, account: Account, stack: str, made: Outcome) -> Outcome:
        """Make a stack what this assembly says."""
        template = self.template(stack)
        return account.update(made, template["Resources"], outputs=template.get("Outputs", {}))

    def publish(self, account: Account, stack: str) -> None:
        """Put a stack's files, but not its template, where its resources look for them."""
        files = json.loads((self.folder / f"{stack}.assets.json").read_text())["files"].values()
        storage = account.client("s3")
        for file in files:
            (place,) = file["destinations"].values()
            if not file["source"]["path"].endswith(".template.json"):
                _bucket(storage, place["bucketName"])
                body = _packed(self.folder / file["source"]["path"])
                storage.put_object(Bucket=place["bucketName"], Key=place["objectKey"], Body=body)


@dataclass(frozen=True)
class Small:
    """A small cluster in a network, for the tests of something that stands on it."""

    env: cdk.Environment
    network: NetworkStack
    platform: EksPlatform


def synthesized(
    into: Path,
    cluster: config.Cluster,
    network: config.Network = USUAL,
    *,
    capacity: config.Capacity = NODES,
    region: str = REGION,
) -> Assembly:
    """Return the stacks of the network and the cluster, made under the eyes of cdk-nag."""
    app = cdk.App(outdir=str(into))
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    env = cdk.Environment(region=region, account=ACCOUNT)
    under = NetworkStack(app, "StackedNetwork", name=NAME, network=network, env=env)
    ClusterStack(
        app,
        "StackedCluster",
        name=NAME,
        vpc=under.vpc,
        subnets=under.private_subnets,
        node_subnets=under.node_subnets,
        cluster=cluster,
        capacity=capacity,
        tags=TAGS,
        env=env,
    )
    app.synth()
    return Assembly(into)


def small_platform(app: cdk.App, prefix: str, name: str, *, admin: str, core_type: str, region: str = REGION) -> Small:
    """Add the stacks `<prefix>Network` and `<prefix>Cluster` to an app, under the eyes of cdk-nag."""
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    env = cdk.Environment(region=region, account=ACCOUNT)
    network = NetworkStack(app, f"{prefix}Network", name=name, network=USUAL, env=env)
    platform = EksPlatform(
        cdk.Stack(app, f"{prefix}Cluster", env=env),
        "Platform",
        name=name,
        version="1.35",
        vpc=network.vpc,
        subnets=network.private_subnets,
        node_subnets=network.node_subnets,
        core_instance_types=[core_type],
        admins=[admin],
    )
    return Small(env, network, platform)


def _bucket(storage: Any, name: str) -> None:  # noqa: ANN401 - boto3 makes its classes at run time
    try:
        storage.head_bucket(Bucket=name)
    except ClientError:
        storage.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})


def _packed(path: Path) -> bytes:
    if path.is_file():
        return path.read_bytes()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for file in sorted(path.rglob("*")):
            archive.write(file, file.relative_to(path))
    return packed.getvalue()
