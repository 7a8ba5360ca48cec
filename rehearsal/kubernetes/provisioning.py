"""Which nodes Karpenter would make for pods that fit nowhere: pure, from NodePools and pods to claims and refusals."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any

from rehearsal.kubernetes.api import Item
from rehearsal.kubernetes.instance_types import GPU, InstanceType, all_types
from rehearsal.kubernetes.scheduling import (
    Requirements,
    Resources,
    add,
    affinity_terms,
    fits,
    quantities,
    requests,
    tolerates,
)

POOL, CAPACITY, ZONE = "karpenter.sh/nodepool", "karpenter.sh/capacity-type", "topology.kubernetes.io/zone"


@dataclass(frozen=True)
class Offer:
    """An instance type in one zone for one capacity type, with the labels that its node would have."""

    kind: InstanceType
    zone: str
    capacity_type: str
    labels: Mapping[str, str]

    @cached_property
    def free(self) -> Resources:
        """What pods may ask of it."""
        return quantities(self.kind.allocatable())

    @cached_property
    def size(self) -> Resources:
        """What it counts for against a pool's limits."""
        return {**quantities(self.kind.capacity()), "nodes": Decimal(1)}


@dataclass(frozen=True)
class Pool:
    """A NodePool with what the cluster adds to it."""

    item: Item
    offers: Sequence[Offer]
    used: Resources = field(default_factory=dict)  # capacity of its nodes
    daemons: Sequence[Item] = ()  # pods that DaemonSets would put on its nodes

    @property
    def name(self) -> str:
        """Name of the NodePool."""
        return str(self.item["metadata"]["name"])

    @property
    def template(self) -> Item:
        """Specification of its nodes."""
        return dict(self.item["spec"]["template"]["spec"])

    @property
    def weight(self) -> int:
        """Preference over other pools: the heavier goes first."""
        return int(self.item["spec"].get("weight", 0))


@dataclass
class Claim:
    """A node to be made: the offers that would do, the cheapest first, and the pods it is for."""

    pool: Pool
    offers: list[Offer]
    asked: dict[str, Decimal]
    pods: list[Item] = field(default_factory=list)


def offers_of(pool: Item, zones: Iterable[str]) -> list[Offer]:
    """Return what a NodePool accepts of everything that EC2 has in `zones`; spot before on-demand, the small first."""
    template = pool["spec"]["template"]
    required = Requirements(template["spec"]["requirements"])
    own = {**template.get("metadata", {}).get("labels", {}), POOL: pool["metadata"]["name"]}
    places = sorted(set(zones))
    found = []
    for kind in all_types():
        base = {**kind.labels, **kind.karpenter_labels, **own}
        if required.accept(base, ignoring=(ZONE, CAPACITY, "topology.kubernetes.io/region")):
            found += [Offer(kind, *place, _placed(base, *place)) for place in _places(kind, places)]
    accepted = [offer for offer in found if required.accept(offer.labels)]
    return sorted(accepted, key=lambda offer: offer.capacity_type != "spot")


def _places(kind: InstanceType, zones: Iterable[str]) -> list[tuple[str, str]]:
    markets = ("spot", "on-demand") if kind.spot else ("on-demand",)
    return [(zone, market) for zone in zones for market in markets]


def _placed(labels: Mapping[str, str], zone: str, market: str) -> dict[str, str]:
    return {**labels, ZONE: zone, "topology.kubernetes.io/region": zone[:-1], CAPACITY: market}


def plan(pods: Iterable[Item], pools: Iterable[Pool]) -> tuple[list[Claim], dict[str, str]]:
    """Return the nodes to make for `pods`, and for each pod that no node would hold the reason, by its uid.

    The largest pods are placed first, each on a node already planned where it fits, else on a new one of the
    heaviest pool that takes it. Spreading and anti-affinity are left to the scheduler: what it then leaves over
    comes here again.
    """
    claims: list[Claim] = []
    refused: dict[str, str] = {}
    ordered = sorted(pools, key=lambda pool: (-pool.weight, pool.name))
    for pod in sorted(pods, key=_size, reverse=True):
        if not any(_join(claim, pod) for claim in claims):
            claim, reasons = _open(pod, ordered, claims)
            if claim:
                claims.append(claim)
            else:
                refused[pod["metadata"]["uid"]] = "; ".join(reasons) or "no nodepools found"
    return claims, refused


def _size(pod: Item) -> tuple[Decimal, ...]:
    asked = requests(pod)
    return tuple(asked.get(name, Decimal(0)) for name in (GPU, "cpu", "memory"))


def _join(claim: Claim, pod: Item) -> bool:
    """Add a pod to a planned node if some of its offers still hold everything."""
    asked = add(claim.asked, requests(pod))
    if not tolerates(pod["spec"], claim.pool.template.get("taints", [])):
        return False
    left = _suitable(claim.offers, pod, asked)
    if not left or _short_of_choice(claim.pool, left):
        return False
    claim.offers, claim.asked = left, asked
    claim.pods.append(pod)
    return True


def _open(pod: Item, pools: Iterable[Pool], claims: Iterable[Claim]) -> tuple[Claim | None, list[str]]:
    reasons = []
    for pool in pools:
        planned = add(pool.used, *(claim.offers[0].size for claim in claims if claim.pool is pool))
        claim = Claim(pool, _within_limits(pool, planned), _overhead(pool))
        reason = _obstacle(claim, pod)
        if reason is None and _join(claim, pod):
            return claim, []
        reasons.append(f'incompatible with nodepool "{pool.name}", {reason}')
    return None, reasons


def _obstacle(claim: Claim, pod: Item) -> str | None:
    """Say, in Karpenter's words, what keeps a pod off a new node of a pool."""
    pool, asked = claim.pool, add(claim.asked, requests(pod))
    taints = pool.template.get("taints", [])
    if not tolerates(pod["spec"], taints):
        wanted = ", ".join(f"{each['key']}={each.get('value', '')}:{each['effect']}" for each in taints)
        return f"did not tolerate taint (taint={wanted})"
    if not any(term.accept(offer.labels) for term in affinity_terms(pod["spec"]) for offer in pool.offers):
        return "no instance type of it satisfied the pod's node selector and affinity"
    if not _suitable(pool.offers, pod, asked):
        return f"no instance type has enough resources for {_text(asked)}"
    left = _suitable(claim.offers, pod, asked)
    if not left:
        return f"all available instance types exceed limits for nodepool: {pool.item['spec']['limits']}"
    return _short_of_choice(pool, left)


def _suitable(offers: Iterable[Offer], pod: Item, asked: Resources) -> list[Offer]:
    terms = affinity_terms(pod["spec"])
    return [each for each in offers if fits(asked, each.free) and any(term.accept(each.labels) for term in terms)]


def _within_limits(pool: Pool, used: Resources) -> list[Offer]:
    limits = quantities(pool.item["spec"].get("limits", {}))
    if not limits:
        return list(pool.offers)
    return [each for each in pool.offers if _below(add(used, each.size), limits)]


def _below(total: Resources, limits: Resources) -> bool:
    return all(total.get(name, Decimal(0)) <= limit for name, limit in limits.items())


def _overhead(pool: Pool) -> dict[str, Decimal]:
    return add(*(requests(pod) for pod in pool.daemons))


def _short_of_choice(pool: Pool, offers: Iterable[Offer]) -> str | None:
    """Return what is wrong where a requirement's minValues is not met."""
    for each in pool.template["requirements"]:
        values = {offer.labels.get(each["key"]) for offer in offers}
        if len(values) < each.get("minValues", 0):
            return f"minValues requirement is not met for label(s) {each['key']}: {len(values)} of {each['minValues']}"
    return None


def _text(asked: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {amount}" for name, amount in sorted(asked.items()))


def beside_volumes(pod: Item, zones: Mapping[tuple[str, str], str]) -> Item:
    """Return the pod with the zone of its volumes as a node selector; `zones` go by a claim's namespace and name."""
    volumes = pod["spec"].get("volumes", [])
    claims = [each["persistentVolumeClaim"] for each in volumes if "persistentVolumeClaim" in each]
    places = [zones.get((pod["metadata"]["namespace"], claim["claimName"])) for claim in claims]
    chosen = next(({ZONE: place} for place in places if place), {})
    return pod | {"spec": pod["spec"] | {"nodeSelector": pod["spec"].get("nodeSelector", {}) | chosen}}


def daemons_of(daemon_sets: Iterable[Item], pool: Item, offers: Iterable[Offer]) -> list[Item]:
    """Return the pods that DaemonSets would put on the nodes of a pool."""
    taints = pool["spec"]["template"]["spec"].get("taints", [])
    pods = [{"spec": each["spec"]["template"]["spec"]} for each in daemon_sets]
    some = next(iter(offers), None)
    fitting = [pod for pod in pods if some and any(term.accept(some.labels) for term in affinity_terms(pod["spec"]))]
    return [pod for pod in fitting if tolerates(pod["spec"], taints)]
