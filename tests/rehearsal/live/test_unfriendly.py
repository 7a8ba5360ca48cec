"""As unfriendly as AWS: each with a naive app that fails of it."""

import json
import time

import pytest
from kubernetes.client import CoreV1Api
from kubernetes.config import new_client_from_config

from tests.rehearsal.live.account import Account, Outcome
from tests.rehearsal.live.pieces import (
    CLUSTER,
    LOGS,
    allow,
    arn,
    cluster,
    function,
    manifest,
    network,
    nodes,
    ref,
    resource,
    role,
    thing,
    volume_driver,
)

GROUP = "/aws/eks/late/cluster"
STORAGE = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "StorageClass",
    "metadata": {"name": "live"},
    "provisioner": "ebs.csi.aws.com",
    "volumeBindingMode": "WaitForFirstConsumer",
}
CLAIM = {
    "metadata": {"name": "data"},
    "spec": {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "live",
        "resources": {"requests": {"storage": "1Gi"}},
    },
}
STATEFUL = {
    "apiVersion": "apps/v1",
    "kind": "StatefulSet",
    "metadata": {"name": "live", "namespace": "default"},
    "spec": {
        "serviceName": "live",
        "selector": {"matchLabels": {"app": "live"}},
        "template": {
            "metadata": {"labels": {"app": "live"}},
            "spec": {"containers": [{"name": "main", "image": "busybox"}]},
        },
        "volumeClaimTemplates": [CLAIM],
    },
}


@pytest.mark.usefixtures("platform")  # skips where no control plane is built
def test_a_cluster_with_nodes_of_another_stack_stays_and_its_logs_come_back_after_it(account: Account) -> None:
    """Two naive apps: one deletes the cluster's stack first, one owns the name of the cluster's log group.

    https://docs.aws.amazon.com/eks/latest/userguide/delete-cluster.html
    https://docs.aws.amazon.com/eks/latest/userguide/control-plane-logs.html
    """
    logging = {"ClusterLogging": {"EnabledTypes": [{"Type": "api"}]}}
    naive = cluster("late", Logging=logging) | {"Log": resource("Logs::LogGroup", {"LogGroupName": GROUP})}
    naive["Cluster"]["DependsOn"] = ["Log"]
    outputs = {name: {"Value": ref(name)} for name in ("SubnetA", "SubnetB")}
    first = account.create(naive, outputs=outputs)
    assert first.status == "CREATE_COMPLETE", first.reasons
    group = account.create(nodes("late", list(account.outputs(first).values())))
    assert group.status == "CREATE_COMPLETE", group.reasons
    stuck = account.delete(first)
    assert stuck.status == "DELETE_FAILED"
    assert "Cluster has nodegroups attached" in stuck.reasons
    account.discard(group)
    assert account.delete(first).status == "DELETE_COMPLETE"
    account.waits(lambda: any(each.endswith(f":{GROUP}") for each in account.left()))
    second = account.create({"Log": naive["Log"]})
    assert second.status == "ROLLBACK_COMPLETE"
    assert "Log: " in second.reasons
    assert "already exists" in second.reasons
    account.discard(second)
    account.client("logs").delete_log_group(logGroupName=GROUP)


def test_a_functions_log_group_stays_and_takes_its_name(account: Account) -> None:
    """A naive app deletes its stack, and owns the group by name when it comes again.

    https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html
    """
    group = "/aws/lambda/live-chatty"
    may = allow("ssm:PutParameter", "ssm:DeleteParameters", *LOGS)
    parts = thing() | {"Role": role("lambda", may), "Function": function("thing", "Role", FunctionName="live-chatty")}
    made = account.create(parts)
    assert made.status == "CREATE_COMPLETE", made.reasons
    assert account.delete(made).status == "DELETE_COMPLETE"
    account.waits(lambda: f"logs LogGroup {_log_group(group)}" in account.left())
    second = account.create(parts | {"Log": resource("Logs::LogGroup", {"LogGroupName": group})})
    assert second.status == "ROLLBACK_COMPLETE"
    assert "already exists" in second.reasons
    account.discard(second)


def _log_group(name: str) -> str:
    return f"arn:aws:logs:us-west-2:111122223333:log-group:{name}"


def test_a_role_that_a_program_has_just_made_is_not_there_yet(account: Account) -> None:
    """A naive function assumes at once the role that it has made; CloudFormation waits, so its own next steps work.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency
    """
    may = allow("iam:CreateRole", "iam:PutRolePolicy", "iam:DeleteRole", "iam:DeleteRolePolicy", "sts:AssumeRole")
    parts = {"Role": role("lambda", may), "Hurried": function("hurried", "Role", Timeout=60)}
    made = account.create(parts, outputs={"Role": {"Value": arn("Role")}, "Name": {"Value": ref("Hurried")}})
    assert made.status == "CREATE_COMPLETE", made.reasons
    found = account.outputs(made)
    payload = json.dumps({"name": "hurried", "me": found["Role"]})
    answer = account.client("lambda").invoke(FunctionName=found["Name"], Payload=payload)
    attempts = json.load(answer["Payload"])["attempts"]
    assert attempts[0] == "trust"
    assert attempts[-1] == "done"
    assert account.delete(made).status == "DELETE_COMPLETE"


def test_a_nat_gateways_interface_is_there_and_goes_only_with_it(account: Account) -> None:
    """A naive app deletes the subnets of a stack that does not own the gateway in them.

    https://docs.aws.amazon.com/vpc/latest/userguide/vpc-nat-gateway.html
    """
    first = account.create(network(), outputs={"SubnetA": {"Value": ref("SubnetA")}})
    properties = {"SubnetId": account.outputs(first)["SubnetA"], "ConnectivityType": "private"}
    second = account.create({"Nat": resource("EC2::NatGateway", properties)})
    assert second.status == "CREATE_COMPLETE", second.reasons
    assert [each for each in account.left() if each.startswith("ec2 NetworkInterface")]
    stuck = account.delete(first)
    assert stuck.status == "DELETE_FAILED"
    assert "has dependencies and cannot be deleted" in stuck.reasons
    assert account.delete(second).status == "DELETE_COMPLETE"
    assert account.delete(first).status == "DELETE_COMPLETE"


def test_the_volume_of_a_claim_that_no_manifest_owns_outlives_the_stack(account: Account, platform: Outcome) -> None:
    """A naive app deletes a stateful set and finds nothing left: its claims, and their volumes, stay.

    https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#limitations
    """
    found = account.outputs(platform)
    parts = nodes(CLUSTER, [found["SubnetA"], found["SubnetB"]]) | volume_driver()
    parts |= {"Class": manifest(STORAGE), "Set": manifest(STATEFUL, "Class", "Driver")}
    made = account.create(parts)
    assert made.status == "CREATE_COMPLETE", made.reasons
    account.waits(lambda: _volumes(account))
    assert account.delete(made).status == "DELETE_COMPLETE"
    (volume,) = _volumes(account)
    account.client("ec2").delete_volume(VolumeId=volume.rpartition(" ")[2])


@pytest.mark.usefixtures("platform")  # skips where no control plane is built
def test_a_service_s_load_balancer_holds_the_network_until_the_service_goes(account: Account) -> None:
    """A naive app deletes its cluster first: nobody is left who would take its load balancer away.

    https://docs.aws.amazon.com/eks/latest/userguide/delete-cluster.html
    """
    made = account.create(cluster("balanced"))
    assert made.status == "CREATE_COMPLETE", made.reasons
    service = {"metadata": {"name": "web"}, "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]}}
    core, iam = _administrator(account, "balanced"), account.client("iam")
    own = account.client("eks").describe_cluster(name="balanced")["cluster"]["roleArn"].rpartition("/")[2]
    (policy,) = iam.list_attached_role_policies(RoleName=own)["AttachedPolicies"]
    attachment = {"RoleName": own, "PolicyArn": policy["PolicyArn"]}
    iam.detach_role_policy(**attachment)  # another naive app gives its cluster a role without it
    time.sleep(0.2)  # more than a role's change takes to be seen
    core.create_namespaced_service("default", service)
    account.waits(lambda: "not authorized to perform: ec2:DescribeSubnets" in _events(core))
    iam.attach_role_policy(**attachment)
    balancers, ec2 = account.client("elb"), account.client("ec2")
    account.waits(lambda: balancers.describe_load_balancers()["LoadBalancerDescriptions"])
    (balancer,) = balancers.describe_load_balancers()["LoadBalancerDescriptions"]
    assert [each for each in account.left() if each.startswith("elb LoadBalancer")]
    stuck = account.delete(made)
    assert stuck.status == "DELETE_FAILED"
    assert "has dependencies and cannot be deleted" in stuck.reasons
    balancers.delete_load_balancer(LoadBalancerName=balancer["LoadBalancerName"])
    assert account.delete(made).status == "DELETE_FAILED", "the security group still holds the VPC"
    ec2.delete_security_group(GroupId=balancer["SecurityGroups"][0])
    assert account.delete(made).status == "DELETE_COMPLETE"


def _administrator(account: Account, name: str) -> CoreV1Api:
    file = next((account.world.directory / "eks" / name).rglob("admin.kubeconfig"))
    return CoreV1Api(new_client_from_config(str(file)))


def _events(core: CoreV1Api) -> str:
    return "\n".join(str(each.message) for each in core.list_namespaced_event("default").items)


def _volumes(account: Account) -> list[str]:
    return [each for each in account.left() if each.startswith("ec2 Volume")]
