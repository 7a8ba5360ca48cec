"""The EBS CSI driver's part in the cluster: a volume for a claim whose pod has found its node, as long as that."""

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial

from kubernetes.utils.quantity import parse_quantity

from rehearsal.kubernetes import nodes
from rehearsal.kubernetes.api import Api, Item
from rehearsal.kubernetes.fleet import Fleet
from rehearsal.kubernetes.loop import attempt, repeat

DRIVER = "ebs.csi.aws.com"
CONTROLLER = "ebs-csi-controller"  # the pods without which no claim is served
VOLUMES, CLAIMS = "/api/v1/persistentvolumes", "/api/v1/persistentvolumeclaims"
PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
FINALIZER = "external-provisioner.volume.kubernetes.io/finalizer"
ZONE = "topology.kubernetes.io/zone"
TICK = 0.3  # wall seconds


@dataclass
class Volumes:
    """Provisions and deletes EBS volumes for one cluster while the driver's controller runs."""

    api: Api
    fleet_of: Callable[[Item], Fleet]  # as a pod of the driver has it
    stopped: threading.Event
    _made: set[str] = field(default_factory=set)  # uids of claims

    def start(self) -> None:
        """Work in the background until `stopped`."""
        repeat("volumes", TICK, self.stopped, self.turn)

    def _controller(self) -> Item | None:
        pods = self.api.items("/api/v1/namespaces/kube-system/pods?fieldSelector=status.phase%3DRunning")
        return next((pod for pod in pods if pod["metadata"]["name"].startswith(CONTROLLER)), None)

    def turn(self) -> None:
        """Make what claims wait for, or larger, and delete what nobody claims any more, if the driver runs."""
        controller = self._controller()
        if controller is None:
            return
        fleet = self.fleet_of(controller)
        for claim in self.api.items(CLAIMS):
            notes = claim["metadata"].get("annotations", {})
            node = notes.get("volume.kubernetes.io/selected-node")
            asked = notes.get("volume.kubernetes.io/storage-provisioner") == DRIVER and node
            if asked and not claim["spec"].get("volumeName") and claim["metadata"]["uid"] not in self._made:
                attempt("provision a volume", partial(self._provision, fleet, claim, node, _extra_tags(controller)))
        for volume in self.api.items(VOLUMES):
            if volume["status"].get("phase") == "Released" and _is_ours(volume):
                attempt("delete a volume", partial(self._delete, fleet, volume))
        self._grow_all(fleet)

    def _grow_all(self, fleet: Fleet) -> None:
        volumes = {each["metadata"]["name"]: each for each in self.api.items(VOLUMES)}
        for claim in self.api.items(CLAIMS):
            volume = volumes.get(claim["spec"].get("volumeName", ""))
            if volume and _is_to_grow(claim) and volume["spec"].get("csi", {}).get("driver") == DRIVER:
                attempt("grow a volume", partial(self._grow, fleet, claim, volume))

    def _provision(self, fleet: Fleet, claim: Item, node_name: str, extra: Mapping[str, str]) -> None:
        node = self.api.get(f"{nodes.NODES}/{node_name}")
        storage = self.api.get(f"/apis/storage.k8s.io/v1/storageclasses/{claim['spec']['storageClassName']}")
        if node and storage:
            zone = node["metadata"]["labels"][ZONE]
            size = claim["spec"]["resources"]["requests"]["storage"]
            # https://github.com/kubernetes-sigs/aws-ebs-csi-driver/blob/master/docs/tagging.md
            tags = {"kubernetes.io/created-for/pvc/name": claim["metadata"]["name"], "ebs.csi.aws.com/cluster": "true"}
            tags |= {"CSIVolumeName": f"pvc-{claim['metadata']['uid']}"}
            parameters = storage.get("parameters", {})
            asked = [text.partition("=") for name, text in parameters.items() if name.startswith("tagSpecification")]
            tags |= {key: value for key, _, value in asked} | dict(extra)
            volume_id = fleet.create_volume(zone, _gib(size), parameters.get("type", "gp3"), tags)
            self._made.add(claim["metadata"]["uid"])
            self.api.create(VOLUMES, _volume(claim, storage, zone, volume_id))

    def _grow(self, fleet: Fleet, claim: Item, volume: Item) -> None:
        """Make a volume, and the file system on it, as large as its claim asks: the external resizer's part too."""
        size, about = claim["spec"]["resources"]["requests"]["storage"], claim["metadata"]
        fleet.grow_volume(volume["spec"]["csi"]["volumeHandle"], _gib(size))
        self.api.patch(f"{VOLUMES}/{volume['metadata']['name']}", {"spec": {"capacity": {"storage": size}}})
        path = f"/api/v1/namespaces/{about['namespace']}/persistentvolumeclaims/{about['name']}/status"
        self.api.patch(path, {"status": {"capacity": {"storage": size}}})

    def _delete(self, fleet: Fleet, volume: Item) -> None:
        fleet.delete_volume(volume["spec"]["csi"]["volumeHandle"])
        path = f"{VOLUMES}/{volume['metadata']['name']}"
        self.api.patch(path, {"metadata": {"finalizers": None}})
        self.api.delete(path)


def _gib(size: str) -> int:
    return -(-int(parse_quantity(size)) // 2**30)


def _is_to_grow(claim: Item) -> bool:
    has = claim.get("status", {}).get("capacity", {}).get("storage")
    return bool(has) and parse_quantity(claim["spec"]["resources"]["requests"]["storage"]) > parse_quantity(has)


def _extra_tags(controller: Item) -> dict[str, str]:
    given = [each for container in controller["spec"]["containers"] for each in container.get("args", [])]
    pairs = [each.removeprefix("--extra-tags=").partition("=") for each in given if each.startswith("--extra-tags=")]
    return {key: value for key, _, value in pairs}


def volume_zones(claims: Iterable[Item], volumes: Iterable[Item]) -> dict[tuple[str, str], str]:
    """Return the zone that each bound claim's volume lies in, by the claim's namespace and name."""
    zones = {volume["metadata"]["name"]: zone for volume in volumes if (zone := _zone(volume))}
    bound = [(claim["metadata"], claim["spec"].get("volumeName")) for claim in claims]
    return {(meta["namespace"], meta["name"]): zones[volume] for meta, volume in bound if volume in zones}


def _zone(volume: Item) -> str | None:
    terms = volume["spec"].get("nodeAffinity", {}).get("required", {}).get("nodeSelectorTerms", [])
    expressions = [each for term in terms for each in term.get("matchExpressions", [])]
    return next((str(each["values"][0]) for each in expressions if each["key"] == ZONE), None)


def _is_ours(volume: Item) -> bool:
    """Return whether a released volume is the driver's to delete: under the policy Retain it stays, and costs."""
    provisioner = volume["metadata"].get("annotations", {}).get(PROVISIONED_BY)
    return bool(provisioner == DRIVER and volume["spec"]["persistentVolumeReclaimPolicy"] == "Delete")


def _volume(claim: Item, storage: Item, zone: str, volume_id: str) -> Item:
    meta = claim["metadata"]
    place = {"key": ZONE, "operator": "In", "values": [zone]}
    claimed_by = {"apiVersion": "v1", "kind": "PersistentVolumeClaim"}
    return {
        "metadata": {
            "name": f"pvc-{meta['uid']}",
            "annotations": {PROVISIONED_BY: DRIVER},
            "finalizers": [FINALIZER],
        },
        "spec": {
            "capacity": {"storage": claim["spec"]["resources"]["requests"]["storage"]},
            "accessModes": claim["spec"]["accessModes"],
            "storageClassName": storage["metadata"]["name"],
            "persistentVolumeReclaimPolicy": storage.get("reclaimPolicy", "Delete"),
            "csi": {"driver": DRIVER, "volumeHandle": volume_id},
            "claimRef": claimed_by | {key: meta[key] for key in ("name", "namespace", "uid")},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [place]}]}},
        },
    }
