"""Managed node groups: ACTIVE when their nodes have joined."""

import re
from functools import partial
from typing import Any

from moto.ec2.models import ec2_backends

from rehearsal.access.guard import role_may
from rehearsal.access.identities import roles
from rehearsal.kubernetes.fleet import LaunchError
from rehearsal.kubernetes.instance_types import UnknownInstanceType, instance_type
from rehearsal.services.eks import access_entries, auto_scaling, node_group_rules
from rehearsal.services.eks.records import Cluster, Eks, Plane, Record, found, in_use, invalid, short_id
from rehearsal.wire.call import Call, Handler

LABEL = re.compile(r"[A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?", re.ASCII)
NODES_MUST_JOIN_WITHIN = 1200.0  # seconds, then EKS gives up
NODES_TAKE = 20.0  # of the wall's seconds, at most, on a machine that is busy with other things
DEFAULTS = {
    "scalingConfig": {"minSize": 1, "maxSize": 2, "desiredSize": 2},
    "capacityType": "ON_DEMAND",
    "amiType": "AL2023_x86_64_STANDARD",
    "labels": {},
    "taints": [],
    "tags": {},
    "updateConfig": {"maxUnavailable": 1},
}


def operations(eks: Eks) -> dict[str, Handler]:
    """Return the handlers of node groups."""
    return {
        "CreateNodegroup": lambda call: {"nodegroup": create(eks, call)},
        "DescribeNodegroup": lambda call: {"nodegroup": _group(eks, call)},
        "ListNodegroups": lambda call: {"nodegroups": list(eks.cluster(call).node_groups)},
        "DeleteNodegroup": lambda call: {"nodegroup": delete(eks, call)},
        "UpdateNodegroupConfig": lambda call: {"update": update(eks, call)},
        "UpdateNodegroupVersion": lambda call: {"update": update(eks, call)},
    }


def create(eks: Eks, call: Call) -> Record:
    """Begin to make a node group."""
    cluster, given = eks.cluster(call), call.parameters
    plane, name = cluster.ready, given["nodegroupName"]
    if name in cluster.node_groups:
        raise in_use(f"NodeGroup already exists with name {name} and cluster name {cluster.name}")
    _refuse_role(eks, call)
    _refuse_sizes(given.get("scalingConfig", {}))
    _refuse_subnets(call)
    _refuse_labels(given.get("labels", {}))
    _refuse_release(given, given.get("version") or cluster.record["version"])
    types = given.get("instanceTypes") or ([] if "launchTemplate" in given else ["t3.medium"])
    try:
        for each in types:
            instance_type(each)
    except UnknownInstanceType as error:
        raise invalid(f"The following supplied instance types do not exist: [{error}]") from error
    for problem in node_group_rules.problems(eks.world, given):
        raise invalid(problem)
    record = {
        **DEFAULTS,
        **given,
        "instanceTypes": types,
        "nodegroupArn": eks.arn("nodegroup", cluster.name, name, short_id()),
        "version": given.get("version", cluster.record["version"]),
        "status": "CREATING",
        "health": {"issues": []},
        "resources": {"autoScalingGroups": [{"name": f"eks-{name}-{short_id()}"}]},
        "createdAt": eks.now(),
        "modifiedAt": eks.now(),
    }
    cluster.node_groups[name] = record
    auto_scaling.make(eks, cluster, record)
    if (
        cluster.record["accessConfig"]["authenticationMode"] != "CONFIG_MAP"
        and given["nodeRole"] not in cluster.entries
    ):
        access_entries.put(eks, cluster, given["nodeRole"], {"type": "EC2_LINUX"})
    eks.later(f"create {name}", lambda: _join(eks, plane, record))
    return record


def _refuse_role(eks: Eks, call: Call) -> None:
    role = call.parameters["nodeRole"]
    if role not in [each.arn for each in roles(call.account)]:
        raise invalid(f"The provided role doesn't exist: {role}")
    if not eks.trusted(call, role, "ec2.amazonaws.com"):
        missing = "Following required service principals [ec2.amazonaws.com] were not found in the trust relationships"
        raise invalid(f"{missing} of nodeRole {role}")


def _refuse_subnets(call: Call) -> None:
    there = {each.id for each in ec2_backends[call.account][call.region].describe_subnets()}
    missing = [each for each in call.parameters["subnets"] if each not in there]
    if missing:
        raise invalid(f"The subnet ID '{missing[0]}' does not exist")


def _refuse_labels(labels: Record) -> None:
    """Refuse what no node can wear: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/."""
    for key, value in labels.items():
        if not LABEL.fullmatch(key.rpartition("/")[2]) or not LABEL.fullmatch(value or "0"):
            raise invalid(f"Label cannot contain invalid characters: {key}={value}")


def _refuse_release(given: Record, kubernetes: str) -> None:
    """Refuse the name of an image that can be none of this Kubernetes: a patch version, and a date."""
    release = given.get("releaseVersion")
    if release is not None and not re.fullmatch(rf"{re.escape(kubernetes)}\.\d+-20\d{{6}}", release):
        raise invalid(f"Requested release version {release} is not valid for kubernetes version {kubernetes}.")


def _able(eks: Eks, record: Record) -> bool:
    """Return whether instances boot and find EKS: by their role's AmazonEKSWorkerNodePolicy, and a way out."""
    permitted = role_may(eks.world, record["nodeRole"], node_group_rules.BOOT)
    return permitted and node_group_rules.lead_out(eks.world, record["subnets"])


def _refuse_sizes(scaling: Record) -> None:
    sizes = DEFAULTS["scalingConfig"] | scaling  # type: ignore[operator]
    if not sizes["minSize"] <= sizes["desiredSize"] <= sizes["maxSize"]:
        raise invalid(f"Minimum capacity {sizes['minSize']} can't be greater than desired size {sizes['desiredSize']}")


def _join(eks: Eks, plane: Plane, record: Record) -> None:
    name, wait, code = record["nodegroupName"], eks.world.clock.wait, "NodeCreationFailure"
    try:
        able = not record["scalingConfig"]["desiredSize"] or wait(NODES_MUST_JOIN_WITHIN, lambda: _able(eks, record))
        if able:
            plane.add_node_group(record)
        ready = partial(plane.nodes_ready, name)
        with eks.world.clock.at_work():  # the control plane is real
            early = able and wait(NODES_TAKE, ready)
        joined = early or (able and wait(NODES_MUST_JOIN_WITHIN, ready))
        reason = "" if joined else "Instances failed to join the kubernetes cluster"
    except LaunchError as error:
        reason, code = f"Could not launch instances: {error}", "AsgInstanceLaunchFailures"
    except Exception as error:  # noqa: BLE001 - whatever it is, the nodes did not join, and the group says why
        reason = f"{type(error).__name__}: {error}"
    auto_scaling.follow(eks, record)
    if not reason:
        record["status"] = "ACTIVE"
        return
    issue = {"code": code, "message": reason, "resourceIds": [name]}
    failed = "CREATE_FAILED" if record["status"] == "CREATING" else "DEGRADED"
    record |= {"status": failed, "health": {"issues": [issue]}}


def update(eks: Eks, call: Call) -> Record:
    """Change sizes, labels, taints or the template that new nodes are made from."""
    cluster, given, record = eks.cluster(call), call.parameters, _group(eks, call)
    plane = cluster.ready
    _refuse_sizes(record["scalingConfig"] | given.get("scalingConfig", {}))
    _refuse_release(given, given.get("version") or cluster.record["version"])
    for name in ("scalingConfig", "updateConfig", "launchTemplate", "releaseVersion", "version"):
        if name in given:
            record[name] = {**record.get(name, {}), **given[name]} if isinstance(given[name], dict) else given[name]
    labels = given.get("labels", {})
    kept = {key: value for key, value in record["labels"].items() if key not in labels.get("removeLabels", [])}
    record["labels"] = kept | labels.get("addOrUpdateLabels", {})
    record["taints"] = _tainted(record["taints"], given.get("taints", {}))
    record |= {"status": "UPDATING", "modifiedAt": eks.now()}
    made = {"id": call.request_id, "status": "InProgress", "type": "ConfigUpdate", "createdAt": eks.now()}
    cluster.updates[call.request_id] = made

    def work() -> None:
        _join(eks, plane, record)
        made["status"] = "Successful" if record["status"] == "ACTIVE" else "Failed"

    eks.later(f"update {record['nodegroupName']}", work)
    return made


def _tainted(taints: list[Record], change: Record) -> list[Record]:
    def key(taint: Record) -> tuple[Any, Any]:
        return taint["key"], taint["effect"]

    replaced = {key(each) for each in [*change.get("removeTaints", []), *change.get("addOrUpdateTaints", [])]}
    return [*[each for each in taints if key(each) not in replaced], *change.get("addOrUpdateTaints", [])]


def delete(eks: Eks, call: Call) -> Record:
    """Begin to drain and remove a node group."""
    cluster, record = eks.cluster(call), _group(eks, call)
    record["status"] = "DELETING"
    eks.later(f"delete {record['nodegroupName']}", lambda: _leave(eks, cluster, record))
    return record


def _leave(eks: Eks, cluster: Cluster, record: Record) -> None:
    record["scalingConfig"] = {"minSize": 0, "maxSize": 0, "desiredSize": 0}  # so that nobody makes it larger
    if cluster.plane:
        auto_scaling.follow(eks, record)
        cluster.plane.remove_node_group(record["nodegroupName"])
    auto_scaling.remove(eks, record)
    del cluster.node_groups[record["nodegroupName"]]


def _group(eks: Eks, call: Call) -> Record:
    name = call.parameters["nodegroupName"]
    return found(eks.cluster(call).node_groups, name, f"No node group found for name: {name}.")
