"""The own services of a rehearsal, put together."""

from collections import ChainMap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import cast

from rehearsal.access.guard import Guard
from rehearsal.callers import Callers
from rehearsal.charts import ecr_public
from rehearsal.emr.namespace import Api as KubernetesApi
from rehearsal.emr.runs import JobRuns
from rehearsal.kubernetes.cluster import Cluster as RunningCluster
from rehearsal.kubernetes.cluster import Surroundings
from rehearsal.kubernetes.fleet import Ec2Fleet
from rehearsal.kubernetes.karpenter_fleet import Ec2KarpenterFleet
from rehearsal.services import (
    amp,
    ec2,
    eks,
    iam,
    iam_policies,
    logs,
    resource_policies,
    s3,
    secretsmanager,
    shortages,
    ssm,
    stepfunctions,
    stepfunctions_emr,
    sts,
    vpc_endpoints,
)
from rehearsal.services.builds.container import Container
from rehearsal.services.cloudwatch import dashboards
from rehearsal.services.cloudwatch.service import Metrics
from rehearsal.services.codebuild import CodeBuild
from rehearsal.services.eks import auto_scaling, load_balancing
from rehearsal.services.eks.access_entries import associations
from rehearsal.services.eks.load_balancing import ClassicBalancing
from rehearsal.services.eks.pod_credentials import PodCredentials
from rehearsal.services.eks.pod_starts import PodStarts
from rehearsal.services.eks.records import Cluster, Eks, Plane
from rehearsal.services.emr_containers import VirtualClusters
from rehearsal.services.leftovers import Inventory
from rehearsal.services.service_quotas import ServiceQuotas
from rehearsal.wire.call import Call, Handler
from rehearsal.wire.page import Page
from rehearsal.world import World


@dataclass(frozen=True)
class Services:
    """Own handlers by service and operation, refusals by `service:Operation` that come before the emulator, pages."""

    operations: Mapping[str, Mapping[str, Handler]]
    refusals: Mapping[str, Callable[[Call], None]] = field(default_factory=dict)
    pages: Mapping[str, Page] = field(default_factory=dict)


def start(world: World, callers: Callers) -> Services:
    """Make the own services of a rehearsal, empty."""
    clusters = Eks(world, lambda cluster, directory: _start_cluster(clusters, cluster, directory))
    guard = Guard(world)
    quotas = ServiceQuotas()
    builds, virtual = CodeBuild(world, guard, Container(world)), VirtualClusters(clusters, guard)
    runs = JobRuns(world, guard, virtual, _api_of)
    virtual.active_runs = runs.active
    operations = {
        "amp": amp.operations(world.clock),
        "autoscaling": auto_scaling.operations(clusters),
        "cloudwatch": Metrics(world.clock.now).operations(),
        "codebuild": builds.operations(),
        "ec2": {**ec2.operations(world), **vpc_endpoints.operations()},
        "ecr-public": ecr_public.operations(world),
        "eks": eks.operations(clusters),
        "elb": load_balancing.operations(),
        "emr-containers": {**virtual.operations(), **runs.operations()},
        "iam": iam.operations(),
        "service-quotas": quotas.operations(),
        "ssm": ssm.operations(),
        "stepfunctions": stepfunctions.operations(),
        "sts": sts.operations(),
    }

    s3.leave_permission_to_the_guard()
    stepfunctions.act_as_roles(world)
    stepfunctions.wait_by_clock(world)
    stepfunctions_emr.add(world.clock)
    inventory = Inventory(world, {**eks.listed(clusters), **builds.listed(), **virtual.listed(), **runs.listed()})
    pages: dict[str, Page] = {
        "quotas": quotas.page,
        "state": lambda _request, _rest: {"resources": inventory.resources(), "stays": inventory.stays()},
        "token-review": lambda request, name: eks.review_token(clusters, callers, name, request.get_json(force=True)),
    }
    pages["grants"] = lambda _request, _rest: world.grants.page()
    refusals = [each.refusals(guard) for each in (logs, resource_policies, s3, stepfunctions)]
    refusals += [each.refusals() for each in (amp, dashboards, ec2, iam_policies, secretsmanager)]
    refusals += [shortages.refusals(world, quotas)]
    return Services(operations, ChainMap(*refusals), pages)


def _api_of(cluster: Cluster) -> KubernetesApi:
    """Return the API of a running cluster, of which job runs need more than EKS itself."""
    return cast("KubernetesApi", cluster.ready.api)


def _start_cluster(clusters: Eks, cluster: Cluster, directory: Path) -> Plane:
    """Start the real thing behind a cluster of EKS."""
    directory.mkdir(parents=True, exist_ok=True)
    world, version = clusters.world, cluster.record["version"]
    pods = PodCredentials(clusters, cluster)
    surroundings = Surroundings(
        clock=world.clock,
        fleet=Ec2Fleet(world.client("ec2")),
        fleet_of=lambda pod: Ec2KarpenterFleet(partial(pods.client, pod), version),
        client_of=pods.client,
        joins=pods.joins,
        token_review_url=f"{world.endpoint}/_rehearsal/token-review/{cluster.name}",
        associations=lambda: associations(cluster),
        pull=PodStarts(pods).trouble,
        balancing=ClassicBalancing(
            world, cluster.name, cluster.record["resourcesVpcConfig"]["vpcId"], cluster.record["roleArn"]
        ),
    )
    return RunningCluster.start(directory, surroundings, version=version)
