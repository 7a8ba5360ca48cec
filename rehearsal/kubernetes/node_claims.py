"""The life of a NodeClaim: launched, registered, initialised, drained, terminated."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from rehearsal.clock import Clock
from rehearsal.kubernetes import nodes
from rehearsal.kubernetes.api import Api, Item
from rehearsal.kubernetes.fleet import LaunchError, Order, Subnet
from rehearsal.kubernetes.karpenter_fleet import CLASS, KarpenterFleet
from rehearsal.kubernetes.nodes import Machine
from rehearsal.kubernetes.provisioning import POOL, ZONE, Claim, Offer
from rehearsal.kubernetes.scheduling import quantities, tolerates

CLAIMS = "/apis/karpenter.sh/v1/nodeclaims"
FINALIZER = "karpenter.sh/termination"
DISRUPTED = {"key": "karpenter.sh/disrupted", "effect": "NoSchedule"}
TAGGED = "karpenter.k8s.aws/tagged"
DO_NOT_DISRUPT = "karpenter.sh/do-not-disrupt"
NEVER = float("inf")
REGISTERS_WITHIN = 900.0  # AWS's seconds, then Karpenter ends the instance and tries another
UNITS = {"s": 1, "m": 60, "h": 3600}


def seconds(duration: str | None) -> float:
    """Return a duration such as `1h30m` in seconds; `Never` and none are without end."""
    parts = re.findall(r"(\d+(?:\.\d+)?)([smh])", duration or "")
    return sum(float(number) * UNITS[unit] for number, unit in parts) if parts else NEVER


def conditions(**states: tuple[bool, str]) -> list[dict[str, str]]:
    """Return status conditions, each from whether it holds and a message."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return [
        {
            "type": kind,
            "status": str(holds),
            "reason": kind if holds else "NotReady",
            "message": message,
            "lastTransitionTime": now,
        }
        for kind, (holds, message) in states.items()
    ]


def holds(item: Item, kind: str) -> bool:
    """Return whether an object's condition is true."""
    found = item.get("status", {}).get("conditions", [])
    return any(each["type"] == kind and each["status"] == "True" for each in found)


@dataclass
class NodeClaims:
    """Makes NodeClaims, and takes each one step further at every `tend`."""

    api: Api
    clock: Clock
    fleet: Callable[[], KarpenterFleet]  # as the controller's pod has it now
    joins: Callable[[str], bool]  # whether the cluster lets an instance in
    cluster: str = ""  # as the controller's pods were told its name
    _launched: dict[str, float] = field(default_factory=dict)  # by the claim's name
    _deleting: dict[str, float] = field(default_factory=dict)

    def make(self, claim: Claim, node_class: Item) -> Item:
        """Launch the cheapest of a planned node's offers that is to be had; raise LaunchError where EC2 refuses all."""
        made = self.api.create(CLAIMS, _claim(claim))
        for offer in claim.offers:
            try:
                instance_id = self._launch(made, offer, node_class)
            except LaunchError as error:
                if error.shortage and offer is not claim.offers[-1]:
                    continue
                self._forget(made)
                raise
            self._write(made, offer, instance_id)
            break
        return made

    def _launch(self, claim: Item, offer: Offer, node_class: Item) -> str:
        status = node_class["status"]
        subnet = next(each["id"] for each in status["subnets"] if each["zone"] == offer.zone)
        tags = tags_of(node_class, self.cluster, claim["metadata"]["labels"][POOL])
        groups = tuple(each["id"] for each in status["securityGroups"])
        spot, profile = offer.capacity_type == "spot", node_class["spec"].get("instanceProfile", "")
        return self.fleet().launch(Order(offer.kind.name, Subnet(subnet, offer.zone), spot, groups, tags, profile))

    def _write(self, claim: Item, offer: Offer, instance_id: str) -> None:
        name = claim["metadata"]["name"]
        self._launched[name] = self.clock.time()
        self.api.patch(f"{CLAIMS}/{name}", {"metadata": {"labels": dict(offer.labels)}})
        status = {
            "providerID": f"aws:///{offer.zone}/{instance_id}",
            "capacity": offer.kind.capacity(),
            "allocatable": offer.kind.allocatable(),
            "conditions": conditions(Launched=(True, ""), Registered=(False, "Node not registered with cluster")),
        }
        self.api.patch(f"{CLAIMS}/{name}/status", {"status": status})

    def _forget(self, claim: Item) -> None:
        name = claim["metadata"]["name"]
        self.api.patch(f"{CLAIMS}/{name}", {"metadata": {"finalizers": None}})
        self.api.delete(f"{CLAIMS}/{name}")

    def tend(self, claim: Item, node: Item | None) -> None:
        """Take one claim a step further, given its node if that is there."""
        if "deletionTimestamp" in claim["metadata"]:
            self._terminate(claim, node)
        elif self._expired(claim):
            self.api.delete(f"{CLAIMS}/{claim['metadata']['name']}")
        elif node is None:
            self._register(claim)
        elif not holds(claim, "Initialized"):
            self._initialise(claim, node)
        elif TAGGED not in claim["metadata"].get("annotations", {}):
            self._label(claim)

    def age(self, claim: Item) -> float:
        """Return the seconds since a claim was launched."""
        now = self.clock.time()
        return now - self._launched.setdefault(claim["metadata"]["name"], now)

    def _expired(self, claim: Item) -> bool:
        return self.age(claim) >= seconds(claim["spec"].get("expireAfter", "720h"))

    def _register(self, claim: Item) -> None:
        if not claim.get("status", {}).get("providerID") or self.age(claim) < nodes.JOINS_IN:
            return
        machine = _machine(claim)
        if not self.joins(machine.instance_id):
            if self.age(claim) >= REGISTERS_WITHIN:
                self.api.delete(f"{CLAIMS}/{claim['metadata']['name']}")
            return
        nodes.register(self.api, machine)
        status = {
            "nodeName": machine.node_name,
            "conditions": _uninitialised("Node status is NotReady"),
        }
        self.api.patch(f"{CLAIMS}/{claim['metadata']['name']}/status", {"status": status})

    def _initialise(self, claim: Item, node: Item) -> None:
        """Call a node initialised, or say what it lacks, once for each reason."""
        if obstacle := _obstacle(claim, node):
            told = [each["message"] for each in claim["status"]["conditions"] if each["type"] == "Initialized"]
            if told != [obstacle]:
                status = {"conditions": _uninitialised(obstacle)}
                self.api.patch(f"{CLAIMS}/{claim['metadata']['name']}/status", {"status": status})
            return
        everything = dict.fromkeys(("Launched", "Registered", "Initialized", "Ready"), (True, ""))
        name = claim["metadata"]["name"]
        self.api.patch(f"{CLAIMS}/{name}/status", {"status": {"conditions": conditions(**everything)}})
        labels = {"metadata": {"labels": {"karpenter.sh/initialized": "true"}}}
        self.api.patch(f"{nodes.NODES}/{node['metadata']['name']}", labels)

    def _label(self, claim: Item) -> None:
        """Give the instance the tags that are known only once its node has joined."""
        status, name = claim["status"], claim["metadata"]["name"]
        tags = {"Name": status["nodeName"], "karpenter.sh/nodeclaim": name}
        tags |= {"eks:eks-cluster-name": self.cluster} if self.cluster else {}
        self.fleet().label(status["providerID"].rpartition("/")[2], tags)
        self.api.patch(f"{CLAIMS}/{name}", {"metadata": {"annotations": {TAGGED: "true"}}})

    def _terminate(self, claim: Item, node: Item | None) -> None:
        """Drain the node, end the instance, let the claim go: a step at each call."""
        name = claim["metadata"]["name"]
        began = self._deleting.setdefault(name, self.clock.time())
        grace = seconds(claim["spec"].get("terminationGracePeriod"))
        overdue = self.clock.time() - began >= grace
        if node is not None:
            if not self._drained(node, overdue=overdue):
                return
            nodes.remove(self.api, node["metadata"]["name"])
        provider_id = claim.get("status", {}).get("providerID", "")
        if provider_id:
            self.fleet().terminate(provider_id.rpartition("/")[2])
        self.api.patch(f"{CLAIMS}/{name}", {"metadata": {"finalizers": None}})
        self._deleting.pop(name, None)
        self._launched.pop(name, None)

    def _drained(self, node: Item, *, overdue: bool) -> bool:
        """Evict what may be evicted; return whether nothing holds the node any more."""
        name = node["metadata"]["name"]
        disrupt(self.api, node)
        pods = [pod for pod in nodes.pods_on(self.api, name) if not tolerates(pod["spec"], [DISRUPTED])]
        for pod in pods:
            held = pod["metadata"].get("annotations", {}).get(DO_NOT_DISRUPT) == "true"
            if not held and "deletionTimestamp" not in pod["metadata"]:
                nodes.evict(self.api, pod)
        return overdue or not pods


def disrupt(api: Api, node: Item) -> None:
    """Keep new pods off a node."""
    taints = node["spec"].get("taints", [])
    if DISRUPTED not in taints:
        api.patch(f"{nodes.NODES}/{node['metadata']['name']}", {"spec": {"taints": [*taints, DISRUPTED]}})


def tags_of(node_class: Item, cluster: str, pool: str) -> dict[str, str]:
    """Return what everything that is started for a pool's nodes is tagged with."""
    owned = {f"kubernetes.io/cluster/{cluster}": "owned", "eks:eks-cluster-name": cluster} if cluster else {}
    return {**node_class["spec"].get("tags", {}), POOL: pool, CLASS: node_class["metadata"]["name"], **owned}


def _claim(claim: Claim) -> Item:
    pool = claim.pool
    template, extra = pool.template, pool.item["spec"]["template"].get("metadata", {})
    owner = {
        "apiVersion": "karpenter.sh/v1",
        "kind": "NodePool",
        "name": pool.name,
        "uid": pool.item["metadata"]["uid"],
    }
    kept = ("nodeClassRef", "taints", "startupTaints", "expireAfter", "terminationGracePeriod")
    types = sorted({offer.kind.name for offer in claim.offers})
    chosen = {"key": "node.kubernetes.io/instance-type", "operator": "In", "values": types[:100]}
    meta = {
        "generateName": f"{pool.name}-",
        "labels": {**extra.get("labels", {}), POOL: pool.name},
        "annotations": extra.get("annotations", {}),
        "finalizers": [FINALIZER],
        "ownerReferences": [owner | {"blockOwnerDeletion": True}],
    }
    spec: dict[str, Any] = {name: template[name] for name in kept if name in template}
    spec["requirements"] = [*template["requirements"], chosen]
    spec["resources"] = {"requests": {name: str(amount) for name, amount in claim.asked.items()}}
    return {"apiVersion": "karpenter.sh/v1", "kind": "NodeClaim", "metadata": meta, "spec": spec}


def _machine(claim: Item) -> Machine:
    labels, meta = claim["metadata"]["labels"], claim["metadata"]
    owner = {"apiVersion": "karpenter.sh/v1", "kind": "NodeClaim", "name": meta["name"], "uid": meta["uid"]}
    return Machine(
        claim["status"]["providerID"].rpartition("/")[2],
        labels["node.kubernetes.io/instance-type"],
        labels[ZONE],
        {**labels, "karpenter.sh/registered": "true"},
        [*claim["spec"].get("taints", []), *claim["spec"].get("startupTaints", [])],
        (FINALIZER,),
        owner | {"blockOwnerDeletion": True},
    )


def _uninitialised(message: str) -> list[dict[str, str]]:
    return conditions(Launched=(True, ""), Registered=(True, ""), Initialized=(False, message))


def _obstacle(claim: Item, node: Item) -> str:
    """Return what a node still lacks, in Karpenter's words: readiness, freedom from startup taints, the GPUs asked for.

    https://github.com/kubernetes-sigs/karpenter/blob/main/pkg/controllers/nodeclaim/lifecycle/initialization.go
    """
    if not nodes.is_ready(node):
        return "Node status is NotReady"
    taints = {(each["key"], each["effect"]) for each in node["spec"].get("taints", [])}
    starting = {(each["key"], each["effect"]) for each in claim["spec"].get("startupTaints", [])}
    if left := sorted(taints & starting):
        return f'StartupTaint "{left[0][0]}:{left[0][1]}" still exists'
    wanted, there = claim["spec"].get("resources", {}).get("requests", {}), quantities(node["status"]["allocatable"])
    missing = [name for name, amount in quantities(wanted).items() if amount and not there.get(name)]
    return f'Resource "{missing[0]}" was requested but not registered' if missing else ""
