"""Whom NetworkPolicies let through, as Amazon's VPC CNI enforces them: told, as nothing sends packets here.

https://docs.aws.amazon.com/eks/latest/userguide/cni-network-policy.html
"""

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from rehearsal.kubernetes.scheduling import Requirements

Policy = Mapping[str, Any]  # an object of networking.k8s.io/v1
Namespaces = Mapping[str, Mapping[str, str]]  # name -> labels
Direction = Literal["Ingress", "Egress"]
PEERS, PORTS = {"Ingress": "from", "Egress": "to"}, "ports"


@dataclass(frozen=True)
class Place:
    """A pod, or without a namespace what is outside of the cluster's pods: a node, an address of AWS.

    For a pod that has no owner AWS promises nothing (https://github.com/aws/aws-network-policy-agent/issues/327): as
    far as it is an end of a connection itself it is open here, and as another pod's peer it counts.
    """

    address: str
    namespace: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    owned: bool = True


@dataclass(frozen=True)
class Packet:
    """The first of a connection; its answers are always let through."""

    source: Place
    target: Place
    port: int  # of the pod that takes it, after the Service's own was replaced
    protocol: str = "TCP"


def passes(policies: Sequence[Policy], namespaces: Namespaces, packet: Packet) -> bool:
    """Return whether the policies of both ends let a connection be made. TypeError is raised for a named port."""
    return _lets(policies, namespaces, "Egress", packet) and _lets(policies, namespaces, "Ingress", packet)


def _lets(policies: Sequence[Policy], namespaces: Namespaces, direction: Direction, packet: Packet) -> bool:
    """Without a policy for the direction a pod is open; policies add up."""
    own, peer = (packet.source, packet.target) if direction == "Egress" else (packet.target, packet.source)
    heeded = [each for each in policies if own.namespace and own.owned and _concerns(each, own, direction)]
    rules = [rule for each in heeded for rule in each["spec"].get(direction.lower()) or ()]
    return not heeded or any(_matches(rule, namespaces, direction, own, peer, packet) for rule in rules)


def _concerns(policy: Policy, pod: Place, direction: Direction) -> bool:
    spec = policy["spec"]
    kinds = spec.get("policyTypes") or ["Ingress", *(["Egress"] if "egress" in spec else [])]
    here = policy["metadata"]["namespace"] == pod.namespace
    return here and direction in kinds and selects(spec["podSelector"], pod.labels)


def _matches(
    rule: Mapping[str, Any], namespaces: Namespaces, direction: Direction, own: Place, peer: Place, packet: Packet
) -> bool:
    peers, ports = rule.get(PEERS[direction]) or [], rule.get(PORTS) or []
    known = not peers or any(_is_peer(each, namespaces, own.namespace, peer) for each in peers)
    return known and (not ports or any(_is_port(each, packet) for each in ports))


def _is_peer(wanted: Mapping[str, Any], namespaces: Namespaces, own: str, peer: Place) -> bool:
    if block := wanted.get("ipBlock"):
        return _within(peer.address, [block["cidr"]]) and not _within(peer.address, block.get("except") or ())
    if not peer.namespace:
        return False
    spaces = wanted.get("namespaceSelector")
    there = peer.namespace == own if spaces is None else selects(spaces, namespaces[peer.namespace])
    return there and selects(wanted.get("podSelector") or {}, peer.labels)


def _within(address: str, blocks: Iterable[str]) -> bool:
    return any(ipaddress.ip_address(address) in ipaddress.ip_network(each) for each in blocks)


def _is_port(wanted: Mapping[str, Any], packet: Packet) -> bool:
    if wanted.get("protocol", "TCP") != packet.protocol:
        return False
    port = wanted.get("port")
    if isinstance(port, str):
        raise TypeError(f"a policy has the port {port!r}: only numbers are evaluated here, so give the pod's number")
    return port is None or port <= packet.port <= wanted.get("endPort", port)


def selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Return whether a label selector takes an object with these labels; an empty one takes all."""
    equal = (selector.get("matchLabels") or {}).items() <= labels.items()
    return equal and Requirements(selector.get("matchExpressions") or ()).accept(labels)
