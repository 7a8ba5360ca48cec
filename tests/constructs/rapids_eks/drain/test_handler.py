"""The drain's looks at a cluster on paper."""

import io
import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from rapids_eks.drain.handler import index
from rapids_eks.drain.handler.controller import PODS as KARPENTER_PODS
from rapids_eks.drain.handler.holders import claim_line, holders
from rapids_eks.drain.handler.kubernetes import Api, RefusedError, connect, token_for
from rapids_eks.karpenter import controller
from rehearsal.kubernetes.tokens import Caller, identify_token

POOLS, CLAIMS = "/apis/karpenter.sh/v1/nodepools", "/apis/karpenter.sh/v1/nodeclaims"
BUDGETS, PODS = "/apis/policy/v1/poddisruptionbudgets", "/api/v1/pods?fieldSelector=spec.nodeName%3Dnode-1"
Item = dict[str, Any]


@dataclass
class Paper:
    """The lists of a cluster's objects by path, and what was asked to be deleted."""

    lists: dict[str, list[Item]]
    deleted: list[str] = field(default_factory=list)

    def items(self, path: str) -> list[Item] | None:
        return self.lists.get(path)

    def delete(self, path: str) -> None:
        self.deleted.append(path)


class NoInstances:
    """EC2 without an instance."""

    def get_paginator(self, operation: str) -> Any:  # noqa: ANN401 - boto3 makes its classes at run time
        assert operation == "describe_instances"
        return SimpleNamespace(paginate=lambda Filters: [{"Reservations": []}])  # noqa: ARG005, N803 - boto3's


def named(name: str, **more: Any) -> Item:  # noqa: ANN401 - any member of an object
    return {"metadata": {"name": name, **more.pop("metadata", {})}, **more}


def pod(name: str, phase: str = "Running", **meta: Any) -> Item:  # noqa: ANN401 - any member of the metadata
    return {"metadata": {"name": name, "namespace": "jobs", **meta}, "spec": {}, "status": {"phase": phase}}


def budget(allowed: int, selector: Item, namespace: str = "jobs") -> Item:
    meta = {"name": "budget", "namespace": namespace}
    return {"metadata": meta, "spec": {"selector": selector}, "status": {"disruptionsAllowed": allowed}}


def test_pools_and_claims_are_deleted_once_and_waited_for() -> None:
    going = {"deletionTimestamp": "2026-01-01T00:00:00Z"}
    api = Paper(
        {
            POOLS: [named("gpu"), named("driver", metadata=going)],
            CLAIMS: [named("gpu-1", metadata=going), named("by-hand")],
            KARPENTER_PODS: [karpenter(Ready="True")],
        }
    )
    left = index.drain(api, NoInstances(), "demo")
    assert api.deleted == [f"{POOLS}/gpu", f"{CLAIMS}/by-hand"]
    assert [line.split(" (")[0] for line in left] == [
        "NodePool gpu",
        "NodePool driver",
        "NodeClaim gpu-1",
        "NodeClaim by-hand",
    ]


def karpenter(message: str = "", waiting: str = "", **conditions: str) -> Item:
    """Return one of the controller's pods; conditions are their states by their types, and waiting is a reason."""
    told = [{"type": kind, "status": state, "message": message} for kind, state in conditions.items()]
    containers = [{"state": {"waiting": {"reason": waiting}}}] if waiting else []
    return named("karpenter-1", status={"phase": "Pending", "conditions": told, "containerStatuses": containers})


@pytest.mark.parametrize(
    ("pods", "why"),
    [
        ([], "(it has no pods)"),
        ([karpenter("0/1 nodes are available", PodScheduled="False")], "(karpenter-1: 0/1 nodes are available)"),
        ([karpenter("not ready", waiting="ImagePullBackOff", Ready="False")], "(karpenter-1: ImagePullBackOff)"),
        ([karpenter(PodScheduled="True")], "(karpenter-1: Pending)"),
        ([{**karpenter(Ready="True"), "metadata": {"name": "old", "deletionTimestamp": "2026"}}], "(old: Pending)"),
    ],
)
def test_where_karpenter_does_not_run_that_is_told_first_with_the_reason(pods: list[Item], why: str) -> None:
    """Guards against 40 minutes of waiting for a program that is not there, without a word of it."""
    api = Paper({POOLS: [named("gpu")], CLAIMS: [named("gpu-1")], KARPENTER_PODS: pods})
    first, *others = index.drain(api, NoInstances(), "demo")
    assert first.startswith("Karpenter does not run")
    assert why in first
    assert [line.split(" (")[0] for line in others] == ["NodePool gpu", "NodeClaim gpu-1"]


def test_one_ready_pod_of_karpenter_is_enough_and_none_is_where_nothing_is_left() -> None:
    pods = [karpenter("0/1 nodes are available", PodScheduled="False"), karpenter(Ready="True")]
    left = index.drain(Paper({POOLS: [named("gpu")], CLAIMS: [], KARPENTER_PODS: pods}), NoInstances(), "demo")
    assert left == ["NodePool gpu (being deleted)"]
    assert index.drain(Paper({POOLS: [], CLAIMS: [], KARPENTER_PODS: []}), NoInstances(), "demo") == []


def test_its_pods_are_found_by_where_and_as_what_the_chart_makes_them() -> None:
    assert f"/namespaces/{controller.NAMESPACE}/pods" in KARPENTER_PODS
    assert KARPENTER_PODS.endswith("app.kubernetes.io%2Fname%3Dkarpenter")


def test_without_pools_claims_and_instances_it_is_done() -> None:
    assert index.drain(Paper({POOLS: [], CLAIMS: []}), NoInstances(), "demo") == []


def test_a_cluster_that_does_not_know_karpenter_is_done_without_a_look_at_ec2() -> None:
    assert index.drain(Paper({}), object(), "demo") == []


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "none")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-2")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield


@pytest.mark.usefixtures("aws")
def test_only_instances_of_this_clusters_pools_are_waited_for_until_they_are_terminated() -> None:
    ec2 = boto3.client("ec2")
    image = ec2.describe_images()["Images"][0]["ImageId"]

    def started(*keys: tuple[str, str]) -> str:
        tags = [{"ResourceType": "instance", "Tags": [{"Key": key, "Value": value} for key, value in keys]}]
        made = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, TagSpecifications=tags)
        return str(made["Instances"][0]["InstanceId"])

    ours = started(("kubernetes.io/cluster/demo", "owned"), ("karpenter.sh/nodepool", "gpu"))
    started(("kubernetes.io/cluster/demo", "owned"), ("eks:nodegroup-name", "core"))
    started(("kubernetes.io/cluster/demo-two", "owned"), ("karpenter.sh/nodepool", "gpu"))
    assert index.instances(ec2, "demo") == [f"instance {ours} (running)"]
    ec2.terminate_instances(InstanceIds=[ours])
    assert index.instances(ec2, "demo") == []


@pytest.mark.usefixtures("aws")
def test_a_cluster_that_is_gone_is_done() -> None:
    answer = index.handler({"properties": {"ClusterName": "demo"}, "waited": 0}, None)
    assert answer == {"done": True, "left": []}


@pytest.mark.parametrize(
    ("status", "can_be_drained"), [("ACTIVE", True), ("UPDATING", True), ("DELETING", False), ("FAILED", False)]
)
def test_only_a_cluster_that_runs_can_be_drained(status: str, can_be_drained: bool) -> None:
    eks = SimpleNamespace(
        describe_cluster=lambda name: {"cluster": {"name": name, "status": status}},
        exceptions=SimpleNamespace(ResourceNotFoundException=KeyError),
    )
    assert (index.usable(eks, "demo") is not None) is can_be_drained


def test_a_claim_tells_its_node_and_the_pods_that_hold_it() -> None:
    pods = [
        pod("busy", annotations={"karpenter.sh/do-not-disrupt": "true"}),
        pod("guarded", labels={"app": "db"}),
        pod("free", labels={"app": "web"}),
        pod("over", "Succeeded", annotations={"karpenter.sh/do-not-disrupt": "true"}),
    ]
    api = Paper({PODS: pods, BUDGETS: [budget(0, {"matchLabels": {"app": "db"}})]})
    line = claim_line(api, named("gpu-1", status={"nodeName": "node-1"}))
    assert line == (
        "NodeClaim gpu-1 (node node-1, held by pod jobs/busy (karpenter.sh/do-not-disrupt), "
        "pod jobs/guarded (PodDisruptionBudget budget allows no eviction))"
    )


@pytest.mark.parametrize(
    ("given", "holds"),
    [
        (budget(0, {}), True),
        (budget(1, {}), False),
        (budget(0, {}, "elsewhere"), False),
        (budget(0, {"matchLabels": {"app": "web"}}), False),
        (budget(0, {"matchExpressions": [{"key": "app", "operator": "In", "values": ["db"]}]}), True),
        (budget(0, {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["db"]}]}), False),
        (budget(0, {"matchExpressions": [{"key": "app", "operator": "Exists"}]}), True),
        (budget(0, {"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}), False),
    ],
)
def test_a_budget_holds_the_pods_of_its_namespace_that_it_selects(given: Item, holds: bool) -> None:
    api = Paper({PODS: [pod("one", labels={"app": "db"})], BUDGETS: [given]})
    assert bool(list(holders(api, "node-1"))) is holds


def test_a_claim_without_a_node_tells_what_karpenter_says() -> None:
    conditions = [{"type": "Launched", "status": "False", "message": "no permission to terminate"}]
    line = claim_line(Paper({}), named("gpu-1", status={"conditions": conditions}))
    assert line == "NodeClaim gpu-1 (no node, Karpenter says: no permission to terminate)"


def test_a_token_is_one_that_eks_accepts_for_this_cluster_only() -> None:
    session = boto3.Session("AKIDKEY", "secret", region_name="us-west-2")
    token = token_for(session, "demo")
    caller = Caller("arn:aws:sts::111122223333:assumed-role/r/s", "arn:aws:iam::111122223333:role/r", "secret")
    assert identify_token(token, "demo", lambda *_: caller) == caller
    with pytest.raises(Exception, match="signature"):
        identify_token(token, "another", lambda *_: caller)


@pytest.fixture
def api() -> Api:
    return Api("https://api.test", "token", ssl.create_default_context())


def failing(monkeypatch: pytest.MonkeyPatch, code: int, body: bytes) -> None:
    def urlopen(request: urllib.request.Request, **_: object) -> None:
        raise urllib.error.HTTPError(request.full_url, code, "Reason", Message(), io.BytesIO(body))

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)


def test_what_kubernetes_does_not_know_is_none(monkeypatch: pytest.MonkeyPatch, api: Api) -> None:
    failing(monkeypatch, 404, b"404 page not found")
    assert api.items(POOLS) is None
    api.delete(f"{POOLS}/gpu")


@pytest.mark.parametrize(
    ("body", "says"),
    [(json.dumps({"message": "may not list"}).encode(), "403 may not list"), (b"<html>", "403 Reason")],
)
def test_what_kubernetes_refuses_is_told_in_its_words(
    body: bytes, says: str, monkeypatch: pytest.MonkeyPatch, api: Api
) -> None:
    failing(monkeypatch, 403, body)
    with pytest.raises(RefusedError, match=says):
        api.items(POOLS)


def test_an_authority_that_names_no_key_is_accepted_and_all_else_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against EKS's authorities being refused, as Python 3.13 does by itself."""
    strict = ssl.create_default_context()
    strict.verify_flags |= ssl.VERIFY_X509_STRICT
    monkeypatch.setattr(ssl, "create_default_context", lambda **_: strict)
    found = connect({"endpoint": "https://api.test", "certificateAuthority": {"data": "UEVN"}}, "token").context
    assert not found.verify_flags & ssl.VERIFY_X509_STRICT
    assert (found.check_hostname, found.verify_mode) == (True, ssl.CERT_REQUIRED)
