"""Programs in pods act as what their pod is; one that may not do what its start takes is never ready.

https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html
https://docs.aws.amazon.com/eks/latest/userguide/pod-id-role.html
"""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import yaml

from rehearsal.kubernetes import build
from rehearsal.kubernetes.api import Api, ApiError
from tests.rehearsal.live.account import Account, Outcome, Resources, changed
from tests.rehearsal.live.pieces import (
    ACCOUNT,
    CLUSTER,
    NODE,
    addon,
    allow,
    document,
    managed,
    nodes,
    ref,
    resource,
    role,
    trust,
)

SPACE = "kube-system"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/live-karpenter"
PODS, ACCOUNTS = f"/api/v1/namespaces/{SPACE}/pods", f"/api/v1/namespaces/{SPACE}/serviceaccounts"
CLAIMS, POOLS = "/apis/karpenter.sh/v1/nodeclaims", "/apis/karpenter.sh/v1/nodepools"
WORK = "/api/v1/namespaces/default/pods"
CLASSES = "/apis/karpenter.k8s.aws/v1/ec2nodeclasses"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
STARTING = ("ec2:Describe*", "eks:DescribeCluster", "ssm:GetParameter", "iam:ListInstanceProfiles")
NODES = (
    *("ec2:CreateLaunchTemplate", "ec2:RunInstances", "ec2:CreateTags", "iam:PassRole"),
    *("ec2:DeleteLaunchTemplate", "ec2:TerminateInstances"),
)


def parts(subnets: list[str]) -> Resources:
    """Return nodes whose metadata no pod reaches, the agent, and what Karpenter and its nodes are."""
    options = {"MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 1}}
    own = {"LaunchTemplate": {"Id": ref("Template"), "Version": {"Fn::GetAtt": ["Template", "LatestVersionNumber"]}}}
    return {
        "Template": resource("EC2::LaunchTemplate", {"LaunchTemplateData": options}),
        **nodes(CLUSTER, subnets, **own),
        "Agent": addon("eks-pod-identity-agent", "Nodes"),
        "Role": role("pods.eks", allow(*STARTING, *NODES, "ec2:CreateFleet"), RoleName="live-karpenter"),
        "Profile": resource("IAM::InstanceProfile", {"Roles": [ref("NodeRole")], "InstanceProfileName": "live"}),
    }


@dataclass
class Lab:
    """The shared cluster with nodes, and Karpenter's association as a test wants it."""

    account: Account
    subnet: str
    made: list[str] = field(default_factory=list)

    def associate(self) -> None:
        eks = self.account.client("eks")
        given = {"clusterName": CLUSTER, "namespace": SPACE, "serviceAccount": "karpenter", "roleArn": ROLE}
        self.made.append(eks.create_pod_identity_association(**given)["association"]["associationId"])

    def forget(self) -> None:
        for each in self.made:
            self.account.client("eks").delete_pod_identity_association(clusterName=CLUSTER, associationId=each)
        self.made.clear()

    def permit(self, *actions: str) -> None:
        """Make these the role's permissions."""
        policy = json.dumps(document(allow(*actions)))
        self.account.client("iam").put_role_policy(RoleName="live-karpenter", PolicyName="own", PolicyDocument=policy)

    @property
    def api(self) -> Api:
        """The cluster as its administrator sees it."""
        file = next((self.account.world.directory / "eks" / CLUSTER).rglob("admin.kubeconfig"))
        given = yaml.safe_load(file.read_text())
        return Api(
            given["clusters"][0]["cluster"]["server"], file.parent / "ca.crt", given["users"][0]["user"]["token"]
        )

    def said(self) -> str:
        """Return what keeps Karpenter's pod from running, `Running` once nothing does."""
        status = (self.api.get(f"{PODS}/karpenter") or {})["status"]
        states = [each["state"].get("waiting", {}) for each in status.get("containerStatuses", [])]
        return next((each["message"] for each in states if "message" in each), str(status["phase"]))

    def class_says(self, kind: str) -> str:
        """Return the message of the class's condition, empty where it has none."""
        found = (self.api.get(f"{CLASSES}/live") or {}).get("status", {}).get("conditions", [])
        return next((str(each["message"]) for each in found if each["type"] == kind), "")

    def says(self, words: str) -> None:
        self.account.waits(lambda: words in self.said())


@pytest.fixture(scope="module")
def stack(account: Account, platform: Outcome) -> Iterator[Lab]:
    found = account.outputs(platform)
    made = account.create(parts([found["SubnetA"], found["SubnetB"]]))
    assert made.status == "CREATE_COMPLETE", made.reasons
    yield Lab(account, found["SubnetA"])
    account.discard(made)


@pytest.fixture
def lab(stack: Lab) -> Iterator[Lab]:
    yield stack
    stack.api.delete(f"{PODS}/karpenter", gracePeriodSeconds=0)
    stack.forget()
    stack.permit(*STARTING, *NODES, "ec2:CreateFleet")


def start(lab: Lab) -> None:
    """Start the pod that Karpenter's chart starts."""
    lab.api.apply(
        f"{ACCOUNTS}/karpenter", {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "karpenter"}}
    )
    container = {"name": "controller", "image": "karpenter", "env": [{"name": "CLUSTER_NAME", "value": CLUSTER}]}
    meta = {"name": "karpenter", "labels": {"app.kubernetes.io/name": "karpenter"}}
    spec = {"containers": [container], "serviceAccountName": "karpenter"}
    lab.api.create(PODS, {"metadata": meta, "spec": spec})


def test_a_pod_that_was_there_before_its_association_has_no_credentials(lab: Lab) -> None:
    """A naive app installs the chart beside the association, not after it."""
    start(lab)
    lab.says("no EC2 IMDS role found")
    time.sleep(1.1)  # the API server tells a pod's age in whole seconds
    lab.associate()
    lab.says("no Pod Identity association when the pod was created")


def test_the_role_must_let_pods_tag_their_sessions(lab: Lab) -> None:
    """A naive app's role trusts pods.eks.amazonaws.com with sts:AssumeRole alone."""
    iam, whole = lab.account.client("iam"), trust("pods.eks")
    narrow = changed(whole, "Statement.0.Action", "sts:AssumeRole")
    iam.update_assume_role_policy(RoleName="live-karpenter", PolicyDocument=json.dumps(narrow))
    lab.associate()
    start(lab)
    lab.says("does not allow pods.eks.amazonaws.com sts:TagSession")
    iam.update_assume_role_policy(RoleName="live-karpenter", PolicyDocument=json.dumps(whole))
    lab.says("Running")


def test_a_controller_that_may_not_look_is_never_ready(lab: Lab) -> None:
    lab.permit("eks:DescribeCluster")
    lab.associate()
    start(lab)
    lab.says("not authorized to perform: ec2:DescribeInstanceTypes")
    lab.permit(*STARTING)
    lab.says("Running")


def node_class(subnet: str) -> dict[str, Any]:
    group = [{"tags": {"aws:eks:cluster-name": CLUSTER}}]
    spec = {
        "amiSelectorTerms": [{"alias": "al2023@latest"}],
        "instanceProfile": "live",
        "subnetSelectorTerms": [{"id": subnet}],
        "securityGroupSelectorTerms": group,
    }
    return {"apiVersion": "karpenter.k8s.aws/v1", "kind": "EC2NodeClass", "metadata": {"name": "live"}, "spec": spec}


@pytest.fixture
def karpenter(lab: Lab) -> Iterator[Lab]:
    """Karpenter with its definitions and all that it may do; the class that a test makes goes with it."""
    for path in build.kubebox().crds:
        for definition in yaml.safe_load_all(path.read_text()):
            lab.api.apply(f"{DEFINITIONS}/{definition['metadata']['name']}", definition)
    lab.associate()
    start(lab)
    lab.says("Running")
    lab.account.waits(lambda: _serves(lab.api))
    yield lab
    lab.permit(*STARTING, *NODES, "ec2:CreateFleet")
    lab.api.delete(f"{CLASSES}/live")
    lab.account.waits(lambda: not lab.api.items(CLASSES))


def _serves(api: Api) -> bool:
    try:
        return api.get(CLASSES) is not None
    except ApiError:  # 429 while the API server makes room for a new kind
        return False


@pytest.mark.parametrize(
    ("lacks", "kind"),
    [
        ("ec2:CreateFleet", "ValidationSucceeded"),
        ("iam:PassRole", "ValidationSucceeded"),
        ("ec2:CreateTags", "ValidationSucceeded"),
        ("ssm:GetParameter", "AMIsReady"),
    ],
)
def test_a_class_whose_nodes_karpenter_may_not_start_says_so(karpenter: Lab, lacks: str, kind: str) -> None:
    """https://karpenter.sh/docs/concepts/nodeclasses/#statusconditions"""
    everything = (*STARTING, *NODES, "ec2:CreateFleet")
    karpenter.permit(*(each for each in everything if each != lacks))
    karpenter.api.create(CLASSES, node_class(karpenter.subnet))
    karpenter.account.waits(lambda: f"perform: {lacks}" in karpenter.class_says(kind))
    karpenter.permit(*everything)
    karpenter.account.waits(lambda: _ready(karpenter))


def _ready(lab: Lab) -> bool:
    found = (lab.api.get(f"{CLASSES}/live") or {}).get("status", {}).get("conditions", [])
    return [(each["type"], each["status"]) for each in found] == [("Ready", "True")]


def test_a_volume_driver_without_a_role_is_degraded(stack: Lab) -> None:
    """Corrected it is the one of a claim's volume in test_unfriendly.

    https://docs.aws.amazon.com/eks/latest/userguide/ebs-csi.html
    """
    wrong = stack.account.create({"Driver": addon("aws-ebs-csi-driver")})
    assert wrong.status == "ROLLBACK_COMPLETE", "the mistake was accepted"
    assert "DEGRADED" in wrong.reasons
    stack.account.discard(wrong)


def test_a_node_of_karpenter_s_joins_only_by_an_access_entry_of_its_role(karpenter: Lab) -> None:
    """A naive app makes a role of its own for Karpenter's nodes, and forgets to let it into the cluster.

    https://docs.aws.amazon.com/eks/latest/userguide/access-entries.html
    """
    eks, own = karpenter.account.client("eks"), f"arn:aws:iam::{ACCOUNT}:role/live-lonely"
    profile = {"InstanceProfileName": "lonely", "Roles": [ref("Lonely")]}
    lonely = role("ec2", ManagedPolicyArns=managed(*NODE), RoleName="live-lonely")
    made = karpenter.account.create({"Lonely": lonely, "Profile": resource("IAM::InstanceProfile", profile)})
    given = node_class(karpenter.subnet)
    karpenter.api.create(CLASSES, {**given, "spec": {**given["spec"], "instanceProfile": "lonely"}})
    karpenter.api.create(POOLS, node_pool())
    karpenter.api.create(WORK, pod())
    karpenter.account.waits(lambda: _conditions(karpenter).get("Registered") == "False")
    time.sleep(3)  # four times as long as a node takes to join
    assert _conditions(karpenter)["Registered"] == "False"
    eks.create_access_entry(clusterName=CLUSTER, principalArn=own, type="EC2_LINUX")
    karpenter.account.waits(lambda: _conditions(karpenter).get("Registered") == "True")
    karpenter.api.delete(f"{WORK}/work", gracePeriodSeconds=0)
    karpenter.api.delete(f"{POOLS}/live")
    karpenter.account.waits(lambda: not karpenter.api.items(CLAIMS))
    eks.delete_access_entry(clusterName=CLUSTER, principalArn=own)
    karpenter.account.discard(made)


def _conditions(lab: Lab) -> dict[str, str]:
    found = [each for claim in lab.api.items(CLAIMS) for each in claim.get("status", {}).get("conditions", [])]
    return {each["type"]: each["status"] for each in found}


def node_pool() -> dict[str, Any]:
    template = {
        "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "live"},
        "requirements": [{"key": "karpenter.k8s.aws/instance-family", "operator": "In", "values": ["m6i", "m5"]}],
        "terminationGracePeriod": "1m",
    }
    spec = {"template": {"spec": template}}
    return {"apiVersion": "karpenter.sh/v1", "kind": "NodePool", "metadata": {"name": "live"}, "spec": spec}


def pod() -> dict[str, Any]:
    container = {"name": "main", "image": "x", "resources": {"requests": {"cpu": "1"}}}
    spec = {"containers": [container], "nodeSelector": {"karpenter.sh/nodepool": "live"}}
    return {"metadata": {"name": "work"}, "spec": spec}
