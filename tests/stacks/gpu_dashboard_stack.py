"""The stack of GPU metrics on a small cluster, and what its template says without CloudFormation's functions."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import aws_cdk as cdk
from aws_cdk import aws_sns as sns

import config
from stacks.gpu_dashboard import GpuDashboardStack
from tests.stacks.assembly import ACCOUNT, Assembly, small_platform

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "docker/dcgm-cloudwatch"
NAME, STACK, TEAMS = "demo", "DemoGpuDashboard", ("team-a", "team-b")
ADMIN = f"arn:aws:iam::{ACCOUNT}:role/GpuDashboardAdmin"
CORE_TYPE = "m6i.large"
IMAGE = f"{ACCOUNT}.dkr.ecr.us-west-2.amazonaws.com/dcgm-cloudwatch:1"
Resources = dict[str, Any]


def synthesized(
    into: Path,
    *,
    region: str = "us-west-2",
    gpus: config.GpuNodes | None = None,
    **settings: Any,  # noqa: ANN401 - of the blueprint's section
) -> Assembly:
    """Return the stacks DemoNetwork, DemoCluster and DemoGpuDashboard, made under the eyes of cdk-nag."""
    app = cdk.App(outdir=str(into), context={"aws:cdk:enable-path-metadata": True})
    admin = ADMIN.replace("arn:aws:", "arn:aws-us-gov:") if region.startswith("us-gov-") else ADMIN
    under = small_platform(app, "Demo", NAME, admin=admin, core_type=CORE_TYPE, region=region)
    alerts = cdk.Stack(app, "DemoAlerts", env=under.env)
    topic = cast("sns.ITopic", sns.Topic(alerts, "Topic", enforce_ssl=True))
    made = GpuDashboardStack(
        app,
        STACK,
        name=NAME,
        cluster=under.platform.cluster,
        teams=TEAMS,
        gpus=gpus or config.GpuNodes(),
        program=PROGRAM,
        settings=config.GpuDashboard(**{"image": IMAGE, **settings}),
        topic=topic,
        env=under.env,
    )
    made.node.add_dependency(under.platform.ready)
    app.synth()
    return Assembly(into)


def of_kind(assembly: Assembly, kind: str) -> list[dict[str, Any]]:
    """Return the properties of all resources of a kind, in the template's order, without functions."""
    found = [each["Properties"] for each in assembly.resources(STACK).values() if each["Type"] == kind]
    return [cast("dict[str, Any]", plain(each)) for each in found]


def dashboards(assembly: Assembly) -> dict[str, dict[str, Any]]:
    """Return the bodies of all dashboards by their names."""
    found = of_kind(assembly, "AWS::CloudWatch::Dashboard")
    return {each["DashboardName"]: json.loads(each["DashboardBody"]) for each in found}


def plain(value: object) -> object:
    """Return a part of a template with texts in place of functions."""
    if isinstance(value, list):
        return [plain(each) for each in value]
    if not isinstance(value, Mapping):
        return value
    if list(value) == ["Fn::Join"]:
        sign, parts = value["Fn::Join"]
        return str(sign).join(str(plain(each)) for each in parts)
    if list(value) in (["Ref"], ["Fn::GetAtt"], ["Fn::ImportValue"]):
        return "".join(map(str, value.values()))
    return {name: plain(each) for name, each in value.items()}
