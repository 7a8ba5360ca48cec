"""The nodes of Spark's drivers and executors, and what starts and stops them."""

import re
from collections.abc import Iterator
from math import ceil
from typing import Annotated, Literal

from pydantic import Field

from config.errors import Problem
from config.instance_types import GPUS, GeneralType, GpuType, addresses, vcpus
from config.names import ImageRelease
from config.section import Section, Shape
from rapids_eks.node_image import AL2023_RELEASE

WITH_MIG = ("p4d", "p5")  # what the names of the types with partitionable GPUs begin with
SLICES = 7  # of compute, that such a GPU has; a partition's name begins with how many are its own
# The image has 25 GB, and its layers lie beside it while it is unpacked.
UbuntuRelease = Annotated[str, Shape(r"current|20\d{6}(?:\.\d{1,2})?", "current, or a date like 20260915")]
RootVolume = Annotated[int, Field(ge=80, le=16384)]


class DriverNodes(Section):
    """On-demand nodes for Spark's drivers, from and to zero."""

    instance_types: Annotated[tuple[GeneralType, ...], Field(min_length=1, max_length=20)] = ("m5.xlarge", "m6i.xlarge")
    """EC2 types; x86_64, no GPU."""
    max_vcpus: Annotated[int, Field(ge=2, le=10000)] = 16
    """vCPUs of all driver nodes together; no more nodes start beyond. The Cluster Autoscaler counts by zone."""
    root_volume_gib: RootVolume = 100
    """Size of each node's encrypted gp3 root volume in GiB."""

    def problems(self) -> Iterator[Problem]:
        """Yield types that the limit never lets start."""
        for index, name in enumerate(self.instance_types):
            if vcpus(name) > self.max_vcpus:
                text = f"{name} has {vcpus(name)} vCPUs and could never start: raise max_vcpus ({self.max_vcpus})"
                yield Problem(("instance_types", index), text)


class GpuNodes(Section):
    """Nodes for Spark's executors, one executor to a GPU, from and to zero."""

    instance_types: Annotated[tuple[GpuType, ...], Field(min_length=1, max_length=20)] = ("g5.2xlarge",)
    """EC2 types with NVIDIA GPUs. More of them (g6.2xlarge, g6e.2xlarge) make Spot capacity last longer."""
    max_gpus: Annotated[int, Field(ge=1, le=1000)] = 8
    """GPUs of all nodes together; no more nodes start beyond. Where GPUs are partitioned, each partition counts."""
    spot: bool = True
    """Spot first and on-demand where there is none; false is on-demand only."""
    root_volume_gib: RootVolume = 100
    """Size of each node's encrypted gp3 root volume in GiB."""
    mig_strategy: Literal["none", "single"] = "none"
    """Whether the device plugin offers partitions of a GPU (MIG, on p4d, p4de and p5 types only), all of one size, as
    GPUs; none: whole GPUs. Partitions of several sizes have names of their own, which no executor asks for."""
    mig_profile: Annotated[str | None, Field(pattern=r"^all-[a-z0-9.+-]{1,50}$")] = None
    """Into what each GPU is partitioned, like all-1g.10gb: a name of the GPU Operator's MIG configuration."""

    @property
    def most_nodes(self) -> int:
        """How many nodes there are at most, where all are of the type with the fewest GPUs."""
        return ceil(self.max_gpus / min(GPUS[name] for name in self.instance_types))

    @property
    def most_slices(self) -> int:
        """Into how many partitions each GPU is cut at most."""
        if self.mig_profile is None:
            return 1
        of_one_size = re.match(r"all-([1-7])g\b", self.mig_profile)
        return SLICES // int(of_one_size[1]) if of_one_size else SLICES

    def problems(self) -> Iterator[Problem]:
        """Yield types that the limit never lets start."""
        for index, name in enumerate(self.instance_types):
            if GPUS[name] > self.max_gpus:
                text = f"{name} has {GPUS[name]} GPUs and could never start: raise max_gpus ({self.max_gpus})"
                yield Problem(("instance_types", index), text)
            if self.mig_strategy != "none" and not name.startswith(WITH_MIG):
                text = f"GPUs of {name} cannot be partitioned: use types of p4d, p4de or p5, or `mig_strategy: none`"
                yield Problem(("instance_types", index), text)
        if (self.mig_strategy == "none") != (self.mig_profile is None):
            yield Problem(("mig_profile",), "and mig_strategy go together: give both, or neither")


class Capacity(Section):
    """What starts and stops nodes, on which image, for how long."""

    mode: Literal["karpenter", "cluster-autoscaler"] = "karpenter"
    """Karpenter picks an instance for the waiting pods; the Cluster Autoscaler grows managed node groups."""
    operating_system: Literal["al2023", "ubuntu"] = "al2023"
    """The GPU nodes' image: Amazon Linux 2023, which brings NVIDIA's driver, or Ubuntu (cluster-autoscaler only), on
    which the GPU Operator installs it, and executors use the root volume but not the instance's NVMe disks."""
    # seen by others in us-east-1, for 1.35, as the public parameter .../amazon-eks-node-al2023-x86_64-standard-1.35-...
    al2023_release: ImageRelease = AL2023_RELEASE
    """Release of the Amazon Linux 2023 images for EKS; nodes are replaced when it changes."""
    ubuntu_release: UbuntuRelease = "current"
    """Release of Canonical's Ubuntu 24.04 for EKS. A date stays the same; `current` moves whenever CloudFormation looks
    at it anew, and replaces the GPU nodes then."""
    driver: DriverNodes = DriverNodes()
    """The nodes of Spark's drivers."""
    gpu: GpuNodes = GpuNodes()
    """The nodes of Spark's executors."""
    consolidate_after_minutes: Annotated[int, Field(ge=1, le=1440)] = 5
    """Minutes for which a node stays after its last pod."""
    expire_after_hours: Annotated[int | None, Field(ge=24, le=8760)] = 720
    """Hours after which Karpenter, and it only, replaces a node that has never been empty, for a newer image: what
    still runs there is ended after `termination_grace_minutes`. null is never."""
    termination_grace_minutes: Annotated[int, Field(ge=5, le=30)] = 15
    """Minutes that pods have when Karpenter, and it only, takes their node away; then they are stopped, so that
    deletion ends."""

    @property
    def most_addresses(self) -> int:
        """How many of the VPC's addresses the nodes take that the limits allow, at most."""
        drivers = max(self.driver.max_vcpus // vcpus(name) * addresses(name) for name in self.driver.instance_types)
        return drivers + max(self.gpu.max_gpus // GPUS[name] * addresses(name) for name in self.gpu.instance_types)

    def problems(self) -> Iterator[Problem]:
        """Yield what the chosen mode cannot do."""
        if self.mode == "karpenter":
            if self.operating_system == "ubuntu":
                text = '"ubuntu" needs `mode: cluster-autoscaler`, as Karpenter has no Ubuntu images: use al2023'
                yield Problem(("operating_system",), text)
        else:
            yield from self._of_karpenter()
            yield from self._unlike()

    def _of_karpenter(self) -> Iterator[Problem]:
        for name in sorted(self.model_fields_set & {"expire_after_hours", "termination_grace_minutes"}):
            text = "is for Karpenter only, EKS replaces nodes when their image or template changes: remove this line"
            yield Problem((name,), text)

    def _unlike(self) -> Iterator[Problem]:
        for path, names in (("driver", self.driver.instance_types), ("gpu", self.gpu.instance_types)):
            first = names[0]
            for index, name in enumerate(names):
                if (vcpus(name), GPUS.get(name)) != (vcpus(first), GPUS.get(first)):
                    text = f"{name} is not like {first}: the Cluster Autoscaler needs types of equal vCPUs and GPUs"
                    yield Problem((path, "instance_types", index), text)
