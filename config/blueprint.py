"""All settings together, and what its sections must be to each other."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from math import ceil
from typing import Annotated

from pydantic import Field

from config.addresses import LARGEST, prefix_for
from config.capacity import Capacity
from config.cluster import Cluster
from config.data import Data
from config.emr import Emr
from config.errors import Path, Problem
from config.existing_network import KINDS
from config.gpu_dashboard import GpuDashboard
from config.image import Image
from config.instance_types import addresses
from config.names import Account, ClusterName, Region
from config.network import Network
from config.observability import Observability
from config.pipeline import Pipeline, Platform
from config.section import Section
from config.teams import Team
from config.zones import WITHOUT_EKS, partition, refusal
from rapids_eks.spark_job.job import SparkJob
from rapids_eks.subnets import usable
from rapids_eks.system_pods import SUBMITTER, unplaceable
from rapids_eks.team_layout import pascal_case

PYTHON = "/opt/spark-rapids/bin/python"  # in the image that docker/spark-rapids makes
MOST_TEAMS = 18  # each has 11 outputs at most of a stack's 200
MOST_TAGS = 40  # AWS allows 50; CloudFormation, EKS and Karpenter add theirs
TAG_KEY = re.compile(r"(?!(?i:aws:)|kubernetes\.io/|k8s\.io/|karpenter\.|eks:)[\w .:/+@-]{1,128}")
TAG_VALUE = re.compile(r"[\w .:/=+@-]{0,256}")


class Blueprint(Section):
    """The system that is deployed: everything that a user may want to change."""

    name: ClusterName
    """Name of the cluster and beginning of the stacks' names; two systems in one account and region differ by it."""
    region: Region
    """AWS region, like us-west-2."""
    account: Account | None = None
    """Account id, 12 digits in quotes; a deployment into another account is refused. null is the caller's account."""
    tags: Annotated[Mapping[str, str], Field(max_length=MOST_TAGS)] = {}
    """Tags of every resource that can have tags, for cost allocation; at most 40."""
    network: Network = Network()
    """The VPC."""
    cluster: Cluster = Cluster()
    """The EKS cluster and its core nodes."""
    capacity: Capacity = Capacity()
    """The nodes of Spark's drivers and executors."""
    data: Data = Data()
    """The data bucket."""
    teams: tuple[Team, ...] = Field(min_length=1, max_length=MOST_TEAMS)
    """The teams that share the cluster; each has a namespace and a virtual cluster."""
    emr: Emr = Emr()
    """Amazon EMR on EKS."""
    observability: Observability | None = Observability()
    """Metrics, dashboards and alerts; null makes no stack for them, and deletes none that is there."""
    gpu_dashboard: GpuDashboard | None = GpuDashboard()
    """GPU metrics in CloudWatch as well, each of which costs something for each hour that it has data; synth says how
    much. null makes no stack for them, and deletes none that is there."""
    image: Image = Image()
    """The image of Spark's driver and executors."""
    pipeline: Pipeline | None = Pipeline()
    """The run of the loan pipeline; null makes no stacks for it and for its image, and deletes none that are there."""

    @property
    def partition(self) -> str:
        """The partition of the region: aws or aws-us-gov."""
        return partition(self.region)

    @property
    def pipeline_team(self) -> Team | None:
        """The team whose the pipeline's run is; None where it has a name that no team has."""
        wanted = self.pipeline.team if self.pipeline else None
        return next((team for team in self.teams if wanted in (None, team.name)), None)

    def gpus_of(self, team: Team) -> int:
        """Return how many GPUs a team may use at once."""
        return self.capacity.gpu.max_gpus if team.quota.gpus is None else team.quota.gpus

    def job(self, team: Team, image: str) -> SparkJob:
        """Return the pipeline's job on this system; raises ValueError where it could not run, with the arithmetic."""
        capacity = self.capacity
        platform = Platform(
            release=self.emr.release,
            image=image,
            gpu_types=capacity.gpu.instance_types,
            driver_types=capacity.driver.instance_types,
            gpus=self.gpus_of(team),
            python=None if self.image.uri else PYTHON,
        )
        return (self.pipeline or Pipeline()).job(platform)

    def problems(self) -> Iterator[Problem]:
        """Yield what is wrong between sections."""
        yield from self._tags()
        yield from self._zones()
        yield from self._fleet()
        yield from self._teams()
        yield from self._principals()
        yield from self._image()
        yield from self._placement()
        yield from self._gpu_dashboard()
        yield from self._pipeline()

    def _tags(self) -> Iterator[Problem]:
        for key in sorted(self.tags, key=str.lower):
            same = [other for other in self.tags if other != key and other.lower() == key.lower()]
            if same and key > same[0]:
                yield Problem(("tags", key), f'differs from "{same[0]}" in case only, which IAM refuses: keep one')
        for key, value in self.tags.items():
            if not TAG_KEY.fullmatch(key):
                text = "is no tag key: 1 to 128 letters, digits, spaces and _.:/+-@; no prefix of AWS or Kubernetes"
                yield Problem(("tags", key), text)
            if not TAG_VALUE.fullmatch(value):
                text = f'"{value}" is not a value for a tag: up to 256 letters, digits, spaces and _.:/=+-@'
                yield Problem(("tags", key), text)

    def _zones(self) -> Iterator[Problem]:
        counted = isinstance(self.network.zones, int) and not self.network.existing
        if counted and self.capacity.mode == "cluster-autoscaler":
            text = (
                "a number of zones could mean one without the GPU types, where EKS refuses node groups: list zone ids"
            )
            yield Problem(("network", "zones"), text)
        if counted and self.region in WITHOUT_EKS:
            without = WITHOUT_EKS[self.region]
            text = f"a number of zones could mean {without}, which has no EKS control plane: list the zones' ids"
            yield Problem(("network", "zones"), text)
        for path, zone in self._named_zones():
            refused = refusal(zone, self.region)
            if refused:
                yield Problem(path, refused)

    def _named_zones(self) -> Iterator[tuple[Path, str]]:
        existing, zones = self.network.existing, self.network.zones
        for index, zone in enumerate(() if existing or isinstance(zones, int) else zones):
            yield ("network", "zones", index), zone
        for kind in KINDS if existing else ():
            for index, subnet in enumerate(getattr(existing, kind)):
                yield ("network", "existing", kind, index, "zone"), subnet.zone

    def _fleet(self) -> Iterator[Problem]:
        """Spot may find all its capacity in one zone, and a zone may be lost: each must hold every node."""
        core = self.cluster.core_nodes
        wanted = self.capacity.most_addresses + core.count * max(map(addresses, core.instance_types))
        for path, name, available, advice in self._room(wanted):
            if available < wanted:
                text = (
                    f"{name} has {available} addresses for nodes; the limits of capacity allow for {wanted} in one zone"
                )
                yield Problem(path, f"{text}: {advice}lower capacity.gpu.max_gpus or capacity.driver.max_vcpus")

    def _room(self, wanted: int) -> Iterator[tuple[Path, str, int, str]]:
        """Yield where each zone's room for nodes is set, the zone, its addresses, and what would make it larger."""
        existing = self.network.existing
        if existing:
            rooms: dict[str, int] = defaultdict(int)
            for subnet in existing.nodes_in:
                rooms[subnet.zone] += usable(subnet.cidr)
            path: Path = ("network", "existing", "node_subnets" if existing.node_subnets else "private_subnets")
            yield from ((path, zone, room, "add a subnet there, or ") for zone, room in rooms.items())
        else:
            zone = self.network.plan()[0].nodes
            enough = prefix_for(wanted) - zone.prefixlen + self.network.pod_cidr.prefixlen
            advice = f"use a /{enough}, or " if enough >= LARGEST else ""
            yield ("network", "pod_cidr"), f"each zone of {self.network.pod_cidr}", usable(zone), advice

    def _teams(self) -> Iterator[Problem]:
        names = [team.name for team in self.teams]
        most = self.capacity.gpu.max_gpus
        for index, team in enumerate(self.teams):
            others = {pascal_case(name): name for name in names[:index]}
            if other := others.get(pascal_case(team.name)):
                text = f'"{team.name}" and the team "{other}" would share the names of their outputs: choose another'
                yield Problem(("teams", index, "name"), text)
            if (team.quota.gpus or 0) > most:
                text = f"{team.quota.gpus} GPUs are more than capacity.gpu.max_gpus ({most}): lower this or raise that"
                yield Problem(("teams", index, "quota", "gpus"), text)

    def _principals(self) -> Iterator[Problem]:
        for index, arn in enumerate(self.cluster.admins):
            if not arn.startswith(f"arn:{self.partition}:"):
                text = f"{arn} is of another partition than {self.region}: its ARNs begin with arn:{self.partition}:"
                yield Problem(("cluster", "admins", index), text)

    def _image(self) -> Iterator[Problem]:
        if misfit := self.image.misfit(self.emr.release):
            yield Problem(("image", "base"), misfit)

    def _placement(self) -> Iterator[Problem]:
        """Yield each pod of the system that may find no node, with a run of every team starting at once."""
        core = self.cluster.core_nodes
        missing = unplaceable(
            core_types=core.instance_types,
            core_count=core.count,
            karpenter=self.capacity.mode == "karpenter",
            submitters=len(self.teams),
            zones=self.network.node_zone_count,
            prometheus_mib=self.observability.memory_gib * 1024 if self.observability else None,
            metrics_exporter=self.gpu_dashboard is not None,
        )
        yield from (Problem(("cluster", "core_nodes"), text) for text in missing)

    def _gpu_dashboard(self) -> Iterator[Problem]:
        """Yield that there is nothing to measure GPUs by."""
        wanted = self.gpu_dashboard
        if wanted and not wanted.prometheus_url and self.observability is None:
            text = (
                "null leaves out the Prometheus that gpu_dashboard reads: set that to null too, or its prometheus_url"
            )
            yield Problem(("observability",), text)
        for problem in wanted.merged_into_itself(self.name) if wanted else ():
            yield problem.below(("gpu_dashboard",))

    def _pipeline(self) -> Iterator[Problem]:
        """Yield why the pipeline's run could not run, or not within its team's quota."""
        if self.pipeline is None:
            return
        team = self.pipeline_team
        if team is None:
            names = ", ".join(team.name for team in self.teams)
            yield Problem(("pipeline", "team"), f'"{self.pipeline.team}" is none of the teams: use one of {names}')
            return
        try:
            job = self.job(team, "image")
        except ValueError as error:
            yield from (Problem(("pipeline",), text) for text in str(error).splitlines())
            return
        wanted = job.driver.size + job.executor.size.times(job.executor_count) + SUBMITTER.size
        limits = (
            (wanted.gpus, self.gpus_of(team), "GPUs"),
            (ceil(wanted.cpu / 1000), team.quota.vcpus, "vCPUs"),
            (ceil(wanted.memory / 1024), team.quota.memory_gib, "GiB of memory"),
        )
        for asked, most, unit in limits:
            if most is not None and asked > most:
                text = f"{job.executor_count} executors, driver and submitter ask for {asked} {unit}, and {team.name}"
                yield Problem(("pipeline", "executors"), f"{text} may have {most}: use fewer, or raise its quota")
