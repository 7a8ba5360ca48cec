"""Access entries and their policies: who may do what in a cluster, some seconds after it was said."""

from collections.abc import Iterator

from rehearsal.access.identities import role, roles
from rehearsal.kubernetes.access_policies import Association, known
from rehearsal.kubernetes.tokens import Entry, default_username
from rehearsal.services.eks.records import Cluster, Eks, Record, found, in_use, invalid, short_id
from rehearsal.wire.call import Call, Handler, Refused

MOMENT = 10.0  # seconds until an entry or policy is in effect
ADMIN_POLICY = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"


def operations(eks: Eks) -> dict[str, Handler]:
    """Return the handlers of access entries."""
    return {
        "CreateAccessEntry": lambda call: {"accessEntry": create(eks, call)},
        "DescribeAccessEntry": lambda call: {"accessEntry": _entry(eks, call)},
        "UpdateAccessEntry": lambda call: {"accessEntry": update(eks, call)},
        "DeleteAccessEntry": lambda call: delete(eks, call),
        "ListAccessEntries": lambda call: {"accessEntries": list(eks.cluster(call).entries)},
        "AssociateAccessPolicy": lambda call: associate(eks, call),
        "DisassociateAccessPolicy": lambda call: disassociate(eks, call),
        "ListAssociatedAccessPolicies": lambda call: {
            "clusterName": eks.cluster(call).name,
            "principalArn": _entry(eks, call)["principalArn"],
            "associatedAccessPolicies": eks.cluster(call).policies[call.parameters["principalArn"]],
        },
    }


def create(eks: Eks, call: Call) -> Record:
    """Make an entry; refuse what EKS refuses."""
    cluster, given = eks.cluster(call), call.parameters
    principal = given["principalArn"]
    _refuse(call, cluster, principal)
    for group in given.get("kubernetesGroups", []):
        if group.startswith("system:"):
            raise invalid(f"The kubernetes group name {group} is invalid, it cannot start with system:")
    return put(eks, cluster, principal, given)


def _refuse(call: Call, cluster: Cluster, principal: str) -> None:
    if cluster.record["accessConfig"]["authenticationMode"] == "CONFIG_MAP":
        message = "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP]"
        raise Refused("InvalidRequestException", f"{message} to perform this operation.")
    if "/aws-service-role/" in principal:
        message = (
            "The caller is not allowed to modify access entries with a principalArn value of a Service Linked Role"
        )
        raise invalid(message)
    if principal in cluster.entries:
        raise in_use("The specified access entry resource is already in use on this cluster.")
    if not _exists(call, principal):
        raise invalid("The specified principalArn is invalid: invalid principal.")


def put(eks: Eks, cluster: Cluster, principal: str, given: Record) -> Record:
    """Make an entry without a question: for EKS itself and for services that act on the caller's behalf."""
    kind = given.get("type", "STANDARD")
    name = "system:node:{{EC2PrivateDNSName}}" if kind == "EC2_LINUX" else default_username(principal)
    cluster.entries[principal] = {
        "clusterName": cluster.name,
        "principalArn": principal,
        "kubernetesGroups": given.get("kubernetesGroups", ["system:nodes"] if kind == "EC2_LINUX" else []),
        "accessEntryArn": eks.arn("access-entry", cluster.name, *principal.split(":")[5].split("/")[:1], short_id()),
        "createdAt": eks.now(),
        "modifiedAt": eks.now(),
        "tags": given.get("tags", {}),
        "username": given.get("username", name),
        "type": kind,
        "effectiveAt": eks.world.clock.time() + MOMENT,
    }
    cluster.policies.setdefault(principal, [])
    return cluster.entries[principal]


def add_creator(eks: Eks, cluster: Cluster, call: Call) -> None:
    """Give the cluster's creator the administrator's entry, as bootstrapClusterCreatorAdminPermissions asks."""
    principal = principal_arn(call)
    put(eks, cluster, principal, {})
    grant(eks, cluster, principal, ADMIN_POLICY, {"type": "cluster", "namespaces": []})


def grant(eks: Eks, cluster: Cluster, principal: str, policy: str, scope: Record) -> Record:
    """Associate a policy with an entry that exists; it is in effect a moment later."""
    rest = [each for each in cluster.policies[principal] if each["policyArn"] != policy]
    made = {
        "policyArn": policy,
        "accessScope": {"type": scope["type"], "namespaces": scope.get("namespaces", [])},
        "associatedAt": eks.now(),
        "modifiedAt": eks.now(),
    }
    cluster.policies[principal] = [*rest, made]
    _take_effect(eks, cluster)
    return made


def update(eks: Eks, call: Call) -> Record:
    """Change groups or user name."""
    entry = _entry(eks, call)
    entry |= {name: call.parameters[name] for name in ("kubernetesGroups", "username") if name in call.parameters}
    return entry | {"modifiedAt": eks.now()}


def delete(eks: Eks, call: Call) -> Record:
    """Remove an entry with its policies."""
    cluster, principal = eks.cluster(call), _entry(eks, call)["principalArn"]
    del cluster.entries[principal], cluster.policies[principal]
    _take_effect(eks, cluster)
    return {}


def associate(eks: Eks, call: Call) -> Record:
    """Give an entry a policy for the cluster or for namespaces."""
    cluster, given, principal = eks.cluster(call), call.parameters, _entry(eks, call)["principalArn"]
    if not known(given["policyArn"]):
        raise invalid(f"The policyArn parameter format is not valid, or not rehearsed: {given['policyArn']}")
    made = grant(eks, cluster, principal, given["policyArn"], given["accessScope"])
    return {"clusterName": cluster.name, "principalArn": principal, "associatedAccessPolicy": made}


def disassociate(eks: Eks, call: Call) -> Record:
    """Take a policy from an entry."""
    cluster, principal = eks.cluster(call), _entry(eks, call)["principalArn"]
    rest = [each for each in cluster.policies[principal] if each["policyArn"] != call.parameters["policyArn"]]
    if len(rest) == len(cluster.policies[principal]):
        raise Refused("ResourceNotFoundException", "The specified associated access policy could not be found.", 404)
    cluster.policies[principal] = rest
    _take_effect(eks, cluster)
    return {}


def entries(eks: Eks, cluster: Cluster) -> dict[str, Entry]:
    """Return the entries in effect, for the review of tokens."""
    now = eks.world.clock.time()
    in_effect = {arn: each for arn, each in list(cluster.entries.items()) if each["effectiveAt"] <= now}
    return {arn: Entry(arn, each["username"], tuple(each["kubernetesGroups"])) for arn, each in in_effect.items()}


def associations(cluster: Cluster) -> Iterator[Association]:
    """Yield the policies of all entries, for the cluster's RBAC."""
    for principal, policies in list(cluster.policies.items()):
        for each in policies:
            yield Association(principal, each["policyArn"], tuple(each["accessScope"]["namespaces"]))


def principal_arn(call: Call) -> str:
    """Return what an access entry calls the caller: the role's ARN with its path, or the user's."""
    own = role(call.account, call.principal.role)
    return str(own.arn) if own else call.principal.arn


def _entry(eks: Eks, call: Call) -> Record:
    message = "The specified principalArn could not be found."
    return found(eks.cluster(call).entries, call.parameters["principalArn"], message)


def _exists(call: Call, principal: str) -> bool:
    known = [each.arn for each in roles(call.account)]
    return ":user/" in principal or principal.endswith(":root") or principal in known


def _take_effect(eks: Eks, cluster: Cluster) -> None:
    def work() -> None:
        eks.world.clock.sleep(MOMENT)
        if cluster.plane:
            cluster.plane.grant()

    eks.later(f"access {cluster.name}", work)
