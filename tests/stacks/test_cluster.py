"""The cluster's stack in the rehearsal: what arrives, what an update changes, what is left."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import control_plane
import pytest

import config
from rapids_eks.job_pools import CORE_LABELS, DRIVER_LABELS, EXECUTOR_LABELS, GPU
from rapids_eks.system_pods import DRIVER, EXECUTOR
from rehearsal.emr.pods import SUBMITTER_SIZE
from rehearsal.kubernetes.api import Api, ApiError
from tests.rehearsal.live.account import Account, Outcome
from tests.stacks.assembly import ACCOUNT, NAME, synthesized
from tests.stacks.cluster_read_back import (
    CLASSES,
    POOLS,
    classes_are_usable,
    core_nodes_are_closed,
    pools_are_bounded,
    warnings_reach_karpenter,
)
from tests.stacks.eks_access import api, role
from tests.stacks.karpenter_access import (
    TWIN,
    device_plugin,
    instances_with,
    karpenters_ec2,
    may_end,
    may_start,
)
from tests.stacks.pods import PODS, pod, requests, run

FIRST, SECOND = (f"arn:aws:iam::{ACCOUNT}:role/{name}" for name in ("FirstAdmin", "SecondAdmin"))
LOGS = f"/aws/eks/{NAME}/cluster"


@dataclass
class Deployed:
    """Both stacks as they were made, and what was there before."""

    network: Outcome
    cluster: Outcome
    before: list[str]


@pytest.fixture(scope="module")
def deployed(account: Account, gpu_quotas: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """Both stacks, with one administrator."""
    del gpu_quotas
    control_plane.required()
    for name in (FIRST.rsplit("/", 1)[-1], SECOND.rsplit("/", 1)[-1], TWIN):
        role(account, name)
    assembly = synthesized(tmp_path_factory.mktemp("one"), config.Cluster(admins=(FIRST,), log_retention_days=14))
    assembly.publish(account, "StackedCluster")
    before = account.left()
    network = assembly.deploy(account, "StackedNetwork")
    assert network.status == "CREATE_COMPLETE", network.reasons
    cluster = assembly.deploy(account, "StackedCluster")
    assert cluster.status == "CREATE_COMPLETE", cluster.reasons
    yield Deployed(network, cluster, before)
    for stack in (cluster, network):
        account.discard(stack)


@pytest.fixture(scope="module")
def kubernetes(account: Account, deployed: Deployed, tmp_path_factory: pytest.TempPathFactory) -> Api:
    """The API as the first administrator sees it."""
    assert deployed
    return api(account, NAME, FIRST, tmp_path_factory.mktemp("first"))


def described(account: Account) -> dict[str, Any]:
    return dict(account.client("eks").describe_cluster(name=NAME)["cluster"])


def test_secrets_are_encrypted_by_a_key_that_rotates(account: Account, deployed: Deployed) -> None:
    assert deployed
    (encrypted,) = described(account)["encryptionConfig"]
    assert encrypted["resources"] == ["secrets"]
    key = encrypted["provider"]["keyArn"]
    assert account.client("kms").get_key_rotation_status(KeyId=key)["KeyRotationEnabled"]


def test_the_api_is_private_and_auto_mode_off(account: Account, deployed: Deployed) -> None:
    assert deployed
    cluster = described(account)
    assert cluster["accessConfig"]["authenticationMode"] == "API_AND_CONFIG_MAP"
    assert cluster["resourcesVpcConfig"]["endpointPrivateAccess"]
    assert not cluster["resourcesVpcConfig"]["endpointPublicAccess"]
    assert not cluster["computeConfig"]["enabled"]


def test_the_control_plane_writes_to_a_group_with_the_retention_asked_for(account: Account, deployed: Deployed) -> None:
    assert deployed
    (group,) = account.client("logs").describe_log_groups(logGroupNamePrefix=LOGS)["logGroups"]
    assert group["retentionInDays"] == 14
    assert account.client("logs").describe_log_streams(logGroupName=LOGS)["logStreams"]


def test_every_add_on_is_active_and_of_the_version_asked_for(account: Account, deployed: Deployed) -> None:
    assert deployed
    eks = account.client("eks")
    names = eks.list_addons(clusterName=NAME)["addons"]
    addons = [eks.describe_addon(clusterName=NAME, addonName=name)["addon"] for name in names]
    wanted = config.AddOns().versions
    del wanted["aws-secrets-store-csi-driver-provider"]  # another stack's
    assert {each["addonName"]: each["addonVersion"] for each in addons} == wanted
    assert {each["status"] for each in addons} == {"ACTIVE"}


def test_core_nodes_are_ready_without_taints_in_the_node_subnets(
    account: Account, deployed: Deployed, kubernetes: Api
) -> None:
    assert deployed
    nodes = kubernetes.items("/api/v1/nodes")
    assert len(nodes) == 2
    assert all(_is(node, "Ready") for node in nodes)
    assert not any(node["spec"].get("taints") for node in nodes)
    assert len({node["metadata"]["labels"]["topology.kubernetes.io/zone"] for node in nodes}) == 2
    ids = [node["spec"]["providerID"].rpartition("/")[2] for node in nodes]
    found = account.client("ec2").describe_instances(InstanceIds=ids)["Reservations"]
    addresses = [instance["PrivateIpAddress"] for each in found for instance in each["Instances"]]
    assert all(address.startswith("100.64.") for address in addresses)
    core_nodes_are_closed(account, NAME, gib=80)


def test_what_is_announced_of_instances_reaches_karpenter(account: Account, deployed: Deployed) -> None:
    warnings_reach_karpenter(account, deployed.cluster)


def test_karpenter_has_the_classes_and_pools_that_the_settings_say(account: Account, kubernetes: Api) -> None:
    classes_are_usable(account, kubernetes, NAME)
    markets = {"driver": ["on-demand"], "gpu": ["spot", "on-demand"]}
    pools_are_bounded(kubernetes, {"driver": {"cpu": "16"}, "gpu": {GPU: "8"}}, markets)


def test_all_system_pods_run(kubernetes: Api) -> None:
    pods = kubernetes.items("/api/v1/namespaces/kube-system/pods")
    names = {pod["metadata"]["labels"]["app.kubernetes.io/name"] for pod in pods}
    assert {"aws-node", "coredns", "ebs-csi-controller", "ebs-csi-node", "metrics-server"} <= names
    assert {pod["status"]["phase"] for pod in pods} == {"Running"}


def test_encrypted_gp3_is_the_only_default_storage_class(kubernetes: Api) -> None:
    classes = kubernetes.items("/apis/storage.k8s.io/v1/storageclasses")
    mark = "storageclass.kubernetes.io/is-default-class"
    defaults = [each for each in classes if each["metadata"].get("annotations", {}).get(mark) == "true"]
    assert [(each["parameters"]["type"], each["parameters"]["encrypted"]) for each in defaults] == [("gp3", "true")]


def _is(item: dict[str, Any], condition: str) -> bool:
    return any(each["type"] == condition and each["status"] == "True" for each in item["status"]["conditions"])


def test_a_submitter_per_team_fits_beside_karpenter_and_the_system_pods(account: Account, kubernetes: Api) -> None:
    """Guards against core nodes that are too small, or tainted against pods that tolerate nothing."""
    controllers = kubernetes.items("/api/v1/namespaces/kube-system/pods?labelSelector=app.kubernetes.io/name=karpenter")
    assert len({pod["spec"]["nodeName"] for pod in controllers}) == 2
    submitters = [pod(f"submitter{n}", SUBMITTER_SIZE["requests"], nodeSelector=CORE_LABELS) for n in range(2)]
    run(account, kubernetes, *submitters)
    for each in submitters:
        kubernetes.call("DELETE", f"{PODS}/{each['metadata']['name']}")


def test_a_volume_tells_its_cluster_and_carries_the_blueprint_s_tags(account: Account, kubernetes: Api) -> None:
    """The claim stays, and with it the volume, until the stack is deleted."""
    request = {"resources": {"requests": {"storage": "8Gi"}}, "accessModes": ["ReadWriteOnce"]}
    kubernetes.create(
        "/api/v1/namespaces/default/persistentvolumeclaims", {"metadata": {"name": "data"}, "spec": request}
    )
    volume = {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}
    account.waits(lambda: not kubernetes.items(PODS))
    run(account, kubernetes, pod("user", {"cpu": "100m"}, nodeSelector=CORE_LABELS, volumes=[volume]))
    filters = [{"Name": "tag:eks-cluster-name", "Values": [NAME]}, {"Name": "tag:project", "Values": ["spark"]}]
    assert len(account.client("ec2").describe_volumes(Filters=filters)["Volumes"]) == 1
    kubernetes.call("DELETE", f"{PODS}/user")


def test_drivers_and_executors_get_nodes_of_the_cluster_in_the_node_subnets(account: Account, kubernetes: Api) -> None:
    """The nodes stay: the stack is deleted while they run."""
    kubernetes.create("/apis/apps/v1/namespaces/kube-system/daemonsets", device_plugin())
    driver = pod("driver", requests(DRIVER.size), nodeSelector=DRIVER_LABELS)
    executor = pod("executor", {**requests(EXECUTOR.size), GPU: "1"}, nodeSelector=EXECUTOR_LABELS)
    account.waits(lambda: not kubernetes.items(PODS))
    run(account, kubernetes, driver, executor)
    made = instances_with(account, "karpenter.sh/nodepool")
    assert {each["InstanceType"] for each in made} <= {"m5.xlarge", "m6i.xlarge", "g5.2xlarge"}
    assert [each.get("InstanceLifecycle") for each in made if each["InstanceType"] == "g5.2xlarge"] == ["spot"]
    group = described(account)["resourcesVpcConfig"]["clusterSecurityGroupId"]
    for each in made:
        tags = {tag["Key"]: tag["Value"] for tag in each["Tags"]}
        assert (tags["project"], tags[f"kubernetes.io/cluster/{NAME}"]) == ("spark", "owned")
        assert each["PrivateIpAddress"].startswith("100.64.")
        assert [found["GroupId"] for found in each["SecurityGroups"]] == [group]


def test_karpenter_may_start_and_end_what_carries_the_cluster_s_tags_and_nothing_else(
    account: Account, deployed: Deployed
) -> None:
    assert deployed
    as_karpenter = karpenters_ec2(account)
    core = instances_with(account, "eks:nodegroup-name")
    assert core
    assert not any(may_end(as_karpenter, each["InstanceId"]) for each in core)
    tags = {"eks:eks-cluster-name": NAME, f"kubernetes.io/cluster/{NAME}": "owned", "karpenter.sh/nodepool": "gpu"}
    subnet = core[0]["SubnetId"]
    assert may_start(as_karpenter, subnet, tags)
    for missing in tags:
        assert not may_start(as_karpenter, subnet, {key: value for key, value in tags.items() if key != missing})


def test_the_tunnel_leads_through_a_core_node_to_the_api(account: Account, deployed: Deployed, kubernetes: Api) -> None:
    command = account.outputs(deployed.cluster)["Tunnel"]
    filters = [{"Name": name, "Values": [value]} for name, value in re.findall(r"Name=(\S+),Values=(\S+)", command)]
    assert len(filters) == 2
    found = account.client("ec2").describe_instances(Filters=filters)["Reservations"]
    through = {instance["InstanceId"] for each in found for instance in each["Instances"]}
    core = kubernetes.items("/api/v1/nodes?labelSelector=NodeGroupType=core")
    assert through == {node["spec"]["providerID"].rpartition("/")[2] for node in core}
    assert f"host={described(account)['endpoint'].removeprefix('https://')}," in command


@pytest.fixture(scope="module")
def updated(account: Account, deployed: Deployed, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """The cluster's stack with another administrator, one more core node, and other limits of its pools."""
    into = tmp_path_factory.mktemp("updated")
    with pytest.raises(ApiError, match="403|401"):
        api(account, NAME, SECOND, into).items("/api/v1/nodes")
    core = config.CoreNodes(count=config.CoreNodes().count + 1)
    cluster = config.Cluster(admins=(SECOND, FIRST), log_retention_days=30, core_nodes=core)
    gpu = config.GpuNodes(max_gpus=4, root_volume_gib=120, instance_types=("g6.2xlarge", "g5.2xlarge"))
    changed = synthesized(into / "both", cluster, capacity=config.Capacity(gpu=gpu, consolidate_after_minutes=7))
    outcome = changed.update(account, "StackedCluster", deployed.cluster)
    assert outcome.status == "UPDATE_COMPLETE", outcome.reasons
    return outcome


def test_a_second_administrator_is_let_in_by_an_update_and_not_before(
    account: Account, updated: Outcome, tmp_path: Path
) -> None:
    assert updated
    assert api(account, NAME, SECOND, tmp_path).items("/api/v1/nodes")
    (group,) = account.client("logs").describe_log_groups(logGroupNamePrefix=LOGS)["logGroups"]
    assert group["retentionInDays"] == 30


def test_an_update_changes_pools_in_place_and_adds_a_core_node(updated: Outcome, kubernetes: Api) -> None:
    assert updated
    (pool,) = [each for each in kubernetes.items(POOLS) if each["metadata"]["name"] == "gpu"]
    assert pool["spec"]["limits"] == {GPU: "4"}
    assert pool["spec"]["disruption"]["consolidateAfter"] == "7m"
    (node_class,) = [each for each in kubernetes.items(CLASSES) if each["metadata"]["name"] == "gpu"]
    root = {"volumeSize": "120Gi", "volumeType": "gp3", "encrypted": True, "deleteOnTermination": True}
    assert [each["ebs"] for each in node_class["spec"]["blockDeviceMappings"]] == [root]
    assert node_class["spec"]["instanceStorePolicy"] == "RAID0"
    assert node_class["spec"]["metadataOptions"]["httpTokens"] == "required"
    assert node_class["spec"]["metadataOptions"]["httpPutResponseHopLimit"] == 1
    core = kubernetes.items("/api/v1/nodes?labelSelector=NodeGroupType=core")
    assert len(core) == config.CoreNodes().count + 1
    assert kubernetes.items("/apis/karpenter.sh/v1/nodeclaims"), "and the nodes of running jobs stay"


def test_a_second_stack_with_the_same_name_fails_at_once_and_takes_nothing_from_the_first(
    account: Account, deployed: Deployed, tmp_path: Path
) -> None:
    assert deployed
    again = account.create(synthesized(tmp_path, config.Cluster()).resources("StackedCluster"))
    assert again.status == "ROLLBACK_COMPLETE"
    assert "a cluster of this name is there already" in again.reasons
    assert account.client("logs").describe_log_groups(logGroupNamePrefix=LOGS)["logGroups"]
    assert instances_with(account, "eks:nodegroup-name")
    assert account.delete(again).status == "DELETE_COMPLETE"


def test_the_network_stays_whole_while_the_cluster_is_there(account: Account, deployed: Deployed) -> None:
    """Guards against the console, which knows no order of stacks but that of exports in use."""
    kept = account.delete(deployed.network)
    assert kept.status == "CREATE_COMPLETE"
    assert "as it is in use by StackedCluster" in kept.reasons


def test_the_whole_goes_without_a_trace(account: Account, deployed: Deployed) -> None:
    for stack in (deployed.cluster, deployed.network):
        gone = account.delete(stack)
        assert gone.status == "DELETE_COMPLETE", gone.reasons
    assert account.left() == deployed.before
