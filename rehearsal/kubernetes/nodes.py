"""EC2 instances as nodes of the cluster: how they join, how they are drained, how they leave."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from rehearsal.kubernetes.api import CONFLICT, NOT_FOUND, Api, ApiError, Item
from rehearsal.kubernetes.instance_types import instance_type

NODES, PODS = "/api/v1/nodes", "/api/v1/pods"
TOO_MANY = 429  # what an eviction is answered while a disruption budget forbids it
JOINS_IN = 45.0  # AWS's seconds from RunInstances to a node that has registered


@dataclass(frozen=True)
class Machine:
    """One instance; `labels` and `taints`, in Kubernetes' form, are those beside what its type and zone bring."""

    instance_id: str
    type_name: str
    zone: str
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: Sequence[Mapping[str, str]] = ()
    finalizers: Sequence[str] = ()
    owner: Mapping[str, object] | None = None  # owner reference

    @property
    def address(self) -> str:
        """Private address; it follows from the instance's id."""
        digest = hashlib.sha256(self.instance_id.encode()).digest()
        return f"10.0.{digest[0]}.{digest[1] % 250 + 4}"

    @property
    def region(self) -> str:
        """Region of its zone."""
        return self.zone[:-1]

    @property
    def node_name(self) -> str:
        """Name of the node, as EC2 names hosts by their address."""
        return f"ip-{self.address.replace('.', '-')}.{self.region}.compute.internal"

    def node(self) -> Item:
        """Return the node that it registers: not ready, and without the GPUs that a device plugin has to announce."""
        kind = instance_type(self.type_name)
        places = {"topology.kubernetes.io/region": self.region, "topology.kubernetes.io/zone": self.zone}
        own = {"kubernetes.io/hostname": self.node_name, "k8s.io/cloud-provider-aws": "rehearsal"}
        meta: Item = {"name": self.node_name, "labels": {**kind.labels, **places, **own, **self.labels}}
        meta |= {"finalizers": list(self.finalizers)} if self.finalizers else {}
        meta |= {"ownerReferences": [self.owner]} if self.owner else {}
        spec = {"providerID": f"aws:///{self.zone}/{self.instance_id}", "taints": list(self.taints)}
        addresses = [{"type": "InternalIP", "address": self.address}, {"type": "Hostname", "address": self.node_name}]
        status = {
            "capacity": kind.capacity(gpus=False),
            "allocatable": kind.allocatable(gpus=False),
            "addresses": addresses,
            "conditions": [condition(ready=False, message="container runtime network not ready")],
            "nodeInfo": _node_info(kind.architecture),
        }
        return {"apiVersion": "v1", "kind": "Node", "metadata": meta, "spec": spec, "status": status}


def condition(*, ready: bool, message: str) -> Item:
    """Return a node's Ready condition as of now."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    reason = "KubeletReady" if ready else "KubeletNotReady"
    times = {"lastHeartbeatTime": now, "lastTransitionTime": now}
    return {"type": "Ready", "status": str(ready), "reason": reason, "message": message, **times}


def _node_info(architecture: str) -> dict[str, str]:
    empty = dict.fromkeys(("machineID", "systemUUID", "bootID", "kernelVersion"), "")
    agents = {"containerRuntimeVersion": "containerd://2.1", "kubeletVersion": "v1.35", "kubeProxyVersion": ""}
    return empty | agents | {"operatingSystem": "linux", "architecture": architecture, "osImage": "Amazon Linux 2023"}


def is_ready(node: Item) -> bool:
    """Return whether a node's Ready condition is true."""
    return any(each["type"] == "Ready" and each["status"] == "True" for each in node["status"].get("conditions", []))


def register(api: Api, machine: Machine) -> Item:
    """Add the machine's node, as its kubelet does at its start; one that is there stays as it is."""
    try:
        return api.create(NODES, machine.node())
    except ApiError as refusal:
        if refusal.status != CONFLICT:
            raise
        return api.call("GET", f"{NODES}/{machine.node_name}")


def of_daemon_set(pod: Item) -> bool:
    """Return whether a pod belongs to a DaemonSet, which no drain evicts."""
    return any(owner["kind"] == "DaemonSet" for owner in pod["metadata"].get("ownerReferences", []))


def holds_its_node(pod: Item) -> bool:
    """Return whether a node is not empty because of a pod: one that has ended, or of a DaemonSet, does not count."""
    return not of_daemon_set(pod) and pod["status"]["phase"] not in ("Succeeded", "Failed")


def is_unschedulable(pod: Item) -> bool:
    """Return whether a pod waits for a node because the scheduler has found none for it."""
    if pod["spec"].get("nodeName") or "deletionTimestamp" in pod["metadata"] or of_daemon_set(pod):
        return False
    return any(each.get("reason") == "Unschedulable" for each in pod["status"].get("conditions", []))


def pods_on(api: Api, name: str) -> list[Item]:
    """Return the pods of a node that have not ended, without those of DaemonSets."""
    found = api.items(f"{PODS}?fieldSelector=spec.nodeName%3D{name}")
    return [pod for pod in found if holds_its_node(pod)]


def evict(api: Api, pod: Item) -> None:
    """Ask for a pod's eviction; neither a disruption budget that forbids it now nor a pod that has gone is an error."""
    meta = pod["metadata"]
    path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}/eviction"
    place = {"name": meta["name"], "namespace": meta["namespace"]}
    try:
        api.create(path, {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": place})
    except ApiError as refusal:
        if refusal.status not in (TOO_MANY, NOT_FOUND, CONFLICT):
            raise


def drain(api: Api, name: str) -> list[Item]:
    """Cordon a node and ask for the eviction of its pods once; return those that are still there."""
    api.patch(f"{NODES}/{name}", {"spec": {"unschedulable": True}})
    remaining = pods_on(api, name)
    for pod in remaining:
        if "deletionTimestamp" not in pod["metadata"]:
            evict(api, pod)
    return remaining


def remove(api: Api, name: str) -> None:
    """Take a node away with everything on it, as a terminated instance does."""
    for pod in api.items(f"{PODS}?fieldSelector=spec.nodeName%3D{name}"):
        meta = pod["metadata"]
        api.delete(f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}", gracePeriodSeconds=0)
    api.patch(f"{NODES}/{name}", {"metadata": {"finalizers": None}})
    api.delete(f"{NODES}/{name}")
