"""Stacks with ObservabilityStack: a network, a small cluster without nodes for jobs, and metrics on it."""

from pathlib import Path
from typing import Any

import aws_cdk as cdk

import config
from stacks.observability import ObservabilityStack
from tests.constructs.rapids_eks.grafana_dashboards.expected import PRICES
from tests.stacks.assembly import ACCOUNT, Assembly, small_platform

NAME = "observed"
ADMIN = f"arn:aws:iam::{ACCOUNT}:role/ObservedAdmin"
CORE_TYPE = "m5.xlarge"
TEAMS = ("emr-ml-team-a", "emr-ml-team-b")
STACKS = ("ObservedNetwork", "ObservedCluster", "Observability")
SUBSCRIBERS = ("ops@example.com", "https://pager.example.com/hook")


def synthesized(into: Path, region: str = "us-west-2", *, mode: Any = "karpenter", **settings: Any) -> Assembly:  # noqa: ANN401 - settings
    """Return the stacks, made under the eyes of cdk-nag."""
    app = cdk.App(outdir=str(into), context={"aws:cdk:enable-path-metadata": True})
    admin = ADMIN.replace("arn:aws:", "arn:aws-us-gov:" if region.startswith("us-gov-") else "arn:aws:")
    under = small_platform(app, "Observed", NAME, admin=admin, core_type=CORE_TYPE, region=region)
    stack = ObservabilityStack(
        app,
        "Observability",
        name=NAME,
        cluster=under.platform.cluster,
        settings=config.Cluster(core_nodes=config.CoreNodes(instance_types=(CORE_TYPE,))),
        capacity=config.Capacity(mode=mode),
        teams=TEAMS,
        prices=PRICES,
        observability=config.Observability(**{"alert_subscribers": SUBSCRIBERS, **settings}),
        env=under.env,
    )
    stack.node.add_dependency(under.platform.node.scope)
    app.synth()
    return Assembly(into)
