"""EKS: clusters with a real control plane, and everything that hangs on one."""

from collections.abc import Callable, Iterable
from typing import Any

from rehearsal.callers import Callers
from rehearsal.kubernetes import tokens
from rehearsal.services.eks import access_entries, addons, clusters, node_groups, pod_identities
from rehearsal.services.eks.records import Cluster, Eks, Record
from rehearsal.wire.call import Call, Handler, Refused

ROOMS = (clusters, node_groups, addons, access_entries, pod_identities)


def operations(eks: Eks) -> dict[str, Handler]:
    """Return the handlers of EKS."""
    handlers = {
        "TagResource": lambda call: _tag(eks, call),
        "UntagResource": lambda call: _untag(eks, call),
        "ListTagsForResource": lambda call: {"tags": _tagged(eks, call).get("tags", {})},
    }
    for room in ROOMS:
        handlers |= room.operations(eks)
    return handlers


def listed(eks: Eks) -> dict[str, Callable[[], list[str]]]:
    """Return what exists, by kind."""

    def within(records: Callable[[Cluster], Iterable[str]]) -> Callable[[], list[str]]:
        return lambda: [
            f"{cluster.name}/{name}" for cluster in list(eks.clusters.values()) for name in records(cluster)
        ]

    return {
        "eks Cluster": lambda: list(eks.clusters),
        "eks Nodegroup": within(lambda cluster: cluster.node_groups),
        "eks Addon": within(lambda cluster: cluster.addons),
        "eks AccessEntry": within(lambda cluster: cluster.entries),
        "eks PodIdentityAssociation": within(lambda cluster: cluster.associations),
    }


def review_token(eks: Eks, callers: Callers, cluster_name: str, body: dict[str, Any]) -> dict[str, Any]:
    """Answer a control plane that asks whose token it was sent."""
    cluster = eks.clusters[cluster_name]
    return tokens.review(body, cluster_name, callers.of_token, access_entries.entries(eks, cluster))


def _tagged(eks: Eks, call: Call) -> Record:
    wanted = call.parameters["resourceArn"]
    for cluster in list(eks.clusters.values()):
        rows = [cluster.node_groups, cluster.addons, cluster.entries, cluster.associations]
        for record in [cluster.record, *(record for kind in rows for record in kind.values())]:
            if wanted in [value for name, value in record.items() if name.lower().endswith("arn")]:
                return record
    raise Refused("NotFoundException", f"Resource {wanted} was not found", 404)


def _tag(eks: Eks, call: Call) -> Record:
    record = _tagged(eks, call)
    record["tags"] = record.get("tags", {}) | call.parameters["tags"]
    return {}


def _untag(eks: Eks, call: Call) -> Record:
    record, gone = _tagged(eks, call), call.parameters["tagKeys"]
    record["tags"] = {key: value for key, value in record.get("tags", {}).items() if key not in gone}
    return {}
