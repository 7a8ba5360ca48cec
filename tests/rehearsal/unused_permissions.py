"""What the app's roles are granted and do not use in a rehearsal, each with the call that cannot be made there."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from rehearsal import role_uses
from rehearsal.world import World


@dataclass(frozen=True)
class Reason:
    """Why roles, by a pattern of their paths in the app, do not use some actions: who calls them, and when.

    Of several resources `on` is a pattern of those meant, as policies word them. With `chance` a rehearsal may come to
    use them. `elsewhere` is the test, below the tests of constructs, that has what they are called for.
    """

    roles: str
    actions: tuple[str, ...]
    text: str
    chance: bool = False
    elsewhere: str = ""
    on: str = "*"


def _ec2(*names: str) -> tuple[str, ...]:
    return tuple(f"ec2:{name}" for name in names)


INTERFACES = _ec2("AssignPrivateIpAddresses", "DescribeSubnets", "UnassignPrivateIpAddresses")
IN_THE_VPC = "Lambda calls it to put the function's environments into the VPC; here they are processes without one"
SWEPT = "the sweep calls it for what a controller has left behind, which is nothing where all controllers end in time"
KARPENTER = "Karpenter calls it by itself; the stand-in buys nodes, and knows no prices, interruptions or reservations"
UNUSED = (
    Reason("*/JobNodes/Drain/Deletion/Role", INTERFACES, IN_THE_VPC),
    Reason("*/Platform/ControlPlane/*", INTERFACES, IN_THE_VPC),
    Reason(
        "*/Platform/ControlPlane/*",
        ("lambda:GetFunction",),
        "CDK's provider framework calls GetFunction where Invoke finds the function inactive, as after weeks",
    ),
    Reason(
        "*/Platform/ControlPlane/*",
        ("lambda:InvokeFunction",),
        "CDK's grant is for a function and its versions; its framework calls the function itself, here as in AWS",
        on="arn:*:lambda:*:function:*:[*]",
    ),
    Reason(
        "*/Platform/Logs/Keeping/*",
        ("logs:CreateLogGroup", "logs:DeleteLogGroup", "logs:PutRetentionPolicy"),
        "CloudWatch Logs asks for an action on a group by its ARN with `:*` or without; here always with it",
        on="*/cluster",
    ),
    Reason(
        "*/JobNodes/Controller/Role",
        _ec2("CreateFleet", "CreateTags", "RunInstances"),
        "EC2 asks for it for each part of what Karpenter buys; the rehearsal names only some of these parts here",
        chance=True,
        on="arn:*:ec2:*:*/[*]",
    ),
    Reason(
        "*/JobNodes/Controller/Role",
        (
            *_ec2("DescribeCapacityReservations", "DescribeInstanceStatus", "DescribePlacementGroups"),
            *("ec2:DescribeSpotPriceHistory", "iam:GetInstanceProfile", "pricing:GetProducts"),
            *("sqs:DeleteMessage", "sqs:ReceiveMessage"),
        ),
        KARPENTER,
        chance=True,
    ),
    Reason(
        "*/Sweep/Deletion/Role",
        (
            *_ec2("DeleteLaunchTemplate", "DeleteNetworkInterface", "DeleteSecurityGroup", "DeleteVolume"),
            *_ec2("RevokeSecurityGroupEgress", "RevokeSecurityGroupIngress", "TerminateInstances"),
            *(f"elasticloadbalancing:{name}" for name in ("DeleteLoadBalancer", "DeleteTargetGroup", "DescribeTags")),
            *("iam:DeleteInstanceProfile", "iam:RemoveRoleFromInstanceProfile", "logs:DeleteLogGroup"),
        ),
        SWEPT,
        chance=True,
        elsewhere="sweep/test_rehearsal.py::test_what_controllers_left_goes_with_the_stack_and_what_is_anothers_stays",
    ),
    Reason(
        "*/Deletion/*",
        ("logs:CreateLogStream", "logs:PutLogEvents"),
        "Lambda writes a function's lines late, by when the log group of a stack that is deleted may be gone",
        chance=True,
    ),
    Reason(
        "*/Network/ClosedDefaultGroup/*",
        ("ec2:RevokeSecurityGroupIngress",),
        "the function revokes the rule by which a new VPC's group lets itself in; the emulator makes none",
    ),
    Reason(
        "*/FlowLogs/Role",
        ("logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"),
        "the VPC's flow logs call it for each record of traffic, of which there is none on a loopback port",
    ),
    Reason(
        "*/Image/Image/Role",
        ("codebuild:StopBuild",),
        "the function calls it when its stack is deleted during a build; the demo's build has ended by then",
        elsewhere="built_image/test_handler.py::test_deletion_stops_what_still_builds_the_image_and_looks_again",
    ),
    Reason(
        "*/Image/Image/Role",
        ("logs:GetLogEvents",),
        "the function calls it for a build that has failed, and the demo's succeeds",
        elsewhere="built_image/test_rehearsal.py::test_a_first_build_that_fails_leaves_nothing",
    ),
    Reason(
        "*/Run/Run/Role",
        ("emr-containers:CancelJobRun",),
        "the function calls it when its stack is deleted or replaced during a run; the demo's run has ended by then",
        elsewhere="spark_job_run/test_rehearsal.py::test_a_run_that_goes_on_is_cancelled_with_its_stack",
    ),
    Reason(
        "*/Run/Run/Role",
        ("logs:DescribeLogStreams", "logs:GetLogEvents"),
        "the function calls it for a run that has failed, and the demo's completes",
        elsewhere="spark_job_run/test_failure.py::test_a_failure_says_what_emr_and_the_driver_say_and_where_the_log_is",
    ),
    Reason(
        "Teams/Team/*/JobRole",
        ("logs:DescribeLogStreams",),
        "the logging sidecar that EMR adds to a pod asks for its stream; no sidecar runs here",
    ),
    Reason(
        "Teams/Team/*/JobRole",
        ("s3:AbortMultipartUpload",),
        "EMR's S3 committer aborts the uploads of tasks that were lost; here Spark writes to a folder",
    ),
    Reason(
        "Teams/Team/*/JobRole",
        ("s3:DeleteObject",),
        "`run --overwrite` deletes what an earlier attempt has left, and Spark its own _temporary folders, in S3",
    ),
)
METRICS = (  # of the stacks that the demo leaves out
    Reason(
        "*/Exporter/Role",
        ("cloudwatch:PutMetricData",),
        "the exporter calls it with each batch; no container is started in a rehearsed cluster",
    ),
    Reason(
        "Observability/Prometheus/Role",
        ("aps:RemoteWrite",),
        "Prometheus calls it with what it has scraped; no container is started in a rehearsed cluster",
    ),
    Reason(
        "Observability/Grafana/Role",
        ("aps:GetLabels", "aps:GetMetricMetadata", "aps:GetSeries", "aps:QueryMetrics"),
        "Grafana calls it for each panel that is looked at; no container is started in a rehearsed cluster",
    ),
    Reason(
        "Observability/Grafana/Role",
        ("secretsmanager:DescribeSecret",),
        "the secrets' provider calls it to see whether a mounted secret was rotated; its stand-in mounts once",
    ),
)
DENIED = (
    ("logs:CreateLogGroup", "Lambda itself tries to make a function's log group; the stack owns it instead"),
    ("logs:CreateLogStream", "Lambda writes the last lines of a function late, when its role is being deleted"),
    ("logs:PutLogEvents", "the same"),
)


def explains(reason: Reason, role: str, action: str, resource: str) -> bool:
    """Return whether a reason is about an action of a role on a resource, both as a policy words them."""
    return action in reason.actions and fnmatch(role, reason.roles) and fnmatch(resource, reason.on)


def _pairs(roles: Mapping[str, Mapping[str, Any]], *kinds: str) -> list[tuple[str, str, str]]:
    """Return role, action and resource of whatever was granted and is one of some kinds, `used` or `unused`."""
    return [(role, *pair) for role, each in roles.items() for kind in kinds for pair in each[kind]]


def denied(roles: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Return what roles were denied, without what there is a reason for."""
    known = tuple(f"{action} " for action, _ in DENIED)
    return [(role, each) for role, record in roles.items() for each in record["denied"] if not each.startswith(known)]


def stale(roles: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Return reasons for what is always used, or not granted at all."""
    never, granted = _pairs(roles, "unused"), _pairs(roles, "used", "unused")
    return [
        (reason.roles, action)
        for reason in UNUSED
        for action in reason.actions
        if not any(explains(reason, *each) for each in (granted if reason.chance else never) if each[1] == action)
    ]


def unexplained(roles: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, str, str]]:
    """Return what is granted for nothing: role, action, and the resource on which the action is never used."""
    known = (*UNUSED, *METRICS)
    return [each for each in _pairs(roles, "unused") if not any(explains(reason, *each) for reason in known)]


def of_stack(world: World, assembly: Path, stack: str) -> dict[str, Any]:
    """Return what the roles of one stack, deployed as its id, were granted, have used and were denied, by path."""
    uses = role_uses.of_stacks(world)
    paths = _paths(assembly / f"{stack}.template.json")
    return {path: uses[f"{stack} {name}"] for name, path in paths.items() if f"{stack} {name}" in uses}


def names_by_path(world: World, assembly: Path, stack: str) -> dict[str, str]:
    """Return the names of the roles that a stack has now, by path; `of_names` tells what they did, when it is gone."""
    found = world.client("cloudformation").describe_stack_resources(StackName=stack)["StackResources"]
    names = {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in found}
    return {path: names[name] for name, path in _paths(assembly / f"{stack}.template.json").items()}


def of_names(world: World, names: Mapping[str, str]) -> dict[str, Any]:
    """Return what roles were granted, have used and were denied, by path."""
    page = world.page("grants")
    return {path: page[name] for path, name in names.items()}


def role_paths(assembly: Path) -> dict[str, str]:
    """Return the paths in the app of what its stacks have, by `STACK LOGICAL_ID`."""
    artifacts = json.loads((assembly / "manifest.json").read_text())["artifacts"].values()
    stacks = [each["properties"] for each in artifacts if each["type"] == "aws:cloudformation:stack"]
    return {
        f"{stack['stackName']} {name}": path
        for stack in stacks
        for name, path in _paths(assembly / stack["templateFile"]).items()
    }


def _paths(template: Path) -> dict[str, str]:
    """Return the paths of a template's roles by their logical ids."""
    resources = json.loads(template.read_text())["Resources"]
    roles = {name: each["Metadata"] for name, each in resources.items() if each["Type"] == "AWS::IAM::Role"}
    return {name: each["aws:cdk:path"].removesuffix("/Resource") for name, each in roles.items()}
