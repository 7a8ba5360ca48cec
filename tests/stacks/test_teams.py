"""The teams as they arrive: the minimal example with a second team, and what each may see of the other."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import control_plane
import pytest
from aws_cdk import aws_iam as iam

import config
from app import build
from rapids_eks import scrape_targets
from rehearsal.kubernetes.api import Api, ApiError
from rehearsal.kubernetes.network_policies import Packet, Place, passes
from stacks.teams import TeamsStack
from tests.rehearsal.live.account import Account, Outcome
from tests.stacks.assembly import ACCOUNT, REGION, Assembly
from tests.stacks.eks_access import api, role
from tests.stacks.role_twin import allowed, twin

ROOT = Path(__file__).parents[2]
CONTEXT = json.loads((ROOT / "cdk.json").read_text())["context"]
STACKS = ("Network", "Cluster", "Teams", "Submitters")
ADMIN = f"arn:aws:iam::{ACCOUNT}:role/TeamsAdmin"
ONE, OTHER = "emr-ml-team-a", "emr-ml-team-b"
SUBMITTER = "Submitter"
JOB = "print('hello')"
CONF = ("executor.instances=1", "executor.memory=1g", "kubernetes.driver.node.selector.NodeGroupType=driver")

MONITORING = scrape_targets.NAMESPACE
DRIVER, EXECUTOR, SUBMITTING = (
    Place(address, ONE, {"spark-role": role} if role else {})
    for address, role in (("10.0.1.1", "driver"), ("10.0.1.2", "executor"), ("10.0.1.3", ""))
)
THEIRS = Place("10.0.2.1", OTHER, {"spark-role": "driver"})
LONE, THEIRS_LONE = replace(DRIVER, owned=False), replace(THEIRS, owned=False)
PROMETHEUS = Place("10.0.3.1", MONITORING, scrape_targets.PROMETHEUS)
NAMES = Place("10.0.3.2", "kube-system", {"k8s-app": "kube-dns"})
AWS, API, AGENT = Place("52.0.0.1"), Place("172.20.0.1"), Place("169.254.170.23")
INSTANCE = Place("169.254.169.254")  # whose metadata have the node's credentials
# Whether they reach each other. Spark's ports: https://spark.apache.org/docs/3.5.6/configuration.html#networking
REACHES = [
    *((True, DRIVER, EXECUTOR, port, "TCP") for port in (7079, 40123)),
    *((True, EXECUTOR, DRIVER, port, "TCP") for port in (7078, 7079, 4040)),
    (True, EXECUTOR, replace(EXECUTOR, address="10.0.1.9"), 7079, "TCP"),  # shuffles, and XGBoost's workers
    *((True, each, API, 443, "TCP") for each in (SUBMITTING, DRIVER, EXECUTOR)),
    *((True, each, AWS, 443, "TCP") for each in (SUBMITTING, DRIVER, EXECUTOR)),  # S3, EMR, logs, registries
    *((True, each, AGENT, 80, "TCP") for each in (SUBMITTING, DRIVER, EXECUTOR)),
    *((True, each, NAMES, 53, kind) for each in (SUBMITTING, DRIVER, EXECUTOR) for kind in ("UDP", "TCP")),
    (True, PROMETHEUS, DRIVER, 4040, "TCP"),
    (False, PROMETHEUS, DRIVER, 7078, "TCP"),
    (False, PROMETHEUS, EXECUTOR, 4040, "TCP"),
    (False, replace(PROMETHEUS, namespace="default"), DRIVER, 4040, "TCP"),
    *((False, DRIVER, THEIRS, port, "TCP") for port in (443, 4040, 7078, 7079)),
    *((False, THEIRS, each, port, "TCP") for each in (DRIVER, EXECUTOR) for port in (443, 4040, 7078, 7079)),
    (False, DRIVER, AWS, 80, "TCP"),
    (False, DRIVER, INSTANCE, 80, "TCP"),
    (False, DRIVER, AWS, 53, "UDP"),
    # Drivers have no owner: should AWS leave them open, their executors and all other teams' are closed to them.
    *((True, EXECUTOR, LONE, port, "TCP") for port in (7078, 7079)),
    *((True, LONE, EXECUTOR, port, "TCP") for port in (7079, 40123)),
    (True, THEIRS_LONE, LONE, 7078, "TCP"),
    (False, THEIRS, LONE, 7078, "TCP"),
    (False, THEIRS_LONE, EXECUTOR, 7079, "TCP"),
]


@dataclass
class Deployed:
    """The stacks, what was there before, and the bucket; and clients as each team's job role has them."""

    stacks: dict[str, Outcome]
    before: list[str]
    bucket: str
    jobs: dict[str, Callable[[str], Any]] = field(default_factory=dict)


def blueprint() -> config.Blueprint:
    read = config.load(ROOT / "examples/minimal-cost.yaml")
    cluster = read.cluster.model_copy(update={"admins": (ADMIN,)})
    teams = (*read.teams, config.Team(name=OTHER))
    # At the tests' speed the minute of this example is too short for a pod to find the node that was started for it.
    capacity = read.capacity.model_copy(update={"consolidate_after_minutes": 60})
    return read.model_copy(update={"account": ACCOUNT, "cluster": cluster, "teams": teams, "capacity": capacity})


@pytest.fixture(scope="module")
def deployed(account: Account, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    control_plane.required()
    role(account, ADMIN.rsplit("/", 1)[-1])
    app = build(blueprint(), cdk.App(outdir=str(tmp_path_factory.mktemp("teams")), context=CONTEXT))
    submitters(app)
    assembly = Assembly(Path(app.synth().directory))
    for stack in STACKS:
        assembly.publish(account, stack)
    before, stacks = account.left(), {}
    for stack in STACKS:
        stacks[stack] = assembly.deploy(account, stack)
        assert stacks[stack].status == "CREATE_COMPLETE", stacks[stack].reasons
    made = Deployed(stacks, before, physical(account, stacks["Teams"], "AWS::S3::Bucket")[0])
    for team in (ONE, OTHER):
        made.jobs[team] = twin(account, job_role(account, team).rsplit("/", 1)[-1], f"Twin-{team}")
        account.waits(partial(allowed, put, deployed=made, team=team, key=f"{team}/first"))
    yield made
    for stack in reversed(STACKS):
        account.discard(stacks[stack])


def submitters(app: cdk.App) -> None:
    """Add a stack with a role that may submit for one team."""
    teams = app.node.find_child("Teams")
    assert isinstance(teams, TeamsStack)
    stack = cdk.Stack(app, "Submitters", env=cdk.Environment(region=REGION, account=ACCOUNT))
    submitter = iam.Role(stack, "Submitter", role_name=SUBMITTER, assumed_by=iam.AccountRootPrincipal())
    teams.teams[ONE].grant_submit(submitter)


def physical(account: Account, stack: Outcome, kind: str) -> list[str]:
    found = account.client("cloudformation").describe_stack_resources(StackName=stack.stack)["StackResources"]
    return [each["PhysicalResourceId"] for each in found if each["ResourceType"] == kind]


def job_role(account: Account, team: str) -> str:
    """Return the ARN of the role that a team's pods get."""
    found = account.client("eks").list_pod_identity_associations(clusterName="rapids-minimal", namespace=team)
    (arn,) = {
        account.client("eks").describe_pod_identity_association(
            clusterName="rapids-minimal", associationId=each["associationId"]
        )["association"]["roleArn"]
        for each in found["associations"]
    }
    return str(arn)


def put(deployed: Deployed, team: str, key: str) -> None:
    deployed.jobs[team]("s3").put_object(Bucket=deployed.bucket, Key=key, Body=b"x")


def test_a_team_s_jobs_read_write_and_list_under_its_own_prefix_only(deployed: Deployed) -> None:
    place = {"Bucket": deployed.bucket}
    put(deployed, OTHER, f"{OTHER}/theirs")
    s3 = deployed.jobs[ONE]("s3")
    for team in (ONE, OTHER):
        object_ = {**place, "Key": f"{team}/theirs"}
        tried = {
            "put": allowed(s3.put_object, **object_, Body=b"y"),
            "get": allowed(s3.get_object, **object_),
            "list": allowed(s3.list_objects_v2, **place, Prefix=f"{team}/"),
            "delete": allowed(s3.delete_object, **object_),
        }
        assert set(tried.values()) == {team == ONE}, (team, tried)
    assert not allowed(s3.list_objects_v2, **place)
    assert not allowed(s3.list_objects_v2, **place, Prefix=ONE[:-1])
    assert not allowed(s3.get_object, Bucket=f"cdk-hnb659fds-assets-{ACCOUNT}-us-west-2", Key="x")


def test_a_team_s_jobs_write_to_its_own_log_group_only(deployed: Deployed) -> None:
    logs = deployed.jobs[ONE]("logs")
    for team in (ONE, OTHER):
        group = f"/emr-on-eks-logs/rapids-minimal/{team}"
        assert allowed(logs.create_log_stream, logGroupName=group, logStreamName="twin") == (team == ONE)
    assert not allowed(logs.create_log_group, logGroupName="/emr-on-eks-logs/rapids-minimal/new")


def virtual_cluster(account: Account, team: str) -> str:
    found = account.client("emr-containers").list_virtual_clusters(states=["RUNNING"])["virtualClusters"]
    (made,) = [each["id"] for each in found if each["containerProvider"]["info"]["eksInfo"]["namespace"] == team]
    return str(made)


def hello(account: Account, deployed: Deployed, team: str, as_team: str = "") -> dict[str, Any]:
    """Return the parameters of a run in a team's virtual cluster, as the job role of that team or of another one."""
    place = f"s3://{deployed.bucket}/{team}/spark-rapids-emr"
    group = f"/emr-on-eks-logs/rapids-minimal/{team}"
    driver = {
        "entryPoint": f"{place}/scripts/job.py",
        "sparkSubmitParameters": " ".join(f"--conf spark.{each}" for each in CONF),
    }
    # While nodes start AWS's time passes 300 times as fast, so that EMR's 15 minutes would be 3 seconds.
    patient = {"classification": "emr-containers-defaults", "properties": {"job-start-timeout": "36000"}}
    monitoring = {
        "cloudWatchMonitoringConfiguration": {"logGroupName": group},
        "s3MonitoringConfiguration": {"logUri": f"{place}/logs/"},
    }
    return {
        "name": "hello",
        "virtualClusterId": virtual_cluster(account, team),
        "executionRoleArn": job_role(account, as_team or team),
        "releaseLabel": "emr-7.13.0-spark-rapids-latest",
        "jobDriver": {"sparkSubmitJobDriver": driver},
        "configurationOverrides": {"applicationConfiguration": [patient], "monitoringConfiguration": monitoring},
    }


def test_a_job_runs_as_its_team_within_quota_and_policies(account: Account, deployed: Deployed) -> None:
    key = f"{ONE}/spark-rapids-emr/scripts/job.py"
    account.client("s3").put_object(Bucket=deployed.bucket, Key=key, Body=JOB.encode())
    asked = hello(account, deployed, ONE)
    # EMR's access may not be in effect yet.
    account.waits(lambda: end(account, asked)["state"] == "COMPLETED")


def end(account: Account, asked: dict[str, Any]) -> Any:  # noqa: ANN401 - DescribeJobRun's answer
    """Start a run; return it when it is over. EMR's access to a namespace takes some seconds to take effect."""
    emr = account.client("emr-containers")
    started = emr.start_job_run(**asked)["id"]

    def run() -> Any:  # noqa: ANN401 - the same
        return emr.describe_job_run(id=started, virtualClusterId=asked["virtualClusterId"])["jobRun"]

    account.waits(lambda: run()["state"] in {"COMPLETED", "FAILED", "CANCELLED"})
    return run()


def test_who_may_submit_for_one_team_may_not_for_another(account: Account, deployed: Deployed) -> None:
    arn = f"arn:aws:iam::{ACCOUNT}:role/{SUBMITTER}"
    keys = account.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
    emr = account.world.client("emr-containers", keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    own, other = hello(account, deployed, ONE), hello(account, deployed, OTHER)
    started = emr.start_job_run(**own)["id"]
    emr.describe_job_run(id=started, virtualClusterId=own["virtualClusterId"])
    emr.cancel_job_run(id=started, virtualClusterId=own["virtualClusterId"])
    assert allowed(emr.list_job_runs, virtualClusterId=own["virtualClusterId"])
    assert not allowed(emr.start_job_run, **other)
    assert not allowed(emr.start_job_run, **hello(account, deployed, ONE, as_team=OTHER))
    assert not allowed(emr.list_job_runs, virtualClusterId=other["virtualClusterId"])


def test_the_cluster_stays_whole_while_there_are_teams(account: Account, deployed: Deployed) -> None:
    """Guards against the console, which knows no order of stacks but that of exports in use."""
    there = account.left()
    refused = account.delete(deployed.stacks["Cluster"])
    assert refused.status == "CREATE_COMPLETE"
    assert "cannot be deleted as it is in use by Teams" in refused.reasons
    assert account.left() == there


@pytest.fixture
def kubernetes(account: Account, deployed: Deployed, tmp_path: Path) -> Api:
    assert deployed
    return api(account, "rapids-minimal", ADMIN, tmp_path)


def test_more_gpus_than_the_quota_has_are_refused(kubernetes: Api) -> None:
    asked = {"requests": {"nvidia.com/gpu": "2"}, "limits": {"nvidia.com/gpu": "2"}}
    pod = {
        "metadata": {"name": "greedy"},
        "spec": {"containers": [{"name": "main", "image": "example.com/x", "resources": asked}]},
    }
    with pytest.raises(ApiError, match=r"exceeded quota: team, requested: requests.nvidia.com/gpu=2"):
        kubernetes.create(f"/api/v1/namespaces/{ONE}/pods", pod)


def test_a_privileged_pod_is_refused(kubernetes: Api) -> None:
    container = {"name": "main", "image": "example.com/x", "securityContext": {"privileged": True}}
    pod = {"metadata": {"name": "mighty"}, "spec": {"containers": [container]}}
    with pytest.raises(ApiError, match="violates PodSecurity"):
        kubernetes.create(f"/api/v1/namespaces/{ONE}/pods", pod)


def test_pods_reach_what_spark_and_emr_need_and_no_other_team(kubernetes: Api) -> None:
    policies = kubernetes.items("/apis/networking.k8s.io/v1/networkpolicies")
    found = kubernetes.items("/api/v1/namespaces")
    namespaces = {each["metadata"]["name"]: each["metadata"]["labels"] for each in found}
    namespaces[MONITORING] = {"kubernetes.io/metadata.name": MONITORING}  # of a stack that is not here
    for reached, source, target, port, protocol in REACHES:
        packet = Packet(source, target, port, protocol)
        assert passes(policies, namespaces, packet) is reached, packet


def test_all_of_it_goes_with_the_data_where_it_is_not_to_be_kept(account: Account, deployed: Deployed) -> None:
    for stack in reversed(STACKS):
        gone = account.delete(deployed.stacks[stack])
        assert gone.status == "DELETE_COMPLETE", gone.reasons
    twins = "role/Twin-"  # of these and other tests
    assert [each for each in account.left() if twins not in each] == [
        each for each in deployed.before if twins not in each
    ]
