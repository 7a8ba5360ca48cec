"""The system on one screen: the settings of a blueprint, made into stacks."""

import sys
from pathlib import Path

import aws_cdk as cdk

import config
from stacks.cluster import ClusterStack
from stacks.image import ImageStack
from stacks.network import NetworkStack
from stacks.pipeline import PipelineStack
from stacks.teams import TeamsStack

HERE = Path(__file__).parent
BLUEPRINT, CODE, IMAGE = HERE / "blueprint.yaml", HERE / "jobs/xgboost_pipeline", HERE / "docker/spark-rapids"


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
    teams = TeamsStack(
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
    if blueprint.pipeline and blueprint.pipeline_team:
        PipelineStack(
            app,
            "Pipeline",
            name=blueprint.name,
            team=teams.teams[blueprint.pipeline_team.name],
            job=blueprint.job(blueprint.pipeline_team, _image(blueprint, app, env)),
            code=CODE,
            pipeline=blueprint.pipeline,
            spot=blueprint.capacity.gpu.spot,
            log_retention_days=blueprint.emr.log_retention_days,
            env=env,
        )
    for key, value in blueprint.tags.items():
        cdk.Tags.of(app).add(key, value)
    return app


def _image(blueprint: config.Blueprint, app: cdk.App, env: cdk.Environment) -> str:
    """Return the URI of the image: the blueprint's own, or that of a stack which builds it."""
    if blueprint.image.uri:
        return blueprint.image.uri
    stack = ImageStack(
        app,
        "Image",
        name=blueprint.name,
        context=IMAGE,
        image=blueprint.image,
        release=blueprint.emr.release,
        log_retention_days=blueprint.emr.log_retention_days,
        env=env,
    )
    return stack.uri


def main() -> None:
    """Synthesize `blueprint.yaml`, or the file that `-c config=FILE` names."""
    app = cdk.App(stack_traces=False)  # they would hold paths of this machine
    try:
        blueprint = config.load(app.node.try_get_context("config") or BLUEPRINT)
        build(blueprint, app)
    except (config.ConfigError, ValueError) as error:
        sys.exit(f"error: {error}")
    app.synth()


if __name__ == "__main__":
    main()
