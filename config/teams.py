"""The teams that share the cluster."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from config.errors import Problem
from config.names import Namespace
from config.section import Section

# Namespaces of Kubernetes, EKS and of what this project installs.
TAKEN = {
    "aws-secrets-manager",
    "default",
    "gpu-metrics",
    "gpu-operator",
    "grafana",
    "karpenter",
    "monitoring",
    "prometheus",
    "spark-operator",
}


class Quota(Section):
    """The most that all pods of a team may ask for at once."""

    gpus: Annotated[int | None, Field(ge=0, le=1000)] = None
    """GPUs; null is as many as `capacity.gpu.max_gpus`. Teams may share: their quotas may add up to more."""
    vcpus: Annotated[int | None, Field(ge=1, le=100000)] = None
    """vCPUs; null is no limit."""
    memory_gib: Annotated[int | None, Field(ge=1, le=1000000)] = None
    """Memory in GiB; null is no limit."""


class Team(Section):
    """A team: a namespace, a virtual cluster of EMR, a job role, and a prefix of the data bucket."""

    name: Namespace
    """Name of the team, its namespace and its prefix."""
    quota: Quota = Quota()
    """The most that the team may use at once."""

    def problems(self) -> Iterator[Problem]:
        """Yield a name that Kubernetes or an operator uses."""
        if self.name in TAKEN or self.name.startswith("kube-"):
            yield Problem(("name",), f'"{self.name}" is a namespace of the system: choose another name')
