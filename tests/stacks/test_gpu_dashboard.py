"""GPU metrics in CloudWatch in the rehearsal: deployed, updated, destroyed, and the widgets in somebody's dashboard."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import control_plane
import pytest

from dcgm_cloudwatch.settings import load
from rehearsal.kubernetes.api import Api
from tests.rehearsal.live.account import Account, Outcome
from tests.rehearsal.unused_permissions import denied, of_stack, unexplained
from tests.stacks.assembly import Assembly
from tests.stacks.eks_access import api, role
from tests.stacks.gpu_dashboard_stack import ADMIN, NAME, STACK, synthesized
from tests.stacks.role_twin import allowed, twin

UNDER = ("DemoNetwork", "DemoCluster", "DemoAlerts")
PLACE = "/api/v1/namespaces/gpu-metrics"
THEIRS = {
    "start": "-PT1H",
    "widgets": [
        {"type": "text", "x": 0, "y": 0, "width": 24, "height": 2, "properties": {"markdown": "# Operations"}},
        {"type": "alarm", "x": 0, "y": 2, "width": 6, "height": 4, "properties": {"alarms": []}},
    ],
}


@dataclass
class Lab:
    """The stack on its cluster, what it looks like changed, and the cluster as its administrator sees it."""

    stack: Outcome
    before: list[str]
    changed: Assembly
    kubernetes: Api


@pytest.fixture(scope="module")
def lab(account: Account, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    control_plane.required()
    role(account, ADMIN.rsplit("/", 1)[-1])
    folder = tmp_path_factory.mktemp("gpus")
    settings: dict[str, Any] = {"image": None, "merge_into": ["ops"], "parallel_clusters": ["hpc-1"]}
    first = synthesized(folder / "first", **settings)
    alarms = {"temperature_celsius": 70}
    changed = synthesized(folder / "changed", alarms=alarms, levels=["node", "cluster"], **settings)
    account.client("cloudwatch").put_dashboard(DashboardName="ops", DashboardBody=json.dumps(THEIRS))
    under = []
    for stack in UNDER:
        first.publish(account, stack)
        under.append(first.deploy(account, stack))
        assert under[-1].status == "CREATE_COMPLETE", under[-1].reasons
    for each in (first, changed):
        each.publish(account, STACK)
    before = account.left()
    made = first.deploy(account, STACK)
    assert made.status == "CREATE_COMPLETE", made.reasons
    yield Lab(made, before, changed, api(account, NAME, ADMIN, folder))
    for outcome in reversed([*under, made]):
        account.discard(outcome)
    account.client("cloudwatch").delete_dashboards(DashboardNames=["ops"])


def dashboard(account: Account, name: str) -> dict[str, Any]:
    return dict(json.loads(account.client("cloudwatch").get_dashboard(DashboardName=name)["DashboardBody"]))


def titles(widgets: list[dict[str, Any]]) -> list[str]:
    return [each["properties"].get("title", each["type"]) for each in widgets]


def test_one_pod_runs_on_a_core_node_and_finds_its_settings(account: Account, lab: Lab) -> None:
    def pods() -> list[dict[str, Any]]:
        return [each for each in lab.kubernetes.items(f"{PLACE}/pods") if each["status"]["phase"] == "Running"]

    account.waits(lambda: len(pods()) == 1)
    (pod,) = pods()
    (container,) = pod["spec"]["containers"]
    settings = load({each["name"]: each["value"] for each in container["env"]})
    assert container["image"].startswith(f"{account.world.account}.dkr.ecr.us-west-2.amazonaws.com/")
    assert (settings.cluster, settings.namespace, settings.region) == (NAME, f"EKS/{NAME}/GPU", "us-west-2")
    node = lab.kubernetes.get(f"/api/v1/nodes/{pod['spec']['nodeName']}")
    assert node
    assert node["metadata"]["labels"]["NodeGroupType"] == "core"


def test_it_may_publish_into_its_own_namespace_only(account: Account, lab: Lab) -> None:
    assert lab.stack
    (found,) = account.client("eks").list_pod_identity_associations(clusterName=NAME, namespace="gpu-metrics")[
        "associations"
    ]
    arn = account.client("eks").describe_pod_identity_association(
        clusterName=NAME, associationId=found["associationId"]
    )["association"]["roleArn"]
    cloudwatch = twin(account, str(arn).rsplit("/", 1)[-1], "Twin-exporter")("cloudwatch")
    data = [{"MetricName": "GPUUtilization", "Value": 1.0}]
    account.waits(lambda: allowed(cloudwatch.put_metric_data, Namespace=f"EKS/{NAME}/GPU", MetricData=data))
    assert not allowed(cloudwatch.put_metric_data, Namespace="EKS/other/GPU", MetricData=data)
    assert not allowed(cloudwatch.list_dashboards)


def test_the_account_s_own_alarms_tell_the_topic(account: Account, lab: Lab) -> None:
    assert lab.stack
    found = account.client("cloudwatch").describe_alarms()["MetricAlarms"]
    assert len(found) == 8
    assert {action.rsplit(":", 1)[0] for each in found for action in each["AlarmActions"]} == {
        f"arn:aws:sns:us-west-2:{account.world.account}"
    }
    assert [each["AlarmDescription"] for each in found if not each["ActionsEnabled"]] == [
        "The memory of a GPU was 95 % full for 10 minutes (demo)"
    ]


def test_widgets_are_merged_updated_in_place_and_taken_out(
    account: Account, lab: Lab, plant: Callable[..., None]
) -> None:
    own = dashboard(account, f"{NAME}-gpu")["widgets"]
    merged = dashboard(account, "ops")
    assert merged["widgets"][:2] == THEIRS["widgets"]
    assert titles(merged["widgets"][2:]) == [each for each in titles(own) if each != "Alarms"]

    # Somebody moves one of ours, and adds one of theirs.
    moved = {**merged["widgets"][-1], "x": 3, "y": 99}
    added = {"type": "text", "x": 0, "y": 120, "width": 6, "height": 2, "properties": {"markdown": "later"}}
    edited = {**merged, "widgets": [moved, *merged["widgets"][:-1], added]}
    account.client("cloudwatch").put_dashboard(DashboardName="ops", DashboardBody=json.dumps(edited))
    plant("throttle", "cloudwatch:GetDashboard")
    lab.stack = lab.changed.update(account, STACK, lab.stack)
    assert lab.stack.status == "UPDATE_COMPLETE", lab.stack.reasons
    now = dashboard(account, "ops")["widgets"]
    assert (now[0]["x"], now[0]["y"]) == (3, 99)
    assert (now[1:3], now[-1]) == (THEIRS["widgets"], added)
    assert not [each for each in titles(now) if each.startswith(("GPUs: ", "Teams: "))]
    (hot,) = [each for each in now if each["properties"].get("title") == "GPU temperature (maximum)"]
    assert hot["properties"]["annotations"]["horizontal"][0]["value"] == 70

    gone = account.delete(lab.stack)
    assert gone.status == "DELETE_COMPLETE", gone.reasons
    assert dashboard(account, "ops") == {**THEIRS, "widgets": [*THEIRS["widgets"], added]}
    assert [each for each in account.left() if "Twin-exporter" not in each] == lab.before
    assert lab.kubernetes.get(PLACE) is None


def test_each_permission_was_used_or_has_a_reason(account: Account, lab: Lab) -> None:
    roles = of_stack(account.world, lab.changed.folder, STACK)
    assert len(roles) > 3
    assert unexplained(roles) == []
    assert denied(roles) == []
