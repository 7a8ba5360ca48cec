"""Add-ons: their pods run in the cluster, and an add-on is as healthy as they are."""

from dataclasses import dataclass

from rehearsal.charts import definitions
from rehearsal.services.eks import addon_settings, addon_versions, pod_identities
from rehearsal.services.eks.records import Cluster, Eks, Plane, Record, found, in_use, invalid, short_id
from rehearsal.wire.call import Call, Handler

UNHEALTHY_AFTER = 300.0  # seconds until EKS calls an add-on without its replicas DEGRADED
PODS_TAKE = 20.0  # of the wall's seconds, at most, until the pods of an add-on run on nodes that are there
REMOVAL = 30.0
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
EVERYWHERE: tuple[dict[str, str], ...] = ({"operator": "Exists"},)
SECRETS, SECRETS_DRIVER = "aws-secrets-manager", "secrets-store-csi-driver"  # namespace; chart within the add-on
CRITICAL: tuple[dict[str, str], ...] = (
    {"key": "CriticalAddonsOnly", "operator": "Exists"},
    {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"},
)


@dataclass(frozen=True)
class Workload:
    """One controller of an add-on: a Deployment of `replicas` pods, or a DaemonSet where that is 0."""

    name: str
    replicas: int
    cpu: str
    memory: str
    tolerations: tuple[dict[str, str], ...] = ()
    settings: str = ""  # where in the add-on's configuration the pods' settings are; at the top if empty
    namespace: str = "kube-system"
    on_host: bool = False  # in the host's network, so that it runs before the node has one
    account: str = ""  # its service account where that is not named as it is

    @property
    def path(self) -> str:
        """Path of the object in the Kubernetes API."""
        kind = "deployments" if self.replicas else "daemonsets"
        return f"/apis/apps/v1/namespaces/{self.namespace}/{kind}/{self.name}"

    @property
    def service_account(self) -> str:
        """Name of the service account of its pods."""
        return self.account or self.name


def _everywhere(name: str, cpu: str = "50m", memory: str = "64Mi", settings: str = "", account: str = "") -> Workload:
    return Workload(name, 0, cpu, memory, EVERYWHERE, settings, on_host=True, account=account)


# Requests as the add-ons' manifests have them: https://docs.aws.amazon.com/eks/latest/userguide/workloads-add-ons-available-eks.html
ADDONS: dict[str, tuple[Workload, ...]] = {
    "vpc-cni": (_everywhere("aws-node"),),
    "kube-proxy": (_everywhere("kube-proxy", "100m", "0"),),
    "eks-pod-identity-agent": (_everywhere("eks-pod-identity-agent", "0", "0"),),
    "eks-node-monitoring-agent": (_everywhere("eks-node-monitoring-agent", "10m", "30Mi"),),
    "coredns": (Workload("coredns", 2, "100m", "70Mi", CRITICAL),),
    "metrics-server": (Workload("metrics-server", 2, "100m", "200Mi", CRITICAL),),
    "aws-ebs-csi-driver": (
        Workload("ebs-csi-controller", 2, "60m", "240Mi", CRITICAL[:1], "controller", account="ebs-csi-controller-sa"),
        _everywhere("ebs-csi-node", "30m", "120Mi", "node", "ebs-csi-node-sa"),
    ),
    "aws-mountpoint-s3-csi-driver": (_everywhere("s3-csi-node", "10m", "40Mi", "node", "s3-csi-driver-sa"),),
    "aws-secrets-store-csi-driver-provider": (
        Workload("secrets-store-csi-driver", 0, "70m", "140Mi", EVERYWHERE, SECRETS_DRIVER, SECRETS),
        # unlike the driver it tolerates no taint unless it is told to
        Workload("aws-secrets-store-csi-driver-provider", 0, "50m", "100Mi", namespace=SECRETS),
    ),
    "snapshot-controller": (Workload("snapshot-controller", 2, "10m", "20Mi", CRITICAL),),
}
BRINGS = {"aws-secrets-store-csi-driver-provider": "secrets-store.csi.x-k8s.io"}  # the API group whose kinds it defines

SELF_MANAGED = ("vpc-cni", "kube-proxy", "coredns")


def operations(eks: Eks) -> dict[str, Handler]:
    """Return the handlers of add-ons."""
    return {
        "CreateAddon": lambda call: {"addon": create(eks, call)},
        "DescribeAddon": lambda call: {"addon": _addon(eks, call)},
        "UpdateAddon": lambda call: {"update": update(eks, call)},
        "DeleteAddon": lambda call: {"addon": delete(eks, call)},
        "ListAddons": lambda call: {"addons": list(eks.cluster(call).addons)},
        "DescribeAddonVersions": lambda call: addon_versions.listed(call, list(ADDONS)),
    }


def create(eks: Eks, call: Call) -> Record:
    """Begin to install an add-on."""
    cluster, given = eks.cluster(call), call.parameters
    plane, name = cluster.ready, given["addonName"]
    if name not in ADDONS:
        raise invalid(f"Addon {name} specified is not supported; the rehearsal has {', '.join(sorted(ADDONS))}")
    if name in cluster.addons:
        raise in_use("Addon already exists.")
    addon_versions.refuse(given)
    addon_settings.read(given)
    owner = eks.arn("addon", cluster.name, name, short_id())
    record = {
        "addonVersion": addon_versions.default(name),
        **given,
        "podIdentityAssociations": _associate(eks, cluster, call, owner),
        "addonArn": owner,
        "status": "CREATING",
        "health": {"issues": []},
        "createdAt": eks.now(),
        "modifiedAt": eks.now(),
    }
    cluster.addons[name] = record
    eks.later(f"create {name}", lambda: _install(eks, cluster, plane, record))
    return record


def _associate(eks: Eks, cluster: Cluster, call: Call, owner: str) -> list[str]:
    """Make an add-on's associations what the call says; return their ARNs."""
    wanted = {each["serviceAccount"]: each for each in call.parameters.get("podIdentityAssociations", [])}
    for key, there in list(cluster.associations.items()):
        if there["ownerArn"] == owner and there["serviceAccount"] not in wanted:
            del cluster.associations[key]
    present = {each["serviceAccount"]: each for each in cluster.associations.values() if each["ownerArn"] == owner}
    for account, each in wanted.items():
        if account in present:
            present[account]["roleArn"] = each["roleArn"]
        else:
            made = pod_identities.create(eks, cluster, call, {"namespace": "kube-system", **each}, owner)
            present[account] = made
    return [str(each["associationArn"]) for each in present.values()]


def update(eks: Eks, call: Call) -> Record:
    """Change an add-on's version, configuration or roles."""
    cluster, record = eks.cluster(call), _addon(eks, call)
    plane = cluster.ready
    addon_versions.refuse(call.parameters)
    addon_settings.read(call.parameters)
    names = ("addonVersion", "configurationValues", "serviceAccountRoleArn")
    record |= {name: call.parameters[name] for name in names if name in call.parameters}
    if "podIdentityAssociations" in call.parameters:
        record["podIdentityAssociations"] = _associate(eks, cluster, call, record["addonArn"])
    record |= {"status": "UPDATING", "modifiedAt": eks.now()}
    made = {"id": call.request_id, "status": "InProgress", "type": "AddonUpdate", "createdAt": eks.now()}
    cluster.updates[call.request_id] = made

    def work() -> None:
        _install(eks, cluster, plane, record)
        made["status"] = "Successful"

    eks.later(f"update {record['addonName']}", work)
    return made


def delete(eks: Eks, call: Call) -> Record:
    """Begin to remove an add-on, and its pods unless they are to be preserved."""
    cluster, record, preserve = eks.cluster(call), _addon(eks, call), call.parameters.get("preserve")
    record["status"] = "DELETING"

    def work() -> None:
        eks.world.clock.sleep(REMOVAL)
        if cluster.plane and not preserve:
            for workload in ADDONS[record["addonName"]]:
                cluster.plane.api.delete(workload.path)
        for key, association in list(cluster.associations.items()):
            if association["ownerArn"] == record["addonArn"]:
                del cluster.associations[key]
        del cluster.addons[record["addonName"]]

    eks.later(f"delete {record['addonName']}", work)
    return record


def install_self_managed(plane: Plane) -> None:
    """Put in what a cluster has from its start unless bootstrapSelfManagedAddons is false."""
    for name in SELF_MANAGED:
        for workload in ADDONS[name]:
            _put(plane, workload, {})


def _install(eks: Eks, cluster: Cluster, plane: Plane, record: Record) -> None:
    """Put the workloads into the cluster, and tell their health for as long as the add-on is there."""
    workloads, settings = ADDONS[record["addonName"]], addon_settings.read(record)
    _prepare(eks, plane, record["addonName"])
    for workload in workloads:
        own = settings.get(workload.settings, {}) if workload.settings else settings
        _put(plane, workload, own)
    if not _becomes_healthy(eks, plane, workloads):
        message = "The add-on is unhealthy because it doesn't have the desired number of replicas."
        issue = {"code": "InsufficientNumberOfReplicas", "message": message}
        record |= {"status": "DEGRADED", "health": {"issues": [issue]}}
        while record["status"] == "DEGRADED" and not eks.world.stopped.is_set():
            if eks.world.clock.wait(60, lambda: _healthy(plane, workloads)):
                break
    if record["status"] in ("CREATING", "UPDATING", "DEGRADED") and cluster.addons.get(record["addonName"]) is record:
        record |= {"status": "ACTIVE", "health": {"issues": []}}


def _becomes_healthy(eks: Eks, plane: Plane, workloads: tuple[Workload, ...]) -> bool:
    """Wait as EKS does; where there are nodes, a control plane on a busy machine then gets some of the wall's time."""
    if eks.world.clock.wait(UNHEALTHY_AFTER, lambda: _healthy(plane, workloads)):
        return True
    with eks.world.clock.at_work():
        there = bool(plane.api.items("/api/v1/nodes"))
        return there and eks.world.clock.wait(PODS_TAKE, lambda: _healthy(plane, workloads))


def _prepare(eks: Eks, plane: Plane, name: str) -> None:
    """Put the namespaces and the definitions of an add-on into the cluster; return when their kinds are served."""
    for namespace in sorted({workload.namespace for workload in ADDONS[name]} - {"kube-system"}):
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
        plane.api.apply(f"/api/v1/namespaces/{namespace}", body)
    brought = definitions.of_group(BRINGS[name]) if name in BRINGS else {}
    paths = {f"{DEFINITIONS}/{each['metadata']['name']}": each for each in brought.values()}
    for path, definition in paths.items():
        plane.api.apply(path, definition)
    eks.world.clock.wait(UNHEALTHY_AFTER, lambda: all(_is_served(plane.api.get(path)) for path in paths))


def _is_served(definition: Record | None) -> bool:
    conditions = (definition or {}).get("status", {}).get("conditions", [])
    return any(each["type"] == "Established" and each["status"] == "True" for each in conditions)


def _healthy(plane: Plane, workloads: tuple[Workload, ...]) -> bool:
    """Return whether every Deployment has its replicas; a DaemonSet asks for no node."""
    statuses = [(plane.api.get(each.path) or {}).get("status", {}) for each in workloads]
    return all(
        status.get("availableReplicas", 0) >= each.replicas for status, each in zip(statuses, workloads, strict=True)
    )


def _put(plane: Plane, workload: Workload, settings: Record) -> None:
    account = {"metadata": {"name": workload.service_account, "namespace": workload.namespace}}
    path = f"/api/v1/namespaces/{workload.namespace}/serviceaccounts/{workload.service_account}"
    plane.api.apply(path, {"apiVersion": "v1", "kind": "ServiceAccount", **account})
    plane.api.apply(workload.path, _manifest(workload, settings))


def _manifest(workload: Workload, settings: Record) -> Record:
    labels = {"app.kubernetes.io/name": workload.name}
    container = {
        "name": workload.name,
        "image": f"eks/{workload.name}",
        "args": [f"--extra-tags={key}={value}" for key, value in settings.get("extraVolumeTags", {}).items()],
        "resources": {"requests": {"cpu": workload.cpu, "memory": workload.memory}},
    }
    pods = {
        "containers": [container],
        "serviceAccountName": workload.service_account,
        "tolerations": settings.get("tolerations", list(workload.tolerations)),
        "hostNetwork": workload.on_host,
        "nodeSelector": settings.get("nodeSelector", {}),
        "priorityClassName": "system-node-critical" if workload.replicas == 0 else "system-cluster-critical",
    }
    spec: Record = {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pods}}
    if workload.replicas:
        spec["replicas"] = settings.get("replicaCount", workload.replicas)
    kind = "Deployment" if workload.replicas else "DaemonSet"
    metadata = {"name": workload.name, "namespace": workload.namespace, "labels": labels}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": spec}


def _addon(eks: Eks, call: Call) -> Record:
    name = call.parameters["addonName"]
    return found(eks.cluster(call).addons, name, f"No addon: {name} found in cluster: {call.parameters['clusterName']}")
