"""One EKS cluster as its service sees it: the control plane, and everything that makes it more than an API."""

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rehearsal.clock import Clock
from rehearsal.kubernetes import kubelets
from rehearsal.kubernetes.access_policies import AccessPolicies, Association
from rehearsal.kubernetes.api import Api, Item
from rehearsal.kubernetes.cluster_autoscaler import ClusterAutoscaler
from rehearsal.kubernetes.control_plane import ControlPlane
from rehearsal.kubernetes.fleet import Fleet
from rehearsal.kubernetes.karpenter import Karpenter
from rehearsal.kubernetes.karpenter_fleet import KarpenterFleet
from rehearsal.kubernetes.kubelets import Kubelets
from rehearsal.kubernetes.load_balancers import Balancing, LoadBalancers, PaperBalancing
from rehearsal.kubernetes.node_groups import NodeGroup, NodeGroups
from rehearsal.kubernetes.prometheus_operator import PrometheusOperator
from rehearsal.kubernetes.volumes import Volumes


@dataclass(frozen=True)
class Surroundings:
    """What a cluster needs from the account around it."""

    clock: Clock
    fleet: Fleet  # as EKS itself has it
    fleet_of: Callable[[Item], KarpenterFleet]  # as a program in a pod has it
    client_of: Callable[[Item, str], Any] | None = None  # an AWS client as a program in a pod makes it, by service
    joins: Callable[[str], bool] = bool  # whether an instance of no node group gets in: here any that has an id
    token_review_url: str = ""  # where the API server asks who a bearer token is
    associations: Callable[[], Iterable[Association]] = tuple  # the access policies as they are now
    network_plugin: str | None = kubelets.NETWORK_PLUGIN  # the DaemonSet without which no node is ready
    pull: kubelets.Pull = kubelets.any_image  # why an image cannot be had, or run
    balancing: Balancing = field(default_factory=PaperBalancing)


@dataclass
class Cluster:
    """A running cluster."""

    plane: ControlPlane
    _policies: AccessPolicies
    _groups: NodeGroups
    _fleet: Fleet
    _stopped: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def start(cls, directory: Path, surroundings: Surroundings, *, version: str = "1.35") -> "Cluster":
        """Start a cluster with its files below `directory`; raise what ControlPlane.start raises."""
        around = surroundings
        plane = ControlPlane.start(directory, version_name=version, token_review_url=around.token_review_url)
        policies = AccessPolicies(plane.api, around.associations)
        groups = NodeGroups(plane.api, around.clock, around.fleet)
        cluster = cls(plane, policies, groups, around.fleet)
        stopped = cluster._stopped
        Kubelets(plane.api, around.clock, stopped, around.network_plugin, around.pull).start()
        Karpenter(plane.api, around.clock, around.fleet_of, around.joins, stopped).start()
        if around.client_of:
            ClusterAutoscaler(plane.api, around.clock, around.client_of, stopped).start()
        Volumes(plane.api, around.fleet_of, stopped).start()
        PrometheusOperator(plane.api, stopped).start()
        LoadBalancers(plane.api, around.balancing, stopped).start()
        threading.Thread(target=policies.follow, args=(stopped,), name="access-policies", daemon=True).start()
        return cluster

    @property
    def endpoint(self) -> str:
        """Address of the API server."""
        return self.plane.endpoint

    @property
    def ca_data(self) -> str:
        """Authority that signed its certificate, as eks:DescribeCluster gives it."""
        return self.plane.ca_data

    @property
    def api(self) -> Api:
        """The API, as its administrator sees it."""
        return self.plane.api

    def stop(self) -> None:
        """End everything of it."""
        self._stopped.set()
        self.plane.stop()

    def grant(self) -> None:
        """Make the cluster's RBAC what the access entries say now."""
        self._policies.reconcile()

    def add_node_group(self, record: Mapping[str, Any]) -> None:
        """Make the nodes of a node group, given as DescribeNodegroup answers it, or change them to what it says now."""
        subnets = self._fleet.subnets([{"id": each} for each in record["subnets"]])
        types = tuple(record.get("instanceTypes") or [self._fleet.launch_template_type(record["launchTemplate"])])
        group = NodeGroup(
            record["nodegroupName"],
            types,
            tuple(subnets),
            record["scalingConfig"]["desiredSize"],
            record.get("capacityType", "ON_DEMAND"),
            labels=record.get("labels", {}),
            taints=record.get("taints", []),
            tags={"eks:cluster-name": record["clusterName"]} if "clusterName" in record else {},
            template=record.get("launchTemplate", {}),
        )
        self._groups.scale(group)

    def remove_node_group(self, name: str) -> None:
        """Drain and end the nodes of a node group; return when they are gone."""
        self._groups.remove(name)

    def retire_instance(self, instance_id: str) -> None:
        """Drain and end the node of one instance; return when it is gone."""
        self._groups.retire(instance_id)

    def nodes_ready(self, name: str) -> bool:
        """Return whether all nodes of a node group are ready."""
        return self._groups.are_ready(name)
