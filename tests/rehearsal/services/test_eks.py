import json
import threading
import time
from typing import Any

import pytest
from moto.ec2.models import ec2_backends
from moto.iam.models import iam_backends
from moto.logs.models import logs_backends

from rehearsal.clock import Clock
from rehearsal.services.eks import addons, clusters, node_groups
from rehearsal.services.eks.access_entries import entries
from rehearsal.wire.call import Refused

ACCOUNT, REGION = "111122223333", "us-west-2"
VIEW = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
API = {"accessConfig": {"authenticationMode": "API_AND_CONFIG_MAP"}}


def node_group(account: Any, name: str = "n") -> None:  # noqa: ANN401 - the conftest's Account
    given = {"clusterName": "c", "nodegroupName": name, "nodeRole": account.role, "subnets": account.subnets}
    account.call("CreateNodegroup", given)


def test_a_cluster_is_creating_before_it_is_active(account: Any) -> None:  # noqa: ANN401
    network = {"subnetIds": account.subnets}
    made = account.call("CreateCluster", {"name": "c", "roleArn": account.role, "resourcesVpcConfig": network})
    assert made["cluster"]["status"] == "CREATING"
    with pytest.raises(Refused, match="not in ACTIVE status"):
        account.call("CreateAddon", {"clusterName": "c", "addonName": "coredns"})


def test_a_cluster_brings_a_security_group_and_interfaces_and_takes_them_away(account: Any) -> None:  # noqa: ANN401
    ec2 = ec2_backends[ACCOUNT][REGION]
    cluster = account.cluster()
    group = cluster.record["resourcesVpcConfig"]["clusterSecurityGroupId"]
    assert group in ec2.groups[account.vpc]
    assert len(ec2.enis) == 2
    account.call("DeleteCluster", {"name": "c"})
    account.wait(3600, lambda: "c" not in account.eks.clusters)
    assert group not in ec2.groups[account.vpc]
    assert not ec2.enis


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"version": "1.2"}, "unsupported Kubernetes version"),
        ({"computeConfig": {"enabled": True}}, "Auto Mode is not rehearsed"),
        ({"roleArn": "arn:aws:iam::111122223333:role/none"}, "does not exist"),
    ],
)
def test_what_eks_would_refuse_is_refused(account: Any, change: dict[str, Any], words: str) -> None:  # noqa: ANN401
    network = {"subnetIds": account.subnets}
    given = {"name": "c", "roleArn": account.role, "resourcesVpcConfig": network, **change}
    with pytest.raises(Refused, match=words):
        account.call("CreateCluster", given)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"subnets": ["subnet-none"]}, "The subnet ID 'subnet-none' does not exist"),
        ({"labels": {"pool": "my label"}}, "Label cannot contain invalid characters: pool=my label"),
        ({"labels": {"example.com/-pool": "a"}}, "Label cannot contain invalid characters"),
        ({"releaseVersion": "1.34.2-20260930"}, "1.34.2-20260930 is not valid for kubernetes version 1.35"),
        ({"releaseVersion": "v20260930"}, "Requested release version v20260930 is not valid"),
    ],
)
def test_a_node_group_that_could_never_join_is_refused(account: Any, change: dict[str, Any], words: str) -> None:  # noqa: ANN401
    account.cluster()
    given = {"clusterName": "c", "nodegroupName": "n", "nodeRole": account.role, "subnets": account.subnets, **change}
    with pytest.raises(Refused, match=words):
        account.call("CreateNodegroup", given)


def test_an_addon_s_roles_follow_its_update(account: Any) -> None:  # noqa: ANN401
    """Guards against an update that takes a role away, or gives another one, and changes nothing."""
    cluster, addon = account.cluster(), {"clusterName": "c", "addonName": "vpc-cni"}
    role = [{"serviceAccount": "aws-node", "roleArn": account.role}]
    account.call("CreateAddon", {**addon, "podIdentityAssociations": role})
    account.wait(250, lambda: cluster.addons["vpc-cni"]["status"] == "ACTIVE")
    account.call("UpdateAddon", {**addon, "podIdentityAssociations": [{**role[0], "serviceAccount": "other"}]})
    assert [each["serviceAccount"] for each in cluster.associations.values()] == ["other"]
    account.call("UpdateAddon", {**addon, "podIdentityAssociations": []})
    assert not cluster.associations


@pytest.mark.parametrize("values", ["[1]", "{", "a: b: c"])
def test_a_configuration_that_is_no_object_is_refused(account: Any, values: str) -> None:  # noqa: ANN401
    account.cluster()
    with pytest.raises(Refused, match="ConfigurationValue provided in request is not supported"):
        account.call("CreateAddon", {"clusterName": "c", "addonName": "coredns", "configurationValues": values})


def test_a_configuration_may_be_yaml(account: Any) -> None:  # noqa: ANN401
    account.cluster()
    given = {"clusterName": "c", "addonName": "coredns", "configurationValues": "replicaCount: 1"}
    assert account.call("CreateAddon", given)["addon"]["status"] == "CREATING"


def test_subnets_must_lie_in_two_zones(account: Any) -> None:  # noqa: ANN401
    network = {"subnetIds": account.subnets[:1]}
    with pytest.raises(Refused, match="at least two different AZs"):
        account.call("CreateCluster", {"name": "c", "roleArn": account.role, "resourcesVpcConfig": network})


def test_a_cluster_takes_no_subnets_in_other_zones(account: Any) -> None:  # noqa: ANN401
    account.cluster()
    there = account.call("DescribeCluster", {"name": "c"})["cluster"]["resourcesVpcConfig"]["subnetIds"]
    fewer = {"name": "c", "resourcesVpcConfig": {"subnetIds": there[:1]}}
    with pytest.raises(Refused, match="exact set of AZs 'us-west-2a,us-west-2b' in which subnets were provided"):
        account.call("UpdateClusterConfig", fewer)


def test_a_cluster_with_node_groups_is_not_deleted(account: Any) -> None:  # noqa: ANN401
    account.cluster()
    node_group(account)
    with pytest.raises(Refused, match="Cluster has nodegroups attached"):
        account.call("DeleteCluster", {"name": "c"})


def test_an_addon_with_a_deployment_is_degraded_until_a_node_is_there(account: Any) -> None:  # noqa: ANN401
    cluster = account.cluster()
    account.call("CreateAddon", {"clusterName": "c", "addonName": "coredns"})
    account.wait(3600, lambda: cluster.addons["coredns"]["status"] == "DEGRADED")
    assert cluster.addons["coredns"]["health"]["issues"][0]["code"] == "InsufficientNumberOfReplicas"
    node_group(account)
    account.wait(3600, lambda: cluster.addons["coredns"]["status"] == "ACTIVE")


def test_an_addon_of_daemon_sets_needs_no_node(account: Any) -> None:  # noqa: ANN401
    cluster = account.cluster()
    account.call("CreateAddon", {"clusterName": "c", "addonName": "vpc-cni"})
    account.wait(250, lambda: cluster.addons["vpc-cni"]["status"] == "ACTIVE")


def test_an_addons_tolerations_come_from_its_configuration(account: Any) -> None:  # noqa: ANN401
    cluster = account.cluster()
    values = '{"tolerations": [{"key": "mine", "operator": "Exists"}]}'
    account.call("CreateAddon", {"clusterName": "c", "addonName": "coredns", "configurationValues": values})
    path = "/apis/apps/v1/namespaces/kube-system/deployments/coredns"
    account.wait(60, lambda: path in cluster.plane.api.objects)
    account.wait(60, lambda: _tolerated(cluster.plane.api.objects[path]) == ["mine"])


def _tolerated(manifest: dict[str, Any]) -> list[str]:
    return [each["key"] for each in manifest["spec"]["template"]["spec"]["tolerations"]]


@pytest.mark.parametrize(
    "name",
    [
        *("vpc-cni", "kube-proxy", "eks-pod-identity-agent", "coredns", "aws-ebs-csi-driver", "metrics-server"),
        *("snapshot-controller", "aws-secrets-store-csi-driver-provider"),
    ],
)
def test_an_addon_becomes_active_and_takes_its_pods_away(account: Any, name: str) -> None:  # noqa: ANN401
    cluster = account.cluster()
    node_group(account)
    account.call("CreateAddon", {"clusterName": "c", "addonName": name})
    account.wait(3600, lambda: cluster.addons[name]["status"] == "ACTIVE")
    paths = {workload.path for workload in addons.ADDONS[name]}
    assert paths <= cluster.plane.api.objects.keys()
    account.call("DeleteAddon", {"clusterName": "c", "addonName": name})
    account.wait(3600, lambda: name not in cluster.addons)
    assert not paths & cluster.plane.api.objects.keys()


def test_the_secrets_provider_brings_its_namespace_its_kinds_and_the_driver(account: Any) -> None:  # noqa: ANN401
    cluster, name = account.cluster(), "aws-secrets-store-csi-driver-provider"
    values = {"tolerations": [{"key": "mine", "operator": "Exists"}], "secrets-store-csi-driver": {}}
    given = {"clusterName": "c", "addonName": name, "configurationValues": json.dumps(values)}
    account.call("CreateAddon", given)
    account.wait(3600, lambda: cluster.addons[name]["status"] == "ACTIVE")
    made, sets = cluster.plane.api.objects, "/apis/apps/v1/namespaces/aws-secrets-manager/daemonsets"
    assert "/api/v1/namespaces/aws-secrets-manager" in made
    assert f"{addons.DEFINITIONS}/secretproviderclasses.secrets-store.csi.x-k8s.io" in made
    assert _tolerated(made[f"{sets}/{name}"]) == ["mine"]
    driver = made[f"{sets}/secrets-store-csi-driver"]["spec"]["template"]["spec"]
    assert driver["tolerations"] == [{"operator": "Exists"}]


def test_nodes_that_join_late_on_a_busy_machine_are_waited_for(account: Any) -> None:  # noqa: ANN401
    """Guards against time that passes thousands of times as fast as the control plane can work."""
    cluster = account.cluster()
    cluster.plane.joins = False
    node_group(account)
    time.sleep(2 * node_groups.NODES_MUST_JOIN_WITHIN / account.eks.world.clock.speed)
    assert cluster.node_groups["n"]["status"] == "CREATING"
    cluster.plane.joins = True
    account.wait(3600, lambda: cluster.node_groups["n"]["status"] == "ACTIVE")


def test_nodes_that_do_not_join_fail_their_group(account: Any, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ANN401
    monkeypatch.setattr(node_groups, "NODES_TAKE", 0.1)
    cluster = account.cluster()
    cluster.plane.joins = False
    node_group(account)
    account.wait(3600, lambda: cluster.node_groups["n"]["status"] == "CREATE_FAILED")
    assert cluster.node_groups["n"]["health"]["issues"][0]["code"] == "NodeCreationFailure"


def test_an_instance_type_that_ec2_does_not_have_is_refused(account: Any) -> None:  # noqa: ANN401
    account.cluster()
    given = {"clusterName": "c", "nodegroupName": "n", "nodeRole": account.role, "subnets": account.subnets}
    with pytest.raises(Refused, match="m5.huge"):
        account.call("CreateNodegroup", {**given, "instanceTypes": ["m5.huge"]})


def test_a_node_role_gets_an_access_entry(account: Any) -> None:  # noqa: ANN401
    cluster = account.cluster(**API)
    node_group(account)
    assert cluster.entries[account.role]["type"] == "EC2_LINUX"


def test_an_access_entry_takes_a_moment(account: Any) -> None:  # noqa: ANN401
    cluster = account.cluster(**API)
    account.world.clock = Clock(speed=60)
    account.call("CreateAccessEntry", {"clusterName": "c", "principalArn": account.role})
    assert account.role not in entries(account.eks, cluster)
    account.wait(60, lambda: account.role in entries(account.eks, cluster))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"principalArn": "arn:aws:iam::111122223333:role/none"}, "invalid principal"),
        ({"principalArn": "arn:aws:iam::111122223333:role/aws-service-role/x/AWSServiceRole"}, "Service Linked Role"),
        ({"kubernetesGroups": ["system:masters"]}, "cannot start with system:"),
    ],
)
def test_access_entries_that_eks_refuses(account: Any, given: dict[str, Any], words: str) -> None:  # noqa: ANN401
    account.cluster(**API)
    with pytest.raises(Refused, match=words):
        account.call("CreateAccessEntry", {"clusterName": "c", "principalArn": account.role, **given})


def test_a_cluster_of_the_old_mode_has_no_access_entries(account: Any) -> None:  # noqa: ANN401
    account.cluster()
    with pytest.raises(Refused, match="authentication mode must be set"):
        account.call("CreateAccessEntry", {"clusterName": "c", "principalArn": account.role})


def test_a_policy_that_is_not_known_is_refused(account: Any) -> None:  # noqa: ANN401
    account.cluster(**API)
    account.call("CreateAccessEntry", {"clusterName": "c", "principalArn": account.role})
    scope = {"type": "cluster"}
    given = {"clusterName": "c", "principalArn": account.role, "accessScope": scope}
    account.call("AssociateAccessPolicy", {**given, "policyArn": VIEW})
    with pytest.raises(Refused, match="AmazonNothing"):
        account.call("AssociateAccessPolicy", {**given, "policyArn": VIEW.replace("EKSViewPolicy", "Nothing")})


def test_a_service_account_has_one_association(account: Any) -> None:  # noqa: ANN401
    account.cluster()
    given = {"clusterName": "c", "namespace": "n", "serviceAccount": "s", "roleArn": account.role}
    account.call("CreatePodIdentityAssociation", given)
    with pytest.raises(Refused, match="already exists"):
        account.call("CreatePodIdentityAssociation", given)


def test_an_association_needs_a_role_that_exists(account: Any) -> None:  # noqa: ANN401
    account.cluster()
    given = {"clusterName": "c", "namespace": "n", "serviceAccount": "s", "roleArn": account.role}
    iam_backends[ACCOUNT]["aws"].delete_role_policy("r", "own")
    iam_backends[ACCOUNT]["aws"].delete_role("r")
    with pytest.raises(Refused, match="does not exist"):
        account.call("CreatePodIdentityAssociation", given)


def test_the_log_group_comes_back_after_late_writes(account: Any, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ANN401
    logging = {"clusterLogging": [{"types": ["api"], "enabled": True}]}
    account.cluster(logging=logging)
    groups, name = logs_backends[ACCOUNT][REGION].groups, "/aws/eks/c/cluster"
    assert name in groups
    removed, write = threading.Event(), clusters.write_logs
    monkeypatch.setattr(clusters, "write_logs", lambda *given: removed.wait() and write(*given))
    account.call("DeleteCluster", {"name": "c"})
    account.wait(360_000, lambda: "c" not in account.eks.clusters)
    groups.pop(name)
    removed.set()
    account.wait(360_000, lambda: name in groups)


def test_a_name_is_free_again_after_deletion(account: Any) -> None:  # noqa: ANN401
    account.cluster()
    with pytest.raises(Refused, match="already exists"):
        account.cluster()
    account.call("DeleteCluster", {"name": "c"})
    account.wait(3600, lambda: "c" not in account.eks.clusters)
    account.cluster()
