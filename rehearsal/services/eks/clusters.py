"""Clusters: a real control plane behind each, with the security group, interfaces and log group that EKS makes."""

import contextlib
from typing import Any

from moto.ec2.models import EC2Backend, ec2_backends
from moto.logs.models import logs_backends

from rehearsal.services.eks import access_entries, addons
from rehearsal.services.eks.records import Cluster, Eks, Record, in_use, invalid
from rehearsal.wire.call import Call, Handler, Refused

CREATION, DELETION = 420.0, 120.0  # seconds; AWS takes seven to ten minutes, and two
LATE_WRITES = 90.0  # seconds after deletion in which EKS still writes logs, and makes their group anew
VERSIONS = ("1.35",)


def operations(eks: Eks) -> dict[str, Handler]:
    """Return the handlers of clusters."""
    return {
        "CreateCluster": lambda call: {"cluster": create(eks, call)},
        "DescribeCluster": lambda call: {"cluster": eks.cluster(call).record},
        "ListClusters": lambda _: {"clusters": list(eks.clusters)},
        "DeleteCluster": lambda call: {"cluster": delete(eks, call)},
        "UpdateClusterConfig": lambda call: {"update": update(eks, call)},
        "DescribeUpdate": lambda call: {"update": eks.cluster(call).updates[call.parameters["updateId"]]},
        "DescribeClusterVersions": lambda _: {"clusterVersions": [{"clusterVersion": v} for v in VERSIONS]},
    }


def create(eks: Eks, call: Call) -> Record:
    """Begin to make a cluster; it is ACTIVE when its control plane answers and AWS's minutes have passed."""
    given = call.parameters
    _refuse_creation(eks, call)
    cluster = Cluster(_record(eks, given))
    network = cluster.record["resourcesVpcConfig"]
    network |= _network(eks, call, network["subnetIds"])
    eks.clusters[cluster.name] = cluster
    access = cluster.record["accessConfig"]
    if access["authenticationMode"] != "CONFIG_MAP" and access.pop("bootstrapClusterCreatorAdminPermissions", True):
        access_entries.add_creator(eks, cluster, call)
    eks.later(f"create {cluster.name}", lambda: _bring_up(eks, cluster))
    return cluster.record


def _refuse_creation(eks: Eks, call: Call) -> None:
    given = call.parameters
    if given["name"] in eks.clusters:
        raise in_use(f"Cluster already exists with name: {given['name']}")
    if given.get("version", VERSIONS[0]) not in VERSIONS:
        raise invalid(f"unsupported Kubernetes version: the rehearsal has {', '.join(VERSIONS)}")
    if given.get("computeConfig", {}).get("enabled"):
        raise invalid("EKS Auto Mode is not rehearsed: set computeConfig.enabled to false and bring node groups")
    if not eks.trusted(call, given["roleArn"], "eks.amazonaws.com"):
        reason = "it does not exist or the trusted entity is not correct"
        raise invalid(f"Role with arn: {given['roleArn']}, could not be assumed because {reason}")


def _record(eks: Eks, given: Record) -> Record:
    name = given["name"]
    network = {"endpointPublicAccess": True, "endpointPrivateAccess": False, "publicAccessCidrs": ["0.0.0.0/0"]}
    issuer = f"https://oidc.eks.{eks.world.region}.amazonaws.com/id/{abs(hash(name)):032X}"
    defaults = {
        "version": VERSIONS[0],
        "kubernetesNetworkConfig": {"serviceIpv4Cidr": "172.20.0.0/16", "ipFamily": "ipv4"},
        "logging": {"clusterLogging": []},
        "upgradePolicy": {"supportType": "EXTENDED"},
        "tags": {},
        "deletionProtection": False,
    }
    return {
        **defaults,
        **given,
        "resourcesVpcConfig": network | given["resourcesVpcConfig"],
        "accessConfig": {"authenticationMode": "CONFIG_MAP"} | given.get("accessConfig", {}),
        "arn": eks.arn("cluster", name),
        "createdAt": eks.now(),
        "status": "CREATING",
        "platformVersion": "eks.1",
        "identity": {"oidc": {"issuer": issuer}},
        "health": {"issues": []},
    }


def _ec2(eks: Eks) -> EC2Backend:
    return ec2_backends[eks.world.account][eks.world.region]


def _network(eks: Eks, call: Call, subnet_ids: list[str]) -> Record:
    """Make the cluster's security group and interfaces; refuse subnets that EKS would refuse."""
    backend, name = _ec2(eks), call.parameters["name"]
    subnets = [backend.get_subnet(subnet_id) for subnet_id in subnet_ids]
    if len({subnet.availability_zone for subnet in subnets}) < 2:  # noqa: PLR2004 - EKS's own limit
        raise invalid("Subnets specified must be in at least two different AZs")
    if len({subnet.vpc_id for subnet in subnets}) > 1:
        raise invalid("Subnets specified must belong to one VPC")
    description = "EKS created security group applied to ENI that is attached to EKS Control Plane master nodes."
    tags = {"Name": f"eks-cluster-sg-{name}", f"kubernetes.io/cluster/{name}": "owned", "aws:eks:cluster-name": name}
    group = backend.create_security_group(f"eks-cluster-sg-{name}", description, subnets[0].vpc_id, tags)
    for subnet in subnets[:2]:
        backend.create_network_interface(subnet, [], group_ids=[group.id], description=f"Amazon EKS {name}")
    return {"vpcId": subnets[0].vpc_id, "clusterSecurityGroupId": group.id}


def _bring_up(eks: Eks, cluster: Cluster) -> None:
    began = eks.world.clock.time()
    try:
        with eks.world.clock.at_work():
            plane = eks.start_plane(cluster, eks.world.directory / "eks" / cluster.name)
    except Exception as error:  # noqa: BLE001 - whatever it is, the cluster did not come up, and says why
        issue = {"code": "InternalFailure", "message": str(error), "resourceIds": [cluster.name]}
        cluster.record |= {"status": "FAILED", "health": {"issues": [issue]}}
        return
    eks.world.closing.append(plane.stop)
    cluster.plane = plane
    cluster.record |= {"endpoint": plane.endpoint, "certificateAuthority": {"data": plane.ca_data}}
    if cluster.record.get("bootstrapSelfManagedAddons", True):
        addons.install_self_managed(plane)
    eks.world.clock.sleep(CREATION - (eks.world.clock.time() - began))
    write_logs(eks, cluster)
    cluster.record["status"] = "ACTIVE"
    plane.grant()


def delete(eks: Eks, call: Call) -> Record:
    """Begin to remove a cluster, which must have no node groups any more."""
    cluster = eks.cluster(call)
    if cluster.node_groups:
        raise in_use("Cluster has nodegroups attached")
    if cluster.record["deletionProtection"]:
        raise Refused("InvalidRequestException", "Cluster deletion protection is enabled: disable it first")
    if cluster.record["status"] in ("CREATING", "DELETING", "UPDATING"):
        raise in_use(f"Cluster has status {cluster.record['status']}")
    cluster.record["status"] = "DELETING"
    eks.later(f"delete {cluster.name}", lambda: _take_down(eks, cluster))
    return cluster.record


def _take_down(eks: Eks, cluster: Cluster) -> None:
    eks.world.clock.sleep(DELETION)
    if cluster.plane:
        eks.world.closing.remove(cluster.plane.stop)
        cluster.plane.stop()
    backend, group = _ec2(eks), cluster.record["resourcesVpcConfig"]["clusterSecurityGroupId"]
    for interface in list(backend.enis.values()):
        if interface.description == f"Amazon EKS {cluster.name}":
            backend.enis.pop(interface.id)
    # EKS leaves the group where something else still carries it, as after an instance that was not drained
    if not any(group in [carried.id for carried in interface.group_set] for interface in list(backend.enis.values())):
        backend.delete_security_group(group_id=group)
    del eks.clusters[cluster.name]
    eks.world.clock.sleep(LATE_WRITES)
    write_logs(eks, cluster)


def write_logs(eks: Eks, cluster: Cluster) -> None:
    """Write the control plane's logs, if any are enabled: their group is made as often as it is missing."""
    enabled = [
        kind for each in cluster.record["logging"]["clusterLogging"] if each.get("enabled") for kind in each["types"]
    ]
    if not enabled:
        return
    name, backend = f"/aws/eks/{cluster.name}/cluster", logs_backends[eks.world.account][eks.world.region]
    if name not in backend.groups:
        backend.create_log_group(name, {})
    with contextlib.suppress(Exception):  # the stream is there from the last time
        backend.create_log_stream(name, f"kube-apiserver-{cluster.name}")


def update(eks: Eks, call: Call) -> Record:
    """Change a cluster's logging, endpoint access, access mode or protection, one kind at a time as EKS wants it."""
    cluster = eks.cluster(call)
    cluster.ready  # noqa: B018 - refuses a cluster that cannot be updated now
    changes = {name: value for name, value in call.parameters.items() if name not in ("name", "clientRequestToken")}
    _refuse_other_zones(eks, cluster, changes.get("resourcesVpcConfig", {}).get("subnetIds", []))
    merged = {name: _merged(cluster.record.get(name), value) for name, value in changes.items()}
    if all(cluster.record.get(name) == value for name, value in merged.items()):
        raise invalid("No changes needed for the cluster config provided")
    cluster.record |= merged | {"status": "UPDATING"}
    made = {"id": call.request_id, "status": "InProgress", "type": "EndpointAccessUpdate", "createdAt": eks.now()}
    cluster.updates[call.request_id] = made
    eks.later(f"update {cluster.name}", lambda: _settle(eks, cluster, made))
    return made


def _refuse_other_zones(eks: Eks, cluster: Cluster, subnet_ids: list[str]) -> None:
    there, asked = (
        {_ec2(eks).get_subnet(each).availability_zone for each in ids}
        for ids in (cluster.record["resourcesVpcConfig"]["subnetIds"], subnet_ids)
    )
    if asked and asked != there:
        raise invalid(
            f"Provided subnets belong to the AZs '{','.join(sorted(asked))}'. But they should belong to the exact set "
            f"of AZs '{','.join(sorted(there))}' in which subnets were provided during cluster creation."
        )


def _merged(old: Any, new: Any) -> Any:  # noqa: ANN401 - a member of the record
    return {**old, **new} if isinstance(old, dict) and isinstance(new, dict) else new


def _settle(eks: Eks, cluster: Cluster, made: Record) -> None:
    eks.world.clock.sleep(60)
    write_logs(eks, cluster)
    cluster.record["status"] = "ACTIVE"
    made["status"] = "Successful"
