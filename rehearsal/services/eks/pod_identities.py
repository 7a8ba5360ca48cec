"""Pod identity associations: which role the pods of a service account get."""

from datetime import UTC, datetime

from rehearsal.access.identities import roles
from rehearsal.services.eks.records import Cluster, Eks, Record, found, in_use, invalid
from rehearsal.wire.call import Call, Handler

_SUMMARY = ("clusterName", "namespace", "serviceAccount", "associationArn", "associationId", "ownerArn")


def operations(eks: Eks) -> dict[str, Handler]:
    """Return the handlers of pod identity associations."""
    return {
        "CreatePodIdentityAssociation": lambda call: {
            "association": create(eks, eks.cluster(call), call, call.parameters)
        },
        "DescribePodIdentityAssociation": lambda call: {"association": _association(eks, call)},
        "UpdatePodIdentityAssociation": lambda call: {"association": update(eks, call)},
        "DeletePodIdentityAssociation": lambda call: {
            "association": eks.cluster(call).associations.pop(_association(eks, call)["associationId"])
        },
        "ListPodIdentityAssociations": lambda call: {"associations": _listed(eks, call)},
    }


def create(eks: Eks, cluster: Cluster, call: Call, given: Record, owner: str | None = None) -> Record:
    """Make an association; a service account has one at most, and the role must exist."""
    pair = (given["namespace"], given["serviceAccount"])
    if any((each["namespace"], each["serviceAccount"]) == pair for each in cluster.associations.values()):
        raise in_use(f"Association already exists: {pair[0]}/{pair[1]} of cluster {cluster.name}")
    _refuse_role(call, given["roleArn"])
    made_id = f"a-{call.request_id.replace('-', '')[:17]}{len(cluster.associations)}"
    cluster.associated[made_id] = datetime.now(UTC)
    cluster.associations[made_id] = {
        **{name: value for name, value in given.items() if name != "clientRequestToken"},
        "clusterName": cluster.name,
        "associationArn": eks.arn("podidentityassociation", cluster.name, made_id),
        "associationId": made_id,
        "createdAt": eks.now(),
        "modifiedAt": eks.now(),
        "ownerArn": owner,
    }
    return cluster.associations[made_id]


def update(eks: Eks, call: Call) -> Record:
    """Give the association another role or other settings."""
    association, given = _association(eks, call), call.parameters
    if "roleArn" in given:
        _refuse_role(call, given["roleArn"])
    names = ("roleArn", "disableSessionTags", "targetRoleArn", "policy")
    association |= {name: given[name] for name in names if name in given}
    return association | {"modifiedAt": eks.now()}


def _refuse_role(call: Call, arn: str) -> None:
    if arn not in [role.arn for role in roles(call.account)]:
        raise invalid(f"Role {arn} does not exist")


def _association(eks: Eks, call: Call) -> Record:
    wanted = call.parameters["associationId"]
    return found(eks.cluster(call).associations, wanted, f"Association {wanted} not found")


def _listed(eks: Eks, call: Call) -> list[Record]:
    wanted = {name: call.parameters[name] for name in ("namespace", "serviceAccount") if name in call.parameters}
    rows = [each for each in eks.cluster(call).associations.values() if wanted.items() <= each.items()]
    return [{name: row.get(name) for name in _SUMMARY} for row in rows]
