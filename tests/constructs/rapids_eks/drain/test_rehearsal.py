"""The drain in the rehearsal: a real control plane with Karpenter's definitions, and its stand-in."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import control_plane
import pytest
import yaml

from rapids_eks.drain.construct import Drain
from rehearsal.kubernetes import build
from rehearsal.kubernetes.api import Api, ApiError
from tests.rehearsal.live.account import Account, Outcome, Resources
from tests.stacks.assembly import ACCOUNT, Assembly, small_platform
from tests.stacks.eks_access import api, role
from tests.stacks.karpenter_access import PROFILE, identity

NAME = "drained"
ADMIN = f"arn:aws:iam::{ACCOUNT}:role/DrainAdmin"
CLAIMS = "/apis/karpenter.sh/v1/nodeclaims"
POOLS = "/apis/karpenter.sh/v1/nodepools"
CLASSES = "/apis/karpenter.k8s.aws/v1/ec2nodeclasses"
PODS = "/api/v1/namespaces/default/pods"
ACCOUNTS = "/api/v1/namespaces/kube-system/serviceaccounts"
DEPLOYMENTS = "/apis/apps/v1/namespaces/kube-system/deployments"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


@dataclass(frozen=True)
class Lab:
    """A cluster, how its administrator sees it, and a stack that drains it, yet to be made."""

    kubernetes: Api
    assembly: Assembly
    drain: Resources

    def waits(self, what: Callable[[], object], seconds: float = 400) -> None:
        deadline = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < deadline, "what was awaited did not come"
            time.sleep(0.2)


def synthesized(into: Path) -> Assembly:
    """Return three stacks: network, cluster and drain, made under the eyes of cdk-nag."""
    app = cdk.App(outdir=str(into))
    under = small_platform(app, "Drain", NAME, admin=ADMIN, core_type="m6i.large")
    Drain(
        cdk.Stack(app, "Drain", env=under.env),
        "Drain",
        cluster=under.platform.cluster,
        private_subnets=under.network.private_subnets,
    )
    app.synth()
    return Assembly(into)


@pytest.fixture(scope="module")
def lab(account: Account, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    control_plane.required()
    role(account, ADMIN.rsplit("/", 1)[-1])
    assembly = synthesized(tmp_path_factory.mktemp("drain"))
    made: list[Outcome] = []
    for stack in ("DrainNetwork", "DrainCluster"):
        assembly.publish(account, stack)
        made.append(assembly.deploy(account, stack))
        assert made[-1].status == "CREATE_COMPLETE", made[-1].reasons
    assembly.publish(account, "Drain")
    yield Lab(api(account, NAME, ADMIN, tmp_path_factory.mktemp("admin")), assembly, assembly.resources("Drain"))
    for outcome in reversed(made):
        account.discard(outcome)


@pytest.fixture(scope="module")
def karpenter(account: Account, lab: Lab) -> Iterator[Lab]:
    """Install the definitions, and pods of a controller, for which the stand-in works."""
    own = account.create(identity(NAME))
    assert own.status == "CREATE_COMPLETE", own.reasons
    for path in build.kubebox().crds:
        for definition in yaml.safe_load_all(path.read_text()):
            lab.kubernetes.apply(f"{DEFINITIONS}/{definition['metadata']['name']}", definition)
    labels = {"app.kubernetes.io/name": "karpenter"}
    settings = [{"name": "CLUSTER_NAME", "value": NAME}]
    container = {"name": "controller", "image": "karpenter", "env": settings}
    spec = {"containers": [container], "serviceAccountName": "karpenter"}
    lab.kubernetes.create(ACCOUNTS, {"metadata": {"name": "karpenter"}})
    template = {"metadata": {"labels": labels}, "spec": spec}
    deployment = {
        "metadata": {"name": "karpenter"},
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }
    lab.kubernetes.create(DEPLOYMENTS, deployment)
    lab.waits(lambda: all(_serves(lab.kubernetes, path) for path in (POOLS, CLAIMS, CLASSES)))
    yield lab
    account.discard(own)


@pytest.fixture
def held(karpenter: Lab) -> Iterator[Lab]:
    """A pool with a node, which a pod that must not be disturbed holds."""
    kubernetes = karpenter.kubernetes
    kubernetes.create(CLASSES, node_class())
    kubernetes.create(POOLS, pool())
    kubernetes.create(PODS, pod())
    karpenter.waits(lambda: _is_running(kubernetes))
    yield karpenter
    kubernetes.delete(f"{PODS}/held", gracePeriodSeconds=0)
    kubernetes.delete(f"{POOLS}/work")
    karpenter.waits(lambda: not kubernetes.items(CLAIMS))
    kubernetes.delete(f"{CLASSES}/work")
    karpenter.waits(lambda: not kubernetes.items(CLASSES))


def _serves(kubernetes: Api, path: str) -> bool:
    try:
        return kubernetes.get(path) is not None
    except ApiError:  # 429 while the API server makes room for a new kind
        return False


def _is_running(kubernetes: Api) -> bool:
    found = kubernetes.get(f"{PODS}/held")
    return bool(found and found["status"].get("phase") == "Running")


def node_class() -> dict[str, Any]:
    spec = {
        "amiSelectorTerms": [{"alias": "al2023@latest"}],
        "instanceProfile": PROFILE,
        "subnetSelectorTerms": [{"tags": {"karpenter.sh/discovery": NAME}}],
        "securityGroupSelectorTerms": [{"tags": {f"kubernetes.io/cluster/{NAME}": "owned"}}],
    }
    return {"apiVersion": "karpenter.k8s.aws/v1", "kind": "EC2NodeClass", "metadata": {"name": "work"}, "spec": spec}


def pool() -> dict[str, Any]:
    template = {
        "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "work"},
        "requirements": [{"key": "karpenter.k8s.aws/instance-family", "operator": "In", "values": ["m6i", "m5"]}],
        "terminationGracePeriod": "10m",
    }
    spec = {"template": {"spec": template}}
    return {"apiVersion": "karpenter.sh/v1", "kind": "NodePool", "metadata": {"name": "work"}, "spec": spec}


def pod() -> dict[str, Any]:
    container = {"name": "main", "image": "x", "resources": {"requests": {"cpu": "1"}}}
    meta = {"name": "held", "annotations": {"karpenter.sh/do-not-disrupt": "true"}}
    return {"metadata": meta, "spec": {"containers": [container], "nodeSelector": {"karpenter.sh/nodepool": "work"}}}


def nodes_of_pools(account: Account) -> list[str]:
    filters = [
        {"Name": "tag-key", "Values": ["karpenter.sh/nodepool"]},
        {"Name": "instance-state-name", "Values": ["pending", "running"]},
    ]
    found = account.client("ec2").describe_instances(Filters=filters)["Reservations"]
    return [each["InstanceId"] for one in found for each in one["Instances"]]


def without_verb(resources: Resources, verb: str) -> Resources:
    """Return the stack's resources with a ClusterRole that lacks a verb."""
    (name,) = [name for name, each in resources.items() if each["Type"] == "Custom::AWSCDK-EKS-KubernetesResource"]
    given = resources[name]
    manifest = json.loads(given["Properties"]["Manifest"])
    for rule in manifest[0]["rules"]:
        rule["verbs"] = [each for each in rule["verbs"] if each != verb]
    return {**resources, name: {**given, "Properties": {**given["Properties"], "Manifest": json.dumps(manifest)}}}


def test_a_cluster_without_karpenter_is_drained_already(account: Account, lab: Lab) -> None:
    before = account.left()
    made = account.create(lab.drain)
    assert made.status == "CREATE_COMPLETE", made.reasons
    gone = account.delete(made)
    assert gone.status == "DELETE_COMPLETE", gone.reasons
    assert account.left() == before


def test_a_node_that_a_pod_holds_is_gone_after_its_grace_period(account: Account, held: Lab) -> None:
    made = account.create(held.drain)
    assert made.status == "CREATE_COMPLETE", made.reasons
    assert nodes_of_pools(account), "nothing happens on creation"
    gone = account.delete(made)
    assert gone.status == "DELETE_COMPLETE", gone.reasons
    assert held.kubernetes.items(POOLS) == []
    assert held.kubernetes.items(CLAIMS) == []
    assert nodes_of_pools(account) == []


def test_a_permission_that_is_missing_is_named(account: Account, held: Lab) -> None:
    made = account.create(without_verb(held.drain, "delete"))
    assert made.status == "CREATE_COMPLETE", made.reasons
    stuck = account.delete(made)
    assert stuck.status == "DELETE_FAILED"
    assert "cannot delete resource" in stuck.reasons
    assert '"nodepools"' in stuck.reasons
    assert held.kubernetes.items(POOLS) != []
    account.discard(stuck)
