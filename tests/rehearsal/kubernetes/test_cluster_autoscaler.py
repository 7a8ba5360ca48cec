"""The Cluster Autoscaler's stand-in, with a cluster and an account on paper."""

import threading
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, CredentialRetrievalError

from rehearsal.clock import Clock
from rehearsal.kubernetes.cluster_autoscaler import ClusterAutoscaler
from rehearsal.kubernetes.instance_types import GPU

ENABLED, OWN = "k8s.io/cluster-autoscaler/enabled", "k8s.io/cluster-autoscaler/c"
LABELS = {"NodeGroupType": "executor", "k8s.amazonaws.com/accelerator": "nvidia"}
READY = {"conditions": [{"type": "Ready", "status": "True"}]}
WAITS = {"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]}
TAINT = {"key": GPU, "value": "true", "effect": "NO_SCHEDULE"}


def program() -> dict[str, Any]:
    args = [f"--node-group-auto-discovery=asg:tag={ENABLED},{OWN}", "--expander=priority"]
    args += ["--scale-down-unneeded-time=5m", "--scale-down-delay-after-add=5m"]
    meta = {"name": "ca", "namespace": "kube-system"}
    return {"metadata": meta, "spec": {"containers": [{"name": "ca", "args": args}]}, "status": READY}


def executor() -> dict[str, Any]:
    container = {"name": "main", "resources": {"requests": {"cpu": "4", GPU: "1"}}}
    tolerations = [{"key": GPU, "operator": "Exists"}]
    spec = {"containers": [container], "nodeSelector": {"NodeGroupType": "executor"}, "tolerations": tolerations}
    return {"metadata": {"name": "executor"}, "spec": spec, "status": WAITS}


@dataclass
class Paper:
    """The cluster's API and its account's services in one."""

    pods: list[dict[str, Any]] = field(default_factory=lambda: [program()])
    nodes: list[dict[str, Any]] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=lambda: {ENABLED: "true", OWN: "owned"})
    desired: int = 0
    instances: list[str] = field(default_factory=list)
    outcome: str = "Successful"
    described: bool = True

    def items(self, path: str) -> list[dict[str, Any]]:
        if path.startswith("/api/v1/pods"):
            programs = [pod for pod in self.pods if pod["metadata"]["name"] == "ca"]
            return programs if "labelSelector" in path else self.pods
        return self.nodes if path == "/api/v1/nodes" else []

    def get(self, path: str) -> dict[str, Any] | None:
        return {"data": {"priorities": "10:\n  - .*\n"}} if "priority-expander" in path else None

    def describe_auto_scaling_groups(self) -> dict[str, Any]:
        tags = {**self.tags, "eks:cluster-name": "c", "eks:nodegroup-name": "g"}
        group = {
            "AutoScalingGroupName": "eks-g-1",
            "AvailabilityZones": ["us-west-2a"],
            "DesiredCapacity": self.desired,
            "MinSize": 0,
            "MaxSize": 8,
            "Instances": [{"InstanceId": each} for each in self.instances],
            "LaunchTemplate": {"LaunchTemplateId": "lt-1", "Version": "1"},
            "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
        }
        return {"AutoScalingGroups": [group]}

    def describe_launch_template_versions(self, **_: object) -> dict[str, Any]:
        return {"LaunchTemplateVersions": [{"LaunchTemplateData": {"InstanceType": "g5.2xlarge"}}]}

    def describe_nodegroup(self, **_: object) -> dict[str, Any]:
        if not self.described:
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "DescribeNodegroup")
        return {"nodegroup": {"labels": LABELS, "taints": [TAINT], "tags": {}}}

    def describe_scaling_activities(self, **_: object) -> dict[str, Any]:
        return {"Activities": [{"StatusCode": self.outcome}]}

    def set_desired_capacity(self, **given: Any) -> None:  # noqa: ANN401 - parameters
        self.desired = given["DesiredCapacity"]

    def terminate_instance_in_auto_scaling_group(self, **given: Any) -> None:  # noqa: ANN401 - parameters
        self.instances.remove(given["InstanceId"])
        self.desired -= 1


def autoscaler(paper: Paper, clock: Clock | None = None) -> ClusterAutoscaler:
    return ClusterAutoscaler(paper, clock or Clock(speed=1), lambda *_: paper, threading.Event())  # type: ignore[arg-type]


def node(*pods: str) -> Paper:
    """Return a cluster with one ready GPU node, on which pods of these phases are."""
    meta = {"name": "n", "labels": {**LABELS, "eks.amazonaws.com/nodegroup": "g"}}
    status = {**READY, "allocatable": {"cpu": "7910m", "memory": "29318Mi", "pods": "58", GPU: "1"}}
    on_it = [
        {"metadata": {"name": phase}, "spec": {"nodeName": "n", "containers": []}, "status": {"phase": phase}}
        for phase in pods
    ]
    ready = {"metadata": meta, "spec": {"providerID": "aws:///us-west-2a/i-1"}, "status": status}
    return Paper(pods=[program(), *on_it], nodes=[ready], desired=1, instances=["i-1"])


def test_a_waiting_pod_makes_its_group_larger_once() -> None:
    paper = Paper(pods=[program(), executor()])
    made = autoscaler(paper)
    made.turn()
    made.turn()
    assert paper.desired == 1


@pytest.mark.parametrize("missing", [ENABLED, OWN])
def test_a_group_without_a_tag_of_discovery_is_not_seen(missing: str) -> None:
    paper = Paper(pods=[program(), executor()])
    del paper.tags[missing]
    autoscaler(paper).turn()
    assert paper.desired == 0


def test_without_its_program_nothing_happens() -> None:
    paper = Paper(pods=[executor()])
    autoscaler(paper).turn()
    assert paper.desired == 0


def test_without_credentials_nothing_happens() -> None:
    paper = Paper(pods=[program(), executor()])

    def none(*_: object) -> None:
        raise CredentialRetrievalError(provider="Pod Identity", error_msg="no association")

    ClusterAutoscaler(paper, Clock(), none, threading.Event()).turn()  # type: ignore[arg-type]
    assert paper.desired == 0


def test_labels_that_it_may_not_read_are_not_there() -> None:
    """Guards against a role without eks:DescribeNodegroup: no tag tells an empty group's labels."""
    paper = Paper(pods=[program(), executor()], described=False)
    autoscaler(paper).turn()
    assert paper.desired == 0


def test_a_group_that_could_not_grow_is_made_small_again_and_left_alone_for_a_while() -> None:
    paper, clock = Paper(pods=[program(), executor()], desired=1, outcome="Failed"), Clock(speed=1)
    made = autoscaler(paper, clock)
    made.turn()
    assert paper.desired == 0
    paper.outcome = "Successful"
    made.turn()
    assert paper.desired == 0
    clock.advance(timedelta(seconds=301))
    made.turn()
    assert paper.desired == 1


@pytest.mark.parametrize(("phase", "goes"), [("Running", False), ("Succeeded", True)])
def test_only_a_node_on_which_nothing_runs_goes_and_after_its_time(phase: str, *, goes: bool) -> None:
    paper, clock = node(phase), Clock(speed=1)
    made = autoscaler(paper, clock)
    made.turn()
    clock.advance(timedelta(minutes=4))
    made.turn()
    assert paper.instances == ["i-1"]
    clock.advance(timedelta(minutes=2))
    made.turn()
    assert paper.instances == ([] if goes else ["i-1"])
    assert paper.desired == (0 if goes else 1)
