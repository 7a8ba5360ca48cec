"""The system on one screen: the settings of a blueprint, made into stacks."""

import sys
from pathlib import Path

import aws_cdk as cdk

import config
from stacks.cluster import ClusterStack
from stacks.network import NetworkStack
from stacks.teams import TeamsStack

BLUEPRINT = Path(__file__).parent / "blueprint.yaml"


def build(blueprint: config.Blueprint, app: cdk.App) -> cdk.App:
    """Add the stacks of a blueprint to an app; return it."""
    env = cdk.Environment(account=blueprint.account, region=blueprint.region)
    network = NetworkStack(app, "Network", name=blueprint.name, network=blueprint.network, env=env)
    cluster = ClusterStack(
        app,
        "Cluster",
        name=blueprint.name,
        vpc=network.vpc,
        subnets=network.private_subnets,
        node_subnets=network.node_subnets,
        cluster=blueprint.cluster,
        capacity=blueprint.capacity,
        tags=blueprint.tags,
        env=env,
    )
    TeamsStack(
        app,
        "Teams",
        name=blueprint.name,
        cluster=cluster.cluster,
        teams=blueprint.teams,
        data=blueprint.data,
        max_gpus=blueprint.capacity.gpu.max_gpus,
        log_retention_days=blueprint.emr.log_retention_days,
        env=env,
    )
    for key, value in blueprint.tags.items():
        cdk.Tags.of(app).add(key, value)
    return app


def main() -> None:
    """Synthesize `blueprint.yaml`, or the file that `-c config=FILE` names."""
    app = cdk.App()
    try:
        blueprint = config.load(app.node.try_get_context("config") or BLUEPRINT)
        build(blueprint, app)
    except (config.ConfigError, ValueError) as error:
        sys.exit(f"error: {error}")
    app.synth()


if __name__ == "__main__":
    main()
