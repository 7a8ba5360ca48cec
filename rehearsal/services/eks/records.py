"""What EKS keeps of its clusters, and the ways in which a name is not found there."""

import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from moto.ec2.models import ec2_backends

from rehearsal.access.guard import Guard
from rehearsal.wire.call import Call, Refused
from rehearsal.world import World

Record = dict[str, Any]  # one resource, by the names of botocore's output members


class Objects(Protocol):
    """The objects of a cluster, as its administrator reaches them; paths are those of the Kubernetes API."""

    def get(self, path: str) -> Record | None:
        """Return an object, or None where there is none."""

    def items(self, path: str) -> list[Record]:
        """Return the objects of a list."""

    def apply(self, path: str, body: Record) -> Record:
        """Make or change an object by server-side apply."""

    def delete(self, path: str) -> None:
        """Remove an object; one that is not there is no error."""


class Plane(Protocol):
    """A running cluster."""

    @property
    def endpoint(self) -> str:
        """Address of the API server."""

    @property
    def ca_data(self) -> str:
        """Authority that signed its certificate."""

    @property
    def api(self) -> Objects:
        """The API, as its administrator sees it."""

    def stop(self) -> None:
        """End it."""

    def grant(self) -> None:
        """Make the cluster's RBAC what the access entries say now."""

    def add_node_group(self, record: Mapping[str, Any]) -> None:
        """Make the nodes of a node group, given as DescribeNodegroup answers it, or change them to what it says now."""

    def remove_node_group(self, name: str) -> None:
        """Drain and remove the nodes of a node group; return when they are gone."""

    def retire_instance(self, instance_id: str) -> None:
        """Drain and end the node of one instance; return when it is gone."""

    def nodes_ready(self, name: str) -> bool:
        """Return whether all nodes of a node group are Ready."""


@dataclass
class Cluster:
    """One cluster with all that belongs to it; the keys are names, principals, or ids."""

    record: Record
    plane: Plane | None = None
    node_groups: dict[str, Record] = field(default_factory=dict)
    addons: dict[str, Record] = field(default_factory=dict)
    entries: dict[str, Record] = field(default_factory=dict)
    policies: dict[str, list[Record]] = field(default_factory=dict)  # of access entries, by principal
    associations: dict[str, Record] = field(default_factory=dict)
    associated: dict[str, datetime] = field(default_factory=dict)  # when, by the wall's clock, which pods' times are of
    updates: dict[str, Record] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Name of the cluster."""
        return str(self.record["name"])

    @property
    def ready(self) -> Plane:
        """The running control plane; refused while there is none."""
        if self.plane is None or self.record["status"] not in ("ACTIVE", "UPDATING"):
            message = f"Cluster '{self.name}' is not in ACTIVE status: {self.record['status']}"
            raise Refused("InvalidRequestException", message)
        return self.plane


@dataclass
class Eks:
    """All clusters of the account in the region."""

    world: World
    start_plane: Callable[["Cluster", Path], Plane]
    clusters: dict[str, Cluster] = field(default_factory=dict)
    scaling: dict[str, Any] = field(default_factory=dict)  # what is behind node groups, by Auto Scaling group
    lock: threading.RLock = field(default_factory=threading.RLock)

    def cluster(self, call: Call) -> Cluster:
        """Return the cluster that a call names."""
        name = call.parameters.get("clusterName") or call.parameters.get("name")
        if name not in self.clusters:
            raise Refused("ResourceNotFoundException", f"No cluster found for name: {name}.", 404)
        return self.clusters[str(name)]

    def arn(self, kind: str, *parts: str) -> str:
        """Return an ARN of this account and region."""
        return f"arn:aws:eks:{self.world.region}:{self.world.account}:{kind}/{'/'.join(parts)}"

    def now(self) -> datetime:
        """Return the rehearsal's time."""
        return self.world.clock.now()

    def trusted(self, call: Call, role: str, service: str) -> bool:
        """Return whether a role exists and lets a service assume it."""
        return Guard(self.world).service_may(service, "sts:AssumeRole", role, call, {})

    def later(self, name: str, work: Callable[[], None]) -> None:
        """Do `work` in the background."""
        self.world.in_background(f"eks {name}", work)


def launch_template(world: World, given: Mapping[str, str]) -> Record:
    """Return the data of a launch template's version, given as node groups give it: by id or name, and version."""
    backend = ec2_backends[world.account][world.region]
    by_id = "id" in given
    template = backend.get_launch_template(given["id"]) if by_id else backend.get_launch_template_by_name(given["name"])
    return dict(template.get_version(given.get("version", "$Default")).data)


def found(records: Mapping[str, Record], key: str, message: str) -> Record:
    """Return a record, or refuse as EKS refuses a name that it does not know."""
    if key not in records:
        raise Refused("ResourceNotFoundException", message, 404)
    return records[key]


def in_use(message: str) -> Refused:
    """Return EKS's answer to a name that is taken, or to a removal that comes too early."""
    return Refused("ResourceInUseException", message, 409)


def invalid(message: str) -> Refused:
    """Return EKS's answer to a parameter that is wrong beyond its form."""
    return Refused("InvalidParameterException", message)


def short_id() -> str:
    """Return an id such as those at the end of EKS's ARNs."""
    return str(uuid.uuid4())
