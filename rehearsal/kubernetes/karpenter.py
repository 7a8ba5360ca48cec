"""A stand-in for Karpenter: nodes for pods that fit nowhere, and an end to nodes that stand empty.

It does not consolidate nodes that are merely underused, does not notice drift, and leaves spreading to the scheduler.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial

from botocore.exceptions import ClientError

from rehearsal.clock import Clock
from rehearsal.kubernetes import nodes
from rehearsal.kubernetes.api import Api, Item
from rehearsal.kubernetes.consolidation import Consolidation
from rehearsal.kubernetes.fleet import LaunchError
from rehearsal.kubernetes.karpenter_fleet import KarpenterFleet
from rehearsal.kubernetes.loop import attempt, repeat
from rehearsal.kubernetes.node_claims import CLAIMS, NEVER, NodeClaims, conditions, holds, tags_of
from rehearsal.kubernetes.provisioning import POOL, Claim, Offer, Pool, beside_volumes, daemons_of, offers_of, plan
from rehearsal.kubernetes.scheduling import Resources, add, quantities
from rehearsal.kubernetes.volumes import CLAIMS as CLAIMED
from rehearsal.kubernetes.volumes import VOLUMES, volume_zones

POOLS, CLASSES = "/apis/karpenter.sh/v1/nodepools", "/apis/karpenter.k8s.aws/v1/ec2nodeclasses"
CLASS_FINALIZER = "karpenter.k8s.aws/termination"
ANY_POOL = "validation"  # in the tags of a dry run
CONTROLLER = "app.kubernetes.io/name=karpenter"  # the pods without which nothing happens here
TICK = 0.2  # wall seconds
TRY_AGAIN_IN = 60.0  # AWS's seconds after a refusal of EC2
NOMINATED_FOR = 60.0  # AWS's seconds that the scheduler has for a pod after its node has come up


@dataclass
class Karpenter:
    """Karpenter's controller for one cluster: it works while its pods are Ready, by what `fleet_of` gives to them."""

    api: Api
    clock: Clock
    fleet_of: Callable[[Item], KarpenterFleet]
    joins: Callable[[str], bool]  # whether the cluster lets an instance in
    stopped: threading.Event
    _offers: dict[tuple[object, ...], list[Offer]] = field(default_factory=dict)
    _nominated: dict[str, tuple[str, float]] = field(default_factory=dict)  # pod uid -> claim's name, until when
    _tries: Counter[str] = field(default_factory=Counter)  # nodes made for a pod, by its uid
    _told: set[tuple[str, str]] = field(default_factory=set)
    _controller: Item = field(default_factory=dict)  # the pod that works
    _claims: NodeClaims = field(init=False)
    _consolidation: Consolidation = field(init=False)

    def __post_init__(self) -> None:
        """Take charge of the claims and of the empty nodes."""
        self._claims = NodeClaims(self.api, self.clock, self._fleet, self.joins)
        self._consolidation = Consolidation(self.api, self.clock)

    def _fleet(self) -> KarpenterFleet:
        return self.fleet_of(self._controller)

    def start(self) -> None:
        """Work in the background until `stopped`."""
        repeat("karpenter", TICK, self.stopped, self.turn)

    def _controllers(self) -> list[Item]:
        return [pod for pod in self.api.items(f"{nodes.PODS}?labelSelector={CONTROLLER}") if holds(pod, "Ready")]

    def turn(self) -> None:
        """Look at everything once and do what is due, if the controller runs."""
        controllers = self._controllers()
        if not controllers:
            return
        self._controller = controllers[0]
        self._claims.cluster = _cluster_name(self._controller)
        classes = {each["metadata"]["name"]: each for each in self.api.items(CLASSES)}
        claims, present = self.api.items(CLAIMS), self.api.items(nodes.NODES)
        by_provider = {each["spec"].get("providerID"): each for each in present}
        for claim in claims:
            node = by_provider.get(claim.get("status", {}).get("providerID"))
            attempt(f"claim {claim['metadata']['name']}", partial(self._claims.tend, claim, node))
        for name, each in classes.items():
            attempt(f"class {name}", partial(self._tend_class, each, claims))
        pools = [pool for pool in self.api.items(POOLS) if self._tend_pool(pool, classes)]
        pods = self.api.items(nodes.PODS)
        unbound = {pod["metadata"]["uid"] for pod in pods if not pod["spec"].get("nodeName")}
        self._nominated = {uid: claim for uid, claim in self._nominated.items() if uid in unbound}
        self._provision(pods, pools, classes, claims)
        expected = {name for name, _ in self._nominated.values()}
        self._consolidation.turn(pods, pools, [each for each in claims if each["metadata"]["name"] not in expected])

    def _tend_class(self, node_class: Item, claims: Iterable[Item]) -> None:
        meta = node_class["metadata"]
        path = f"{CLASSES}/{meta['name']}"
        if "deletionTimestamp" in meta:
            if not any(claim["spec"]["nodeClassRef"]["name"] == meta["name"] for claim in claims):
                self._fleet().forget(meta["name"])
                self.api.patch(path, {"metadata": {"finalizers": None}})
        elif CLASS_FINALIZER not in meta.get("finalizers", []):
            self.api.patch(path, {"metadata": {"finalizers": [CLASS_FINALIZER]}})
        elif not _is_current(node_class):
            self.api.patch(f"{path}/status", {"status": self._class_status(node_class)})

    def _class_status(self, node_class: Item) -> Item:
        fleet, spec = self._fleet(), node_class["spec"]
        found: Item = {"subnets": [], "securityGroups": []}
        try:
            subnets = fleet.subnets(spec["subnetSelectorTerms"])
            found["subnets"] = [{"id": each.id, "zone": each.zone} for each in subnets]
            found["securityGroups"] = [
                {"id": each} for each in fleet.security_groups(spec["securityGroupSelectorTerms"])
            ]
            problems = _unmatched(found)
        except ClientError as error:
            problems = {"SubnetsReady": str(error)}
        if not problems:
            tags = tags_of(node_class, self._claims.cluster, ANY_POOL)
            problems = fleet.problems(node_class | {"status": found}, tags)
        message = next(iter(problems.values()), "")
        states = conditions(**{kind: (False, text) for kind, text in problems.items()}, Ready=(not problems, message))
        generation = node_class["metadata"]["generation"]
        return {**found, "conditions": [each | {"observedGeneration": generation} for each in states]}

    def _tend_pool(self, pool: Item, classes: Mapping[str, Item]) -> bool:
        """Report whether a pool is ready; return whether nodes may be made from it."""
        if "deletionTimestamp" in pool["metadata"]:
            return False
        node_class = classes.get(pool["spec"]["template"]["spec"]["nodeClassRef"]["name"])
        ready = node_class is not None and holds(node_class, "Ready")
        if ready != holds(pool, "Ready") or not pool.get("status", {}).get("conditions"):
            states = conditions(Ready=(ready, "" if ready else "NodeClassNotReady"))
            self.api.patch(f"{POOLS}/{pool['metadata']['name']}/status", {"status": {"conditions": states}})
        return ready

    def _provision(self, pods: list[Item], pools: list[Item], classes: Mapping[str, Item], claims: list[Item]) -> None:
        waiting = [pod for pod in pods if nodes.is_unschedulable(pod) and not self._is_nominated(pod, claims)]
        if not waiting:
            return
        zones = volume_zones(self.api.items(CLAIMED), self.api.items(VOLUMES))
        bound = [beside_volumes(pod, zones) for pod in waiting]
        planned, refused = plan(bound, [self._pool(pool, classes, claims) for pool in pools])
        for claim in planned:
            self._make(claim, classes[claim.pool.template["nodeClassRef"]["name"]])
        for pod in waiting:
            if reason := refused.get(pod["metadata"]["uid"]):
                self._tell(pod, reason)

    def _make(self, claim: Claim, node_class: Item) -> None:
        """Make a node for the pods of a plan; where EC2 refuses, tell them so and leave it for a while."""
        try:
            nomination = (self._claims.make(claim, node_class)["metadata"]["name"], NEVER)
        except LaunchError as error:
            nomination = ("", self.clock.patience() + TRY_AGAIN_IN)
            for pod in claim.pods:
                self._tell(pod, f"creating an instance failed: {error}")
        uids = [pod["metadata"]["uid"] for pod in claim.pods]
        self._nominated |= dict.fromkeys(uids, nomination)
        self._tries.update(uids)

    def _pool(self, item: Item, classes: Mapping[str, Item], claims: Iterable[Item]) -> Pool:
        meta, node_class = item["metadata"], classes[item["spec"]["template"]["spec"]["nodeClassRef"]["name"]]
        zones = tuple(each["zone"] for each in node_class["status"]["subnets"])
        key = (meta["uid"], meta["generation"], zones)
        offers = self._offers.get(key) or self._offers.setdefault(key, offers_of(item, zones))
        used = [_size(each) for each in claims if each["metadata"]["labels"].get(POOL) == meta["name"]]
        return Pool(item, offers, add(*used), daemons_of(self.api.items("/apis/apps/v1/daemonsets"), item, offers))

    def _is_nominated(self, pod: Item, claims: Iterable[Item]) -> bool:
        """Return whether a node is on its way for a pod, or has come so lately that the scheduler may not know."""
        name, until = self._nominated.get(pod["metadata"]["uid"], ("", 0.0))
        claim = next((each for each in claims if each["metadata"]["name"] == name), None)
        if (name and claim is None) or self.clock.patience() >= until:
            self._nominated.pop(pod["metadata"]["uid"], None)
            return False
        if until == NEVER and claim and holds(claim, "Initialized"):
            # Each node that did not help is waited for four times as long as the one before: an obstacle that is
            # not seen here, such as anti-affinity, must not buy one node after another.
            patience = NOMINATED_FOR * 4 ** (self._tries[pod["metadata"]["uid"]] - 1)
            self._nominated[pod["metadata"]["uid"]] = (name, self.clock.patience() + patience)
        return True

    def _tell(self, pod: Item, reason: str) -> None:
        """Write an event about a pod, once for each reason."""
        meta = pod["metadata"]
        if (meta["uid"], reason) in self._told:
            return
        self._told.add((meta["uid"], reason))
        about = {"apiVersion": "v1", "kind": "Pod", **{key: meta[key] for key in ("name", "namespace", "uid")}}
        event = {
            "metadata": {"generateName": f"{meta['name']}.", "namespace": meta["namespace"]},
            "involvedObject": about,
            "type": "Warning",
            "reason": "FailedScheduling",
            "message": f"Failed to schedule pod, {reason}",
            "source": {"component": "karpenter"},
        }
        self.api.create(f"/api/v1/namespaces/{meta['namespace']}/events", event)


def _unmatched(found: Item) -> dict[str, str]:
    missing = [kind for kind in ("Subnets", "SecurityGroups") if not found[kind[0].lower() + kind[1:]]]
    return {f"{each}Ready": f"{each.removesuffix('s')}Selector did not match any {each}" for each in missing}


def _cluster_name(controller: Item) -> str:
    """Return what a controller's pod was told of its cluster."""
    variables = [each for container in controller["spec"]["containers"] for each in container.get("env", [])]
    return next((each.get("value", "") for each in variables if each["name"] == "CLUSTER_NAME"), "")


def _is_current(node_class: Item) -> bool:
    """Return whether a class is ready as it is written now; one that is not is looked at again."""
    found = node_class.get("status", {}).get("conditions", [])
    generation = node_class["metadata"]["generation"]
    return holds(node_class, "Ready") and all(each["observedGeneration"] == generation for each in found)


def _size(claim: Item) -> Resources:
    return quantities({**claim.get("status", {}).get("capacity", {}), "nodes": "1"})
