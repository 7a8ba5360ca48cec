"""The cloud provider's part in the cluster: a load balancer, with a security group, for a Service of that type.

https://docs.aws.amazon.com/eks/latest/best-practices/load-balancing.html
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from botocore.exceptions import ClientError

from rehearsal.kubernetes.api import Api, Item
from rehearsal.kubernetes.loop import attempt, repeat

FINALIZER = "service.kubernetes.io/load-balancer-cleanup"
TICK = 0.3  # wall seconds


class Balancing(Protocol):
    """Where load balancers come from."""

    def create(self, name: str, ports: Mapping[int, int], service: str) -> str:
        """Make one, with ports and the nodes' ports behind them, for `namespace/name`; return its host name.

        Raises ClientError where that is denied, as `delete` does.
        """

    def delete(self, name: str) -> None:
        """Remove one with its security group; one that has gone is no error."""


@dataclass
class PaperBalancing:
    """Load balancers on paper: for a cluster without an account around it."""

    made: dict[str, str] = field(default_factory=dict)  # their services, by name

    def create(self, name: str, ports: Mapping[int, int], service: str) -> str:
        """Note it."""
        self.made[name] = f"{service} {sorted(ports)}"
        return f"{name}.elb.example"

    def delete(self, name: str) -> None:
        """Forget it."""
        self.made.pop(name, None)


@dataclass
class LoadBalancers:
    """Makes what Services ask for, and holds a deleted Service until its load balancer has gone."""

    api: Api
    balancing: Balancing
    stopped: threading.Event

    def start(self) -> None:
        """Work in the background until `stopped`."""
        repeat("load-balancers", TICK, self.stopped, self.turn)

    def turn(self) -> None:
        """Look at every Service once."""
        for service in self.api.items("/api/v1/services"):
            attempt(f"service {service['metadata']['name']}", partial(self._tend, service))

    def _tend(self, service: Item) -> None:
        held = FINALIZER in service["metadata"].get("finalizers", [])
        wanted = service["spec"]["type"] == "LoadBalancer" and "deletionTimestamp" not in service["metadata"]
        try:
            if held and not wanted:
                self._delete(service)
            elif wanted and not service["status"].get("loadBalancer"):
                self._create(service)
        except ClientError as error:
            self._tell(service, f"Error syncing load balancer: failed to ensure load balancer: {error}")

    def _tell(self, service: Item, message: str) -> None:
        meta = service["metadata"]
        about = {"apiVersion": "v1", "kind": "Service", **{key: meta[key] for key in ("name", "namespace", "uid")}}
        event = {"type": "Warning", "reason": "SyncLoadBalancerFailed", "message": message, "involvedObject": about}
        path = f"/api/v1/namespaces/{meta['namespace']}/events/{_name(service)}"
        self.api.apply(path, {"apiVersion": "v1", "kind": "Event", "metadata": {"name": _name(service)}, **event})

    def _create(self, service: Item) -> None:
        meta = service["metadata"]
        self.api.patch(_path(service), {"metadata": {"finalizers": [*meta.get("finalizers", []), FINALIZER]}})
        ports = {port["port"]: port["nodePort"] for port in service["spec"]["ports"]}
        host = self.balancing.create(_name(service), ports, f"{meta['namespace']}/{meta['name']}")
        self.api.patch(f"{_path(service)}/status", {"status": {"loadBalancer": {"ingress": [{"hostname": host}]}}})

    def _delete(self, service: Item) -> None:
        self.balancing.delete(_name(service))
        left = [each for each in service["metadata"]["finalizers"] if each != FINALIZER]
        self.api.patch(_path(service), {"metadata": {"finalizers": left}})


def _path(service: Item) -> str:
    return f"/api/v1/namespaces/{service['metadata']['namespace']}/services/{service['metadata']['name']}"


def _name(service: Item) -> str:
    """Return the name that Kubernetes gives a Service's load balancer: its uid, shortened to what AWS allows."""
    return f"a{service['metadata']['uid'].replace('-', '')}"[:32]
